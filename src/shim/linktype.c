/*
 * LINKTYPE_ values (files, channels) as DLT_ values (programs), for open.c.
 *
 * The two are equal but for the few below, where systems had given one DLT_ number to different
 * things before files got numbers of their own.  Source: https://www.tcpdump.org/linktypes.html
 *
 * 121 is DLT_HHDLC where that exists; FreeBSD has given its number to DLT_PFSYNC.
 */
#include <pcap/pcap.h>
#include "shim.h"

static const struct {
	uint32_t linktype;
	int dlt;
} differing[] = {
	{100, DLT_ATM_RFC1483},
	{101, DLT_RAW},
	{102, DLT_SLIP_BSDOS},
	{103, DLT_PPP_BSDOS},
	{104, DLT_C_HDLC},
	{106, DLT_ATM_CLIP},
	{107, DLT_FRELAY},
	{108, DLT_LOOP},
	{109, DLT_ENC},
	{246, DLT_PFSYNC},
	{258, DLT_PKTAP},
};

int
shim_dlt(uint32_t linktype)
{
	for (size_t i = 0; i < sizeof(differing) / sizeof(differing[0]); i++)
		if (differing[i].linktype == linktype)
			return differing[i].dlt;
	return (int)linktype;
}
