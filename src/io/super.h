/*
 * io/super: packets that were joined before we got them.  Sources of interfaces, any thread.
 */
#ifndef PACF_IO_SUPER_H
#define PACF_IO_SUPER_H

#include <stdbool.h>
#include <stdint.h>

#define IO_ETH_BYTES 14u

/* Is this Ethernet frame longer than one of that MTU with all its tags? */
static inline bool
io_is_super(uint32_t mtu, const uint8_t *data, uint32_t len)
{
	uint32_t at = IO_ETH_BYTES;

	if (len <= mtu + IO_ETH_BYTES)
		return false;
	for (; at + 4 <= len && at < len - mtu; at += 4) {
		uint16_t type = (uint16_t)(data[at - 2] << 8 | data[at - 1]);

		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			break;
	}
	return len > mtu + at;
}

#endif
