/*
 * Test of os/memory: what a pool's memory is made of, that it is what it says, and that readers
 * can only read it, in huge pages too.  Those are set aside by the test; without them (not
 * root, or a machine that has none) it is skipped after the rest has passed.
 */
#include "memory.h"
#include "huge.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

/* A reader gets the descriptor. */
static void
check_reader(const struct os_memory *m)
{
	const uint8_t *view;
	size_t size = 0;
	void *mem;

	assert_int_equal(os_shm_size(m->fd, &size), 0);
	assert_int_equal(size, m->bytes);
	assert_true(os_shm_map(m->fd, size, true, &mem) < 0);
	assert_int_equal(os_shm_map(m->fd, size, false, &mem), 0);
	view = mem;
	memset(m->base, 7, m->bytes);
	assert_int_equal(view[0], 7);
	assert_int_equal(view[m->bytes - 1], 7);
	assert_int_equal(mprotect(mem, size, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(write(m->fd, "x", 1), -1);
	assert_int_equal(ftruncate(m->fd, 0), -1);
	assert_int_equal(fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				 (off_t)m->bytes),
		-1);
	assert_int_equal(view[0], 7);
	/* munmap says no to a length that is not whole huge pages. */
	assert_int_equal(munmap(mem, size), 0);
}

static void
ordinary(void **state)
{
	struct os_memory m;

	assert_int_equal(os_memory_create("test", 10000, -1, false, &m), 0);
	assert_int_equal(m.page_bytes, sysconf(_SC_PAGESIZE));
	assert_int_equal(m.bytes % m.page_bytes, 0);
	assert_true(m.bytes >= 10000 && m.bytes < 10000 + m.page_bytes);
	assert_true(fcntl(m.fd, F_GETFD) & FD_CLOEXEC);
	check_reader(&m);
	os_memory_destroy(&m);
	assert_int_equal(m.fd, -1);
}

static void
nodes(void **state)
{
	int node = os_cpu_node(0);
	struct os_memory m;

	assert_true(node >= 0);
	assert_int_equal(os_memory_create("test", 1 << 20, node, false, &m), 0);
	assert_int_equal(m.node, node);
	os_memory_destroy(&m);
	/* One that does not exist is preferred in vain. */
	assert_int_equal(os_memory_create("test", 1 << 20, 1000, false, &m), 0);
	assert_true(m.node >= 0 && m.node < 1000);
	os_memory_destroy(&m);
}

static void
too_few(void **state)
{
	struct os_memory m;

	assert_int_equal(os_memory_create("test", (size_t)1 << 44, -1, true, &m), -ENOMEM);
	assert_int_equal(m.fd, -1);
	assert_null(m.base);
}

static void
huge(void **state)
{
	uint64_t free;
	struct os_memory m;

	if (!huge_reserve(4))
		skip();
	free = huge_read("free_hugepages");
	assert_int_equal(os_memory_create("test", 3 * HUGE_BYTES - 5000, 0, true, &m), 0);
	assert_int_equal(m.bytes, 3 * HUGE_BYTES);
	assert_int_equal(m.page_bytes, HUGE_BYTES);
	assert_int_equal(m.node, 0);
	assert_int_equal(huge_read("free_hugepages"), free - 3);
	check_reader(&m);
	os_memory_destroy(&m);
	assert_int_equal(huge_read("free_hugepages"), free);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary),
		cmocka_unit_test(nodes),
		cmocka_unit_test(too_few),
		cmocka_unit_test(huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
