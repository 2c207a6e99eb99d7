/*
 * rig: see rig.h.  Every function ends the test if the machine fails it.
 */
#include "rig.h"
#include "os.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t *
file_room(struct file *f, size_t n)
{
	if (f->len + n >= f->size) {
		f->size = 2 * (f->len + n + 1);
		f->bytes = realloc(f->bytes, f->size);
		assert_non_null(f->bytes);
	}
	f->len += n;
	return f->bytes + f->len - n;
}

void
file_u16(struct file *f, uint16_t v)
{
	v = f->swapped ? __builtin_bswap16(v) : v;
	memcpy(file_room(f, sizeof(v)), &v, sizeof(v));
}

void
file_u32(struct file *f, uint32_t v)
{
	v = f->swapped ? __builtin_bswap32(v) : v;
	memcpy(file_room(f, sizeof(v)), &v, sizeof(v));
}

static uint8_t
fill_byte(uint32_t seed, uint32_t i)
{
	return (uint8_t)((seed * 131 + i) ^ (i >> 8) ^ (i >> 16));
}

void
file_fill(struct file *f, uint32_t seed, uint32_t n)
{
	uint8_t *at = file_room(f, n);

	for (uint32_t i = 0; i < n; i++)
		at[i] = fill_byte(seed, i);
}

bool
is_fill(const uint8_t *data, uint32_t seed, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (data[i] != fill_byte(seed, i))
			return false;
	return true;
}

void
file_pcap(struct file *f, uint32_t magic, uint32_t snaplen, uint32_t linktype)
{
	file_u32(f, magic);
	file_u16(f, 2);
	file_u16(f, 4);
	file_u32(f, 0);
	file_u32(f, 0);
	file_u32(f, snaplen);
	file_u32(f, linktype);
}

void
file_record(struct file *f, uint32_t sec, uint32_t frac, uint32_t caplen, uint32_t len,
	uint32_t seed)
{
	file_u32(f, sec);
	file_u32(f, frac);
	file_u32(f, caplen);
	file_u32(f, len);
	file_fill(f, seed, caplen);
}

void
file_ng_section(struct file *f)
{
	file_u32(f, 0x0a0d0d0a);
	file_u32(f, 28);
	file_u32(f, 0x1a2b3c4d);
	file_u16(f, 1);
	file_u16(f, 0);
	file_u32(f, UINT32_MAX); /* section length unknown */
	file_u32(f, UINT32_MAX);
	file_u32(f, 28);
}

void
file_ng_interface(struct file *f, uint16_t linktype, uint32_t snaplen, int tsresol)
{
	file_u32(f, 1);
	file_u32(f, 32);
	file_u16(f, linktype);
	file_u16(f, 0);
	file_u32(f, snaplen);
	file_u16(f, 9); /* if_tsresol */
	file_u16(f, 1);
	memcpy(file_room(f, 4), (uint8_t[]){(uint8_t)tsresol, 0, 0, 0}, 4);
	file_u32(f, 0); /* end of options */
	file_u32(f, 32);
}

void
file_ng_packet(struct file *f, uint32_t interface, uint64_t ts, uint32_t caplen, uint32_t len,
	uint32_t seed)
{
	uint32_t pad = -caplen & 3;

	file_u32(f, 6);
	file_u32(f, 32 + caplen + pad);
	file_u32(f, interface);
	file_u32(f, (uint32_t)(ts >> 32));
	file_u32(f, (uint32_t)ts);
	file_u32(f, caplen);
	file_u32(f, len);
	file_fill(f, seed, caplen);
	memset(file_room(f, pad), 0, pad);
	file_u32(f, 32 + caplen + pad);
}

char *
file_save(struct file *f)
{
	const char *folder = getenv("TMPDIR");
	char *name;
	int fd;

	assert_true(asprintf(&name, "%s/pacf-io-XXXXXX", folder ? folder : "/tmp") > 0);
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->bytes, f->len), f->len);
	assert_int_equal(close(fd), 0);
	free(f->bytes);
	memset(f, 0, sizeof(*f));
	return name;
}

void
rig_init(struct rig *r, const struct io_source_ops *ops, uint32_t frames, uint32_t large)
{
	memset(r, 0, sizeof(*r));
	r->ops = ops;
	r->priv = calloc(1, ops->priv_bytes);
	assert_non_null(r->priv);
	assert_int_equal(io_pool_create(&r->pool, frames, large), 0);
}

int
rig_open(struct rig *r, const char *name, double speed, uint64_t loop)
{
	struct io_source_cfg cfg = {.ifname = name, .qid = -1, .speed = speed, .loop = loop};
	int rc = r->ops->open(r->priv, &cfg, &r->info, &r->err);

	if (rc == 0)
		assert_int_equal(r->ops->start(r->priv, &r->pool, &r->err), 0);
	return rc;
}

int
rig_next(struct rig *r, struct io_pkt *out)
{
	uint64_t limit = os_clock_mono_ns() + 20 * UINT64_C(1000000000);
	int got;

	while ((got = r->ops->rx(r->priv, out, 1)) == 0) {
		uint64_t idle = r->ops->idle(r->priv, NULL);

		assert_true(os_clock_mono_ns() < limit);
		os_sleep_ns(idle < 1000000 ? idle : 1000000);
	}
	return got;
}

const char *
rig_failure(struct rig *r)
{
	memset(&r->status, 0, sizeof(r->status));
	r->ops->tend(r->priv, &r->status);
	return r->status.text;
}

void
rig_put(struct rig *r, const struct io_pkt *pkt)
{
	io_pool_put(&r->pool, pkt->frame);
}

void
rig_close(struct rig *r)
{
	r->ops->close(r->priv);
	free(r->priv);
	assert_int_equal(io_pool_held(&r->pool), 0);
	io_pool_destroy(&r->pool);
}

uint64_t
rig_drain(struct rig *r, int *end)
{
	struct io_pkt pkts[32];
	uint64_t total = 0;
	int got;

	while ((got = r->ops->rx(r->priv, pkts, 32)) >= 0) {
		for (int i = 0; i < got; i++)
			rig_put(r, &pkts[i]);
		total += (uint64_t)got;
	}
	*end = got;
	return total;
}
