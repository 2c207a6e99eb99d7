/*
 * The inside of the libpcap shim: a library that LD_PRELOAD puts before libpcap, so that a
 * program which knows only libpcap can read a channel of Host PACF.
 *
 * Every function of libpcap that takes a pcap_t is defined here once more.  It asks shim_find()
 * whether the handle is one of ours; if not, the call goes to the real libpcap untouched.  Ours
 * holds a channel (libpacf) and a "dead" handle of the real libpcap, which compiles filters and
 * writes files for it.
 *
 * Threads: as in libpcap, one thread uses a handle; pcap_breakloop() may come from any thread
 * or a signal handler, so what it touches (the registry, `stop`, `channel`) is atomic.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <pcap/pcap.h>
#include "pacf.h"

#define SHIM_BURST     64
#define SHIM_SNAPLEN   262144 /* libpcap's largest */
#define SHIM_NOT_READY PCAP_ERROR_NOT_ACTIVATED

struct shim {
	/* Any thread, signal handlers. */
	_Atomic int stop;		/* pcap_breakloop() was called and not answered yet */
	_Atomic(struct pacf *) channel; /* NULL until activated */

	/* The handle's own thread.  pkts[0..next) went to the program, pkts[next..count) wait;
	 * none of pkts[0..count) has been given back to the channel. */
	struct pacf_pkt pkts[SHIM_BURST];
	int count;
	int next;
	struct pcap_pkthdr hdr; /* what pcap_next_ex() points to */
	uint32_t snaplen;
	bool nano;
	bool nonblock;
	bool rfmon;
	bool failed;   /* the program was told that the channel is lost */
	bool fd_taken; /* the program may wait for the descriptor: hold no packet it cannot see
			*/
	int timeout_ms;
	struct bpf_program filter; /* our copy; bf_insns NULL = none */
	uint64_t accepted_pkts;
	pcap_t *dead; /* the real libpcap's, NULL until activated */
	char *name;   /* for pacf_open() */
	char error[PCAP_ERRBUF_SIZE];
};

/* registry.c: the live handles.  shim_find() is lock-free and async-signal-safe. */
struct shim *shim_find(const pcap_t *p);
int shim_register(struct shim *s); /* 0 or -ENOMEM */
void shim_forget(struct shim *s);

/* open.c.  shim_error() keeps the sentence for pcap_geterr() and returns `status`. */
int shim_error(struct shim *s, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int shim_unready(struct shim *s);
int shim_unready_error(struct shim *s);

/* devices.c: the name to give to pacf_open() for a device name, to be freed; NULL: none of
 * ours. */
char *shim_channel_name(const char *device);

/* linktype.c: a LINKTYPE_ value of a file or channel as this system's DLT_ value. */
int shim_dlt(uint32_t linktype);

/* real.c: functions of the real libpcap, and one of libc; see interface.c. */
#define SHIM_REAL_FUNCTIONS(X)              \
	X(ioctl)                            \
	X(pcap_activate)                    \
	X(pcap_breakloop)                   \
	X(pcap_bufsize)                     \
	X(pcap_can_set_rfmon)               \
	X(pcap_close)                       \
	X(pcap_compile)                     \
	X(pcap_create)                      \
	X(pcap_datalink)                    \
	X(pcap_datalink_ext)                \
	X(pcap_dispatch)                    \
	X(pcap_dump_fopen)                  \
	X(pcap_dump_open)                   \
	X(pcap_dump_open_append)            \
	X(pcap_file)                        \
	X(pcap_fileno)                      \
	X(pcap_findalldevs)                 \
	X(pcap_get_required_select_timeout) \
	X(pcap_get_selectable_fd)           \
	X(pcap_get_tstamp_precision)        \
	X(pcap_geterr)                      \
	X(pcap_getnonblock)                 \
	X(pcap_inject)                      \
	X(pcap_is_swapped)                  \
	X(pcap_list_datalinks)              \
	X(pcap_list_tstamp_types)           \
	X(pcap_lookupnet)                   \
	X(pcap_loop)                        \
	X(pcap_major_version)               \
	X(pcap_minor_version)               \
	X(pcap_next)                        \
	X(pcap_next_ex)                     \
	X(pcap_open_live)                   \
	X(pcap_perror)                      \
	X(pcap_sendpacket)                  \
	X(pcap_set_buffer_size)             \
	X(pcap_set_datalink)                \
	X(pcap_set_immediate_mode)          \
	X(pcap_set_promisc)                 \
	X(pcap_set_protocol_linux)          \
	X(pcap_set_rfmon)                   \
	X(pcap_set_snaplen)                 \
	X(pcap_set_timeout)                 \
	X(pcap_set_tstamp_precision)        \
	X(pcap_set_tstamp_type)             \
	X(pcap_setdirection)                \
	X(pcap_setfilter)                   \
	X(pcap_setnonblock)                 \
	X(pcap_snapshot)                    \
	X(pcap_stats)

enum shim_function {
#define SHIM_ENUM(f) SHIM_##f,
	SHIM_REAL_FUNCTIONS(SHIM_ENUM)
#undef SHIM_ENUM
		SHIM_FUNCTIONS
};

void *shim_real(enum shim_function f);

/* The real function f, with f's type. */
#define REAL(f) ((__typeof__(&f))shim_real(SHIM_##f))

#endif
