/*
 * Memory that ends where a page begins that nobody may touch: a packet placed at its end shows
 * every read past the captured length by a crash.  Aborts if it can't be had.
 */
#ifndef PACF_TEST_PKT_GUARD_H
#define PACF_TEST_PKT_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES (1u << 20)

static inline uint8_t *
guard_new(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, GUARD_BYTES + page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + GUARD_BYTES, page, PROT_NONE) != 0)
		abort();
	return p + GUARD_BYTES;
}

static inline uint8_t *
guard_place(uint8_t *end, const uint8_t *data, uint32_t len)
{
	if (len > GUARD_BYTES)
		abort();
	if (len > 0)
		memcpy(end - len, data, len);
	return end - len;
}

#endif
