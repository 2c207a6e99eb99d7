/*
 * Fuzz target of the packet parser.  Input: one byte of link type (bit 7: outer), then the
 * packet.  Run by libFuzzer (-Dfuzz=true) and, over the corpus, by replay.c as a test.
 */
#include "pkt.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
reverse(struct pkt_flow *f)
{
	struct pkt_flow t = *f;

	memcpy(f->src, t.dst, sizeof(f->src));
	memcpy(f->dst, t.src, sizeof(f->dst));
	f->sport = t.dport;
	f->dport = t.sport;
}

static bool
has_ports(const struct pkt_flow *f)
{
	return f->sport != 0 || f->dport != 0;
}

static void
check_flow(const struct pkt_flow *f, size_t size)
{
	must(f->reason < PKT_REASONS && f->nlayers <= PKT_MAX_HEADERS);
	must(f->nfrags <= PKT_MAX_FRAGS && (!f->later || f->nfrags > 0));
	must((f->reason == PKT_FRAGMENT) == f->later && !(f->later && has_ports(f)));
	must((f->reason == PKT_FIRST_FRAGMENT) == (f->nfrags > 0 && !f->later));
	must(f->l3_off <= size && f->l4_off <= size &&
		(f->l4_off == 0 || f->l3_off < f->l4_off));
	must(f->family >= PKT_FAMILY_IPV4 || !has_ports(f));
	must(f->reason != PKT_OK || f->family >= PKT_FAMILY_IPV4);
	must(f->family == PKT_FAMILY_NONE || f->hashed < f->nlayers);
	for (unsigned i = 0; i < f->nlayers; i++)
		must(f->layer[i].off <= size &&
			(i == 0 || f->layer[i].off >= f->layer[i - 1].off));
}

/* The input in memory of its own, so that a sanitizer sees reads past any end. */
static void
check_cut(const uint8_t *data, size_t size, enum pkt_link link, const struct pkt_conf *conf)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct pkt_flow f;

	must(copy != NULL);
	memcpy(copy, data, size);
	pkt_parse(copy, (uint32_t)size, link, conf, &f);
	check_flow(&f, size);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pkt_conf conf;
	uint64_t digest[PKT_FIELDS_MAX];
	enum pkt_link link;
	struct pkt_flow f;
	uint8_t reason;

	if (size == 0)
		return 0;
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	link = (data[0] & 127) % PKT_LINKS;
	conf.outer = data[0] >> 7;
	data++;
	size--;
	pkt_digests(data, (uint32_t)size, link, &conf, digest, &f);
	check_flow(&f, size);
	must(digest[0] == pkt_digest(data, (uint32_t)size, link, &conf, &reason));
	must(reason == f.reason);
	reverse(&f);
	for (int i = 0; i < PKT_FIELDS_MAX; i++)
		must(digest[i] == pkt_flow_digest(&f, &conf, i));
	check_cut(data, size * 3 / 4, link, &conf);
	return 0;
}
