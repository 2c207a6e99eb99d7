/*
 * shell/guest_in: what a remote shell is told by its pacfctl.  On the server's thread, which
 * never waits here.
 */
#include "guest.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A 0 within would cut it short: it is not Lua anyway. */
static char *
copy_text(const char *bytes, size_t n)
{
	char *copy = malloc(n + 1);

	if (copy == NULL)
		return NULL;
	if (n > 0)
		memcpy(copy, bytes, n);
	for (size_t i = 0; i < n; i++)
		copy[i] = copy[i] == '\0' ? '?' : copy[i];
	copy[n] = '\0';
	return copy;
}

/* Hands it to the guest's thread; what broke the last command is not for this one. */
static void
hand_over(struct guest *guest, enum guest_task task, const struct remote_message *msg)
{
	struct guest_work work = {.task = task,
		.flags = msg->flags,
		.name = copy_text(msg->name, msg->name_bytes),
		.text = copy_text(msg->text, msg->text_bytes),
		.text_bytes = msg->text_bytes};
	bool busy;

	pthread_mutex_lock(&guest->lock);
	busy = guest->busy;
	if (!busy && work.name != NULL && work.text != NULL) {
		atomic_store(&guest->stopped, false);
		ctl_breaker_take(guest->seat.breaker);
		guest->busy = true;
		guest->work = work;
		pthread_cond_signal(&guest->wake);
		pthread_mutex_unlock(&guest->lock);
		return;
	}
	pthread_mutex_unlock(&guest->lock);
	guest_end(guest, busy ? "a command came before the last one was answered"
			      : "the daemon has not enough memory for this command");
	free(work.name);
	free(work.text);
}

static void
interrupt(struct guest *guest)
{
	pthread_mutex_lock(&guest->lock);
	if (guest->busy) {
		atomic_store(&guest->stopped, true);
		ctl_break(guest->seat.breaker);
	}
	pthread_mutex_unlock(&guest->lock);
}

/* false: it does not begin as it must. */
static bool
take_message(struct guest *guest, const struct remote_message *msg)
{
	if ((msg->type == REMOTE_HELLO) == guest->greeted)
		return false;
	switch (msg->type) {
	case REMOTE_HELLO:
		guest->greeted = true;
		atomic_store(&guest->width, msg->number);
		hand_over(guest, GUEST_HELLO, msg);
		return true;
	case REMOTE_EVAL:
		hand_over(guest, GUEST_EVAL, msg);
		return true;
	case REMOTE_COMPLETE:
		hand_over(guest, GUEST_COMPLETE, msg);
		return true;
	case REMOTE_INTERRUPT:
		interrupt(guest);
		return true;
	case REMOTE_WIDTH:
		atomic_store(&guest->width, msg->number);
		return true;
	case REMOTE_WELCOME:
	case REMOTE_OUT:
	case REMOTE_ERR:
	case REMOTE_DONE:
	case REMOTE_NAMES:
	case REMOTE_GOODBYE:
		break;
	}
	return false;
}

bool
guest_read(struct guest *guest)
{
	struct remote_message msg;
	int rc = remote_reader_fill(&guest->in, guest->sock);

	if (rc == -EAGAIN)
		return true;
	if (rc <= 0) {
		atomic_store(&guest->gone, true);
		guest_end(guest, "");
		return false;
	}
	do {
		rc = remote_reader_next(&guest->in, &msg);
		if (rc == 1 && !take_message(guest, &msg))
			rc = -EPROTO;
	} while (rc == 1);
	if (rc == 0)
		return true;
	guest_end(guest, rc == -EPROTONOSUPPORT
				 ? "this pacfctl is of another version than the daemon"
			 : rc == -EMSGSIZE ? "a command of more than 1 MiB is too long"
					   : "this is not what pacfctl sends");
	return false;
}
