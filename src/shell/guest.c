/*
 * shell/guest: runs the commands of one pacfctl on a thread of its own, and sends what they
 * print.
 */
#include "guest.h"
#include "os.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAST_WORDS_NS UINT64_C(1000000000) /* for what is to be sent when it ends */

static struct guest *
guest_of(struct seat *seat)
{
	return (struct guest *)seat;
}

/* A peer that does not read holds up its own shell, until that is to end. */
static bool
give_up(void *arg)
{
	struct guest *guest = arg;

	return atomic_load(&guest->gone) ||
	       (atomic_load(&guest->ended) &&
		       os_clock_mono_ns() - atomic_load(&guest->ended_ns) > LAST_WORDS_NS);
}

static bool
send_message(struct guest *guest, const struct remote_message *msg)
{
	int rc;

	if (atomic_load(&guest->gone)) {
		errno = EPIPE;
		return false;
	}
	rc = remote_send(guest->sock, msg, give_up, guest);
	if (rc == 0)
		return true;
	/* Half a message may be out: nothing can follow it. */
	atomic_store(&guest->gone, true);
	guest_end(guest, "");
	errno = -rc;
	return false;
}

static bool
guest_flush(struct seat *seat)
{
	struct guest *guest = guest_of(seat);
	const struct remote_message msg = {
		.type = REMOTE_OUT, .text = guest->out, .text_bytes = guest->out_bytes};

	if (guest->out_bytes == 0)
		return true;
	guest->out_bytes = 0;
	return send_message(guest, &msg);
}

/* In pieces that fit a message. */
static bool
send_bytes(struct guest *guest, enum remote_type type, const char *bytes, size_t n)
{
	while (n > 0) {
		const struct remote_message msg = {.type = type,
			.text = bytes,
			.text_bytes = n < REMOTE_TEXT_MAX ? n : REMOTE_TEXT_MAX};

		if (!send_message(guest, &msg))
			return false;
		bytes += msg.text_bytes;
		n -= msg.text_bytes;
	}
	return true;
}

/* Lines are sent when they end, as on a terminal. */
static bool
guest_write(struct seat *seat, enum seat_stream stream, const char *bytes, size_t n)
{
	struct guest *guest = guest_of(seat);

	if (n == 0)
		return true;
	if (stream == SEAT_ERR)
		return guest_flush(seat) && send_bytes(guest, REMOTE_ERR, bytes, n);
	if (n > sizeof(guest->out) - guest->out_bytes && !guest_flush(seat))
		return false;
	if (n > sizeof(guest->out))
		return send_bytes(guest, REMOTE_OUT, bytes, n);
	memcpy(guest->out + guest->out_bytes, bytes, n);
	guest->out_bytes += n;
	return bytes[n - 1] != '\n' || guest_flush(seat);
}

static unsigned
guest_width(struct seat *seat)
{
	return atomic_load(&guest_of(seat)->width);
}

static bool
guest_stop(const struct seat *seat)
{
	const struct guest *guest = (const struct guest *)seat;

	return atomic_load(&guest->stopped) || atomic_load(&guest->ended);
}

static bool
guest_ended(const struct seat *seat)
{
	return atomic_load(&((const struct guest *)seat)->ended);
}

static const struct seat_ops guest_ops = {
	guest_write, guest_flush, guest_width, guest_stop, guest_ended, true};

void
guest_end(struct guest *guest, const char *why)
{
	pthread_mutex_lock(&guest->lock);
	if (!atomic_load(&guest->ended)) {
		snprintf(guest->bye, sizeof(guest->bye), "%s", why);
		atomic_store(&guest->ended_ns, os_clock_mono_ns());
		atomic_store(&guest->ended, true);
	}
	pthread_cond_signal(&guest->wake);
	pthread_mutex_unlock(&guest->lock);
	ctl_break(guest->seat.breaker);
}

/* Before the answer goes out: the next command may come at once. */
static void
be_idle(struct guest *guest)
{
	pthread_mutex_lock(&guest->lock);
	guest->busy = false;
	pthread_mutex_unlock(&guest->lock);
}

static void
answer_eval(struct guest *guest, const struct guest_work *work)
{
	struct seat *seat = &guest->seat;
	enum eval result;
	struct remote_message msg = {.type = REMOTE_DONE};

	if (work->flags & REMOTE_FILE)
		result = eval_chunk(seat, work->name, work->text, work->text_bytes);
	else
		result = eval_text(seat, work->text, work->flags & REMOTE_LAST);
	msg.flags = (result == EVAL_FAILED ? REMOTE_FAILED : 0u) |
		    (result == EVAL_MORE ? REMOTE_MORE : 0u) |
		    (seat->leaving ? REMOTE_LEAVING : 0u);
	msg.number = seat->exit_code > 0 ? (uint32_t)seat->exit_code : 0;
	be_idle(guest);
	/* A command that was cut off is answered by why. */
	if (seat->leaving || !atomic_load(&guest->ended))
		send_message(guest, &msg);
}

