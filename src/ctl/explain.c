/*
 * ctl/explain: where packets of a capture file go, and why.  Called by the shell under no lock.
 *
 * The file is read from its start, by a source and a pool of its own, and its fragments go
 * through a follower of its own (dp/follow.c), as the engine's do: a packet's digests are those
 * that an engine which reads nothing else would use.  Invariant: ctl->lock is held only to look
 * at the engine, never while the file is read or a visitor called.
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
	struct dp_follow follow;
	struct dp_engine_counters counted; /* by the follower; nobody asks */
	uint64_t count;			   /* packets read */
	bool done;			   /* the one that was asked for is explained */
	int rc;				   /* of the last look at the engine */
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
explain(struct reader *r, const struct dp_followed *packet)
{
	struct explain_packet *p = &r->packet;

	if (r->rc < 0 || r->done || (r->args->packet != 0 && packet->number != r->args->packet))
		return;
	p->number = packet->number;
	p->pkt = &packet->pkt;
	p->outer = r->conf.outer;
	p->way = packet->way;
	p->first = packet->first;
	p->places.n = 0;
	p->places.dropped = false;
	p->places.engine = r->args->engine != NULL;
	pkt_parse(p->pkt->data, p->pkt->len, r->link, &r->conf, &p->flow);
	memcpy(p->digests, packet->digests, sizeof(p->digests));
	if (p->places.engine)
		r->rc = look_at_engine(r);
	else
		explain_places_default(p);
	if (r->rc == 0)
		explain_show(p, r->v);
	r->done = r->args->packet != 0;
}

/* What goes on now. */
static void
explain_all(struct reader *r)
{
	for (uint32_t i = 0; i < r->follow.nout; i++) {
		explain(r, &r->follow.out[i]);
		io_pool_put(&r->pool, r->follow.out[i].pkt.frame);
	}
}

/* Those that are too long count as well: packets have the numbers that other tools give them.
 */
static uint64_t
packet_number(struct reader *r)
{
	struct io_source_counters lost;

	r->ops->counters(r->source, &lost);
	return ++r->count + lost.oversize_pkts;
}

/* What a DROP channel takes is no first fragment that others follow. */
static bool
is_dropped(struct reader *r, const struct io_pkt *pkt)
{
	struct ctl_engine *engine;
	bool dropped = false;

	if (r->args->engine == NULL)
		return false;
	pthread_mutex_lock(&r->ctl->lock);
	engine = ctl_engine_find(r->ctl, r->args->engine, r->err);
	if (engine != NULL)
		dropped = explain_dropped(engine, pkt);
	else
		r->rc = -ENOENT;
	pthread_mutex_unlock(&r->ctl->lock);
	return dropped;
}

/* Takes the frame over. */
static void
packet_take(struct reader *r, const struct io_pkt *pkt)
{
	struct dp_followed packet = {.pkt = *pkt,
		.number = packet_number(r),
		.large = io_pool_is_large(&r->pool, pkt->frame)};
	struct pkt_flow flow;

	pkt_digests(pkt->data, pkt->len, r->link, &r->conf, packet.digests, &flow);
	if (is_dropped(r, pkt)) {
		explain(r, &packet);
		io_pool_put(&r->pool, pkt->frame);
		return;
	}
	dp_follow_due(&r->follow, 0, pkt->ts_ns);
	explain_all(r);
	dp_follow_packet(&r->follow, &packet, &flow);
	explain_all(r);
}

static int
read_packets(struct reader *r)
{
	struct io_status status = {.text = ""};
	struct io_pkt pkt;
	int n = 0;

	while (!r->done && r->rc == 0 && n >= 0) {
		if (ctl_breaker_take(r->args->breaker))
			return ctl_fail(r->err, -EINTR, "interrupted");
		n = r->ops->rx(r->source, &pkt, 1);
		if (n == 0)
			os_sleep_ns(PIPE_NAP_NS);
		if (n <= 0)
			continue;
		packet_take(r, &pkt);
	}
	dp_follow_due(&r->follow, 0, UINT64_MAX);
	explain_all(r);
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
	r->follow.frags = pkt_frag_init(memory, PKT_FRAG_ENTRIES, PKT_FRAG_LIFE_NS);
	r->follow.numbers =
		pkt_frag_init((char *)memory + bytes, PKT_FRAG_ENTRIES, PKT_FRAG_LIFE_NS);
	dp_follow_init(&r->follow, &r->counted);
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
