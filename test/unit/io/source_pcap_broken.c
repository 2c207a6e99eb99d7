/*
 * Unit test of io/source_pcap: files that are broken in every way, or are none, and settings
 * that cannot be.
 */
#include "source_pcap.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Cut at every length: all whole packets come, then an error, except at a boundary. */
static void
truncated_anywhere(void **state)
{
	(void)state;
	for (int ng = 0; ng < 2; ng++) {
		struct file whole = {0};
		char sentence[64];

		if (ng) {
			make_ng(&whole);
		} else {
			file_pcap(&whole, MICRO, 65535, 1);
			file_record(&whole, 1, 0, 61, 61, 1);
			file_record(&whole, 1, 0, 62, 9000, 2);
		}
		size_t two = whole.len, one = two - (ng ? 96 : 78), zero = one - (ng ? 96 : 77);

		for (size_t cut = zero; cut <= two; cut++) {
			struct file f = {0};
			struct rig r;
			uint64_t got;
			char *name;
			int end;

			f.bytes = malloc(cut);
			assert_non_null(f.bytes);
			memcpy(f.bytes, whole.bytes, f.len = cut);
			name = file_save(&f);
			rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
			assert_int_equal(rig_open(&r, name, 0, 2), 0);
			got = rig_drain(&r, &end);
			if (cut == zero || cut == one || cut == two) {
				assert_int_equal(end, IO_EOF);
				assert_int_equal(got, 2 * ((cut >= one) + (cut >= two)));
			} else {
				assert_int_equal(end, IO_ERROR);
				assert_int_equal(got, cut > one);
				snprintf(sentence, sizeof(sentence),
					"truncated after packet %d: ", cut > one);
				assert_non_null(strstr(rig_failure(&r), sentence));
				assert_non_null(strstr(rig_failure(&r), name));
			}
			rig_close(&r);
			drop(name);
		}
		free(whole.bytes);
	}
}

static void
damaged_in_the_middle(void **state)
{
	struct file f = {0};
	struct rig r;
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	file_record(&f, 1, 0, 60, 60, 1);
	for (int i = 0; i < 100; i++)
		file_u32(&f, 0xdeadbeef);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	expect(&r, SEC, 60, 60, 1);
	expect_end(&r, IO_ERROR);
	assert_non_null(strstr(rig_failure(&r), "damaged after packet 1: "));
	rig_close(&r);
	drop(name);
}

static void
not_a_capture(void **state)
{
	struct file f = {0};
	char *name;

	(void)state;
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "is empty");
	fails(name, 0, 1, -EINVAL, name);
	drop(name);

	file_fill(&f, 3, 2);
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "truncated dump file");
	drop(name);

	file_fill(&f, 3, 5000);
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "is not a capture that can be read: unknown file format");
	drop(name);

	file_pcap(&f, MICRO, 65535, 1);
	f.len = 20;
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "truncated dump file");
	drop(name);

	file_u16(&f, 0x8b1f);
	file_fill(&f, 3, 50);
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "is compressed");
	drop(name);

	fails("/nonexistent/file.pcap", 0, 1, -ENOENT, "/nonexistent/file.pcap");
	fails("/tmp", 0, 1, -EISDIR, "is a folder");
	fails("", 0, 1, -EINVAL, "no file name");
	fails(NULL, 0, 1, -EINVAL, "no file name");
}

static void
bad_settings(void **state)
{
	struct file f = {0};
	char *name;
	int fd;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	name = file_save(&f);
	fails(name, -1, 1, -EINVAL, "speed -1");
	fails(name, 0.0 / 0.0, 1, -EINVAL, "speed");
	fails(name, 1.0 / 0.0, 1, -EINVAL, "speed inf");
	/* somebody writes it */
	fd = open(name, O_WRONLY);
	assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
	fails(name, 0, 1, -EBUSY, "is writing it");
	close(fd);
	if (geteuid() != 0) {
		assert_int_equal(chmod(name, 0), 0);
		fails(name, 0, 1, -EACCES, name);
	}
	drop(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(damaged_in_the_middle),
		cmocka_unit_test(not_a_capture),
		cmocka_unit_test(bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
