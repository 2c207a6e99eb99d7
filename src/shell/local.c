/*
 * shell/local: the seat of the process itself: standard input and output, signals, the prompt,
 * and commands from standard input.  On the main thread.
 */
#include "internal.h"
#include "os.h"
#include "term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
local_write(struct seat *seat, enum seat_stream stream, const char *bytes, size_t n)
{
	FILE *file = stream == SEAT_OUT ? stdout : stderr;

	(void)seat;
	if (stream == SEAT_ERR)
		fflush(stdout);
	return fwrite(bytes, 1, n, file) == n;
}

static bool
local_flush(struct seat *seat)
{
	(void)seat;
	return fflush(stdout) == 0;
}

static unsigned
local_width(struct seat *seat)
{
	(void)seat;
	return term_width(STDERR_FILENO);
}

static bool
local_stop(const struct seat *seat)
{
	(void)seat;
	return term_interrupted() || term_terminated() != 0;
}

static bool
local_ended(const struct seat *seat)
{
	return local_fatal(seat) != 0;
}

int
local_fatal(const struct seat *seat)
{
	if (term_terminated() != 0)
		return term_terminated();
	return term_interrupted() && !seat->interactive ? SIGINT : 0;
}

const struct seat_ops seat_local = {
	local_write, local_flush, local_width, local_stop, local_ended, false};

static bool
local_complete(void *arg, const char *line, size_t bytes, const char **insert,
	size_t *insert_bytes, const char **names, size_t *names_bytes)
{
	static struct eval_names found; /* until the next Tab */
	struct shell *sh = arg;

	free(found.text);
	if (!eval_complete(&sh->local, line, bytes, &found))
		return false;
	*insert = found.text;
	*insert_bytes = found.insert_bytes;
	*names = found.text + found.insert_bytes;
	*names_bytes = found.names_bytes;
	return true;
}

static enum term_taken
local_take(void *arg, const char *text)
{
	struct shell *sh = arg;

	if (eval_text(&sh->local, text, false) == EVAL_MORE)
		return TERM_MORE;
	return shell_leaving(sh) ? TERM_LEAVE : TERM_DONE;
}

void
shell_interact(struct shell *sh)
{
	const struct term_shell prompt = {
		.arg = sh, .other = -1, .take = local_take, .complete = local_complete};

	sh->local.interactive = true;
	if (!term_prompt(&prompt))
		sh->local.failed = true;
}

/* Appends a byte, keeps the text terminated; false: no memory. */
static bool
append(char **text, size_t *len, size_t *room, int byte)
{
	char *bigger;

	if (*len + 2 > *room) {
		bigger = realloc(*text, *room * 2 + 256);
		if (bigger == NULL)
			return false;
		*text = bigger;
		*room = *room * 2 + 256;
	}
	(*text)[(*len)++] = (char)byte;
	(*text)[*len] = '\0';
	return true;
}

bool
shell_run_input(struct shell *sh)
{
	char *text = NULL;
	size_t len = 0, room = 0;
	int byte;
	enum eval result;

	/* Byte by byte, so that io.read() in a command finds the very next one. */
	setvbuf(stdin, NULL, _IONBF, 0);
	do {
		byte = term_input(-1);
		if (byte == TERM_RESIZED)
			continue;
		if (byte == TERM_SIGNAL)
			break;
		/* A 0 would cut the text short: it is not Lua anyway. */
		if (!append(&text, &len, &room,
			    byte == TERM_EOF ? '\n'
			    : byte == 0	     ? '?'
					     : byte)) {
			fprintf(stderr, "error: not enough memory for this command\n");
			sh->local.failed = true;
			break;
		}
		if (byte != '\n' && byte != TERM_EOF)
			continue;
		result = eval_text(&sh->local, text, byte == TERM_EOF);
		shell_finish(sh, result);
		if (result != EVAL_MORE)
			len = 0;
	} while (byte != TERM_EOF && !shell_leaving(sh));
	free(text);
	return !sh->local.failed && !shell_leaving(sh);
}
