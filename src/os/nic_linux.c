/*
 * os/nic_linux: cards by the ioctls of ethtool (linux/ethtool.h, linux/sockios.h).  Called by
 * ctl. Nothing is kept.  Features go by their names in the kernel's net/ethtool/common.c.
 */
#include "nic.h"
#include "sys.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FEATURES_MAX 256 /* 6.18 has 64 */
#define BLOCKS_MAX   (FEATURES_MAX / 32)
#define RSS_TOEPLITZ                                                             \
	1 /* ETH_RSS_HASH_TOP of the kernel's linux/ethtool.h, not in the user's \
	   */

/* The names of the kernel that make up one of ours: any of them that the driver knows. */
static const struct feature {
	const char *shown, *names[3];
} features[OS_OFFLOADS] = {
	[OS_GRO] = {"gro", {"rx-gro"}},
	[OS_GRO_HW] = {"rx-gro-hw", {"rx-gro-hw"}},
	[OS_LRO] = {"lro", {"rx-lro"}},
	[OS_RXVLAN] = {"rxvlan", {"rx-vlan-hw-parse"}},
	[OS_TSO] = {"tso", {"tx-tcp-segmentation"}},
	[OS_GSO] = {"gso", {"tx-generic-segmentation"}},
	[OS_TXCSUM] = {"tx",
		{"tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6"}},
};

const char *
os_nic_offload_name(enum os_offload offload)
{
	return features[offload].shown;
}

struct card {
	int sock;
	char name[OS_NETIF_NAME];
};

static int
card_open(struct card *c, const char *name)
{
	if (strlen(name) >= OS_NETIF_NAME)
		return -ENAMETOOLONG;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return c->sock < 0 ? -errno : 0;
}

static int
card_ask(const struct card *c, void *cmd)
{
	struct ifreq req;
	int rc;

	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, c->name, sizeof(c->name));
	req.ifr_data = cmd;
	rc = ioctl(c->sock, SIOCETHTOOL, &req);
	return rc < 0 ? -errno : rc;
}

/* The names of all features, FEATURES_MAX at most; how many.  The caller frees *out. */
static int
feature_names(const struct card *c, struct ethtool_gstrings **out)
{
	union {
		struct ethtool_sset_info info;
		char room[sizeof(struct ethtool_sset_info) + sizeof(__u32)];
	} ask;
	uint32_t count;
	int rc;

	memset(&ask, 0, sizeof(ask));
	ask.info.cmd = ETHTOOL_GSSET_INFO;
	ask.info.sset_mask = 1ull << ETH_SS_FEATURES;
	rc = card_ask(c, &ask);
	if (rc < 0)
		return rc;
	count = ask.info.data[0];
	if (count == 0 || count > FEATURES_MAX)
		return -ENOTSUP;
	*out = calloc(1, sizeof(**out) + (size_t)count * ETH_GSTRING_LEN);
	if (*out == NULL)
		return -ENOMEM;
	(*out)->cmd = ETHTOOL_GSTRINGS;
	(*out)->string_set = ETH_SS_FEATURES;
	(*out)->len = count;
	rc = card_ask(c, *out);
	if (rc < 0)
		free(*out);
	return rc < 0 ? rc : (int)count;
}

static bool
feature_is(const struct feature *f, const uint8_t *name)
{
	for (size_t i = 0; i < 3 && f->names[i] != NULL; i++)
		if (strncmp((const char *)name, f->names[i], ETH_GSTRING_LEN) == 0)
			return true;
	return false;
}

/* For each bit of the kernel's which of ours it is; -1: none. */
static int
feature_map(const struct card *c, int8_t *map)
{
	struct ethtool_gstrings *names;
	int n = feature_names(c, &names);

	for (int bit = 0; bit < n; bit++) {
		map[bit] = -1;
		for (int i = 0; i < OS_OFFLOADS; i++)
			if (feature_is(&features[i], names->data + bit * ETH_GSTRING_LEN))
				map[bit] = (int8_t)i;
	}
	if (n > 0)
		free(names);
	return n;
}

static int
offloads_of(const struct card *c, struct os_offloads *out)
{
	union {
		struct ethtool_gfeatures cmd;
		char room[sizeof(struct ethtool_gfeatures) +
			  BLOCKS_MAX * sizeof(struct ethtool_get_features_block)];
	} get;
	int8_t map[FEATURES_MAX];
	int n = feature_map(c, map), rc;

	memset(&get, 0, sizeof(get));
	get.cmd.cmd = ETHTOOL_GFEATURES;
	get.cmd.size = BLOCKS_MAX;
	rc = n < 0 ? n : card_ask(c, &get);
	if (rc < 0)
		return rc;
	for (int bit = 0; bit < n; bit++) {
		const struct ethtool_get_features_block *b = &get.cmd.features[bit / 32];
		uint32_t mask = 1u << bit % 32;
		uint32_t ours = map[bit] >= 0 ? 1u << map[bit] : 0;

		out->on |= b->active & mask ? ours : 0;
		out->wanted |= b->requested & mask ? ours : 0;
		out->changeable |= b->available & mask ? ours : 0;
	}
	return 0;
}

