/*
 * io/rec_name: the names of a recorder's files.  A path may have conversions of strftime(3) in
 * its last part, for the local time of a file's first packet; "%%" is a percent sign.  A number
 * goes before the last ".pcap", or behind all: cap.pcap, cap-1.pcap; cap.pcap.zst,
 * cap-1.pcap.zst.
 */
#include "recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Those without a "/" or a space in them. */
#define CONVERSIONS "YmdHMSsjyCFbBaAuwVGezZp%"

bool
rec_name_timed(const char *path)
{
	return strchr(path, '%') != NULL;
}

int
rec_name_check(const char *path, struct io_err *err)
{
	const char *slash = strrchr(path, '/');

	for (const char *p = strchr(path, '%'); p != NULL; p = strchr(p + 2, '%')) {
		if (slash != NULL && p < slash)
			return io_fail(err, -EINVAL,
				"\"pcap:%.150s\": \"%.2s\" is in the name of a folder; only "
				"the "
				"name of the file may have the time in it (\"%%%%\" is a "
				"percent "
				"sign)",
				path, p);
		if (p[1] == '\0' || strchr(CONVERSIONS, p[1]) == NULL)
			return io_fail(err, -EINVAL,
				"\"pcap:%.150s\": \"%.2s\" stands for no time; there are, of "
				"strftime(3), those with the letters %s (\"%%%%\" is a percent "
				"sign)",
				path, p, CONVERSIONS);
	}
	return 0;
}

/* strftime takes a format of the user's: what it may hold was checked. */
static size_t
time_put(const char *path, uint64_t sec, char *out, size_t size)
{
	time_t t = (time_t)sec;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return strftime(out, size, path, &tm);
#pragma GCC diagnostic pop
}

int
rec_name_make(const char *path, uint64_t sec, uint32_t number, char *out, size_t size)
{
	char *at = NULL, digits[16], rest[REC_PATH_MAX];
	size_t n = strlen(path);

	if (n >= size)
		return -ENAMETOOLONG;
	if (rec_name_timed(path))
		n = time_put(path, sec, out, size);
	else
		memcpy(out, path, n + 1);
	if (n == 0)
		return -ENAMETOOLONG;
	if (number == 0)
		return 0;
	for (char *p = strstr(out, ".pcap"); p != NULL; p = strstr(p + 1, ".pcap"))
		if (strchr(p, '/') == NULL)
			at = p;
	if (at == NULL)
		at = out + n;
	snprintf(digits, sizeof(digits), "-%u", (unsigned)number);
	if (n + strlen(digits) >= size || strlen(at) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(rest, at, strlen(at) + 1);
	memcpy(at, digits, strlen(digits));
	memcpy(at + strlen(digits), rest, strlen(rest) + 1);
	return 0;
}