static void
answer_complete(struct guest *guest, const struct guest_work *work)
{
	struct eval_names names;
	struct remote_message msg = {.type = REMOTE_NAMES};

	if (eval_complete(&guest->seat, work->text, work->text_bytes, &names) &&
		names.names_bytes < REMOTE_TEXT_MAX) {
		msg.name = names.text;
		msg.name_bytes = names.insert_bytes;
		msg.text = names.text + names.insert_bytes;
		msg.text_bytes = names.names_bytes;
	}
	be_idle(guest);
	send_message(guest, &msg);
	free(names.text);
}

static void
answer_hello(struct guest *guest)
{
	const struct remote_message welcome = {
		.type = REMOTE_WELCOME, .number = (uint32_t)getpid()};

	be_idle(guest);
	send_message(guest, &welcome);
}

static void
work_free(struct guest_work *work)
{
	free(work->name);
	free(work->text);
	memset(work, 0, sizeof(*work));
}

/* The next piece of work is the caller's; false: the guest is to end. */
static bool
next_work(struct guest *guest, struct guest_work *work)
{
	bool ended;

	pthread_mutex_lock(&guest->lock);
	while (guest->work.task == GUEST_NONE && !atomic_load(&guest->ended))
		pthread_cond_wait(&guest->wake, &guest->lock);
	ended = atomic_load(&guest->ended);
	if (!ended) {
		*work = guest->work;
		memset(&guest->work, 0, sizeof(guest->work));
	}
	pthread_mutex_unlock(&guest->lock);
	return !ended;
}

static void
answer(struct guest *guest, struct guest_work *work)
{
	if (work->task == GUEST_HELLO)
		answer_hello(guest);
	else if (work->task == GUEST_EVAL)
		answer_eval(guest, work);
	else
		answer_complete(guest, work);
	work_free(work);
}

static int
new_thread(lua_State *L)
{
	struct guest *guest = lua_touserdata(L, 1);

	guest->seat.lua = lua_newthread(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, guest);
	return 0;
}

static int
drop_thread(lua_State *L)
{
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, lua_touserdata(L, 1));
	return 0;
}

/* By the server's own lua_State, under the lock; false: no memory. */
static bool
with_nursery(struct guest *guest, lua_CFunction fn)
{
	struct shell *sh = guest->seat.sh;
	bool entered = gil_enter(&sh->gil), ok;

	lua_pushcfunction(sh->nursery, fn);
	lua_pushlightuserdata(sh->nursery, guest);
	ok = lua_pcall(sh->nursery, 1, 0, 0) == LUA_OK;
	lua_settop(sh->nursery, 0);
	gil_exit(&sh->gil, entered);
	return ok;
}

static void
say_goodbye(struct guest *guest)
{
	struct remote_message msg = {.type = REMOTE_GOODBYE};

	guest_end(guest, ""); /* from here on its last words are limited */
	msg.text = guest->bye;
	msg.text_bytes = strlen(guest->bye);
	send_message(guest, &msg);
	shutdown(guest->sock, guest->seat.shutdown ? SHUT_RD : SHUT_RDWR);
}

static void *
guest_main(void *arg)
{
	struct guest *guest = arg;
	struct guest_work work;

	os_thread_name("pacf-shell");
	seat_sit(&guest->seat);
	if (!with_nursery(guest, new_thread))
		guest_end(guest, "the daemon has not enough memory for another shell");
	while (!guest->seat.leaving && next_work(guest, &work))
		answer(guest, &work);
	say_goodbye(guest);
	with_nursery(guest, drop_thread);
	atomic_store(&guest->finished, true);
	os_bell_ring(guest->done_fd);
	return NULL;
}

struct guest *
guest_open(struct shell *sh, int sock, int done_fd)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (guest == NULL || seat_open(&guest->seat, sh, &guest_ops) < 0) {
		free(guest);
		close(sock);
		return NULL;
	}
	guest->sock = sock;
	guest->done_fd = done_fd;
	guest->in.daemon = true;
	guest->seat.interactive = true;
	pthread_mutex_init(&guest->lock, NULL);
	pthread_cond_init(&guest->wake, NULL);
	if (pthread_create(&guest->thread, NULL, guest_main, guest) == 0)
		return guest;
	guest_close(guest);
	return NULL;
}

void
guest_close(struct guest *guest)
{
	/* Who has shut the daemon down sees the end of the process, and nothing before. */
	if (!guest->seat.shutdown)
		close(guest->sock);
	remote_reader_free(&guest->in);
	work_free(&guest->work);
	pthread_cond_destroy(&guest->wake);
	pthread_mutex_destroy(&guest->lock);
	seat_close(&guest->seat);
	free(guest);
}
