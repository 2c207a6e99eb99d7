/*
 * huge: 2 MiB pages for a test, which root can have the kernel set aside; given back at the
 * end.
 */
#ifndef HUGE_H
#define HUGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HUGE_DIR   "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define HUGE_BYTES (2048u * 1024)

static inline uint64_t
huge_read(const char *name)
{
	unsigned long long value = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), HUGE_DIR "%s", name);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

static inline int
huge_write(uint64_t pages)
{
	FILE *f = fopen(HUGE_DIR "nr_hugepages", "w");
	int rc;

	if (f == NULL)
		return -1;
	rc = fprintf(f, "%llu\n", (unsigned long long)pages) > 0 ? 0 : -1;
	return fclose(f) == 0 ? rc : -1;
}

static uint64_t huge_before;

/* However the test ends. */
static inline void
huge_restore(void)
{
	huge_write(huge_before);
}

/* Sees to it that n are free, until the program ends; 0: the machine won't.  Once only. */
static inline int
huge_reserve(uint64_t n)
{
	huge_before = huge_read("nr_hugepages");
	if (huge_write(huge_before + n) < 0)
		return 0;
	atexit(huge_restore);
	if (huge_read("free_hugepages") - huge_read("resv_hugepages") >= n)
		return 1;
	return 0;
}

#endif
