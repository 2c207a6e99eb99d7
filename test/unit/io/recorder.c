/*
 * Unit test of io/rec_file, rec_open, rec_writer and the engine's end of them: a disk that is
 * full or broken wherever in a record, files that end by size, by time and on demand, with and
 * without compression.  Always: the files one after the other, without their headers, are the
 * packets that were taken and not lost, byte for byte.
 */
#include "os.h"
#include "recorder.h"
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define N      400u
#define FILES  512
#define LATEST 10000 /* ms */

/* The disk: what it still takes, and what it says then. */
static _Atomic int64_t room;
static _Atomic int why, cut_why;
static _Atomic uint64_t now_s;
static _Atomic bool hangs;
static char opened[FILES][300]; /* in order */
static _Atomic int nopened;

static int
fake_open(const char *path, int flags)
{
	int fd = rec_disk_real.open(path, flags), n = nopened;

	/* One whose header finds no room is tried again and again. */
	if (fd >= 0 && (n == 0 || strcmp(opened[n - 1], path) != 0)) {
		assert_true(n < FILES);
		snprintf(opened[n], sizeof(opened[0]), "%s", path);
		nopened = n + 1;
	}
	return fd;
}

static ssize_t
fake_write(int fd, const void *data, size_t n, off_t at)
{
	int64_t left = room;

	while (hangs)
		os_sleep_ns(100000);
	if (left == 0) {
		errno = why;
		return -1;
	}
	if ((int64_t)n > left)
		n = (size_t)left;
	room -= (int64_t)n;
	return pwrite(fd, data, n, at);
}

static int
fake_cut(int fd, off_t end)
{
	if (cut_why != 0) {
		errno = cut_why;
		return -1;
	}
	return ftruncate(fd, end);
}

static uint64_t
fake_now(void)
{
	return now_s;
}

static const struct rec_disk fake = {fake_open, fake_write, fake_cut, fake_now, 1, 5};

static uint8_t bytes[300000];
static char folder[64], path[128];
static struct {
	void *priv;
	struct io_sink_cfg cfg;
	struct io_pkt pkts[N];
	const struct io_pkt *list[N];
	uint32_t put;
	uint64_t lost;
	int bell;
} s;

/* Packet i has i bytes, and is of second i / 10. */
static int
setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	for (uint32_t i = 0; i < N; i++) {
		s.pkts[i] = (struct io_pkt){.data = bytes + i,
			.ts_ns = (1000 + i / 10) * UINT64_C(1000000000) + i,
			.len = i,
			.wirelen = i + 1};
		s.list[i] = &s.pkts[i];
	}
	strcpy(folder, "/tmp/pacf-recorder-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.pcap", folder);
	s.bell = os_bell_create();
	s.cfg = (struct io_sink_cfg){.path = path,
		.dlt = 1,
		.snaplen = 96,
		.ts_digits = 9,
		.bell_fd = s.bell,
		.record = {.buffer_bytes = 1 << 20}};
	room = INT64_MAX;
	cut_why = 0;
	nopened = 0;
	hangs = false;
	now_s = 5000;
	rec_disk = &fake;
	s.priv = calloc(1, io_sink_pcap.priv_bytes);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	free(s.priv);
	close(s.bell);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
start(void)
{
	struct io_err err = {""};
	int rc = io_sink_pcap.open(s.priv, &s.cfg, &err);

	if (rc != 0)
		fail_msg("%s", err.text);
}

static void
put(uint32_t n)
{
	assert_int_equal(io_sink_pcap.tx(s.priv, s.list + s.put, n), n);
	s.put += n;
}

static uint32_t
waiting(void)
{
	return io_sink_pcap.tick(s.priv, &s.lost);
}

