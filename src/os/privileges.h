/*
 * os/privileges: what a daemon gives up once everything is set up.  Rights of the system
 * (Linux: capabilities) that nothing needs any more, the way to new ones, and system calls that
 * no code of ours makes (Linux: seccomp).  Every thread of the process is confined, by its
 * role; threads that come later are from their first instruction on.
 *
 * Used by the control plane only.  FreeBSD: nothing of it is there; os_confine says so.
 */
#ifndef PACF_OS_PRIVILEGES_H
#define PACF_OS_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

/* Rights that can be kept. */
enum os_right {
	OS_RIGHT_NET_RAW = 1,	/* CAP_NET_RAW */
	OS_RIGHT_NET_ADMIN = 2, /* CAP_NET_ADMIN */
	OS_RIGHT_BPF = 4,	/* CAP_BPF */
	OS_RIGHT_LOCK =
		16, /* CAP_IPC_LOCK; given up all the same if RLIMIT_MEMLOCK could be raised */
	OS_RIGHT_FILES = 8, /* CAP_DAC_OVERRIDE */
};
/* "CAP_NET_RAW and CAP_BPF", into buf. */
void os_rights_name(unsigned rights, char *buf, size_t size);
/* Those of them that the calling thread has.  A system without such rights: all. */
unsigned os_rights_held(void);

/*
 * What a thread is for: CONTROL keeps the rights that are kept, and may make the system calls
 * of a server; SERVER the same without any right; DATA has no right and may do little more than
 * move packets.
 */
enum os_role { OS_ROLE_CONTROL, OS_ROLE_SERVER, OS_ROLE_DATA };
/* First thing on a thread (else it is CONTROL): its role.  Once the process is confined, the
 * thread is so when this returns. */
void os_thread_role(enum os_role role);

struct os_confine {
	unsigned rights;  /* to be kept, of those that are held */
	bool filter;	  /* confine system calls too */
	const char *user; /* become this user; NULL: stay who we are */
};
/*
 * Once, on any thread; cannot be taken back.  *note: "" or a sentence on what this system
 * cannot do, which is no error.  -errno with a sentence in note: not all threads are confined,
 * and the daemon must not go on.  The user's supplementary groups are taken as well; without a
 * user, `group` (or -1) becomes the only one.
 */
int os_confine(const struct os_confine *what, long group, char *note, size_t size);

#endif
