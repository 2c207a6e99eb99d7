/*
 * io/source_afxdp_none: AF_XDP in a build that had not what it takes: says so.  Called by the
 * control plane.
 */
#include "fail.h"

#include <errno.h>
#include <stdio.h>

#define WHY                                                                                   \
	"this build has no AF_XDP: libxdp, libbpf, clang or bpftool was missing when it was " \
	"configured, or it was told -Dafxdp=disabled"

static int
source_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	(void)priv;
	(void)info;
	return io_fail(err, -ENOTSUP, "\"%.60s\": " WHY "; use type \"afpacket\"", cfg->ifname);
}

static void
source_probe(const struct io_source_cfg *cfg, struct io_probe *out)
{
	(void)cfg;
	snprintf(out->why, sizeof(out->why), WHY);
	snprintf(out->fix, sizeof(out->fix),
		"apt install libxdp-dev libbpf-dev clang bpftool, and build again");
}

const struct io_source_ops io_source_afxdp = {
	.name = "afxdp",
	.priv_bytes = 1,
	.live = true,
	.open = source_open,
	.probe = source_probe,
};
