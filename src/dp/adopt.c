/*
 * dp/adopt: packets that lie in a device's memory are copied into frames of the engine's own,
 * which applications can map.  Engine thread only, and only if the plan has applications.
 */
#include "dp.h"

#include <string.h>

/* Without a frame it stays where it is, and the lanes drop it (route.h). */
static void
packet_adopt(struct io_pool *pool, struct io_pkt *pkt)
{
	uint32_t frame = io_pool_get(pool, pkt->len);
	uint8_t *data;

	if (frame == IO_NO_FRAME)
		return;
	data = pool->base + io_pool_off(pool, frame);
	memcpy(data, pkt->data, pkt->len);
	io_pool_put(pool, pkt->frame);
	pkt->data = data;
	pkt->frame = frame;
}

void
dp_adopt(struct dp_engine *engine)
{
	for (uint32_t i = engine->pos; i < engine->n; i++)
		if (io_pool_is_foreign(&engine->pool, engine->burst[i].frame))
			packet_adopt(&engine->pool, &engine->burst[i]);
}
