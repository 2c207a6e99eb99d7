/*
 * dp/reorder: the buffer.  Engine thread only.
 *
 * Invariant: ring[head .. head+n) is sorted by key and link.  What comes from a queue is nearly
 * always in order, so a burst is a few ascending runs, and each is merged in from the back: a
 * packet is moved as often as newer ones of other streams came in before it.
 */
#include "reorder.h"

#include <assert.h>

static_assert((DP_REORDER_MAX & (DP_REORDER_MAX - 1)) == 0, "positions wrap");
static_assert(DP_REORDER_MAX >= 2 * IO_BURST_MAX, "a burst fits when half is free");

void
dp_reorder_init(struct dp_reorder *r, bool exact, uint64_t window_ns, uint32_t ordinary)
{
	*r = (struct dp_reorder){.exact = exact, .window_ns = window_ns, .ordinary = ordinary};
}

static inline struct dp_reorder_entry *
at(struct dp_reorder *r, uint32_t i)
{
	return &r->ring[(r->head + i) & (DP_REORDER_MAX - 1)];
}

static inline bool
goes_after(const struct dp_reorder_entry *e, uint64_t key_ns, uint32_t link)
{
	return e->key_ns > key_ns || (e->key_ns == key_ns && e->pkt.link > link);
}

void
dp_reorder_clock(struct dp_reorder *r, uint64_t now_ns)
{
	uint64_t most = now_ns - r->window_ns;

	if (now_ns < r->now_ns) {
		for (uint32_t i = 0; i < r->n; i++)
			if (at(r, i)->key_ns > most)
				at(r, i)->key_ns = most;
		r->left_ns = r->left_ns < most ? r->left_ns : most;
		for (uint32_t i = 0; i < DP_MAX_LINKS; i++)
			if (r->links[i].newest_ns > most)
				r->links[i].newest_ns = most;
	}
	r->now_ns = now_ns;
}

static void
keys_make(struct dp_reorder *r, struct dp_reorder_link *from, const struct io_pkt *pkts,
	uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t key_ns = pkts[i].ts_ns;

		if (!from->mixed && key_ns < from->newest_ns)
			key_ns = from->newest_ns;
		if (!r->exact && key_ns > r->now_ns)
			key_ns = r->now_ns;
		if (key_ns > from->newest_ns)
			from->newest_ns = key_ns;
		r->keys[i] = key_ns;
		r->nlarge += pkts[i].frame >= r->ordinary;
	}
}

/* An ascending run.  From the back: the first to be placed is its last. */
static void
merge(struct dp_reorder *r, uint32_t link, const struct io_pkt *pkts, const uint64_t *keys,
	uint32_t n)
{
	uint32_t i = r->n, to = r->n + n;

	r->n = to;
	while (n > 0) {
		struct dp_reorder_entry *e = at(r, --to);

		if (i > 0 && goes_after(at(r, i - 1), keys[n - 1], link)) {
			*e = *at(r, --i);
			continue;
		}
		n--;
		e->key_ns = keys[n];
		e->pkt = pkts[n];
		e->pkt.link = link;
	}
}

void
dp_reorder_add(struct dp_reorder *r, uint32_t link, const struct io_pkt *pkts, uint32_t n)
{
	uint32_t end;

	assert(n <= IO_BURST_MAX && n <= DP_REORDER_MAX - r->n);
	keys_make(r, &r->links[link], pkts, n);
	r->links[link].waiting += n;
	for (uint32_t first = 0; first < n; first = end) {
		for (end = first + 1; end < n && r->keys[end] >= r->keys[end - 1]; end++)
			;
		merge(r, link, pkts + first, r->keys + first, end - first);
	}
}

/* Older than something that has left: there is nothing to wait for. */
static inline bool
may_leave(const struct dp_reorder *r, const struct dp_reorder_entry *e)
{
	return e->key_ns < r->until_ns || e->key_ns < r->left_ns || r->press > 0 ||
	       (e->key_ns == r->until_ns && e->pkt.link <= r->until_link);
}

uint32_t
dp_reorder_take(struct dp_reorder *r, struct io_pkt *out, uint32_t n, uint64_t *late)
{
	uint32_t got = 0;

	while (got < n && r->n > 0) {
		struct dp_reorder_entry *e = at(r, 0);

		if (!may_leave(r, e))
			break;
		if (e->key_ns < r->left_ns)
			++*late;
		else
			r->left_ns = e->key_ns;
		r->press -= r->press > 0;
		r->nlarge -= e->pkt.frame >= r->ordinary;
		r->links[e->pkt.link].waiting--;
		out[got++] = e->pkt;
		r->head++;
		r->n--;
	}
	return got;
}

uint64_t
dp_reorder_due_ns(const struct dp_reorder *r, uint64_t now_ns)
{
	uint64_t due_ns;

	if (r->n == 0)
		return UINT64_MAX;
	if (r->exact)
		return r->window_ns;
	due_ns = r->ring[r->head & (DP_REORDER_MAX - 1)].key_ns + r->window_ns;
	return due_ns > now_ns ? due_ns - now_ns : 0;
}
