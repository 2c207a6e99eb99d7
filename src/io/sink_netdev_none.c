/*
 * io/sink_netdev_none: the sink of interfaces where there is none: FreeBSD.  Called by the
 * control plane.
 */
#include "capture.h"

#include <errno.h>

static int
sink_open(void *priv, const struct io_sink_cfg *cfg, struct io_err *err)
{
	(void)priv;
	return io_fail(err, -ENOTSUP,
		"netdev:%s: sending out of an interface needs Linux; use pacf: or pcap:PATH",
		cfg->path);
}

static uint32_t
sink_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	(void)priv, (void)pkts, (void)n;
	return 0;
}

static int
sink_flush(void *priv)
{
	(void)priv;
	return 0;
}

static uint64_t
sink_close(void *priv)
{
	(void)priv;
	return 0;
}

const struct io_sink_ops io_sink_netdev = {
	.name = "netdev",
	.priv_bytes = 1,
	.open = sink_open,
	.tx = sink_tx,
	.flush = sink_flush,
	.close = sink_close,
};
