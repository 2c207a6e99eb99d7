/*
 * ctl/args: what a user wrote about a channel or an engine -> what it means.  Pure but for the
 * errors; called by channel.c and engine.c.
 */
#include "state.h"
#include "netif.h"

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

	return ctl_fail(err, -EINVAL,
		"%s: no transport \"%.*s\"; there are pacf:, pcap:, netdev: and netmap:",
		spelled, n, spelled);
}

/* "netmap:eth3{0", "netmap:vale0:a", "netmap:eth4" */
static int
netmap_name_check(const char *spelled, const char *name, struct ctl_err *err)
{
	if (access("/dev/netmap", F_OK) != 0)
		return ctl_fail(err, -ENODEV,
			"%s needs the netmap kernel module (/dev/netmap is missing); use "
			"pacf:%s",
			spelled, name);
	if (access("/dev/netmap", R_OK | W_OK) != 0)
		return ctl_fail(err, -EACCES,
			"%s: may not open /dev/netmap: run pacf as root, give its user that "
			"file, "
			"or use pacf:%s",
			spelled, name);
	if (name[0] == '\0')
		return ctl_fail(
			err, -EINVAL, "channel \"netmap:\" lacks a port, as in netmap:eth3{0");
	if (strchr(name, '}') != NULL)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": \"}\" is the application's end; the engine opens the "
			"other: use \"{\"",
			spelled);
	return 0;
}

/* "pcap:PATH" */
static int
pcap_name_check(const char *name, struct ctl_err *err)
{
	if (name[0] == '\0')
		return ctl_fail(
			err, -EINVAL, "channel \"pcap:\" lacks the file's path: pcap:PATH");
	return 0;
}

/* "netdev:veth0" */
static int
netdev_name_check(const char *spelled, const char *name, struct ctl_err *err)
{
	int n = (int)strcspn(name, "{}");

	if (name[0] == '\0')
		return ctl_fail(
			err, -EINVAL, "channel \"netdev:\" lacks the interface: netdev:IFNAME");
	if (name[n] != '\0')
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": packets go out of the interface itself, which has no "
			"ends \"{\" and \"}\"; say netdev:%.*s",
			spelled, n, name);
	if (n >= OS_NETIF_NAME || strpbrk(name, "/ \t\n") != NULL)
		return ctl_fail(err, -EINVAL,
			"channel \"%.60s\": \"%.60s\" is no name of an interface: up to %d "
			"characters without space or \"/\"",
			spelled, name, OS_NETIF_NAME - 1);
	return 0;
}

static const char *const transports[] = {"pacf", "pcap", "netdev", "netmap"};

const char *
ctl_transport_name(enum ctl_transport transport)
{
	return transports[transport];
}

/* Spelled out: "transport:name". */
static void
channel_set(struct ctl_channel *ch, enum ctl_transport transport, const char *name)
{
	ch->transport = transport;
	ch->name = ch->spelled +
		   snprintf(ch->spelled, sizeof(ch->spelled), "%s:", transports[transport]);
	snprintf(ch->spelled + strlen(ch->spelled), sizeof(ch->spelled) - strlen(ch->spelled),
		"%s", name);
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
		channel_set(ch, CTL_PCAP, spelled + 5);
		return pcap_name_check(ch->name, err);
	}
	if (strncmp(spelled, "netdev:", 7) == 0) {
		channel_set(ch, CTL_NETDEV, spelled + 7);
		return netdev_name_check(ch->spelled, ch->name, err);
	}
	if (strncmp(spelled, "netmap:", 7) == 0) {
		channel_set(ch, CTL_NETMAP, spelled + 7);
		return netmap_name_check(ch->spelled, ch->name, err);
	}
	if (strncmp(spelled, "pacf:", 5) == 0)
		spelled += 5;
	else if (colon != NULL && (brace == NULL || colon < brace))
		return transport_refuse(spelled, err);
	channel_set(ch, CTL_PACF, spelled);
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

/* In the order of enum ctl_policy, from CTL_POLICY_DROP on; the first n of them. */
static int
policy_find(const char *what, const char *word, int n, struct ctl_err *err)
{
	static const char *const words[] = {"drop", "wait", "rebalance", "hold"};
	int i = word_find(what, word, words, n, -1, err);

	if (word == NULL)
		return CTL_BY_SOURCE;
	return i < 0 ? i : CTL_POLICY_DROP + i;
}

static int
channel_policies(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	static const char *const actions[] = {"SAMPLE", "COPY", "DROP"};
	int action = word_find("action", args->action, actions, 3, CTL_SAMPLE, err);
	bool oldest =
		args->when_full != NULL && strcasecmp(args->when_full, "drop_oldest") == 0;
	int full = policy_find("when_full", oldest ? "drop" : args->when_full, 2, err);
	int detached =
		full < 0 ? full : policy_find("when_detached", args->when_detached, 4, err);

	if (action < 0 || detached < 0)
		return -EINVAL;
	if (oldest && ch->transport != CTL_NETMAP)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": when_full=\"drop_oldest\" is for netmap: channels; "
			"here "
			"the application has the oldest packets already: use drop or wait",
			ch->spelled);
	ch->keep_newest = oldest;
	ch->action = (enum ctl_action)action;
	ch->when_full = (enum ctl_policy)full;
	ch->when_detached = (enum ctl_policy)detached;
	return ctl_hold_args(ch, args, err);
}

