/*
 * Packets made by hand, one per kind of header, and what the parser must find in them; used by
 * the unit tests and to make the fuzzer's first corpus.
 */
#ifndef PACF_TEST_PKT_VECTORS_H
#define PACF_TEST_PKT_VECTORS_H

#include "pkt.h"

#include <stddef.h>

struct vector {
	const char *name;
	enum pkt_link link;
	const char *hex; /* blanks are ignored */
	enum pkt_reason reason;
	enum pkt_family family;
	uint8_t proto;
	uint16_t sport, dport, ethertype;
	const char *layers; /* as flow_layers writes them */
	uint16_t l3_off, l4_off;
};
extern const struct vector vectors[];
extern const size_t vectors_count;

#define VECTOR_MAX 512
/* Bytes of a vector; returns how many. */
uint32_t vector_bytes(const struct vector *v, uint8_t out[VECTOR_MAX]);
/* Turns a packet round in place: addresses and ports swapped where parsing found them. */
void vector_reverse(const struct vector *v, uint8_t *data);

#endif
