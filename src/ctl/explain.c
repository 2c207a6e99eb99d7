/*
 * ctl/explain: where packets of a capture file go, and why.  Called by the shell under no lock.
 *
 * The file is read from its start, by a source and a pool of its own, and its fragments are
 * held and released as dp/defrag.c does it: a packet's digests are those that an engine which
 * reads nothing else would use.  Invariant: ctl->lock is held only to look at the engine, never
 * while the file is read or a visitor called.
 */
#include "explain.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES	    (DP_HOLD_MAX + 1)
#define LARGE	    (DP_HOLD_LARGE + 1)
#define PIPE_NAP_NS 1000000u

struct reader {
	struct ctl *ctl;
	const struct ctl_explain_args *args;
	const struct ctl_visitor *v;
	struct ctl_err *err;
	const struct io_source_ops *ops;
	void *source;
	struct io_source_info info;
	struct io_pool pool;
	struct pkt_conf conf;
	enum pkt_link link;
	/* Under the same tags, so they keep and forget the same: digests, packet numbers. */
	struct pkt_frag *firsts, *numbers;
	struct dp_hold hold;
	uint64_t number_of[FRAMES + LARGE]; /* of the packet in a frame */
	uint64_t count;			    /* packets read */
	bool done;			    /* the one that was asked for is explained */
	int rc;				    /* of the last look at the engine */
	struct explain_packet packet;
};

static int
look_at_engine(struct reader *r)
{
	struct ctl_engine *engine;
	int rc = -ENOENT;

	pthread_mutex_lock(&r->ctl->lock);
	engine = ctl_engine_find(r->ctl, r->args->engine, r->err);
	if (engine != NULL)
		rc = explain_places(&r->packet, engine, r->err);
	pthread_mutex_unlock(&r->ctl->lock);
	return rc;
}

/* Says it, if it was asked for. */
static void
explain(struct reader *r, const struct io_pkt *pkt, const uint64_t digests[PKT_FIELDS_MAX],
	enum explain_way way, uint64_t first)
{
	struct explain_packet *p = &r->packet;
	uint64_t number = r->number_of[pkt->frame];

	if (r->rc < 0 || r->done || (r->args->packet != 0 && number != r->args->packet))
		return;
	p->number = number;
	p->pkt = pkt;
	p->outer = r->conf.outer;
	p->way = way;
	p->first = first;
	p->places.n = 0;
	p->places.dropped = false;
	p->places.engine = r->args->engine != NULL;
	pkt_parse(pkt->data, pkt->len, r->link, &r->conf, &p->flow);
	memcpy(p->digests, digests, sizeof(p->digests));
	if (p->places.engine)
		r->rc = look_at_engine(r);
	else
		explain_places_default(p);
	if (r->rc == 0)
		explain_show(p, r->v);
	r->done = r->args->packet != 0;
}

static void
hold_remove(struct reader *r, struct dp_held *held)
{
	io_pool_put(&r->pool, held->pkt.frame);
	dp_hold_remove(&r->hold, held);
}

static void
release(struct reader *r, struct dp_held *held, enum explain_way way)
{
	explain(r, &held->pkt, held->fallback, way, 0);
	hold_remove(r, held);
}

/* Of all datagrams of which this packet has the first fragment. */
static void
remember(struct reader *r, const struct pkt_flow *flow, const struct io_pkt *pkt,
	const uint64_t digests[PKT_FIELDS_MAX])
{
	const uint64_t number[PKT_FRAG_DIGESTS] = {r->number_of[pkt->frame]};
	uint32_t firsts = flow->nfrags - (flow->later ? 1u : 0u);
	struct dp_held *held;

	for (uint32_t i = 0; i < firsts; i++) {
		pkt_frag_put(r->firsts, flow->frag[i], pkt->ts_ns, digests);
		pkt_frag_put(r->numbers, flow->frag[i], pkt->ts_ns, number);
		while ((held = dp_hold_of_tag(&r->hold, flow->frag[i])) != NULL) {
			explain(r, &held->pkt, digests, EXPLAIN_WAITED, number[0]);
			hold_remove(r, held);
		}
	}
}

static void
hold_add(struct reader *r, const struct io_pkt *pkt, uint64_t tag,
	const uint64_t fallback[PKT_FIELDS_MAX])
{
	struct dp_held *held, packet = {.pkt = *pkt,
				      .tag = tag,
				      .reason = PKT_FRAGMENT,
				      .large = io_pool_is_large(&r->pool, pkt->frame)};

	memcpy(packet.fallback, fallback, sizeof(packet.fallback));
	while ((held = dp_hold_in_the_way(&r->hold, tag, packet.large)) != NULL)
		release(r, held, EXPLAIN_CROWDED);
	dp_hold_add(&r->hold, &packet);
}

/* Takes the frame over. */
static void
packet_take(struct reader *r, const struct io_pkt *pkt)
{
	uint64_t digests[PKT_FIELDS_MAX], number[PKT_FRAG_DIGESTS] = {0};
	enum explain_way way = EXPLAIN_OWN;
	struct pkt_flow flow;
	struct dp_held *held;

	while ((held = dp_hold_expired(&r->hold, 0, pkt->ts_ns)) != NULL)
		release(r, held, EXPLAIN_ORPHAN);
	pkt_digests(pkt->data, pkt->len, r->link, &r->conf, digests, &flow);
	if (flow.later) {
		uint64_t tag = flow.frag[flow.nfrags - 1];

		if (!pkt_frag_find(r->firsts, tag, pkt->ts_ns, digests)) {
			hold_add(r, pkt, tag, digests);
			return;
		}
		pkt_frag_find(r->numbers, tag, pkt->ts_ns, number);
		way = EXPLAIN_FOLLOWS;
	}
	remember(r, &flow, pkt, digests);
	explain(r, pkt, digests, way, number[0]);
	io_pool_put(&r->pool, pkt->frame);
}

