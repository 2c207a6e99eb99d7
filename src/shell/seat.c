/*
 * shell/seat: whose thread this is, and its output.
 */
#include "seat.h"
#include "gil.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct seat *here;

struct seat *
seat_here(void)
{
	return here;
}

void
seat_sit(struct seat *seat)
{
	here = seat;
}

bool
seat_write(struct seat *seat, enum seat_stream stream, const char *bytes, size_t n)
{
	struct gil *gil = gil_lend();
	bool ok = seat->ops->write(seat, stream, bytes, n);

	gil_return(gil);
	return ok;
}

bool
seat_flush(struct seat *seat)
{
	struct gil *gil = gil_lend();
	bool ok = seat->ops->flush(seat);

	gil_return(gil);
	return ok;
}

void
seat_printf(struct seat *seat, enum seat_stream stream, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	seat_write(seat, stream, text, strlen(text));
}

bool
seat_stop(const struct seat *seat)
{
	return seat->leaving || seat->ops->stop(seat);
}

bool
seat_left(const struct seat *seat)
{
	return seat->leaving || seat->ops->ended(seat);
}
