/*
 * shell/progress: the one-line bar of pkteng.wait on a terminal: share of the file, packets per
 * second, time left.  Drawn on the standard error of the seat that waits, erased at the end.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_S 1e9

void
progress_update(struct progress *bar, const struct ctl_progress *p, uint64_t now_ns)
{
	double now_pps;

	if (bar->start_ns == 0) {
		bar->start_ns = bar->last_ns = now_ns;
		bar->start_bytes = p->done_bytes;
		bar->last_pkts = p->received_pkts;
		return;
	}
	if (now_ns == bar->last_ns)
		return;
	now_pps = (double)(p->received_pkts - bar->last_pkts) * NS_PER_S /
		  (double)(now_ns - bar->last_ns);
	/* Smoothed over about a second, so that it can be read. */
	bar->pps = bar->pps == 0 ? now_pps : bar->pps * 0.7 + now_pps * 0.3;
	bar->last_ns = now_ns;
	bar->last_pkts = p->received_pkts;
}

static void
format_rate(char *buf, size_t size, double pps)
{
	if (pps >= 1e6)
		snprintf(buf, size, "%.2f M packets/s", pps / 1e6);
	else if (pps >= 1e3)
		snprintf(buf, size, "%.1f k packets/s", pps / 1e3);
	else
		snprintf(buf, size, "%.0f packets/s", pps);
}

static void
format_left(char *buf, size_t size, const struct progress *bar, const struct ctl_progress *p,
	uint64_t now_ns)
{
	double done = (double)(p->done_bytes - bar->start_bytes);
	double left = (double)(p->total_bytes - p->done_bytes);
	double s;

	buf[0] = '\0';
	if (p->done_bytes <= bar->start_bytes || p->done_bytes > p->total_bytes)
		return;
	s = (double)(now_ns - bar->start_ns) / NS_PER_S * left / done;
	if (s < 86400)
		snprintf(buf, size, ", %d:%02d left", (int)s / 60, (int)s % 60);
	else
		snprintf(buf, size, ", %.1f days left", s / 86400);
}

void
progress_format(char *buf, size_t size, int width, const struct progress *bar,
	const struct ctl_progress *p, uint64_t now_ns)
{
	char rate[48], left[48], text[160], cells[41];
	double share = 0;
	int n, room, full;

	format_rate(rate, sizeof(rate), bar->pps);
	if (p->total_bytes == 0) {
		snprintf(text, sizeof(text), "%llu packets, %s",
			(unsigned long long)p->received_pkts, rate);
		snprintf(buf, size, "%.*s", width, text);
		return;
	}
	share = (double)p->done_bytes / (double)p->total_bytes;
	if (share > 1)
		share = 1;
	format_left(left, sizeof(left), bar, p, now_ns);
	n = snprintf(text, sizeof(text), "%3d%%, %s%s", (int)(share * 100), rate, left);
	room = width - n - 3; /* brackets and a space */
	if (room > (int)sizeof(cells) - 1)
		room = (int)sizeof(cells) - 1;
	if (room < 4) {
		snprintf(buf, size, "%.*s", width, text);
		return;
	}
	full = (int)(share * room);
	memset(cells, '.', (size_t)room);
	memset(cells, '#', (size_t)full);
	cells[room] = '\0';
	snprintf(buf, size, "[%s] %s", cells, text);
}

void
progress_draw(
	struct progress *bar, struct seat *seat, const struct ctl_progress *p, uint64_t now_ns)
{
	unsigned width = seat->ops->width(seat);
	char text[256];

	if (width < 2)
		return;
	progress_format(text, sizeof(text), width < 100 ? (int)width - 1 : 99, bar, p, now_ns);
	seat_printf(seat, SEAT_ERR, "\r%s\033[K", text);
	bar->shown = true;
}

void
progress_erase(struct progress *bar, struct seat *seat)
{
	if (!bar->shown)
		return;
	seat_write(seat, SEAT_ERR, "\r\033[K", 4);
	bar->shown = false;
}
