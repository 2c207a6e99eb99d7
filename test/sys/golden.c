/*
 * golden: what each packet of a capture is split by, one line each: number, reason, its bucket
 * in the group "default" for each set of fields, with the key that offline sources have.  Read
 * with the source that is named.  Used by golden.py.
 *
 * usage: golden SOURCE CAPTURE
 */
#include "rig.h"
#include "pkt.h"

static void
print(const struct io_pkt *pkt, enum pkt_link link, const struct pkt_conf *conf, unsigned n)
{
	uint64_t key = pkt_group_key(PKT_DEFAULT_KEY, "default"), digests[PKT_FIELDS_MAX];
	struct pkt_flow flow;
	uint8_t reason;

	pkt_digests(pkt->data, pkt->len, link, conf, digests, &flow);
	assert_int_equal(digests[PKT_FIELDS_5TUPLE],
		pkt_digest(pkt->data, pkt->len, link, conf, &reason));
	assert_int_equal(reason, flow.reason);
	printf("%u", n);
	for (unsigned f = 0; f < PKT_FIELDS_MAX; f++)
		printf(" %04x", (unsigned)pkt_bucket(digests[f], key));
	printf(" %s\n", pkt_reason_name((enum pkt_reason)reason));
}

int
main(int argc, char **argv)
{
	const struct io_source_ops *ops = argc == 3 ? io_source_find(argv[1]) : NULL;
	struct pkt_conf conf;
	struct io_pkt pkt;
	struct rig r;
	unsigned n = 0;
	int got;

	if (ops == NULL) {
		fprintf(stderr, "usage: golden SOURCE CAPTURE\n");
		return 2;
	}
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	rig_init(&r, ops, 4096, 2);
	assert_int_equal(rig_open(&r, argv[2], 0, 1), 0);
	while ((got = rig_next(&r, &pkt)) > 0) {
		print(&pkt, pkt_link_from_dlt(r.info.dlt), &conf, ++n);
		rig_put(&r, &pkt);
	}
	assert_int_equal(got, IO_EOF);
	rig_close(&r);
	return 0;
}
