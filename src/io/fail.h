/*
 * io/fail: what every back end needs for its errors and its info.  Control plane.
 */
#ifndef PACF_IO_FAIL_H
#define PACF_IO_FAIL_H

#include "source.h"

/* LINKTYPE_ value that files and applications use for libpcap's DLT_. */
uint32_t io_linktype(int dlt);
/* Formats a sentence and returns code. */
__attribute__((format(printf, 3, 4))) int io_fail(
	struct io_err *err, int code, const char *format, ...);

#endif
