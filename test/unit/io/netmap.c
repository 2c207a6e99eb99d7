/*
 * Unit test of io/netmap_rx and io/netmap_tx, on rings and buffers made up in memory: packets
 * are taken and put without a copy where that may be, no buffer is lost or doubled, and what
 * others can write into the memory leads nowhere.
 */
#include "rig.h"
#include "netmap_rx.h"
#include "netmap_tx.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS  8u
#define BYTES  2048u
#define EXTRA  16u
#define NBUFS  (2 + 2 * SLOTS + EXTRA)
#define MEMORY 7

/* A receive ring with buffers 2.., a transmit ring behind them, extra buffers behind these. */
struct device {
	_Alignas(128)
		uint8_t rx[sizeof(struct netmap_ring) + SLOTS * sizeof(struct netmap_slot)];
	_Alignas(128)
		uint8_t tx[sizeof(struct netmap_ring) + SLOTS * sizeof(struct netmap_slot)];
	uint8_t bufs[NBUFS * BYTES];
	uint32_t extra, lost[8], nlost;
	struct io_nm_ring rings[2];
	struct io_nm_port rx_port, tx_port;
	struct io_pool pool;
	struct io_region *region;
	struct io_nm_rx take;
	struct io_nm_tx put;
};

static struct netmap_ring *
ring_make(struct device *d, uint8_t *at, struct io_nm_ring *r, uint32_t first)
{
	struct netmap_ring *ring = (struct netmap_ring *)(void *)at;

	for (uint32_t i = 0; i < SLOTS; i++)
		ring->slot[i].buf_idx = first + i;
	*r = (struct io_nm_ring){ring, d->bufs, SLOTS, BYTES, NBUFS};
	return ring;
}

static int
setup(void **state)
{
	struct device *d = aligned_alloc(128, (sizeof(*d) + 127) / 128 * 128);

	memset(d, 0, sizeof(*d));
	ring_make(d, d->rx, &d->rings[0], 2);
	ring_make(d, d->tx, &d->rings[1], 2 + SLOTS)->tail = SLOTS - 1;
	d->rx_port = (struct io_nm_port){.memory = MEMORY, .rings = &d->rings[0], .nrings = 1};
	d->tx_port = (struct io_nm_port){
		.memory = MEMORY, .rings = &d->rings[1], .nrings = 1, .most = 4 * BYTES};
	assert_int_equal(io_pool_create(&d->pool, 4, 2), 0);
	assert_int_equal(io_region_add(&d->pool, EXTRA, &d->region), 0);
	for (uint32_t i = NBUFS - EXTRA; i < NBUFS; i++) {
		memcpy(d->bufs + (size_t)i * BYTES, &d->extra, sizeof(d->extra));
		d->extra = i;
	}
	d->region->head = &d->extra;
	d->region->bufs = d->bufs;
	d->region->buf_bytes = BYTES;
	d->region->nbufs = NBUFS;
	d->region->memory = MEMORY;
	io_region_fill(d->region);
	d->take = (struct io_nm_rx){.port = &d->rx_port, .pool = &d->pool, .region = d->region};
	d->put = (struct io_nm_tx){.port = &d->tx_port, .pool = &d->pool};
	*state = d;
	return 0;
}

static int
teardown(void **state)
{
	struct device *d = *state;

	io_pool_destroy(&d->pool);
	free(d);
	return 0;
}

/* As netmap would: a packet of len bytes of `fill`, in as many slots as `part` makes it. */
static void
arrive(struct device *d, uint32_t len, uint32_t part, uint8_t fill)
{
	struct netmap_ring *ring = d->rings[0].ring;

	for (uint32_t at = 0; at < len; at += part) {
		struct netmap_slot *slot = &ring->slot[ring->tail];

		slot->len = (uint16_t)(len - at < part ? len - at : part);
		slot->flags = at + part < len ? NS_MOREFRAG : 0;
		memset(d->bufs + (size_t)slot->buf_idx * BYTES, fill, slot->len);
		ring->tail = (ring->tail + 1) % SLOTS;
	}
}

static bool
filled(const uint8_t *data, uint32_t len, uint8_t fill)
{
	for (uint32_t i = 0; i < len; i++)
		if (data[i] != fill)
			return false;
	return true;
}

