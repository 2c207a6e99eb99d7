// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The kernel's part of livegen: makes each frame another packet and sends it out of an
 * interface. Its frames are recycled, so all that differs between two packets is written each
 * time.
 */
#include "livegen.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct livegen);
} livegen SEC(".maps");

/* Of addresses that are those of the template but for the low half of the destination. */
static __u16
checksum(__u32 sum, __u32 low)
{
	sum += low;
	sum = (sum & 0xffff) + (sum >> 16);
	return bpf_htons(~(sum + (sum >> 16)));
}

SEC("xdp")
int
livegen_send(struct xdp_md *ctx)
{
	struct livegen_frame *f = (void *)(long)ctx->data;
	__u32 zero = 0, flow;
	struct livegen *l = bpf_map_lookup_elem(&livegen, &zero);

	if (!l || (void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (l->left == 0) {
		l->over++;
		return XDP_DROP;
	}
	l->left--;
	flow = l->flow;
	f->destination_low = bpf_htons(flow >> LIVEGEN_FLOW_BITS);
	f->check = checksum(l->sum, flow >> LIVEGEN_FLOW_BITS);
	f->source_port = bpf_htons(LIVEGEN_PORT + (flow & ((1 << LIVEGEN_FLOW_BITS) - 1)));
	f->number = bpf_cpu_to_be64(l->number);
	if (++l->flow == l->flows) {
		l->flow = 0;
		l->number++;
	}
	l->sent++;
	return bpf_redirect(l->ifindex, 0);
}

/* Of an interface to which others are compared: it costs as little as one can. */
SEC("xdp")
int
livegen_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