int
os_nic_offloads(const char *name, struct os_offloads *out)
{
	struct card c;
	int rc = card_open(&c, name);

	memset(out, 0, sizeof(*out));
	if (rc < 0)
		return rc;
	rc = offloads_of(&c, out);
	close(c.sock);
	return rc;
}

static int
offloads_set(const struct card *c, uint32_t which, uint32_t wanted)
{
	union {
		struct ethtool_sfeatures cmd;
		char room[sizeof(struct ethtool_sfeatures) +
			  BLOCKS_MAX * sizeof(struct ethtool_set_features_block)];
	} set;
	int8_t map[FEATURES_MAX];
	int n = feature_map(c, map);

	if (n < 0)
		return n;
	memset(&set, 0, sizeof(set));
	set.cmd.cmd = ETHTOOL_SFEATURES;
	set.cmd.size = (__u32)(n + 31) / 32;
	for (int bit = 0; bit < n; bit++) {
		uint32_t ours = map[bit] >= 0 ? 1u << map[bit] & which : 0;

		set.cmd.features[bit / 32].valid |= ours ? 1u << bit % 32 : 0;
		set.cmd.features[bit / 32].requested |= ours & wanted ? 1u << bit % 32 : 0;
	}
	n = card_ask(c, &set);
	return n < 0 ? n : 0; /* what is not possible is asked for all the same */
}

int
os_nic_offload_set(const char *name, uint32_t which, uint32_t wanted)
{
	struct card c;
	int rc = card_open(&c, name);

	if (rc < 0)
		return rc;
	rc = offloads_set(&c, which, wanted);
	close(c.sock);
	return rc;
}

static void
rings_of(const struct card *c, struct os_nic *out)
{
	struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
	struct ethtool_channels queues = {.cmd = ETHTOOL_GCHANNELS};

	if (card_ask(c, &ring) >= 0) {
		out->rx_ring = ring.rx_pending;
		out->rx_ring_max = ring.rx_max_pending;
	}
	if (card_ask(c, &queues) >= 0) {
		out->queues = queues.rx_count + queues.combined_count;
		out->queues_max = queues.max_rx + queues.max_combined;
		out->queues_paired = queues.max_combined > 0;
	}
}

/* Toeplitz's hash is the same for both directions if the key repeats every two bytes; newer
 * kernels (6.8) can also make it so before hashing: input_xfrm, then the first of rsvd8. */
static enum os_rss
rss_kind(const struct ethtool_rxfh *rss, const uint8_t *key)
{
	if (rss->rsvd8[0] != 0)
		return OS_RSS_SYMMETRIC;
	if (rss->key_size < 4 || rss->hfunc != RSS_TOEPLITZ)
		return OS_RSS_UNKNOWN;
	for (uint32_t i = 2; i < rss->key_size; i++)
		if (key[i] != key[i - 2])
			return OS_RSS_ONE_SIDED;
	return OS_RSS_SYMMETRIC;
}

static void
rss_read(const struct ethtool_rxfh *rss, struct os_nic *out)
{
	uint32_t most = 0;

	out->rss_entries = rss->indir_size;
	out->rss_key_bytes = rss->key_size;
	for (uint32_t i = 0; i < rss->indir_size; i++)
		most = rss->rss_config[i] + 1 > most ? rss->rss_config[i] + 1 : most;
	for (uint32_t queue = 0; queue < most; queue++)
		for (uint32_t i = 0; i < rss->indir_size; i++)
			if (rss->rss_config[i] == queue) {
				out->rss_queues++;
				break;
			}
	out->rss = rss_kind(rss, (const uint8_t *)(rss->rss_config + rss->indir_size));
}

static void
rss_of(const struct card *c, struct os_nic *out)
{
	struct ethtool_rxfh sizes = {.cmd = ETHTOOL_GRSSH}, *rss;

	if (card_ask(c, &sizes) < 0 || sizes.indir_size > 65536 || sizes.key_size > 4096)
		return;
	rss = calloc(1, sizeof(*rss) + sizes.indir_size * 4 + sizes.key_size);
	if (rss == NULL)
		return;
	rss->cmd = ETHTOOL_GRSSH;
	rss->indir_size = sizes.indir_size;
	rss->key_size = sizes.key_size;
	if (card_ask(c, rss) >= 0)
		rss_read(rss, out);
	free(rss);
}

int
os_nic_read(const char *name, struct os_nic *out)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct card c;
	int rc = card_open(&c, name);

	memset(out, 0, sizeof(*out));
	out->numa = -1;
	if (rc < 0)
		return rc;
	rc = card_ask(&c, &info);
	if (rc >= 0) {
		snprintf(out->driver, sizeof(out->driver), "%s", info.driver);
		snprintf(out->version, sizeof(out->version), "%s", info.version);
		snprintf(out->bus, sizeof(out->bus), "%s", info.bus_info);
	}
	rings_of(&c, out);
	rss_of(&c, out);
	os_nic_node(name, &out->numa);
	close(c.sock);
	/* No driver tells of itself in some virtual interfaces. */
	return rc == -EOPNOTSUPP || rc > 0 ? 0 : rc;
}
