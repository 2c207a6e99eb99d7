/*
 * pacf: the program.  Reads the options (or what `explain` and `doctor` are to tell of), opens
 * the control plane and the shell, runs the scripts in the order given, then the prompt or
 * standard input; or leaves all that to the daemon.
 */
#include "daemon.h"
#include "metrics.h"
#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

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
run(struct shell *sh, const struct daemon_options *o)
{
	ctl_recover();
	if (!daemon_run_jobs(sh, o))
		return;
	if (isatty(STDIN_FILENO))
		shell_interact(sh);
	else if (o->njobs == 0)
		shell_run_input(sh);
}

/* All that is no daemon: the exit status. */
static int
run_here(int argc, char **argv, const struct daemon_options *o)
{
	struct ctl *ctl = NULL;
	struct shell *sh = NULL;
	struct ctl_err err = {""};
	int status = EXIT_FAILURE;

	if (ctl_open(&ctl, &err) < 0 || shell_open(&sh, ctl, &err) < 0) {
		fprintf(stderr, "pacf: %s\n", err.text);
	} else if (is_explain(argc, argv)) {
		shell_explain(sh, argv[2], argv[3]); /* argv ends with NULL */
		status = shell_status(sh);
	} else if (is_doctor(argc, argv)) {
		shell_doctor(sh, argv[2]);
		status = shell_status(sh);
	} else {
		run(sh, o);
		status = shell_status(sh);
	}
	shell_close(sh);
	metrics_stop();
	if (ctl != NULL)
		ctl_close(ctl);
	return status;
}

int
main(int argc, char **argv)
{
	struct daemon_options o = {.jobs = NULL};
	int status;

	daemon_stdio_open();
	o.jobs = calloc((size_t)argc, sizeof(*o.jobs));
	if (o.jobs == NULL) {
		fputs("pacf: not enough memory\n", stderr);
		return EXIT_FAILURE;
	}
	status = is_explain(argc, argv)	 ? parse_explain(argc, argv)
		 : is_doctor(argc, argv) ? parse_doctor(argc, argv)
					 : daemon_options_parse(argc, argv, &o);
	if (status < 0)
		status = o.detach || o.foreground ? daemon_run(&o) : run_here(argc, argv, &o);
	free(o.jobs);
	return status;
}
