/*
 * shelld: the least that is a daemon: a script, then remote shells until one of them ends it.
 * usage: shelld [SCRIPT]   Says "ready" on standard output when pacfctl can connect.
 */
#include "shell.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	struct ctl *ctl = NULL;
	struct shell *sh = NULL;
	struct ctl_err err = {""};
	int status = 1;

	if (ctl_open(&ctl, &err) == 0 && shell_open(&sh, ctl, &err) == 0 &&
		(argc < 2 || shell_run_file(sh, argv[1])) && shell_serve(sh, &err) == 0) {
		puts("ready");
		fflush(stdout);
		status = shell_wait_end(sh);
		shell_serve_end(sh);
	}
	if (err.text[0] != '\0')
		fprintf(stderr, "shelld: %s\n", err.text);
	shell_close(sh);
	ctl_close(ctl);
	return status;
}
