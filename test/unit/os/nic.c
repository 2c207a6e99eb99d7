/*
 * Test of os/nic and os/host on what every machine has: the loopback interface.  What cards say
 * is compared with ethtool's words in test/net.
 */
#include "host.h"
#include "nic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char lo[OS_NETIF_NAME];

static void
find_lo(void *arg, const char *name)
{
	unsigned *count = arg;

	++*count;
	if (strncmp(name, "lo", 2) == 0)
		strncpy(lo, name, sizeof(lo) - 1);
}

static void
each(void **state)
{
	unsigned count = 0;

	assert_int_equal(os_nic_each(find_lo, &count), 0);
	assert_true(count >= 1);
	assert_string_not_equal(lo, "");
}

static void
offload_names(void **state)
{
	for (int i = 0; i < OS_OFFLOADS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(os_nic_offload_name((enum os_offload)i),
				os_nic_offload_name((enum os_offload)j));
}

static void
unknown_names(void **state)
{
	static const char *const bad[] = {"nosuchif0", "", "0123456789abcdef0123"};
	struct os_nic_counters counters;
	struct os_offloads offloads;
	struct os_nic_link link;
	struct os_nic_irq irq;
	struct os_nic_xdp xdp;
	struct os_nic nic;

	if (os_nic_offloads(lo, &offloads) == -ENOTSUP)
		skip();
	for (int i = 0; i < 3; i++) {
		assert_true(os_nic_offloads(bad[i], &offloads) < 0);
		assert_true(os_nic_offload_set(bad[i], 1u << OS_GRO, 0) < 0);
		assert_true(os_nic_read(bad[i], &nic) < 0);
		assert_int_equal(os_nic_link(bad[i], &link), -ENODEV);
		assert_int_equal(os_nic_counters(bad[i], &counters), -ENODEV);
		assert_int_equal(os_nic_irqs(bad[i], &irq, 1), -ENODEV);
		assert_int_equal(os_nic_xdp(bad[i], &xdp), -ENODEV);
	}
}

/* Loopback has no driver, card or interrupt; it sends and checks nothing by itself. */
static void
loopback(void **state)
{
	struct os_nic_counters counters;
	struct os_offloads offloads;
	struct os_nic_link link;
	struct os_nic nic;
	char place[128];

	if (os_nic_offloads(lo, &offloads) == -ENOTSUP)
		skip();
	assert_int_equal(os_nic_offloads(lo, &offloads), 0);
	assert_true(offloads.on & 1u << OS_GSO); /* always, see the kernel's loopback.c */
	assert_false(offloads.on & (1u << OS_LRO | 1u << OS_RXVLAN | 1u << OS_GRO_HW));
	assert_true(offloads.changeable & 1u << OS_GRO);
	assert_int_equal(os_nic_read(lo, &nic), 0);
	assert_string_equal(nic.driver, "");
	assert_int_equal(nic.numa, -1);
	assert_int_equal(os_nic_link(lo, &link), 0);
	assert_string_equal(link.kind, "");
	assert_string_equal(link.peer, "");
	assert_int_equal(os_nic_counters(lo, &counters), 0);
	assert_int_equal(os_nic_place(place, sizeof(place)), 0);
	assert_int_equal(os_nic_place(place, 4), -ENAMETOOLONG);
}

/* It has no code for XDP; what veth has is asked in test/net/afxdp.py. */
static void
loopback_xdp(void **state)
{
	struct os_nic_xdp xdp;
	int rc = os_nic_xdp(lo, &xdp);

	if (rc == -ENOTSUP)
		skip();
	assert_int_equal(rc, 0);
	assert_false(xdp.native || xdp.zerocopy || xdp.stamps || xdp.tags);
}

static void
host(void **state)
{
	struct os_host h;

	os_host_read(&h);
	assert_true(h.cpus >= 1 && h.nodes >= 1);
	assert_string_not_equal(h.system, "");
	assert_true(h.memlock_bytes > 0);
	assert_true(h.huge_pages_free <= h.huge_pages);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each),
		cmocka_unit_test(offload_names),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(loopback),
		cmocka_unit_test(loopback_xdp),
		cmocka_unit_test(host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
