/*
 * ctl/guard: what keeps others out, and us in: who may attach, and what the daemon may still do
 * once it is up.  Part of what the shell and the program see of the control plane, with the
 * rules of ctl.h.
 */
#ifndef PACF_CTL_GUARD_H
#define PACF_CTL_GUARD_H

#include "ctl.h"

/* Who may connect to the attach socket, from now on: a group's name (NULL: as it is), and a
 * mode such as "0660" (NULL: 0660).  Channels say further who may have them. */
int ctl_access(struct ctl *ctl, const char *group, const char *mode, struct ctl_err *err);

/*
 * Rights are given up when the daemon is up: ctl_confine keeps what its engines and channels
 * need (without an engine, what a live one of any type would), and what was named here: types
 * of engines, "netdev", "offload", "busy_poll", "files".  filter: 0 or 1: system calls are
 * confined too; -1: as it is (1).  Before ctl_confine.
 */
int ctl_privileges(
	struct ctl *ctl, const char *const *keep, uint32_t n, int filter, struct ctl_err *err);

/*
 * Once, when scripts have run and engines are up; nothing takes it back.
 * user: become that user (NULL: stay who we are); the folder of the sockets is given to him. 0:
 * all threads are confined; err->text is empty, or a sentence on what this system cannot do.
 * -errno: the daemon must not go on.
 */
int ctl_confine(struct ctl *ctl, const char *user, struct ctl_err *err);
/* Are system calls confined?  Then no program can be run from it. */
bool ctl_filtered(struct ctl *ctl);

#endif