/* Every buffer is in one place: a ring, the list, at hand. */
static void
buffers_check(struct device *d)
{
	uint8_t seen[NBUFS] = {0};

	io_region_empty(d->region);
	for (uint32_t k = 0; k < 2; k++)
		for (uint32_t i = 0; i < SLOTS; i++)
			seen[d->rings[k].ring->slot[i].buf_idx]++;
	for (uint32_t buf = d->extra, n = 0; buf != 0; n++) {
		assert_true(buf < NBUFS && n <= EXTRA);
		seen[buf]++;
		memcpy(&buf, d->bufs + (size_t)buf * BYTES, sizeof(buf));
	}
	for (uint32_t i = 0; i < d->nlost; i++)
		seen[d->lost[i]]++;
	for (uint32_t i = 2; i < NBUFS; i++)
		assert_int_equal(seen[i], 1);
}

static void
taken_without_a_copy(void **state)
{
	struct device *d = *state;
	struct io_pkt out[4];

	for (uint32_t lap = 0; lap < 100; lap++) {
		uint32_t before = d->rings[0].ring->slot[d->rings[0].ring->head].buf_idx;

		arrive(d, 60, BYTES, (uint8_t)lap);
		arrive(d, 1514, BYTES, (uint8_t)(lap + 1));
		assert_int_equal(io_nm_rx_take(&d->take, out, 4, 5), 2);
		assert_ptr_equal(out[0].data, d->bufs + (size_t)before * BYTES);
		assert_int_equal(out[0].ts_ns, 5);
		assert_true(filled(out[0].data, 60, (uint8_t)lap));
		assert_int_equal(out[1].wirelen, 1514);
		assert_true(filled(out[1].data, 1514, (uint8_t)(lap + 1)));
		assert_int_equal(d->rings[0].ring->head, d->rings[0].ring->tail);
		for (uint32_t i = 0; i < 2; i++)
			io_pool_put(&d->pool, out[i].frame);
	}
	assert_int_equal(d->rings[0].ring->slot[0].flags & NS_BUF_CHANGED, NS_BUF_CHANGED);
	buffers_check(d);
}

static void
several_slots_are_joined(void **state)
{
	struct device *d = *state;
	struct io_pkt out[4];

	arrive(d, 5000, 2000, 1);
	arrive(d, 100, 50, 2);
	arrive(d, 60, BYTES, 3);
	assert_int_equal(io_nm_rx_take(&d->take, out, 4, 0), 3);
	assert_int_equal(out[0].len, 5000);
	assert_true(filled(out[0].data, 5000, 1));
	assert_int_equal(out[1].len, 100);
	assert_true(filled(out[1].data, 100, 2));
	assert_true(filled(out[2].data, 60, 3));
	/* Its last slot is not there yet. */
	arrive(d, 300, 100, 4);
	d->rings[0].ring->tail = (d->rings[0].ring->tail + SLOTS - 1) % SLOTS;
	assert_int_equal(io_nm_rx_take(&d->take, out + 3, 1, 0), 0);
	d->rings[0].ring->tail = (d->rings[0].ring->tail + 1) % SLOTS;
	assert_int_equal(io_nm_rx_take(&d->take, out + 3, 1, 0), 1);
	assert_int_equal(out[3].len, 300);
	for (uint32_t i = 0; i < 4; i++)
		io_pool_put(&d->pool, out[i].frame);
	assert_int_equal(io_pool_held(&d->pool), 0);
	buffers_check(d);
}

/* They stay in the ring until there is a buffer again. */
static void
no_free_buffer(void **state)
{
	struct device *d = *state;
	struct io_pkt held[EXTRA], out;

	for (uint32_t i = 0; i < EXTRA; i++) {
		arrive(d, 60, BYTES, (uint8_t)i);
		assert_int_equal(io_nm_rx_take(&d->take, &held[i], 1, 0), 1);
	}
	arrive(d, 60, BYTES, 99);
	assert_int_equal(io_nm_rx_take(&d->take, &out, 1, 0), 0);
	io_pool_put(&d->pool, held[3].frame);
	assert_int_equal(io_nm_rx_take(&d->take, &out, 1, 0), 1);
	assert_true(filled(out.data, 60, 99));
	io_pool_put(&d->pool, out.frame);
	for (uint32_t i = 0; i < EXTRA; i++)
		if (i != 3)
			io_pool_put(&d->pool, held[i].frame);
	buffers_check(d);
}

