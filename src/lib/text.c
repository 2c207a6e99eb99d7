/*
 * lib/text: names, sentences, the version.  Called by the other files of the library; keeps no
 * state, so its functions may be called on any thread.
 */
#include "lib.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "pacf:"

int
lib_fail(char *errbuf, int err, const char *format, ...)
{
	va_list args;

	if (errbuf == NULL)
		return err;
	va_start(args, format);
	vsnprintf(errbuf, PACF_ERRBUF, format, args);
	va_end(args);
	return err;
}

int
lib_name_parse(const char *name, char *out, char *errbuf)
{
	const char *bare = name, *brace;

	if (strncmp(bare, PREFIX, strlen(PREFIX)) == 0)
		bare += strlen(PREFIX);
	brace = strchr(bare, '}');
	if (strchr(bare, '{') != NULL)
		return lib_fail(errbuf, -EINVAL,
			"\"%.128s\" is the daemon's end of a channel: an application opens it "
			"with } "
			"in place of {",
			name);
	if (strlen(bare) >= CHAN_NAME_MAX)
		return lib_fail(errbuf, -EINVAL,
			"\"%.128s%s\" is too long for a channel name: at most %d bytes", name,
			strlen(name) > 128 ? "..." : "", CHAN_NAME_MAX - 1);
	if (brace == NULL || brace == bare || brace[1] == '\0' ||
		strchr(brace + 1, '}') != NULL)
		return lib_fail(errbuf, -EINVAL,
			"\"%s\" is not a channel name: write NAME}ID, as in pacf:eth3}0", name);
	memset(out, 0, CHAN_NAME_MAX);
	memcpy(out, bare, strlen(bare));
	out[brace - bare] = '{';
	return 0;
}

void
lib_name_show(const char *name, char *out)
{
	char *brace;

	static_assert(sizeof(PREFIX) + CHAN_NAME_MAX <= PACF_NAMELEN, "no name is cut");
	snprintf(out, PACF_NAMELEN, PREFIX "%.*s", CHAN_NAME_MAX - 1, name);
	brace = strrchr(out, '{');
	if (brace != NULL)
		*brace = '}';
}

static const struct {
	int err;
	const char *text;
} texts[] = {
	{0, "no error"},
	{-ENOENT, "no such channel, or no pacf daemon runs"},
	{-EBUSY, "another process has this channel"},
	{-EACCES, "this user may not talk to the pacf daemon"},
	{-EINVAL, "not a channel name, or an argument out of range"},
	{-EPROTONOSUPPORT, "the pacf daemon is of another version than this library"},
	{-EPROTO, "the pacf daemon sent something this library does not understand"},
	{-ENODATA, "end of the capture"},
	{-EPIPE, "the pacf daemon closed the channel or ended"},
	{-EPROTOTYPE, "the channel is there again, but its packets are of another link type"},
	{-EINTR, "interrupted"},
	{-ENOMEM, "not enough memory"},
	{-EMFILE, "too many open files in this process"},
	{-ENFILE, "too many open files in this system"},
	{-ENAMETOOLONG, "the path of the pacf run directory is too long for a socket"},
};

const char *
pacf_strerror(int err)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].err == err)
			return texts[i].text;
	return "unexpected error of the operating system";
}

const char *
pacf_version(void)
{
	return PACF_VERSION;
}