/* What has no meaning for this action is not ignored. */
static int
rules_refuse(
	const struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	if (ch->action == CTL_DROP && (args->snaplen != 0 || args->sample != 0))
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": nothing comes out of a DROP channel, so it takes no "
			"%s; use "
			"filter to say what is dropped",
			ch->spelled, args->snaplen != 0 ? "snaplen" : "sample");
	if (ch->action != CTL_SAMPLE && (args->group != NULL || args->fields != NULL))
		return ctl_fail(err, -EINVAL, "channel \"%s\": %s is for SAMPLE channels; %s",
			ch->spelled, args->group != NULL ? "group" : "fields",
			ch->action == CTL_COPY ? "COPY gets every packet"
					       : "DROP keeps packets from all groups");
	if (ch->when_detached != CTL_POLICY_REBALANCE)
		return 0;
	if (ch->action != CTL_SAMPLE)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": when_detached=\"rebalance\" gives a share to the rest "
			"of "
			"a group, so it is for SAMPLE channels; use drop or wait",
			ch->spelled);
	if (ch->transport != CTL_PACF)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": when_detached=\"rebalance\" is for pacf: channels; "
			"no application opens a %s's",
			ch->spelled, ch->transport == CTL_PCAP ? "file" : "interface");
	return 0;
}

static int
channel_rules(struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	const char *words[PKT_FIELDS_MAX];

	for (int i = 0; i < PKT_FIELDS_MAX; i++)
		words[i] = pkt_fields_name((enum pkt_fields)i);
	ch->fields = word_find("fields", args->fields, words, PKT_FIELDS_MAX, -1, err);
	if (args->fields != NULL && ch->fields < 0)
		return ch->fields;
	if (args->snaplen > IO_LARGE_BYTES)
		return ctl_fail(err, -EINVAL, "snaplen=%u: 1 to %u bytes of a packet",
			args->snaplen, IO_LARGE_BYTES);
	if (args->sample > CTL_SAMPLE_MAX)
		return ctl_fail(err, -EINVAL, "sample=%u: 1 in 1 to %u flows", args->sample,
			CTL_SAMPLE_MAX);
	ch->snaplen = args->snaplen;
	ch->sample = args->sample;
	if (args->filter != NULL && args->filter[0] != '\0') {
		ch->filter_text = strdup(args->filter);
		if (ch->filter_text == NULL)
			return ctl_fail(
				err, -ENOMEM, "channel \"%s\": out of memory", ch->spelled);
	}
	return rules_refuse(ch, args, err);
}

static int
tunnel_refuse(const struct ctl_udp_tunnel *tunnel, int rc, struct ctl_err *err)
{
	char list[200] = "";

	for (unsigned i = 0; pkt_udp_tunnel_name(i) != NULL; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			i ? ", " : "", pkt_udp_tunnel_name(i));
	if (rc == -ENOENT)
		return ctl_fail(err, rc, "udp_tunnels: no UDP tunnel \"%.60s\"; there are %s",
			tunnel->name, list);
	if (rc == -ENOSPC)
		return ctl_fail(err, rc,
			"udp_tunnels: more than %d ports, those of tunnels that are not named "
			"included",
			PKT_MAX_UDP_PORTS);
	return ctl_fail(
		err, rc, "udp_tunnels: %s: a port is a number from 1 to 65535", tunnel->name);
}

int
ctl_engine_tunnels(
	struct pkt_conf *conf, const struct ctl_engine_args *args, struct ctl_err *err)
{
	static const char *const words[] = {"inner", "outer"};
	int outer = word_find("tunnels", args->tunnels, words, 2, 0, err);

	if (outer < 0)
		return outer;
	pkt_conf_init(conf, 0);
	conf->outer = outer == 1;
	for (uint32_t i = 0; i < args->nudp_tunnels; i++) {
		const struct ctl_udp_tunnel *tunnel = &args->udp_tunnels[i];
		int rc = pkt_conf_udp(conf, tunnel->name, tunnel->ports, tunnel->nports);

		if (rc < 0)
			return tunnel_refuse(tunnel, rc, err);
	}
	return 0;
}

static int
channel_size(struct ctl_channel *ch, uint32_t size, struct ctl_err *err)
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

int
ctl_channel_spec(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	int rc = ctl_channel_parse(ch, args->channel, err);

	if (rc == 0)
		rc = channel_policies(ch, args, err);
	if (rc == 0)
		rc = channel_size(ch, args->size, err);
	if (rc == 0)
		rc = ctl_access_channel(ch, args, err);
	if (rc == 0)
		rc = ctl_channel_record(ch, args, err);
	if (rc == 0)
		rc = channel_rules(ch, args, err);
	return rc < 0 ? rc : ctl_hold_make(ch, err);
}
