/*
 * pacfctl/talk: the conversation with the daemon: one command at a time, and what it prints.
 */
#include "pacfctl.h"
#include "os.h"
#include "term.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 100   /* a signal just before poll is not waited out */
#define END_MS	10000 /* a daemon that was shut down may take so long */

static void
lost(struct talk *talk, const char *why)
{
	if (!talk->ended) {
		fflush(stdout);
		fprintf(stderr, "pacfctl: %s\n", why);
	}
	talk->ended = true;
}

/* What could not be connected to, and what to do. */
static void
explain_absence(const char *rundir, int rc)
{
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		fprintf(stderr,
			"pacfctl: no daemon listens on %s/" REMOTE_SOCKET
			": start one with pacf -d -f SCRIPT\n",
			rundir);
	else if (rc == -EACCES || rc == -EPERM)
		fprintf(stderr,
			"pacfctl: %s/" REMOTE_SOCKET
			" is not yours to use: only the daemon's user and root may; try "
			"sudo pacfctl\n",
			rundir);
	else
		fprintf(stderr, "pacfctl: can't connect to %s/" REMOTE_SOCKET ": %s\n", rundir,
			strerror(-rc));
}

static void
print(struct talk *talk, bool error, const char *bytes, size_t n)
{
	if (talk->print != NULL) {
		talk->print(talk->arg, error, bytes, n);
		return;
	}
	if (error)
		fflush(stdout);
	fwrite(bytes, 1, n, error ? stderr : stdout);
	if (!error)
		fflush(stdout);
}

static bool
send_message(struct talk *talk, const struct remote_message *msg)
{
	int rc = talk->ended ? -EPIPE : remote_send(talk->sock, msg, NULL, NULL);

	if (rc == 0 || rc == -EPIPE)
		return true; /* why it is gone is still to be read */
	lost(talk, strerror(-rc));
	return false;
}

static void
send_number(struct talk *talk, enum remote_type type, uint32_t number)
{
	const struct remote_message msg = {.type = type, .number = number};

	send_message(talk, &msg);
}

/* What a signal wants while a command runs. */
static void
heed_signals(struct talk *talk)
{
	if (term_interrupted()) {
		term_clear_interrupt();
		talk->interrupts++;
		send_number(talk, REMOTE_INTERRUPT, 0);
	}
	if (term_resized()) {
		talk->width = term_width(STDERR_FILENO);
		send_number(talk, REMOTE_WIDTH, talk->width);
	}
}

/* The next message that answers something; false: there will be none. */
static bool
next_message(struct talk *talk, struct remote_message *msg)
{
	struct pollfd fd = {.fd = talk->sock, .events = POLLIN};
	char why[300];
	int rc;

	while (!talk->ended) {
		rc = remote_reader_next(&talk->in, msg);
		if (rc == 1 && (msg->type == REMOTE_OUT || msg->type == REMOTE_ERR)) {
			print(talk, msg->type == REMOTE_ERR, msg->text, msg->text_bytes);
		} else if (rc == 1 && msg->type == REMOTE_GOODBYE) {
			snprintf(why, sizeof(why), "%.*s", (int)msg->text_bytes, msg->text);
			lost(talk, why[0] != '\0' ? why : "the daemon has ended this shell");
		} else if (rc == 1) {
			return true;
		} else if (rc < 0) {
			lost(talk, rc == -EPROTONOSUPPORT
					   ? "the daemon is of another version than pacfctl"
					   : "the daemon sends what is no answer");
		} else if (term_terminated() != 0) {
			talk->ended = true;
		} else {
			heed_signals(talk);
			poll(&fd, 1, LOOK_MS);
			rc = remote_reader_fill(&talk->in, talk->sock);
			if (rc <= 0 && rc != -EAGAIN)
				lost(talk, "the daemon ended");
		}
	}
	return false;
}

bool
talk_open(struct talk *talk)
{
	struct remote_message hello = {.type = REMOTE_HELLO}, answer;
	char rundir[512];
	int rc = os_rundir(rundir, sizeof(rundir), false);

	talk->sock = -1;
	if (rc == 0)
		rc = talk->sock = remote_connect(rundir);
	if (rc < 0) {
		explain_absence(rundir, rc);
		return false;
	}
	hello.number = talk->width = term_width(STDERR_FILENO);
	if (!send_message(talk, &hello) || !next_message(talk, &answer))
		return false;
	talk->pid = (int)answer.number;
	return true;
}

/* The daemon may be what has been left: when this returns another can be started. */
static void
wait_for_end(struct talk *talk)
{
	struct pollfd fd = {.fd = talk->sock, .events = POLLIN};
	char rest[4096];
	ssize_t n;

	for (int looks = 0; looks < END_MS / LOOK_MS && term_terminated() == 0; looks++) {
		if (poll(&fd, 1, LOOK_MS) <= 0)
			continue;
		n = recv(talk->sock, rest, sizeof(rest), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
	}
}

void
talk_close(struct talk *talk)
{
	if (talk->leaving && !talk->ended)
		wait_for_end(talk);
	if (talk->sock >= 0)
		close(talk->sock);
	talk->sock = -1;
	remote_reader_free(&talk->in);
}

bool
talk_eval(struct talk *talk, const char *name, const char *text, size_t bytes, bool last,
	struct talk_done *done)
{
	const struct remote_message eval = {.type = REMOTE_EVAL,
		.flags = (last ? REMOTE_LAST : 0u) | (name != NULL ? REMOTE_FILE : 0u),
		.name = name,
		.name_bytes = name != NULL ? strlen(name) : 0,
		.text = text,
		.text_bytes = bytes};
	struct remote_message answer;

	memset(done, 0, sizeof(*done));
	done->failed = true;
	if (bytes > REMOTE_TEXT_MAX || eval.name_bytes > REMOTE_NAME_MAX) {
		fprintf(stderr, "error: %s: more than 1 MiB is too long for a command\n",
			name != NULL ? name : "this");
		return true;
	}
	if (!send_message(talk, &eval) || !next_message(talk, &answer))
		return false;
	done->failed = (answer.flags & REMOTE_FAILED) != 0;
	done->more = (answer.flags & REMOTE_MORE) != 0;
	talk->leaving = done->leaving = (answer.flags & REMOTE_LEAVING) != 0;
	done->code = (int)answer.number;
	return true;
}

bool
talk_complete(struct talk *talk, const char *line, size_t bytes, struct remote_message *names)
{
	const struct remote_message ask = {
		.type = REMOTE_COMPLETE, .text = line, .text_bytes = bytes};

	return bytes <= REMOTE_TEXT_MAX && send_message(talk, &ask) &&
	       next_message(talk, names) && names->type == REMOTE_NAMES;
}

bool
talk_listen(struct talk *talk)
{
	struct remote_message msg;
	int rc = remote_reader_fill(&talk->in, talk->sock);

	if (rc == -EAGAIN)
		return true;
	if (rc <= 0)
		lost(talk, "the daemon ended");
	else
		next_message(talk, &msg);
	return !talk->ended;
}

int
talk_run(const char *lua)
{
	struct talk talk = {.sock = -1};
	struct talk_done done = {.failed = true};

	term_signals_install(NULL, NULL);
	if (talk_open(&talk))
		talk_eval(&talk, NULL, lua, strlen(lua), true, &done);
	talk_close(&talk);
	if (term_terminated() != 0)
		return 128 + term_terminated();
	return done.leaving ? done.code : done.failed ? EXIT_FAILURE : 0;
}
