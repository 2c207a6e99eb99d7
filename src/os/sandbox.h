/*
 * os/sandbox: the filters of system calls, for privileges_linux.c only.  sandbox_linux.c makes
 * them with libseccomp; sandbox_none.c stands for it in builds without, or with a sanitizer.
 */
#ifndef PACF_OS_SANDBOX_H
#define PACF_OS_SANDBOX_H

#include "privileges.h"

/* Makes the filters of all roles.  Allocates; 0, or -errno with a sentence in note; -ENOSYS:
 * there are none in this build. */
int os_sandbox_make(bool bpf, char *note, size_t size);
/* Puts the calling thread into its role's: no way back.  Async-signal-safe.  0 or -errno. */
int os_sandbox_enter(enum os_role role);

#endif
