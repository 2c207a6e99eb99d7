/*
 * Finds the functions of the real libpcap, for every other file of the shim.
 *
 * All are looked up when the library is loaded, because pcap_breakloop() may run in a signal
 * handler, where dlsym() must not.  Another library's constructor may call us earlier: then the
 * one function is looked up on the spot.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "shim.h"

static _Atomic(void *) functions[SHIM_FUNCTIONS];

static const char *const names[SHIM_FUNCTIONS] = {
#define SHIM_NAME(f) #f,
	SHIM_REAL_FUNCTIONS(SHIM_NAME)
#undef SHIM_NAME
};

__attribute__((constructor)) static void
find_all(void)
{
	for (int i = 0; i < SHIM_FUNCTIONS; i++)
		atomic_store_explicit(
			&functions[i], dlsym(RTLD_NEXT, names[i]), memory_order_relaxed);
}

void *
shim_real(enum shim_function f)
{
	void *real = atomic_load_explicit(&functions[f], memory_order_relaxed);

	if (real)
		return real;
	real = dlsym(RTLD_NEXT, names[f]);
	if (!real) {
		/* Only a program built for a newer libpcap than the one here can ask for it. */
		fprintf(stderr, "libpacf-pcap: the libpcap of this system has no %s()\n",
			names[f]);
		abort();
	}
	atomic_store_explicit(&functions[f], real, memory_order_relaxed);
	return real;
}
