/*
 * pacfctl split and copy: an engine that reads an interface or a file, and channels for it, by
 * one call of pacf.split or pacf.copy in the daemon.
 */
#include "pacfctl.h"

#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LUA_MAX 32768

void
lua_quote(char *lua, size_t size, const char *text)
{
	size_t n = strlen(lua);

	n += (size_t)snprintf(lua + n, size - n, "\"");
	for (; *text != '\0' && n + 6 < size; text++)
		n += (size_t)snprintf(lua + n, size - n, "\\%03u", (unsigned char)*text);
	snprintf(lua + n, size - n, "\"");
}

static void
argument(char lua[LUA_MAX], const char *name, const char *value)
{
	size_t n = strlen(lua);

	if (value == NULL)
		return;
	snprintf(lua + n, LUA_MAX - n, ",%s=", name);
	lua_quote(lua, LUA_MAX - 1, value);
}

/* -1: go on, else the exit status.  Options may stand anywhere. */
static int
parse(int argc, char **argv, const char **type, const char **engine)
{
	static const struct option longopts[] = {{"type", required_argument, NULL, 't'},
		{"engine", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
	char *end;
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", longopts, NULL)) != -1) {
		if (c != 't' && c != 'e') {
			fprintf(stderr,
				"pacfctl: %s: %s %s; it takes --type TYPE and --engine NAME\n",
				argv[0],
				c == ':' ? "a value is missing after" : "unknown option",
				argv[optind - 1]);
			return EXIT_USAGE;
		}
		*(c == 't' ? type : engine) = optarg;
	}
	if (argc - optind != 2) {
		fprintf(stderr,
			"pacfctl: %s needs an interface or file, and a number, as in: pacfctl "
			"%s "
			"eth3 4\n",
			argv[0], argv[0]);
		return EXIT_USAGE;
	}
	if (strtol(argv[optind + 1], &end, 10) < 1 || *end != '\0') {
		fprintf(stderr, "pacfctl: %s: \"%s\" is no number of channels, 1 or more\n",
			argv[0], argv[optind + 1]);
		return EXIT_USAGE;
	}
	return -1;
}

static int
spread(int argc, char **argv)
{
	const char *type = NULL, *engine = NULL;
	int status = parse(argc, argv, &type, &engine);
	char *path = NULL, *lua;

	if (status >= 0)
		return status;
	lua = malloc(LUA_MAX);
	if (lua == NULL) {
		fputs("pacfctl: not enough memory\n", stderr);
		return EXIT_FAILURE;
	}
	/* The daemon is in another folder. */
	if (if_nametoindex(argv[optind]) == 0)
		path = realpath(argv[optind], NULL);
	snprintf(lua, LUA_MAX, "pacf.%s{n=%ld", argv[0], strtol(argv[optind + 1], NULL, 10));
	argument(lua, "ifname", path != NULL ? path : argv[optind]);
	argument(lua, "type", type);
	argument(lua, "engine", engine);
	strncat(lua, "}", LUA_MAX - strlen(lua) - 1);
	status = talk_run(lua);
	free(path);
	free(lua);
	return status;
}

int
pacfctl_split(int argc, char **argv)
{
	return spread(argc, argv);
}

int
pacfctl_copy(int argc, char **argv)
{
	return spread(argc, argv);
}
