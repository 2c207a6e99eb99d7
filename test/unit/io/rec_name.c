/*
 * Unit test of io/rec_name: what a recorder's files are called.
 */
#include "recorder.h"
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT 1700000000u /* 2023-11-14 22:13:20 UTC */

static void
names(void **state)
{
	static const struct {
		const char *path;
		uint32_t number;
		const char *name;
	} rows[] = {
		{"cap.pcap", 0, "cap.pcap"},
		{"cap.pcap", 1, "cap-1.pcap"},
		{"cap.pcap", 4294967295u, "cap-4294967295.pcap"},
		{"cap.pcap.zst", 12, "cap-12.pcap.zst"},
		{"a.pcap.pcap", 2, "a.pcap-2.pcap"},
		{"/a.pcap/b", 3, "/a.pcap/b-3"},
		{"/a.pcap/b.pcap", 3, "/a.pcap/b-3.pcap"},
		{"b.cap", 1, "b.cap-1"},
		{"%Y%m%d-%H%M%S.pcap", 0, "20231114-221320.pcap"},
		{"%Y%m%d-%H%M%S.pcap", 7, "20231114-221320-7.pcap"},
		{"/x/%F_%j.pcap", 0, "/x/2023-11-14_318.pcap"},
		{"100%%.pcap", 1, "100%-1.pcap"},
		{"%s", 0, "1700000000"},
	};
	char out[REC_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct io_err err = {""};

		assert_int_equal(rec_name_check(rows[i].path, &err), 0);
		assert_int_equal(
			rec_name_make(rows[i].path, AT, rows[i].number, out, sizeof(out)), 0);
		assert_string_equal(out, rows[i].name);
	}
}

static void
local_time(void **state)
{
	char out[REC_PATH_MAX];

	(void)state;
	setenv("TZ", "XXX-05:30", 1);
	tzset();
	assert_int_equal(rec_name_make("%d-%H%M%z", AT, 0, out, sizeof(out)), 0);
	assert_string_equal(out, "15-0343+0530");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void
refused(void **state)
{
	static const char *const bad[] = {"a%", "a%q", "%Y%", "%D.pcap", "/x/%Y/b.pcap", "%%%"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct io_err err = {""};

		assert_int_equal(rec_name_check(bad[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

/* Wherever the end of the room is, nothing is written behind it. */
static void
too_long(void **state)
{
	char path[2 * REC_PATH_MAX], out[REC_PATH_MAX + 1];

	(void)state;
	for (size_t n = REC_PATH_MAX - 30; n < REC_PATH_MAX + 10; n++) {
		int rc;

		memset(path, 'a', n);
		strcpy(path + n - 5, ".pcap");
		out[REC_PATH_MAX] = '#';
		rc = rec_name_make(path, AT, 77, out, REC_PATH_MAX);
		assert_int_equal(rc, n + 3 < REC_PATH_MAX ? 0 : -ENAMETOOLONG);
		assert_true(rc < 0 || strlen(out) == n + 3);
		assert_int_equal(out[REC_PATH_MAX], '#');
		memcpy(path, "%F", 2); /* ten letters for two */
		rc = rec_name_make(path, AT, 77, out, REC_PATH_MAX);
		assert_int_equal(rc, n + 11 < REC_PATH_MAX ? 0 : -ENAMETOOLONG);
		assert_int_equal(out[REC_PATH_MAX], '#');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(local_time),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_long),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
