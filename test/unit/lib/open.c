/*
 * Test of pacf.h: names, sentences, refusals, listing, info.
 */
#include "session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void
names(void **state)
{
	static const struct {
		const char *name, *says;
		int err;
	} bad[] = {
		{"pacf:eth3{0",
			"\"pacf:eth3{0\" is the daemon's end of a channel: an application "
			"opens it with } in place of {",
			-EINVAL},
		{"eth3", "\"eth3\" is not a channel name: write NAME}ID, as in pacf:eth3}0",
			-EINVAL},
		{"", "NAME}ID", -EINVAL},
		{"}0", "NAME}ID", -EINVAL},
		{"pacf:eth3}", "NAME}ID", -EINVAL},
		{"a}b}c", "NAME}ID", -EINVAL},
		{NULL, "NAME}ID", -EINVAL},
		{"eth3}9", "no such channel: this daemon has eth3}0", -ENOENT},
	};
	char longname[400];

	fake_start(&fake, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p = (struct pacf *)text;
		assert_int_equal(pacf_open(&p, bad[i].name, text), bad[i].err);
		assert_non_null(strstr(text, bad[i].says));
		assert_null(p);
		assert_int_equal(pacf_open(&p, bad[i].name, NULL), bad[i].err);
	}
	memset(longname, 'n', sizeof(longname));
	memcpy(longname + 397, "}0", 3);
	assert_int_equal(pacf_open(&p, longname, text), -EINVAL);
	assert_non_null(strstr(text, "nnn..."));
	assert_non_null(strstr(text, "too long"));
	memcpy(longname + 94, "}0", 3); /* 96 bytes without the final 0: one too many */
	assert_int_equal(pacf_open(&p, longname, text), -EINVAL);
	memcpy(longname + 93, "}0", 3);
	assert_int_equal(pacf_open(&p, longname, text), -ENOENT);
	assert_int_equal(pacf_open(&p, "eth3}0", text), 0);
	teardown(NULL);
}

static void
no_daemon(void **state)
{
	char dir[] = "/tmp/pacf-none-XXXXXX", want[PACF_ERRBUF];
	struct pacf_info info;

	assert_non_null(mkdtemp(dir));
	setenv("PACF_RUNDIR", dir, 1);
	assert_int_equal(pacf_open(&p, "eth3}0", text), -ENOENT);
	snprintf(want, sizeof(want),
		"no pacf daemon answers in %s: start one (bin/pacf) or set PACF_RUNDIR", dir);
	assert_string_equal(text, want);
	assert_int_equal(pacf_list(&info, 1), 0);
	rmdir(dir);
}

static void
refusals(void **state)
{
	fake_start(&fake, 1);
	fake.busy = true;
	assert_int_equal(pacf_open(&p, "eth3}0", text), -EBUSY);
	assert_string_equal(text, "channel \"eth3}0\" is open in tcpdump (pid 42)");
	fake.busy = false;
	fake.alien = true;
	assert_int_equal(pacf_open(&p, "eth3}0", text), -EPROTONOSUPPORT);
	assert_non_null(strstr(text, "another version"));
	fake.alien = false;
	fake.short_lanes = true;
	assert_int_equal(pacf_open(&p, "eth3}0", text), -EPIPE);
	assert_non_null(strstr(text, "\"eth3}0\""));
	assert_null(p);
	teardown(NULL);
}

static void
scribbled_ring(void **state)
{
	fake_start(&fake, 2);
	fake.tx[1].ring->magic ^= 1;
	assert_int_equal(pacf_open(&p, "eth3}0", text), -EPROTO);
	fake.tx[1].ring->magic ^= 1;
	fake.tx[0].ring->version++;
	assert_int_equal(pacf_open(&p, "eth3}0", text), -EPROTONOSUPPORT);
	fake.tx[0].ring->version--;
	fake.tx[0].ring->slots = 1 << 20;
	assert_int_equal(pacf_open(&p, "eth3}0", text), -EPROTO);
	fake.tx[0].ring->slots = FAKE_SLOTS;
	assert_int_equal(pacf_open(&p, "eth3}0", text), 0);
	teardown(NULL);
}

static void
list(void **state)
{
	struct pacf_info info[4];

	fake_start(&fake, 1);
	assert_int_equal(pacf_list(NULL, 0), 3);
	memset(info, 0x55, sizeof(info));
	assert_int_equal(pacf_list(info, 2), 3);
	assert_string_equal(info[0].name, "pacf:eth3}0");
	assert_int_equal(info[0].linktype, UINT32_MAX);
	assert_string_equal(info[1].name, "pacf:eth3}1");
	assert_int_equal(info[1].busy_pid, 1);
	assert_string_equal(info[1].description, "engine e0, COPY");
	assert_int_equal(info[2].linktype, 0x55555555);
	teardown(NULL);
}

static void
texts(void **state)
{
	assert_string_equal(pacf_strerror(-ENODATA), "end of the capture");
	assert_non_null(pacf_strerror(-9999));
	assert_string_equal(pacf_version(), PACF_VERSION);
	pacf_close(NULL);
}

static void
info_and_stats(void **state)
{
	struct pacf_info info;
	struct pacf_stats stats;

	pacf_info(p, &info);
	assert_string_equal(info.name, "pacf:eth3}0");
	assert_string_equal(info.description, "engine e0, SAMPLE");
	assert_int_equal(info.linktype, 1);
	assert_int_equal(info.snaplen, 2048);
	assert_int_equal(info.ts_digits, 9);
	for (uint32_t i = 0; i < fake.lanes; i++) {
		atomic_store(&fake.tx[i].ring->received_pkts, 100);
		atomic_store(&fake.tx[i].ring->dropped_pkts, 10 + i);
		atomic_store(&fake.tx[i].ring->source_drop_pkts, 3);
	}
	assert_int_equal(pacf_stats(p, &stats), 0);
	assert_int_equal(stats.received_pkts, 100 * fake.lanes);
	assert_int_equal(stats.dropped_pkts, fake.lanes == 1 ? 10 : 21);
	assert_int_equal(stats.source_drop_pkts, 3 * fake.lanes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(no_daemon),
		cmocka_unit_test(names),
		cmocka_unit_test(refusals),
		cmocka_unit_test(scribbled_ring),
		cmocka_unit_test(list),
		ONE(info_and_stats),
		TWO(info_and_stats),
	};

	alarm(120); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
