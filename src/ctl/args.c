/*
 * ctl/args: what a user wrote about a channel -> what it means.  Pure but for the errors;
 * called by channel.c.
 */
#include "state.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static int
name_part(const char *s, size_t n, const char *extra)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && strchr(extra, s[i]) == NULL)
			return 0;
	return n > 0;
}

/* "eth3{0" */
static int
pacf_name_check(const char *spelled, const char *name, struct ctl_err *err)
{
	const char *brace = strchr(name, '{');

	if (brace == NULL && strchr(name, '}') != NULL)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": \"}\" is the application's end; the engine opens the "
			"other: use \"{\"",
			spelled);
	if (strlen(name) >= CHAN_NAME_MAX)
		return ctl_fail(err, -ENAMETOOLONG,
			"channel \"%.40s...\": longer than %d bytes", spelled,
			CHAN_NAME_MAX - 1);
	if (brace == NULL || !name_part(name, (size_t)(brace - name), "_.-:@") ||
		!name_part(brace + 1, strlen(brace + 1), "_.-"))
		return ctl_fail(err, -EINVAL,
			"channel \"%s\" is no name like \"eth3{0\": letters, digits and "
			"\"_.-\" around one \"{\"",
			spelled);
	return 0;
}

static int
transport_refuse(const char *spelled, struct ctl_err *err)
{
	const char *colon = strchr(spelled, ':');
	int n = (int)(colon - spelled);

	if (strncmp(spelled, "netmap:", 7) == 0 && access("/dev/netmap", F_OK) != 0)
		return ctl_fail(err, -ENODEV,
			"%s needs the netmap kernel module (/dev/netmap is missing); use "
			"pacf:%s",
			spelled, colon + 1);
	if (strncmp(spelled, "netmap:", 7) == 0 || strncmp(spelled, "netdev:", 7) == 0)
		return ctl_fail(err, -ENOTSUP,
			"%s: transport \"%.*s\" is not in this build; use pacf: or pcap:PATH",
			spelled, n, spelled);
	return ctl_fail(err, -EINVAL,
		"%s: no transport \"%.*s\"; there are pacf: and pcap:", spelled, n, spelled);
}

/* Splits "[transport:]name" into the canonical spelling. */
int
ctl_channel_parse(struct ctl_channel *ch, const char *spelled, struct ctl_err *err)
{
	const char *brace = strpbrk(spelled, "{}"), *colon = strchr(spelled, ':');

	if (strlen(spelled) + sizeof("pacf:") > sizeof(ch->spelled))
		return ctl_fail(
			err, -ENAMETOOLONG, "channel \"%.40s...\" is too long", spelled);
	if (strncmp(spelled, "pcap:", 5) == 0) {
		ch->transport = CTL_PCAP;
		snprintf(ch->spelled, sizeof(ch->spelled), "%s", spelled);
		ch->name = ch->spelled + 5;
		if (ch->name[0] == '\0')
			return ctl_fail(err, -EINVAL,
				"channel \"pcap:\" lacks the file's path: pcap:PATH");
		return 0;
	}
	if (strncmp(spelled, "pacf:", 5) == 0)
		spelled += 5;
	else if (colon != NULL && (brace == NULL || colon < brace))
		return transport_refuse(spelled, err);
	ch->transport = CTL_PACF;
	snprintf(ch->spelled, sizeof(ch->spelled), "pacf:%s", spelled);
	ch->name = ch->spelled + 5;
	return pacf_name_check(ch->spelled, ch->name, err);
}

static int
word_find(const char *what, const char *word, const char *const *words, int n, int none,
	struct ctl_err *err)
{
	char list[128] = "";

	if (word == NULL)
		return none;
	for (int i = 0; i < n; i++)
		if (strcasecmp(word, words[i]) == 0)
			return i;
	for (int i = 0; i < n; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			i ? ", " : "", words[i]);
	return ctl_fail(err, -EINVAL, "%s=\"%s\": use one of %s", what, word, list);
}

/* n: how many of the words are allowed here. */
static int
policy_find(const char *what, const char *word, int n, struct ctl_err *err)
{
	static const char *const words[] = {"drop", "wait", "rebalance"};
	static const enum ctl_policy policies[] = {
		CTL_POLICY_DROP, CTL_POLICY_WAIT, CTL_POLICY_REBALANCE};
	int i = word_find(what, word, words, n, -1, err);

	if (word == NULL)
		return CTL_BY_SOURCE;
	return i < 0 ? i : (int)policies[i];
}

int
ctl_channel_policies(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	static const char *const actions[] = {"SAMPLE", "COPY", "DROP"};
	int action = word_find("action", args->action, actions, 3, CTL_SAMPLE, err);
	int full = policy_find("when_full", args->when_full, 2, err);
	int detached =
		full < 0 ? full : policy_find("when_detached", args->when_detached, 3, err);

	if (action < 0 || detached < 0)
		return -EINVAL;
	ch->action = (enum ctl_action)action;
	ch->when_full = (enum ctl_policy)full;
	ch->when_detached = (enum ctl_policy)detached;
	return 0;
}

/* After the policies. */
int
ctl_channel_selection(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	bool drop = ch->action == CTL_DROP;

	if (drop && (args->snaplen != 0 || args->sample > 1))
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": nothing comes out of a DROP channel, so it has no %s; "
			"a "
			"filter says what it drops",
			ch->spelled, args->snaplen != 0 ? "snaplen" : "sample");
	if (ch->action != CTL_SAMPLE && args->fields != NULL)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": fields are what SAMPLE splits by; this one's action "
			"is %s",
			ch->spelled, drop ? "DROP" : "COPY");
	if (ch->when_detached == CTL_POLICY_REBALANCE &&
		(ch->action != CTL_SAMPLE || ch->transport != CTL_PACF))
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": when_detached=\"rebalance\" is for SAMPLE channels "
			"that an "
			"application opens; use drop or wait",
			ch->spelled);
	if (args->snaplen > IO_LARGE_BYTES)
		return ctl_fail(
			err, -EINVAL, "snaplen=%u: at most %u", args->snaplen, IO_LARGE_BYTES);
	ch->snaplen = args->snaplen;
	ch->sample = args->sample;
	if (args->filter == NULL)
		return 0;
	ch->expression = strdup(args->filter);
	return ch->expression != NULL ? 0 : ctl_fail(err, -ENOMEM, "filter: out of memory");
}

int
ctl_channel_size(struct ctl_channel *ch, uint32_t size, struct ctl_err *err)
{
	ch->slots = CTL_RING_SLOTS;
	if (size == 0)
		return 0;
	if (size < CHAN_MIN_SLOTS || size > CHAN_MAX_SLOTS)
		return ctl_fail(err, -EINVAL, "size=%u: a ring has %u to %u slots", size,
			CHAN_MIN_SLOTS, CHAN_MAX_SLOTS);
	for (ch->slots = CHAN_MIN_SLOTS; ch->slots < size;)
		ch->slots *= 2;
	return 0;
}
