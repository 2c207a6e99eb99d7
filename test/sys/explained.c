/*
 * explained: splits a capture over `pcap:` channels with an engine, and then asks ctl_explain
 * about each of its packets.  One line each, in the order of the answers: number, channel's
 * number, number of the first fragment that it follows (0: none).  Used by explained.py.
 *
 * usage: explained CAPTURE CHANNELS PREFIX	(the outputs are PREFIX0, PREFIX1, ...)
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 4096

struct answer {
	const char *prefix;
	uint32_t depth;
	uint64_t number, follows;
	const char *channel; /* its number */
	char text[NAME_MAX_BYTES];
};

static void
on_open(void *arg, const char *key)
{
	struct answer *a = arg;

	if (a->depth++ > 0)
		return;
	a->follows = 0;
	a->channel = "none";
}
static void
on_close(void *arg)
{
	struct answer *a = arg;

	if (--a->depth == 0)
		printf("%" PRIu64 " %s %" PRIu64 "\n", a->number, a->channel, a->follows);
}
static void
on_str(void *arg, const char *key, const char *value)
{
	struct answer *a = arg;
	size_t skip = strlen("pcap:") + strlen(a->prefix);

	if (key == NULL || strcmp(key, "channel") != 0 || strlen(value) <= skip)
		return;
	snprintf(a->text, sizeof(a->text), "%s", value + skip);
	a->channel = a->text;
}
static void
on_num(void *arg, const char *key, uint64_t value)
{
	struct answer *a = arg;

	if (a->depth != 1 || key == NULL)
		return;
	if (strcmp(key, "number") == 0)
		a->number = value;
	if (strcmp(key, "follows") == 0)
		a->follows = value;
}
static void
on_real(void *arg, const char *key, double value)
{
}

static int
split(struct ctl *ctl, const char *file, uint32_t channels, const char *prefix,
	struct ctl_err *err)
{
	const struct ctl_engine_args engine = {.name = "e", .type = "pcap", .cpu = -1};
	const struct ctl_link_args link = {.engine = "e", .ifname = file, .qid = -1, .loop = 1};
	char name[NAME_MAX_BYTES];
	struct ctl_channel_args channel = {.engine = "e", .channel = name};
	int rc = ctl_engine_new(ctl, &engine, err);

	if (rc == 0)
		rc = ctl_link(ctl, &link, err);
	for (uint32_t i = 0; rc == 0 && i < channels; i++) {
		snprintf(name, sizeof(name), "pcap:%s%u", prefix, (unsigned)i);
		rc = ctl_channel_open(ctl, &channel, err);
	}
	if (rc == 0)
		rc = ctl_engine_start(ctl, "e", err);
	if (rc == 0)
		rc = ctl_wait(ctl, "e", 60, NULL, err);
	return rc;
}

int
main(int argc, char **argv)
{
	struct answer a = {.prefix = argc == 4 ? argv[3] : ""};
	const struct ctl_visitor v = {&a, on_open, on_close, on_str, on_num, on_real};
	const struct ctl_explain_args args = {.engine = "e", .file = argv[1]};
	struct ctl_err err;
	struct ctl *ctl;
	int rc;

	if (argc != 4) {
		fprintf(stderr, "usage: explained CAPTURE CHANNELS PREFIX\n");
		return 2;
	}
	rc = ctl_open(&ctl, &err);
	if (rc < 0) {
		fprintf(stderr, "explained: %s\n", err.text);
		return 1;
	}
	rc = split(ctl, argv[1], (uint32_t)strtoul(argv[2], NULL, 10), argv[3], &err);
	if (rc == 0)
		rc = ctl_explain(ctl, &args, &v, &err);
	ctl_close(ctl);
	if (rc < 0)
		fprintf(stderr, "explained: %s\n", err.text);
	return rc < 0;
}
