/*
 * os/sandbox_none: no filter of system calls in this build: libseccomp is missing, or a
 * sanitizer is in, whose runtime makes calls of its own (it maps its shadow, reads /proc,
 * traces the process at its end).
 */
#include "sandbox.h"

#include <errno.h>
#include <stdio.h>

int
os_sandbox_make(bool bpf, char *note, size_t size)
{
	(void)bpf;
	snprintf(note, size,
		"system calls are not confined: this build has no libseccomp, or has a "
		"sanitizer");
	return -ENOSYS;
}

int
os_sandbox_enter(enum os_role role)
{
	(void)role;
	return 0;
}
