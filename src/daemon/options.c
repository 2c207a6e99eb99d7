/*
 * daemon/options: the command line of pacf, but for `explain` and `doctor`, which main.c knows.
 */
#include "daemon.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define EXIT_USAGE 2

static void
print_usage(void)
{
	fputs("usage: pacf [-f SCRIPT] [-e LUA] [-d | -F] [-l FILE] [-u USER] [-h] [-V]\n"
	      "       pacf explain FILE [PACKET]\n"
	      "       pacf doctor [INTERFACE]\n"
	      "  -f SCRIPT  run a Lua script file\n"
	      "  -e LUA     run Lua given here\n"
	      "  -d         become a daemon, when the scripts have run; pacfctl is its shell\n"
	      "  -F         the same, but stay in the foreground, for a supervisor\n"
	      "  -l FILE    with -d or -F: log to this file\n"
	      "  -u USER    with -d or -F: become this user, when the scripts have run\n"
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
bad_usage(char **argv, int c)
{
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

/* What goes together; -1: it does. */
static int
check(const struct daemon_options *o)
{
	if (o->detach && o->foreground)
		fputs("pacf: -d leaves the terminal and -F stays: give one of them\n", stderr);
	else if (o->log_file != NULL && !o->detach && !o->foreground)
		fprintf(stderr, "pacf: -l %s is the log of a daemon: give -d or -F as well\n",
			o->log_file);
	else if (o->user != NULL && !o->detach && !o->foreground)
		fprintf(stderr, "pacf: -u %s is the user of a daemon: give -d or -F as well\n",
			o->user);
	else
		return -1;
	return EXIT_USAGE;
}

int
daemon_options_parse(int argc, char **argv, struct daemon_options *o)
{
	static const struct option longopts[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":f:e:dFl:u:hV", longopts, NULL)) != -1) {
		switch (c) {
		case 'f':
		case 'e':
			o->jobs[o->njobs++] = (struct daemon_job){(char)c, optarg};
			break;
		case 'd':
			o->detach = true;
			break;
		case 'F':
			o->foreground = true;
			break;
		case 'l':
			o->log_file = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'h':
			print_usage();
			return 0;
		case 'V':
			puts("pacf " PACF_VERSION);
			return 0;
		default:
			return bad_usage(argv, c);
		}
	}
	return optind < argc ? bad_usage(argv, 0) : check(o);
}