/* A buffer that a number was written over is nowhere: for buffers_check. */
static void
found_again(struct device *d, uint32_t buf)
{
	d->lost[d->nlost++] = buf;
}

static void
scribbled(void **state)
{
	struct device *d = *state;
	struct netmap_ring *ring = d->rings[0].ring;
	struct io_pkt out[4];
	const uint32_t indices[] = {0, 1, NBUFS, UINT32_MAX};

	for (uint32_t i = 0; i < 4; i++) {
		arrive(d, 60, BYTES, 1);
		uint32_t at = ring->head, lost = ring->slot[at].buf_idx;
		ring->slot[at].buf_idx = indices[i];
		assert_int_equal(io_nm_rx_take(&d->take, out, 4, 0), 0);
		/* The slot has another one, or nothing would ever arrive there again. */
		assert_in_range(ring->slot[at].buf_idx, 2, NBUFS - 1);
		assert_int_equal(ring->slot[at].flags, NS_BUF_CHANGED);
		found_again(d, lost);
	}
	arrive(d, 60, BYTES, 1);
	ring->slot[ring->head].len = BYTES + 1;
	assert_int_equal(io_nm_rx_take(&d->take, out, 4, 0), 0);
	assert_int_equal(atomic_load(&d->take.oversize_pkts), 5);
	/* Cursors, and sizes (const in netmap's header) that are not looked at any more. */
	memset((char *)ring + offsetof(struct netmap_ring, num_slots), 255,
		sizeof(ring->num_slots));
	memset((char *)ring + offsetof(struct netmap_ring, nr_buf_size), 255,
		sizeof(ring->nr_buf_size));
	memset((char *)ring + offsetof(struct netmap_ring, buf_ofs), 255,
		sizeof(ring->buf_ofs));
	arrive(d, 60, BYTES, 1);
	assert_int_equal(io_nm_rx_take(&d->take, out, 4, 0), 1);
	io_pool_put(&d->pool, out[0].frame);
	ring->tail = SLOTS;
	assert_int_equal(io_nm_rx_take(&d->take, out, 4, 0), 0);
	ring->tail = 0;
	ring->head = UINT32_MAX;
	assert_int_equal(io_nm_rx_take(&d->take, out, 4, 0), 0);
	buffers_check(d);
}

static uint32_t
sent_len(const struct device *d, uint32_t i)
{
	return d->rings[1].ring->slot[i].len;
}

static void
put_by_swapping(void **state)
{
	struct device *d = *state;
	struct netmap_slot *slot = d->rings[1].ring->slot;
	struct io_pkt out;

	for (uint32_t i = 0; i < SLOTS - 1; i++) {
		arrive(d, 60 + i, BYTES, (uint8_t)i);
		assert_int_equal(io_nm_rx_take(&d->take, &out, 1, 0), 1);
		assert_true(io_nm_tx_put(&d->put, &out));
		io_pool_put(&d->pool, out.frame);
		assert_ptr_equal(d->bufs + (size_t)slot[i].buf_idx * BYTES, out.data);
		assert_int_equal(sent_len(d, i), 60 + i);
		assert_int_equal(slot[i].flags, NS_BUF_CHANGED);
	}
	assert_int_equal(io_nm_tx_waiting(&d->tx_port), SLOTS - 1);
	arrive(d, 60, BYTES, 1);
	assert_int_equal(io_nm_rx_take(&d->take, &out, 1, 0), 1);
	assert_false(io_nm_tx_put(&d->put, &out));
	io_pool_put(&d->pool, out.frame);
	buffers_check(d);
}

/* Somebody else holds it, or it is another memory's, or it is cut off. */
static void
put_by_copying(void **state)
{
	struct device *d = *state;
	struct netmap_slot *slot = d->rings[1].ring->slot;
	struct io_pkt out;

	arrive(d, 60, BYTES, 9);
	assert_int_equal(io_nm_rx_take(&d->take, &out, 1, 0), 1);
	d->pool.refs[out.frame] = 2;
	assert_true(io_nm_tx_put(&d->put, &out));
	assert_int_equal(slot[0].buf_idx, 2 + SLOTS);
	assert_true(filled(d->bufs + (size_t)slot[0].buf_idx * BYTES, 60, 9));
	d->pool.refs[out.frame] = 1;
	d->tx_port.memory = MEMORY + 1;
	d->put.cut = 40;
	assert_true(io_nm_tx_put(&d->put, &out));
	assert_int_equal(slot[1].buf_idx, 2 + SLOTS + 1);
	assert_int_equal(sent_len(d, 1), 40);
	assert_true(filled(out.data, 60, 9));
	io_pool_put(&d->pool, out.frame);
	buffers_check(d);
}

