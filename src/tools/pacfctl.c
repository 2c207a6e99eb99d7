/*
 * pacfctl: the shell of a running daemon: a prompt, scripts, commands from standard input, and
 * subcommands.  Reads the options, connects, and runs what was asked for in order.
 */
#include "pacfctl.h"
#include "term.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A subcommand: its file has the function. */
static const struct {
	const char *name, *arguments, *what;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"stats", "[--json]", "print what all engines have counted", pacfctl_stats},
	{"top", "[-b] [-n N] [-s SECONDS] [ENGINE]",
		"watch an engine: rates, losses, backlog, flows", pacfctl_top},
	{"split", "IFNAME N [--type TYPE] [--engine NAME]",
		"share the flows of an interface or file among N channels", pacfctl_split},
	{"copy", "IFNAME N [--type TYPE] [--engine NAME]", "give all its packets to N channels",
		pacfctl_copy},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* What -f and -e ask for, in order. */
struct job {
	char option;
	const char *value;
};

static void
print_usage(void)
{
	fputs("usage: pacfctl [-f SCRIPT] [-e LUA] [-h] [-V]\n", stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("       pacfctl %s %s\n", commands[i].name, commands[i].arguments);
	fputs("  -f SCRIPT  run a Lua script file in the daemon\n"
	      "  -e LUA     run Lua given here\n"
	      "  -h         print this and exit\n"
	      "  -V         print the version and exit\n",
		stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-9s  %s\n", commands[i].name, commands[i].what);
	fputs("-f and -e may be given several times and run in order.  Then, or without them, "
	      "the\n"
	      "shell of the running daemon reads commands: at a prompt on a terminal; else, "
	      "only if\n"
	      "there was no -f or -e, from standard input.  A daemon is started with pacf "
	      "-d.\n",
		stdout);
}

static int
bad_usage(char **argv, int c)
{
	if (c == ':')
		fprintf(stderr,
			"pacfctl: option -%c needs an argument; pacfctl -h lists the options\n",
			optopt);
	else if (c == '?' && optopt != 0)
		fprintf(stderr, "pacfctl: unknown option -%c; pacfctl -h lists the options\n",
			optopt);
	else if (c == '?')
		fprintf(stderr, "pacfctl: unknown option %s; pacfctl -h lists the options\n",
			argv[optind - 1]);
	else
		fprintf(stderr,
			"pacfctl: there is no command \"%s\": there are stats, top, split and "
			"copy; to run a script: pacfctl -f %s; to run Lua: pacfctl -e\n",
			argv[optind], argv[optind]);
	return EXIT_USAGE;
}

/* Fills jobs; -1: go on, else the exit status. */
static int
parse_options(int argc, char **argv, struct job *jobs, int *njobs)
{
	static const struct option longopts[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":f:e:hV", longopts, NULL)) != -1) {
		switch (c) {
		case 'f':
		case 'e':
			jobs[(*njobs)++] = (struct job){(char)c, optarg};
			break;
		case 'h':
			print_usage();
			return 0;
		case 'V':
			puts("pacfctl " PACF_VERSION);
			return 0;
		default:
			return bad_usage(argv, c);
		}
	}
	return optind < argc ? bad_usage(argv, 0) : -1;
}

static int
run_jobs(struct talk *talk, const struct job *jobs, int njobs)
{
	int status = 0;
	bool ok = true;

	for (int i = 0; i < njobs && ok; i++)
		ok = jobs[i].option == 'f' ? console_file(talk, jobs[i].value, &status)
					   : console_text(talk, jobs[i].value, &status);
	if (ok && isatty(STDIN_FILENO))
		return console_prompt(talk);
	return ok && njobs == 0 ? console_input(talk) : status;
}

/* Descriptors 0 to 2 that were closed lead nowhere, so that the socket does not get their
 * number.
 */
static void
open_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	struct job *jobs = calloc((size_t)argc + 1, sizeof(*jobs));
	struct talk talk = {.sock = -1};
	int njobs = 0, status;

	open_stdio();
	for (size_t i = 0; argc > 1 && i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			free(jobs);
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (jobs == NULL) {
		fputs("pacfctl: not enough memory\n", stderr);
		return EXIT_FAILURE;
	}
	status = parse_options(argc, argv, jobs, &njobs);
	if (status < 0) {
		term_signals_install(NULL, NULL);
		status = talk_open(&talk) ? run_jobs(&talk, jobs, njobs) : EXIT_FAILURE;
		talk_close(&talk);
		if (term_terminated() != 0)
			status = 128 + term_terminated();
	}
	free(jobs);
	return status;
}
