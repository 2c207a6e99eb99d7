/*
 * shell: the Lua 5.4 shell of Host PACF: scripts, commands on standard input, the interactive
 * prompt with line editing, history and completion, and any number of remote shells (pacfctl).
 * Of what moves packets it sees the control plane (ctl.h) only.
 *
 * One Lua state per process, shared by all its shells.  What follows is the main thread's,
 * unless it says otherwise: it owns the signal handlers for SIGINT, SIGTERM, SIGHUP, SIGWINCH,
 * SIGPIPE and SIGXFSZ from shell_open to shell_close.  In a script SIGINT ends the process as
 * SIGTERM does; at the prompt it stops the running command or clears the line, and the engines
 * go on.
 */
#ifndef PACF_SHELL_H
#define PACF_SHELL_H

#include "ctl.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shell;

/* ctl stays the caller's and outlives the shell.  0 or -errno with a sentence in err. */
int shell_open(struct shell **out, struct ctl *ctl, struct ctl_err *err);
void shell_close(struct shell *sh);

/*
 * Each runs Lua to its end and prints what went wrong to standard error as "error: ..."; false:
 * something failed, or the shell is to be left (shell_leaving).  file: a script, stops at its
 * first error. text: one command line argument.  input: standard input, command by command,
 * goes on after an error.
 */
bool shell_run_file(struct shell *sh, const char *path);
bool shell_run_text(struct shell *sh, const char *text);
bool shell_run_input(struct shell *sh);
/* `pacf explain FILE [PACKET]`: where a packet goes (packet: as the user wrote it), or a line
 * for each (NULL). */
bool shell_explain(struct shell *sh, const char *file, const char *packet);
/* `pacf doctor [IFNAME]`: what would work on an interface, or a line for each (NULL).  The exit
 * status is 1 if nothing would. */
bool shell_doctor(struct shell *sh, const char *ifname);
/* The prompt, until Ctrl+D, pacf.shutdown() or a signal.  Errors are shown and forgotten. */
void shell_interact(struct shell *sh);

/*
 * A daemon: from shell_serve to shell_serve_end, RUNDIR/control.sock is open to pacfctl, of the
 * process's own user and root only; each remote shell has a thread.  0, or -errno with a
 * sentence; -EADDRINUSE: another daemon has it.  The end ends all remote shells, which are
 * told, and removes the socket; false: one is inside a function of Lua's that can't be
 * interrupted, so sh and its ctl must not be closed, only the process left.
 */
int shell_serve(struct shell *sh, struct ctl_err *err);
bool shell_serve_end(struct shell *sh);
/* Waits until some shell calls pacf.shutdown() or anybody shell_stop (0), or a signal ends the
 * process (its number). */
int shell_wait_end(struct shell *sh);
/* On any thread, and in signal handlers. */
void shell_stop(struct shell *sh);

/* pacf.shutdown(), os.exit() or a signal said so. */
bool shell_leaving(const struct shell *sh);
/* Exit status: 0, 1 if anything failed, what os.exit() said, or 128 + signal. */
int shell_status(const struct shell *sh);

#ifdef __cplusplus
}
#endif
#endif