/* Those that are too long count as well: packets have the numbers that other tools give them.
 */
static void
packet_number(struct reader *r, const struct io_pkt *pkt)
{
	struct io_source_counters lost;

	r->ops->counters(r->source, &lost);
	r->count++;
	r->number_of[pkt->frame] = r->count + lost.oversize_pkts;
}

static int
read_packets(struct reader *r)
{
	struct io_status status = {.text = ""};
	struct dp_held *held;
	struct io_pkt pkt;
	int n = 0;

	while (!r->done && r->rc == 0 && n >= 0) {
		if (atomic_exchange(&r->ctl->interrupted, false)) {
			os_bell_drain(r->ctl->interrupt_fd);
			return ctl_fail(r->err, -EINTR, "interrupted");
		}
		n = r->ops->rx(r->source, &pkt, 1);
		if (n == 0)
			os_sleep_ns(PIPE_NAP_NS);
		if (n <= 0)
			continue;
		packet_number(r, &pkt);
		packet_take(r, &pkt);
	}
	while ((held = dp_hold_oldest(&r->hold)) != NULL)
		release(r, held, EXPLAIN_ORPHAN);
	if (r->rc < 0 || r->done)
		return r->rc;
	if (n != IO_ERROR)
		return 0;
	r->ops->tend(r->source, &status);
	return ctl_fail(r->err, -EIO, "%s", status.text);
}

static int
read_file(struct reader *r)
{
	const struct ctl_explain_args *args = r->args;
	int rc = read_packets(r);

	if (rc < 0 || r->done || args->packet == 0)
		return rc;
	return ctl_fail(r->err, -ENOENT,
		"\"%.300s\" has %llu packets that can be read: packet %llu is not among them",
		args->file, (unsigned long long)r->count, (unsigned long long)args->packet);
}

static int
source_open(struct reader *r)
{
	const struct io_source_cfg cfg = {.ifname = r->args->file, .qid = -1, .loop = 1};
	struct io_err io_err;
	int rc;

	r->source = calloc(1, r->ops->priv_bytes);
	if (r->source == NULL)
		return ctl_fail(r->err, -ENOMEM, "\"%.300s\": out of memory", r->args->file);
	rc = r->ops->open(r->source, &cfg, &r->info, &io_err);
	if (rc < 0)
		return ctl_fail(r->err, rc, "%s", io_err.text);
	r->link = pkt_link_from_dlt(r->info.dlt);
	rc = r->ops->start(r->source, &r->pool, &io_err);
	if (rc < 0) {
		r->ops->close(r->source);
		return ctl_fail(r->err, rc, "%s", io_err.text);
	}
	return 0;
}

/* An engine's key and tunnels setting; of a stopped one, those of its next start. */
static int
conf_find(struct reader *r)
{
	struct ctl_engine *engine;

	if (r->args->engine == NULL) {
		pkt_conf_init(&r->conf, PKT_DEFAULT_KEY);
		return 0;
	}
	pthread_mutex_lock(&r->ctl->lock);
	engine = ctl_engine_find(r->ctl, r->args->engine, r->err);
	if (engine != NULL && engine->state != CTL_RUNNING)
		ctl_engine_key(engine);
	if (engine != NULL)
		r->conf = engine->dp->conf;
	pthread_mutex_unlock(&r->ctl->lock);
	return engine != NULL ? 0 : -ENOENT;
}

static int
reader_run(struct reader *r, void *memory)
{
	size_t bytes = pkt_frag_bytes(PKT_FRAG_ENTRIES);
	int rc = io_pool_create(&r->pool, FRAMES, LARGE);

	if (rc < 0)
		return ctl_fail(
			r->err, rc, "\"%.300s\": no buffers: %s", r->args->file, strerror(-rc));
	r->firsts = pkt_frag_init(memory, PKT_FRAG_ENTRIES, PKT_FRAG_LIFE_NS);
	r->numbers = pkt_frag_init((char *)memory + bytes, PKT_FRAG_ENTRIES, PKT_FRAG_LIFE_NS);
	dp_hold_init(&r->hold);
	rc = source_open(r);
	if (rc == 0) {
		rc = read_file(r);
		r->ops->close(r->source);
	}
	free(r->source);
	io_pool_destroy(&r->pool);
	return rc;
}

int
ctl_explain(struct ctl *ctl, const struct ctl_explain_args *args, const struct ctl_visitor *v,
	struct ctl_err *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	void *memory = aligned_alloc(PKT_FRAG_ALIGN, 2 * pkt_frag_bytes(PKT_FRAG_ENTRIES));
	int rc = -ENOMEM;

	if (r == NULL || memory == NULL) {
		ctl_fail(err, rc, "\"%.300s\": out of memory", args->file);
	} else {
		r->ctl = ctl;
		r->args = args;
		r->v = v;
		r->err = err;
		r->ops = &io_source_pcap;
		rc = conf_find(r);
		if (rc == 0)
			rc = reader_run(r, memory);
	}
	free(memory);
	free(r);
	return rc;
}