static void
put_into_several_slots(void **state)
{
	struct device *d = *state;
	struct netmap_slot *slot = d->rings[1].ring->slot;
	uint32_t frame = io_pool_get(&d->pool, 3 * BYTES + 1);
	struct io_pkt pkt = {.data = d->pool.base + io_pool_off(&d->pool, frame),
		.len = 3 * BYTES,
		.frame = frame};

	memset(pkt.data, 5, 3 * BYTES + 1);
	assert_true(io_nm_tx_put(&d->put, &pkt)); /* three, all full */
	assert_int_equal(slot[0].flags, NS_MOREFRAG);
	assert_int_equal(slot[1].flags, NS_MOREFRAG);
	assert_int_equal(slot[2].flags, 0);
	assert_int_equal(sent_len(d, 2), BYTES);
	pkt.len++;
	assert_true(io_nm_tx_put(&d->put, &pkt)); /* four; none is left */
	assert_int_equal(sent_len(d, 6), 1);
	assert_int_equal(d->rings[1].ring->head, SLOTS - 1);
	d->rings[1].ring->tail = 1; /* two are free: not half of a packet */
	assert_false(io_nm_tx_put(&d->put, &pkt));
	assert_int_equal(d->rings[1].ring->head, SLOTS - 1);
	io_pool_put(&d->pool, frame);
	buffers_check(d);
}

/* A number of no buffer in a transmit slot: another buffer, if there is one in this memory. */
static void
put_into_scribbled(void **state)
{
	struct device *d = *state;
	struct netmap_slot *slot = d->rings[1].ring->slot;
	uint32_t frame = io_pool_get(&d->pool, 60);
	struct io_pkt out, pkt = {.data = d->pool.base + io_pool_off(&d->pool, frame),
				   .len = 60,
				   .frame = frame};

	memset(pkt.data, 5, 60);
	slot[0].buf_idx = NBUFS;
	d->tx_port.memory = MEMORY + 1;
	assert_false(io_nm_tx_put(&d->put, &pkt));
	d->tx_port.memory = MEMORY;
	assert_true(io_nm_tx_put(&d->put, &pkt));
	assert_in_range(slot[0].buf_idx, 2 + 2 * SLOTS, NBUFS - 1);
	assert_int_equal(slot[0].flags, NS_BUF_CHANGED);
	assert_true(filled(d->bufs + (size_t)slot[0].buf_idx * BYTES, 60, 5));
	found_again(d, 2 + SLOTS);
	/* Never behind a frame, where it would lead out of the memory. */
	slot[1].buf_idx = UINT32_MAX;
	arrive(d, 60, BYTES, 9);
	assert_int_equal(io_nm_rx_take(&d->take, &out, 1, 0), 1);
	assert_true(io_nm_tx_put(&d->put, &out));
	assert_true(filled(d->bufs + (size_t)slot[1].buf_idx * BYTES, 60, 9));
	io_pool_put(&d->pool, out.frame);
	found_again(d, 2 + SLOTS + 1);
	io_pool_put(&d->pool, frame);
	buffers_check(d);
}

static void
too_long(void **state)
{
	struct device *d = *state;
	struct io_pkt pkt = {.len = BYTES + 1};

	assert_true(io_nm_tx_fits(&d->put, &pkt));
	d->tx_port.most = BYTES;
	assert_false(io_nm_tx_fits(&d->put, &pkt));
	d->put.cut = 96;
	assert_true(io_nm_tx_fits(&d->put, &pkt));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(taken_without_a_copy),
		TEST(several_slots_are_joined),
		TEST(no_free_buffer),
		TEST(scribbled),
		TEST(put_by_swapping),
		TEST(put_by_copying),
		TEST(put_into_several_slots),
		TEST(put_into_scribbled),
		TEST(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
