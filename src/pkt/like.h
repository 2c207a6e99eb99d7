/*
 * pkt/like: does what follows look like what the header before it says?  For tunnels that are
 * only guessed at (UDP ports, pseudowires).  Internal to pkt.
 *
 * Invariant: nothing is read at or past p + n; a guess needs all that it looks at to be there.
 * `cut` says that a guess failed only because the capture ends.
 */
#ifndef PACF_PKT_LIKE_H
#define PACF_PKT_LIKE_H

#include "walk.h"
#include "wire_tunnel.h"

struct view {
	const uint8_t *p;
	uint32_t n;   /* bytes that may be read */
	uint32_t len; /* bytes that there were: what the carrier says; UINT32_MAX: no idea */
	bool cut;
	bool sliced; /* what is inside may be shorter than it says: mirrors send heads of frames
		      */
};

static inline bool
view_has(struct view *v, uint32_t at, uint32_t bytes)
{
	if (at <= v->n && v->n - at >= bytes)
		return true;
	v->cut |= at <= v->len && v->len - at >= bytes;
	return false;
}

static inline struct view
view_rest(const struct walk *w)
{
	uint32_t n = w->end - w->off;

	return (struct view){.p = walk_at(w), .n = n, .len = w->whole ? n : UINT32_MAX};
}

/* An IP header whose version, header length and total length can be. */
bool like_ipv4(struct view *v, uint32_t at);
bool like_ipv6(struct view *v, uint32_t at);
/* PKT_LAYER_IPV4, PKT_LAYER_IPV6 or PKT_LAYER_NONE. */
enum pkt_layer like_ip(struct view *v, uint32_t at);

/* LIKE_KNOWN: a type that is in use; LIKE_SURE: an IP header or ARP behind it, too. */
enum like { LIKE_NOT, LIKE_KNOWN, LIKE_SURE };
enum like like_type(struct view *v, uint32_t at, uint16_t type);
enum like like_ether(struct view *v, uint32_t at);

/* guess.c: UDP payloads.  The layer after the tunnel's header, which is *skip bytes long. */
typedef enum pkt_layer guess_fn(struct view *v, uint32_t *skip);
guess_fn guess_vxlan, guess_vxlan_gpe, guess_geneve, guess_gtp, guess_teredo, guess_ayiya,
	guess_gre, guess_mpls, guess_l2tp;
/* L2TPv3 behind the session id: cookie and sublayer are agreed on elsewhere. */
enum pkt_layer guess_l2tpv3(struct view *v, uint32_t at, uint32_t *skip);

#endif
