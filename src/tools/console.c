/*
 * pacfctl/console: the prompt, commands from standard input, and what -e and -f give.
 */
#include "pacfctl.h"
#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct console {
	struct talk *talk;
	int status;
	struct remote_message names;
};

static enum term_taken
take(void *arg, const char *text)
{
	struct console *c = arg;
	struct talk_done done;

	/* A Ctrl+C from before this command is not for this command. */
	term_clear_interrupt();
	if (!talk_eval(c->talk, NULL, text, strlen(text), false, &done)) {
		c->status = EXIT_FAILURE;
		return TERM_LEAVE;
	}
	term_clear_interrupt();
	if (done.leaving)
		c->status = done.code;
	return done.leaving ? TERM_LEAVE : done.more ? TERM_MORE : TERM_DONE;
}

static bool
complete(void *arg, const char *line, size_t bytes, const char **insert, size_t *insert_bytes,
	const char **names, size_t *names_bytes)
{
	struct console *c = arg;

	if (!talk_complete(c->talk, line, bytes, &c->names))
		return false;
	*insert = c->names.name;
	*insert_bytes = c->names.name_bytes;
	*names = c->names.text;
	*names_bytes = c->names.text_bytes;
	return true;
}

static enum term_taken
on_other(void *arg)
{
	struct console *c = arg;

	if (talk_listen(c->talk))
		return TERM_DONE;
	c->status = EXIT_FAILURE;
	return TERM_LEAVE;
}

int
console_prompt(struct talk *talk)
{
	struct console c = {.talk = talk};
	const struct term_shell shell = {&c, talk->sock, take, complete, on_other};

	if (!term_prompt(&shell))
		c.status = EXIT_FAILURE;
	return c.status;
}

/* After a Ctrl+C a script is not gone on with; nor after what leaves. */
static bool
goes_on(const struct talk_done *done, bool was_interrupted, int *status)
{
	if (done->leaving)
		*status = done->code;
	else if (was_interrupted)
		*status = 128 + 2; /* SIGINT */
	else if (done->failed)
		*status = EXIT_FAILURE;
	return !done->leaving && !was_interrupted;
}

/* A command of a script: Ctrl+C ends it there, and then us. */
static bool
run(struct talk *talk, const char *name, const char *text, size_t bytes, bool last,
	struct talk_done *done, int *status)
{
	unsigned before = talk->interrupts;

	if (!talk_eval(talk, name, text, bytes, last, done)) {
		*status = EXIT_FAILURE;
		return false;
	}
	return goes_on(done, talk->interrupts != before, status);
}

int
console_input(struct talk *talk)
{
	char *text = NULL;
	size_t len = 0, room = 0;
	struct talk_done done;
	int byte, status = 0;
	bool goes = true;

	while (goes) {
		byte = term_input(talk->sock);
		if (byte == TERM_RESIZED || (byte == TERM_OTHER && talk_listen(talk)))
			continue;
		if (byte == TERM_OTHER)
			status = EXIT_FAILURE;
		if (byte == TERM_OTHER || byte == TERM_SIGNAL)
			break;
		if (len + 1 > room) {
			char *bigger = realloc(text, room = 2 * room + 256);

			if (bigger == NULL) {
				fputs("pacfctl: not enough memory\n", stderr);
				status = EXIT_FAILURE;
				break;
			}
			text = bigger;
		}
		text[len++] = (char)(byte == TERM_EOF ? '\n' : byte);
		if (byte != '\n' && byte != TERM_EOF)
			continue;
		goes = run(talk, NULL, text, len, byte == TERM_EOF, &done, &status) &&
		       byte != TERM_EOF;
		len = done.more ? len : 0;
	}
	free(text);
	if (term_interrupted())
		status = 128 + 2;
	return status;
}

bool
console_text(struct talk *talk, const char *lua, int *status)
{
	struct talk_done done;

	return run(talk, NULL, lua, strlen(lua), true, &done, status) && !done.failed;
}

/* The file, up to one byte more than may be sent.  NULL: errno says why. */
static char *
read_file(const char *path, size_t *bytes)
{
	char *text = malloc(REMOTE_TEXT_MAX + 1);
	FILE *file = text != NULL ? fopen(path, "rb") : NULL;
	int error;

	if (file != NULL) {
		*bytes = fread(text, 1, REMOTE_TEXT_MAX + 1, file);
		error = ferror(file) ? errno : 0;
		fclose(file);
		if (error == 0)
			return text;
		errno = error;
	}
	error = errno;
	free(text);
	errno = error;
	return NULL;
}

bool
console_file(struct talk *talk, const char *path, int *status)
{
	struct talk_done done;
	size_t bytes = 0;
	char *text = read_file(path, &bytes);
	bool ok;

	if (text == NULL) {
		fprintf(stderr, "error: cannot open %s: %s\n", path, strerror(errno));
		*status = EXIT_FAILURE;
		return false;
	}
	ok = run(talk, path, text, bytes, true, &done, status) && !done.failed;
	free(text);
	return ok;
}
