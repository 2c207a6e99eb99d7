/*
 * pacf: the program.  Reads the options (or what `explain` and `doctor` are
 * to tell of), opens the control
 * plane and the shell, runs the scripts in the order given, then the prompt or standard input.
 */
#include "shell.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

/* What -f and -e ask for, in order. */
struct job {
	char option;
	const char *value;
};

static void
print_usage(void)
{
	fputs("usage: pacf [-f SCRIPT] [-e LUA] [-h] [-V]\n"
	      "       pacf explain FILE [PACKET]\n"
	      "       pacf doctor [INTERFACE]\n"
	      "  -f SCRIPT  run a Lua script file\n"
	      "  -e LUA     run Lua given here\n"
	      "  -h         print this and exit\n"
	      "  -V         print the version and exit\n"
	      "  explain    tell which flow a packet of a capture belongs to, or all\n"
	      "  doctor     tell what would work on an interface, and what would help\n"
	      "-f and -e may be given several times and run in order.  Then, or without them, "
	      "the\n"
	      "shell reads commands: at a prompt on a terminal; else, only if there was no -f "
	      "or -e,\n"
	      "from standard input.  In the shell, pacf.help() lists the commands.\n",
		stdout);
}

static int
bad_usage(int argc, char **argv, int c)
{
	(void)argc;
	if (c == ':')
		fprintf(stderr,
			"pacf: option -%c needs an argument; pacf -h lists the options\n",
			optopt);
	else if (c == '?' && optopt != 0)
		fprintf(stderr, "pacf: unknown option -%c; pacf -h lists the options\n",
			optopt);
	else if (c == '?')
		fprintf(stderr, "pacf: unknown option %s; pacf -h lists the options\n",
			argv[optind - 1]);
	else
		fprintf(stderr,
			"pacf: unexpected argument \"%s\"; to run a script: pacf -f %s\n",
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
			puts("pacf " PACF_VERSION);
			return 0;
		default:
			return bad_usage(argc, argv, c);
		}
	}
	return optind < argc ? bad_usage(argc, argv, 0) : -1;
}

/* pacf explain FILE [PACKET] */
static bool
is_explain(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "explain") == 0;
}

static int
parse_explain(int argc, char **argv)
{
	if (argc == 3 || argc == 4)
		return -1;
	fputs(argc < 3 ? "pacf: explain needs a capture file: pacf explain FILE [PACKET]\n"
		       : "pacf: explain takes a file and a packet: pacf explain FILE "
			 "[PACKET]\n",
		stderr);
	return EXIT_USAGE;
}

/* pacf doctor [INTERFACE] */
static bool
is_doctor(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "doctor") == 0;
}

static int
parse_doctor(int argc, char **argv)
{
	if (argc <= 3)
		return -1;
	fprintf(stderr,
		"pacf: unexpected argument \"%s\"; doctor takes one interface: pacf doctor "
		"%s\n",
		argv[3], argv[2]);
	return EXIT_USAGE;
}

/* The scripts, then the shell. */
static void
run(struct shell *sh, const struct job *jobs, int njobs)
{
	bool ok = true;

	ctl_recover();
	for (int i = 0; i < njobs && ok; i++) {
		ok = jobs[i].option == 'f' ? shell_run_file(sh, jobs[i].value)
					   : shell_run_text(sh, jobs[i].value);
	}
	if (!ok)
		return;
	if (isatty(STDIN_FILENO))
		shell_interact(sh);
	else if (njobs == 0)
		shell_run_input(sh);
}

int
main(int argc, char **argv)
{
	struct job *jobs = calloc((size_t)argc, sizeof(*jobs));
	struct ctl *ctl = NULL;
	struct shell *sh = NULL;
	struct ctl_err err = {""};
	int njobs = 0, status;

	if (jobs == NULL) {
		fputs("pacf: not enough memory\n", stderr);
		return EXIT_FAILURE;
	}
	status = is_explain(argc, argv)	 ? parse_explain(argc, argv)
		 : is_doctor(argc, argv) ? parse_doctor(argc, argv)
					 : parse_options(argc, argv, jobs, &njobs);
	if (status >= 0) {
		free(jobs);
		return status;
	}
	if (ctl_open(&ctl, &err) < 0 || shell_open(&sh, ctl, &err) < 0) {
		fprintf(stderr, "pacf: %s\n", err.text);
		status = EXIT_FAILURE;
	} else if (is_explain(argc, argv)) {
		shell_explain(sh, argv[2], argv[3]); /* argv ends with NULL */
		status = shell_status(sh);
	} else if (is_doctor(argc, argv)) {
		shell_doctor(sh, argv[2]);
		status = shell_status(sh);
	} else {
		run(sh, jobs, njobs);
		status = shell_status(sh);
	}
	shell_close(sh);
	if (ctl != NULL)
		ctl_close(ctl);
	free(jobs);
	return status;
}
