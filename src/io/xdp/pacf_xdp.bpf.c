/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * io/xdp/pacf_xdp.bpf: the kernel program: each packet goes to the AF_XDP socket of its receive
 * queue, with its time of arrival before it if there is room; where there is no socket, to the
 * kernel as ever.
 *
 * The kernel loads one of the four: with the card's hints if the driver has them (the program
 * is bound to the device then), without if not; with `frags` for packets of several buffers.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "pacf_xdp.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, PACF_XDP_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(
	const struct xdp_md *ctx, __be16 *vlan_proto, __u16 *vlan_tci) __ksym;

static __always_inline void
stamp(struct xdp_md *ctx, int hints)
{
	struct pacf_xdp_meta *meta;
	__u16 tci = 0;
	__be16 tpid = 0;
	__u64 card_ns = 0;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)) != 0)
		return;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return;
	meta->flags = PACF_XDP_KIND;
	meta->mono_ns = bpf_ktime_get_ns();
	if (hints && bpf_xdp_metadata_rx_timestamp(ctx, &card_ns) == 0 && card_ns != 0)
		meta->flags |= PACF_XDP_STAMP;
	if (hints && bpf_xdp_metadata_rx_vlan_tag(ctx, &tpid, &tci) == 0)
		meta->flags |= PACF_XDP_TAG;
	meta->card_ns = card_ns;
	meta->tci = tci;
	meta->tpid = tpid;
}

static __always_inline int
deliver(struct xdp_md *ctx, int hints)
{
	stamp(ctx, hints);
	return bpf_redirect_map(&xsks, ctx->rx_queue_index, XDP_PASS);
}

SEC("xdp")
int
pacf_hints(struct xdp_md *ctx)
{
	return deliver(ctx, 1);
}

SEC("xdp")
int
pacf_plain(struct xdp_md *ctx)
{
	return deliver(ctx, 0);
}

SEC("xdp.frags")
int
pacf_hints_frags(struct xdp_md *ctx)
{
	return deliver(ctx, 1);
}

SEC("xdp.frags")
int
pacf_plain_frags(struct xdp_md *ctx)
{
	return deliver(ctx, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