#define UNTIL(what)                                   \
	for (int ms_ = 0; !(what); ms_++) {           \
		if (ms_ > LATEST)                     \
			fail_msg("never: %s", #what); \
		os_sleep_ns(1000000);                 \
	}

static bool
fails(void)
{
	struct io_status status = {.text = ""};

	io_sink_pcap.tend(s.priv, &status);
	return status.state == IO_DOWN;
}

static void
stop(void)
{
	s.lost += io_sink_pcap.close(s.priv);
}

static size_t
slurp(const char *name, uint8_t *to, size_t size)
{
	char command[400];
	FILE *f;
	size_t n;

	snprintf(command, sizeof(command), "%s '%s' 2>/dev/null",
		s.cfg.record.zstd ? "zstdcat" : "cat", name);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(to, 1, size, f);
	pclose(f);
	return n;
}

/* The records of packets [from, to), as they must be. */
static size_t
stream(uint32_t from, uint32_t to, uint8_t *out)
{
	uint8_t *at = out;

	for (uint32_t i = from; i < to; i++) {
		const uint32_t head[4] = {1000 + i / 10, i, i, i + 1};

		memcpy(at, head, 16);
		memcpy(at + 16, bytes + i, i);
		at += 16 + i;
	}
	return (size_t)(at - out);
}

/* One whose header found no room was removed, and its name may be another's. */
static bool
is_file(int i)
{
	for (int k = i + 1; k < nopened; k++)
		if (strcmp(opened[i], opened[k]) == 0)
			return false;
	return access(opened[i], F_OK) == 0;
}

static uint8_t want[1 << 20], got[1 << 20];

/* All files in order, from `first` on, are packets [from, to). */
static void
check_from(int first, uint32_t from, uint32_t to)
{
	size_t n = 0, all = stream(from, to, want);

	for (int i = first; i < nopened; i++) {
		uint32_t magic = 0xa1b23c4d;
		uint8_t head[24];
		size_t bytes_in;

		if (!is_file(i))
			continue;
		bytes_in = slurp(opened[i], got + n, sizeof(got) - n);
		assert_true(bytes_in >= 24);
		memcpy(head, got + n, 24);
		assert_memory_equal(head, &magic, 4);
		memmove(got + n, got + n + 24, bytes_in - 24);
		n += bytes_in - 24;
	}
	assert_int_equal(n, all);
	assert_memory_equal(got, want, all);
}

static void
check(uint32_t to)
{
	check_from(0, 0, to);
}

/* How many of the packets are in the files now: whole ones only. */
static uint32_t
count_now(void)
{
	size_t n = 0, at = 0;
	uint32_t pkts = 0;

	for (int i = 0; i < nopened; i++) {
		size_t bytes_in = is_file(i) ? slurp(opened[i], got + n, sizeof(got) - n) : 0;

		if (bytes_in == 0)
			continue;
		assert_true(bytes_in >= 24);
		memmove(got + n, got + n + 24, bytes_in - 24);
		n += bytes_in - 24;
	}
	for (; at < n; pkts++)
		at += 16 + pkts;
	assert_int_equal(at, n);
	return pkts;
}

/* Full wherever in a record: what is there is whole; when there is room again nothing is
 * missing. */
static void
full_and_room(void **state)
{
	static const int errors[] = {ENOSPC, EDQUOT, EIO, EFBIG};

	for (int64_t left = 0; left < 3 * 16 + 3 + 2; left++) {
		setup(state);
		why = errors[left % 4];
		start();
		room = left;
		put(20);
		UNTIL(fails());
		assert_in_range(count_now(), 0, 3);
		room = INT64_MAX;
		UNTIL(waiting() == 0 && !fails());
		put(30);
		stop();
		assert_int_equal(s.lost, 0);
		check(50);
		teardown(state);
	}
}

/* The same, compressed: frames are whole or not there. */
static void
full_and_room_zstd(void **state)
{
	if (!io_record_zstd())
		skip();
	for (int64_t left = 0; left < 200; left += 7) {
		setup(state);
		why = ENOSPC;
		s.cfg.record.zstd = true;
		start();
		put(10);
		UNTIL(waiting() == 0);
		room = left;
		put(20);
		UNTIL(fails() || waiting() == 0);
		assert_true(count_now() == 10 || waiting() == 0);
		room = INT64_MAX;
		UNTIL(waiting() == 0 && !fails());
		put(30);
		stop();
		assert_int_equal(s.lost, 0);
		check(60);
		teardown(state);
	}
}

/* Its sources have ended: what can't be written now is lost, and counted so; in either order.
 */
static void
lost_is_counted(void **state)
{
	for (int flush = 0; flush < 2; flush++) {
		uint32_t there;

		setup(state);
		why = ENOSPC;
		start();
		room = 1000;
		put(100);
		UNTIL(fails());
		there = count_now();
		if (flush) {
			io_sink_pcap.flush(s.priv);
			UNTIL(waiting() == 0);
			assert_int_equal(s.lost, 100 - there);
		}
		stop();
		assert_int_equal(s.lost, 100 - there);
		check(there);
		teardown(state);
	}
}

/* What can't be cut off is left, and the file with it. */
static void
damage_is_left_behind(void **state)
{
	struct stat st;

	setup(state);
	why = ENOSPC;
	cut_why = EIO;
	start();
	room = 16 + 16 + 1 + 5; /* packets 0 and 1, and 5 bytes */
	put(20);
	UNTIL(fails());
	room = INT64_MAX;
	UNTIL(waiting() == 0 && !fails());
	stop();
	assert_int_equal(s.lost, 0);
	assert_int_equal(stat(opened[0], &st), 0);
	assert_int_equal(st.st_size, 24 + 16 + 16 + 1 + 5);
	assert_int_equal(truncate(opened[0], 24 + 16 + 16 + 1), 0);
	check(20);
	teardown(state);
}

/* The ring is full: the engine goes on, and knows that the disk is slow. */
static void
slow_disk(void **state)
{
	const struct io_pkt *list[8];
	struct io_pkt big = {.data = bytes, .len = 262144, .wirelen = 262144};
	uint32_t took;

	setup(state);
	start();
	hangs = true;
	for (int i = 0; i < 8; i++)
		list[i] = &big;
	assert_true(io_sink_pcap.room(s.priv) > 0);
	took = io_sink_pcap.tx(s.priv, list, 8);
	assert_int_equal(took, 3); /* of 1 MiB */
	assert_int_equal(io_sink_pcap.room(s.priv), 0);
	assert_int_equal(io_sink_pcap.tx(s.priv, list, 8), 0);
	assert_true(io_sink_pcap.slow(s.priv));
	assert_int_equal(waiting(), 3);
	os_bell_drain(s.bell);
	assert_int_equal(io_sink_pcap.room(s.priv), 0); /* it wants to be told */
	hangs = false;
	UNTIL(poll(&(struct pollfd){.fd = s.bell, .events = POLLIN}, 1, 0) == 1);
	assert_true(io_sink_pcap.room(s.priv) > 0);
	UNTIL(waiting() == 0);
	stop();
	assert_int_equal(s.lost, 0);
	teardown(state);
}

/* A disk that is full holds nobody up, and is not called slow. */
static void
full_disk_holds_nobody(void **state)
{
	setup(state);
	why = ENOSPC;
	start();
	room = 0;
	put(1);
	UNTIL(fails());
	assert_int_equal(io_sink_pcap.room(s.priv), UINT32_MAX);
	assert_false(io_sink_pcap.slow(s.priv));
	stop();
	assert_int_equal(s.lost, 1);
	teardown(state);
}

static void
size_ends_files(void **state)
{
	for (int zip = 0; zip < (io_record_zstd() ? 2 : 1); zip++)
		for (uint64_t limit = 24; limit < 3000; limit += 371) {
			struct stat st;

			setup(state);
			s.cfg.record.zstd = zip;
			s.cfg.record.file_bytes = limit;
			start();
			for (int i = 0; i < 10; i++)
				put(20);
			stop();
			check(200);
			assert_true(nopened > 5);
			for (int i = 0; i < nopened && !zip; i++) {
				uint32_t caplen = 0;

				assert_int_equal(stat(opened[i], &st), 0);
				assert_int_equal(
					slurp(opened[i], got, sizeof(got)), st.st_size);
				memcpy(&caplen, got + 24 + 8, 4); /* or it holds one packet */
				assert_true((uint64_t)st.st_size <= limit ||
					    st.st_size == 24 + 16 + caplen);
			}
			teardown(state);
		}
}

/* By the packets' time: at multiples of 5 s, wherever the bursts end. */
static void
time_ends_files(void **state)
{
	setup(state);
	s.cfg.record.rotate_s = 5;
	s.cfg.path = "%s.pcap";
	assert_int_equal(chdir(folder), 0);
	start();
	for (int i = 0; i < 100; i++)
		put(3);
	stop();
	check(300);
	assert_int_equal(nopened, 6);
	for (int i = 0; i < 6; i++) {
		char name[40];

		snprintf(name, sizeof(name), "%d.pcap", 1000 + 5 * i);
		assert_string_equal(opened[i], name);
	}
	assert_int_equal(chdir("/"), 0);
	teardown(state);
}

/* Nothing comes any more: the clock ends a live one's file, another begins with the next
 * packet. */
static void
quiet_time_ends_files(void **state)
{
	int fd;

	setup(state);
	s.cfg.record.rotate_s = 3600; /* packets are of 1000 to 1040 s, so to 3600 */
	s.cfg.record.live = true;
	now_s = 3600; /* not yet: packets may be on their way */
	start();
	put(5);
	UNTIL(waiting() == 0);
	put(5);
	UNTIL(waiting() == 0);
	assert_int_equal(nopened, 1);
	fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), -1);
	now_s = 3601;
	UNTIL(flock(fd, LOCK_SH | LOCK_NB) == 0); /* it is closed */
	close(fd);
	put(1);
	UNTIL(waiting() == 0);
	assert_int_equal(nopened, 2);
	stop();
	check(s.put);
	teardown(state);
}

