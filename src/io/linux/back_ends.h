/* io/linux/back_ends: the sources that only Linux has. */
#ifndef PACF_IO_BACK_ENDS_H
#define PACF_IO_BACK_ENDS_H

#define BACK_ENDS_SOURCES &io_source_afpacket, &io_source_afxdp

#endif
