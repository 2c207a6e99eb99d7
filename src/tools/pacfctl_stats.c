/*
 * pacfctl stats: what all engines have counted, as pacf.show_stats() prints it, or as JSON.
 */
#include "pacfctl.h"

#include <stdio.h>
#include <string.h>

int
pacfctl_stats(int argc, char **argv)
{
	if (argc == 1)
		return talk_run("pacf.show_stats()");
	if (argc == 2 && strcmp(argv[1], "--json") == 0)
		return talk_run("print(pacf.json(pacf.stats()))");
	fprintf(stderr, "pacfctl: stats takes --json or nothing, not \"%s\"\n",
		argv[strcmp(argv[1], "--json") == 0 ? 2 : 1]);
	return EXIT_USAGE;
}