static void
oldest_are_removed(void **state)
{
	setup(state);
	s.cfg.record.file_bytes = 500;
	s.cfg.record.filecount = 3;
	start();
	put(10);
	UNTIL(waiting() == 0);
	assert_int_equal(nopened, 1);
	/* Somebody else's, in the place of ours. */
	assert_int_equal(unlink(opened[0]), 0);
	assert_int_equal(close(open(opened[0], O_WRONLY | O_CREAT, 0600)), 0);
	put(190);
	stop();
	assert_true(nopened > 20);
	for (int i = 0; i < nopened; i++)
		assert_int_equal(access(opened[i], F_OK) == 0, i == 0 || i >= nopened - 3);
	teardown(state);
}

/* What was there before is not touched, but for the first file of a path without time. */
static void
others_are_left(void **state)
{
	char name[160];
	struct stat st;

	setup(state);
	for (int i = 1; i < 4; i += 2) {
		int fd;

		snprintf(name, sizeof(name), "%s/a-%d.pcap", folder, i);
		fd = open(name, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(write(fd, "mine", 4), 4);
		close(fd);
	}
	s.cfg.record.file_bytes = 2000;
	start();
	put(150);
	stop();
	check(150);
	for (int i = 1; i < 4; i += 2) {
		snprintf(name, sizeof(name), "%s/a-%d.pcap", folder, i);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_size, 4);
	}
	snprintf(name, sizeof(name), "%s/a-2.pcap", folder);
	assert_string_equal(opened[1], name);
	snprintf(name, sizeof(name), "%s/a-4.pcap", folder);
	assert_string_equal(opened[2], name);
	teardown(state);
}

