/*
 * dp/top: heavy hitters of one channel.  Engine thread, for packets of the bursts that are
 * looked at; other threads read what it publishes.
 *
 * Invariant: the counters sum up to `pkts`.  Counts only grow: so the counters that had the
 * smallest count when last looked and still have it are the smallest, and looking through all
 * of them is needed only when there are none left, that is, after as many replacements as there
 * were.
 */
#include "top.h"

#include <assert.h>
#include <string.h>

#define NONE  UINT16_MAX
#define TRIES 1000
#define WORDS (sizeof(struct dp_top_view) / sizeof(uint64_t))

static_assert(sizeof(struct dp_top_view) % sizeof(uint64_t) == 0, "shared as words");
static_assert((DP_TOP_COUNTERS & (DP_TOP_COUNTERS - 1)) == 0, "heads are a power of two");

void
dp_top_clear(struct dp_top *top)
{
	memset(top, 0, sizeof(*top));
	memset(top->heads, 0xff, sizeof(top->heads));
}

/* The digests of one channel share what bucket and sampling took from them: take other bits. */
static uint16_t *
head_of(struct dp_top *top, uint64_t digest)
{
	return &top->heads[(digest * UINT64_C(0xbf58476d1ce4e5b9) >> 32) %
			   (2 * DP_TOP_COUNTERS)];
}

static void
unlink_counter(struct dp_top *top, uint16_t i)
{
	uint16_t *at = head_of(top, top->counters[i].digest);

	while (*at != i)
		at = &top->next[*at];
	*at = top->next[i];
}

/* No error and no flow without a counter is larger: 0 while counters are left. */
static uint64_t
smallest(const struct dp_top *top)
{
	uint64_t pkts = UINT64_MAX;

	for (uint32_t i = 0; i < DP_TOP_COUNTERS; i++)
		if (top->counters[i].pkts < pkts)
			pkts = top->counters[i].pkts;
	return pkts;
}

static void
look_for_lowest(struct dp_top *top)
{
	top->low_pkts = smallest(top);
	top->nlow = 0;
	for (uint32_t i = 0; i < DP_TOP_COUNTERS; i++) {
		top->low[top->nlow] = (uint16_t)i;
		top->nlow += top->counters[i].pkts == top->low_pkts;
	}
}

static uint16_t
take_lowest(struct dp_top *top)
{
	for (;;) {
		while (top->nlow > 0) {
			uint16_t i = top->low[--top->nlow];

			if (top->counters[i].pkts == top->low_pkts)
				return i;
		}
		look_for_lowest(top);
	}
}

static __attribute__((noinline)) uint16_t
assign(struct dp_top *top, uint64_t digest, const struct io_pkt *pkt, uint32_t link)
{
	uint16_t i, *head = head_of(top, digest);
	struct dp_top_header *h;
	struct dp_top_counter *c;

	if (top->used < DP_TOP_COUNTERS) {
		i = (uint16_t)top->used++;
	} else {
		i = take_lowest(top);
		unlink_counter(top, i);
	}
	top->next[i] = *head;
	*head = i;
	c = &top->counters[i];
	*c = (struct dp_top_counter){
		.digest = digest, .pkts = c->pkts, .error_pkts = c->pkts, .bytes = 0};
	h = &top->headers[i];
	h->link = link;
	h->len = pkt->len < DP_TOP_HEADER ? pkt->len : DP_TOP_HEADER;
	h->caplen = pkt->len;
	h->wirelen = pkt->wirelen;
	memcpy(h->data, pkt->data, h->len);
	return i;
}

void
dp_top_add(struct dp_top *top, uint64_t digest, const struct io_pkt *pkt, uint32_t link,
	uint32_t weight)
{
	uint64_t bytes = (uint64_t)weight * pkt->wirelen;
	uint16_t i = *head_of(top, digest);

	while (i != NONE && top->counters[i].digest != digest)
		i = top->next[i];
	if (i == NONE)
		i = assign(top, digest, pkt, link);
	top->counters[i].pkts += weight;
	top->counters[i].bytes += bytes;
	top->pkts += weight;
	top->bytes += bytes;
}

/* The largest counters, largest first; of equal ones the one with the smaller error. */
static uint32_t
order(const struct dp_top *top, uint16_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < top->used; i++) {
		const struct dp_top_counter *c = &top->counters[i];
		uint32_t at = n;

		for (; at > 0; at--) {
			const struct dp_top_counter *o = &top->counters[out[at - 1]];

			if (o->pkts > c->pkts ||
				(o->pkts == c->pkts && o->error_pkts <= c->error_pkts))
				break;
			if (at < DP_TOP_SHOWN)
				out[at] = out[at - 1];
		}
		if (at < DP_TOP_SHOWN)
			out[at] = (uint16_t)i;
		n += n < DP_TOP_SHOWN;
	}
	return n;
}

static void
view_make(const struct dp_top *top, struct dp_top_view *view)
{
	uint16_t first[DP_TOP_SHOWN];

	memset(view, 0, sizeof(*view));
	view->pkts = top->pkts;
	view->bytes = top->bytes;
	view->bound_pkts = smallest(top);
	view->nflows = order(top, first);
	for (uint32_t i = 0; i < view->nflows; i++) {
		view->flows[i].counter = top->counters[first[i]];
		view->flows[i].header = top->headers[first[i]];
	}
}

/*
 * Values are stored with release and loaded with acquire: a reader that sees one of them also
 * sees, when it looks again, the odd seq that came before, and starts over.
 */
void
dp_top_publish(const struct dp_top *top, struct dp_top_shared *shared)
{
	uint64_t seq = atomic_load_explicit(&shared->seq, memory_order_relaxed);
	struct dp_top_view view;
	uint64_t word;

	view_make(top, &view);
	atomic_store_explicit(&shared->seq, seq + 1, memory_order_relaxed);
	for (size_t i = 0; i < WORDS; i++) {
		memcpy(&word, (const uint8_t *)&view + i * sizeof(word), sizeof(word));
		atomic_store_explicit(&shared->words[i], word, memory_order_release);
	}
	/* Release: pairs with the reader's first load of seq. */
	atomic_store_explicit(&shared->seq, seq + 2, memory_order_release);
}

bool
dp_top_read(struct dp_top_shared *shared, struct dp_top_view *out)
{
	for (int t = 0; t < TRIES; t++) {
		uint64_t seq = atomic_load_explicit(&shared->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		for (size_t i = 0; i < WORDS; i++) {
			uint64_t word =
				atomic_load_explicit(&shared->words[i], memory_order_acquire);

			memcpy((uint8_t *)out + i * sizeof(word), &word, sizeof(word));
		}
		if (atomic_load_explicit(&shared->seq, memory_order_relaxed) == seq)
			return true;
	}
	return false;
}
