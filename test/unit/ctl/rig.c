/*
 * rig: see rig.h; here the control plane and the capture.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct ctl *ctl;
struct ctl_err err;
struct ctl_breaker *rig_breaker;
char rig_dir[64];
char rig_capture[128];

static void
write_u32(FILE *f, uint32_t v)
{
	assert_int_equal(fwrite(&v, sizeof(v), 1, f), 1);
}

/* Ethernet, IPv4, UDP, both directions of 50 conversations. */
static void
write_packet(FILE *f, uint32_t i)
{
	uint8_t p[64] = {[12] = 0x08, [14] = 0x45, [17] = 50, [22] = 64, [23] = 17};
	uint32_t flow = i * 2654435761u >> 16;
	bool back = flow & 1;

	flow = flow / 2 % 50;
	p[26] = p[30] = 10;
	p[back ? 33 : 29] = (uint8_t)flow;
	p[back ? 32 : 28] = 1;
	p[back ? 35 : 37] = 53;
	p[back ? 36 : 34] = 4;
	p[39] = 30;
	memcpy(p + 42, &i, sizeof(i));
	write_u32(f, i / 1000);
	write_u32(f, i % 1000);
	write_u32(f, sizeof(p));
	write_u32(f, sizeof(p));
	assert_int_equal(fwrite(p, sizeof(p), 1, f), 1);
}

void
rig_write(const char *path, uint32_t n, uint32_t linktype, bool cut)
{
	const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, linktype};
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(header, sizeof(header), 1, f), 1);
	for (uint32_t i = 0; i < n; i++)
		write_packet(f, i);
	if (cut)
		for (uint32_t i = 0; i < 4; i++)
			write_u32(f, 60);
	assert_int_equal(fclose(f), 0);
}

int
rig_setup(void **state)
{
	snprintf(rig_dir, sizeof(rig_dir), "/tmp/pacf-ctl-XXXXXX");
	assert_non_null(mkdtemp(rig_dir));
	assert_int_equal(setenv("PACF_RUNDIR", rig_dir, 1), 0);
	snprintf(rig_capture, sizeof(rig_capture), "%s/in.pcap", rig_dir);
	rig_write(rig_capture, RIG_PKTS, 1, false);
	assert_int_equal(ctl_open(&ctl, &err), 0);
	assert_int_equal(ctl_breaker_open(&rig_breaker), 0);
	return 0;
}

int
rig_teardown(void **state)
{
	char command[128];

	ctl_close(ctl);
	ctl_breaker_close(rig_breaker);
	snprintf(command, sizeof(command), "rm -r %s", rig_dir);
	return system(command);
}

void
assert_ok(int rc, const char *call)
{
	if (rc != 0)
		fail_msg("%s: %d: %s", call, rc, err.text);
}

void
assert_refused(int got, int want, const char *one, const char *two, const char *call)
{
	if (got != want)
		fail_msg("%s: %d, not %d: %s", call, got, want, got < 0 ? err.text : "");
	if ((one != NULL && strstr(err.text, one) == NULL) ||
		(two != NULL && strstr(err.text, two) == NULL))
		fail_msg("%s: not \"%s\", \"%s\" in: %s", call, one ? one : "", two ? two : "",
			err.text);
	memset(&err, 0, sizeof(err));
}

int
rig_new(const char *engine)
{
	const struct ctl_engine_args args = {.name = engine, .type = "mem", .cpu = -1};

	return ctl_engine_new(ctl, &args, &err);
}

int
rig_link(const char *engine, uint64_t loop)
{
	const struct ctl_link_args args = {
		.engine = engine, .ifname = rig_capture, .qid = -1, .loop = loop};

	return ctl_link(ctl, &args, &err);
}

int
rig_open(const char *engine, const char *channel)
{
	const struct ctl_channel_args args = {.engine = engine, .channel = channel};

	return ctl_channel_open(ctl, &args, &err);
}

int
rig_open_copy(const char *engine, const char *channel, const char *policy)
{
	const struct ctl_channel_args args = {.engine = engine,
		.channel = channel,
		.action = "COPY",
		.when_full = policy,
		.when_detached = policy};

	return ctl_channel_open(ctl, &args, &err);
}

void
rig_engine(const char *engine, const char *channel)
{
	OK(rig_new(engine));
	OK(rig_link(engine, 1));
	OK(rig_open(engine, channel));
}