static void
rotate(void)
{
	uint32_t number = io_sink_pcap.rotate(s.priv);

	UNTIL((int32_t)(io_sink_pcap.rotated(s.priv) - number) >= 0);
}

/* On demand all that was put is in the file that ends; a file that was moved away is made anew.
 */
static void
demand_ends_files(void **state)
{
	char moved[160];

	for (int zip = 0; zip < (io_record_zstd() ? 2 : 1); zip++) {
		setup(state);
		s.cfg.record.zstd = zip;
		start();
		rotate(); /* of an empty one: it stays */
		put(10);
		rotate();
		check(10);
		rotate();
		put(20);
		rotate();
		check(30);
		assert_int_equal(nopened, 2);
		snprintf(moved, sizeof(moved), "%s/moved", folder);
		assert_int_equal(rename(opened[0], moved), 0);
		put(10);
		rotate();
		assert_int_equal(nopened, 3);
		assert_string_equal(opened[2], path);
		check_from(1, 10, 40);
		stop();
		teardown(state);
	}
}

/* The file, then its folder too, is removed: it goes on in a new one when there can be one. */
static void
removed(void **state)
{
	char away[80];

	setup(state);
	snprintf(away, sizeof(away), "%s-away", folder);
	start();
	put(10);
	UNTIL(waiting() == 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(folder, away), 0);
	now_s++;
	put(10);
	UNTIL(fails());
	assert_int_equal(rename(away, folder), 0);
	UNTIL(waiting() == 0 && !fails());
	stop();
	check_from(nopened - 1, 10, 20);
	teardown(state);
}

static void
refusals(void **state)
{
	struct io_err err = {""};

	setup(state);
	s.cfg.path = "/dev/null";
	s.cfg.record.file_bytes = 1000;
	assert_int_equal(io_sink_pcap.open(s.priv, &s.cfg, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is a device"));
	s.cfg.path = "/nonexistent/%s";
	assert_int_equal(io_sink_pcap.open(s.priv, &s.cfg, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no folder \"/nonexistent\""));
	s.cfg.path = "/tmp/%q";
	assert_int_equal(io_sink_pcap.open(s.priv, &s.cfg, &err), -EINVAL);
	assert_non_null(strstr(err.text, "%q"));
	assert_int_equal(io_sink_pcap.close(s.priv), 0);
	teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_and_room),
		cmocka_unit_test(full_and_room_zstd),
		cmocka_unit_test(lost_is_counted),
		cmocka_unit_test(damage_is_left_behind),
		cmocka_unit_test(slow_disk),
		cmocka_unit_test(full_disk_holds_nobody),
		cmocka_unit_test(size_ends_files),
		cmocka_unit_test(time_ends_files),
		cmocka_unit_test(quiet_time_ends_files),
		cmocka_unit_test(oldest_are_removed),
		cmocka_unit_test(others_are_left),
		cmocka_unit_test(demand_ends_files),
		cmocka_unit_test(removed),
		cmocka_unit_test(refusals),
	};

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 5 ^ i >> 8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
