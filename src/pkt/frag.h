/*
 * pkt/frag: which flow the fragments of a datagram belong to.  Only the first fragment has
 * ports; it leaves its digests here, under the datagram's *tag* (a keyed hash of addresses,
 * identification and protocol), and the others look them up.
 *
 * One table of fixed size for all engines whose channels are shared: any thread may put and
 * find at any time; nobody waits for longer than a few hundred loads, nothing is allocated. Who
 * sends endless first fragments pushes out others' (the oldest of one small set, which the
 * keyed tag chooses); he can do nothing else, and each case is a return value to be counted.
 *
 * Times are capture times.  An entry lives life_ns; a clock that jumped, either way, by more
 * than that ends it too.
 */
#ifndef PACF_PKT_FRAG_H
#define PACF_PKT_FRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PKT_FRAG_DIGESTS 4     /* one for each set of fields that groups may hash */
#define PKT_FRAG_ENTRIES 4096u /* usual size */
#define PKT_FRAG_LIFE_NS UINT64_C(30000000000) /* what systems keep fragments for */
#define PKT_FRAG_ALIGN	 64

struct pkt_frag;

/* Bytes that a table of so many entries needs (rounded up to whole sets). */
size_t pkt_frag_bytes(uint32_t entries);
/* Makes a table of memory that is aligned to PKT_FRAG_ALIGN, and stays the caller's.  Before
 * any thread uses it. */
struct pkt_frag *pkt_frag_init(void *memory, uint32_t entries, uint64_t life_ns);

enum pkt_frag_put_result {
	PKT_FRAG_NEW,	  /* took a place that was empty or expired */
	PKT_FRAG_AGAIN,	  /* replaced what an earlier first fragment of the same tag left */
	PKT_FRAG_EVICTED, /* pushed out the oldest of its set, which had time left */
	PKT_FRAG_BUSY,	  /* not stored: another thread was held up while writing to the set */
	PKT_FRAG_PUT_RESULTS
};
enum pkt_frag_put_result pkt_frag_put(struct pkt_frag *table, uint64_t tag, uint64_t now_ns,
	const uint64_t digests[PKT_FRAG_DIGESTS]);
/* False, and out untouched: no first fragment of that tag is known. */
bool pkt_frag_find(
	struct pkt_frag *table, uint64_t tag, uint64_t now_ns, uint64_t out[PKT_FRAG_DIGESTS]);

#ifdef __cplusplus
}
#endif
#endif
