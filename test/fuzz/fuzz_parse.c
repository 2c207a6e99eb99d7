/*
 * Fuzz target of the packet parser.  Input: one byte of link type, then the packet.  Run by
 * libFuzzer (-Dfuzz=true) and, over the corpus, by replay.c as a test.
 */
#include "parse.c"
#include "hash.c"

#include <stddef.h>
#include <stdlib.h>

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pkt_key key;
	struct pkt_flow f;
	enum pkt_link link;
	uint8_t reason;
	uint64_t d;

	if (size == 0)
		return 0;
	link = data[0] % (PKT_LINK_SLL2 + 1);
	data++;
	size--;
	pkt_key_expand(&key, PKT_DEFAULT_KEY);
	pkt_parse(data, (uint32_t)size, link, &f);
	must(f.reason < PKT_REASONS && f.headers <= PKT_MAX_HEADERS);
	must(f.l3_off <= size && f.l4_off <= size && (f.l4_off == 0 || f.l3_off < f.l4_off));
	must(f.reason == PKT_OK || (f.sport == 0 && f.dport == 0));
	must(f.reason != PKT_OK || f.family >= PKT_FAMILY_IPV4);
	d = pkt_digest(data, (uint32_t)size, link, &key, &reason);
	must(reason == f.reason && d == pkt_flow_digest(&f, &key));
	reverse(&f);
	must(d == pkt_flow_digest(&f, &key));
	return 0;
}
