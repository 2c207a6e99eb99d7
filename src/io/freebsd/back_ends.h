/* io/freebsd/back_ends: the sources that only FreeBSD has. */
#ifndef PACF_IO_BACK_ENDS_H
#define PACF_IO_BACK_ENDS_H

#define BACK_ENDS_SOURCES NULL

#endif
