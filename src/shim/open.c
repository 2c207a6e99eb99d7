/*
 * Opening and closing: pcap_create, the pcap_set_ family, pcap_activate, pcap_open_live,
 * pcap_close. Called by the program.  A handle exists from pcap_create() on; it has a channel
 * and a dead handle from pcap_activate() on, both or neither.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shim.h"

int
shim_error(struct shim *s, int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, args);
	va_end(args);
	return status;
}

/* libpcap answers a call that came too early with one of two values, depending on the function.
 */
int
shim_unready(struct shim *s)
{
	return shim_error(s, SHIM_NOT_READY, "This handle hasn't been activated yet");
}

int
shim_unready_error(struct shim *s)
{
	shim_unready(s);
	return PCAP_ERROR;
}

static int
too_late(struct shim *s)
{
	if (!s->dead)
		return 0;
	return shim_error(
		s, PCAP_ERROR_ACTIVATED, "can't perform operation on activated capture");
}

static pcap_t *
create(char *name, char *errbuf)
{
	struct shim *s = calloc(1, sizeof(*s));

	if (!s || shim_register(s) < 0) {
		free(s);
		free(name);
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "no memory for a capture handle");
		return NULL;
	}
	s->name = name;
	s->snaplen = SHIM_SNAPLEN;
	return (pcap_t *)s;
}

pcap_t *
pcap_create(const char *device, char *errbuf)
{
	char *name = shim_channel_name(device);

	return name ? create(name, errbuf) : REAL(pcap_create)(device, errbuf);
}

int
pcap_set_snaplen(pcap_t *p, int snaplen)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_set_snaplen)(p, snaplen);
	if (too_late(s))
		return PCAP_ERROR_ACTIVATED;
	/* As libpcap: what makes no sense means "everything". */
	s->snaplen = snaplen <= 0 || snaplen > SHIM_SNAPLEN ? SHIM_SNAPLEN : (uint32_t)snaplen;
	return 0;
}

int
pcap_set_timeout(pcap_t *p, int to_ms)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_set_timeout)(p, to_ms);
	if (too_late(s))
		return PCAP_ERROR_ACTIVATED;
	s->timeout_ms = to_ms;
	return 0;
}

int
pcap_set_rfmon(pcap_t *p, int rfmon)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_set_rfmon)(p, rfmon);
	if (too_late(s))
		return PCAP_ERROR_ACTIVATED;
	s->rfmon = rfmon != 0;
	return 0;
}

int
pcap_can_set_rfmon(pcap_t *p)
{
	struct shim *s = shim_find(p);

	return s ? too_late(s) : REAL(pcap_can_set_rfmon)(p);
}

/* The daemon has chosen the interface's mode and the buffers already: accepted, of no effect.
 */
int
pcap_set_promisc(pcap_t *p, int promisc)
{
	struct shim *s = shim_find(p);

	return s ? too_late(s) : REAL(pcap_set_promisc)(p, promisc);
}

int
pcap_set_buffer_size(pcap_t *p, int size)
{
	struct shim *s = shim_find(p);

	return s ? too_late(s) : REAL(pcap_set_buffer_size)(p, size);
}

/* Packets are always handed over as they come. */
int
pcap_set_immediate_mode(pcap_t *p, int immediate)
{
	struct shim *s = shim_find(p);

	return s ? too_late(s) : REAL(pcap_set_immediate_mode)(p, immediate);
}

int
pcap_set_tstamp_type(pcap_t *p, int type)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_set_tstamp_type)(p, type);
	if (too_late(s))
		return PCAP_ERROR_ACTIVATED;
	return type == PCAP_TSTAMP_HOST ? 0 : PCAP_WARNING_TSTAMP_TYPE_NOTSUP;
}

int
pcap_set_tstamp_precision(pcap_t *p, int precision)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_set_tstamp_precision)(p, precision);
	if (too_late(s))
		return PCAP_ERROR_ACTIVATED;
	if (precision != PCAP_TSTAMP_PRECISION_MICRO && precision != PCAP_TSTAMP_PRECISION_NANO)
		return PCAP_ERROR_TSTAMP_PRECISION_NOTSUP;
	s->nano = precision == PCAP_TSTAMP_PRECISION_NANO;
	return 0;
}

static int
attach_error(struct shim *s, int err, const char *sentence)
{
	int status = err == -ENOENT   ? PCAP_ERROR_NO_SUCH_DEVICE
		     : err == -EACCES ? PCAP_ERROR_PERM_DENIED
				      : PCAP_ERROR;

	return shim_error(s, status, "%s", sentence);
}

/* A capture of an interface goes on for as long as the program wants, so it outlives the daemon
 * unless $PACF_RECONNECT says otherwise. */
static int
reconnect_when(void)
{
	const char *word = getenv("PACF_RECONNECT");

	if (word != NULL && strcmp(word, "never") == 0)
		return PACF_RECONNECT_NEVER;
	if (word != NULL && strcmp(word, "always") == 0)
		return PACF_RECONNECT_ALWAYS;
	return PACF_RECONNECT_LIVE;
}

static int
attach(struct shim *s, struct pacf **channel)
{
	char sentence[PACF_ERRBUF] = "";
	struct pacf_info info;
	int err = pacf_open(channel, s->name, sentence);

	if (err < 0)
		return attach_error(s, err, sentence[0] ? sentence : pacf_strerror(err));
	pacf_reconnect(*channel, reconnect_when());
	pacf_info(*channel, &info);
	if (info.linktype == UINT32_MAX) {
		pacf_close(*channel);
		return shim_error(s, PCAP_ERROR,
			"\"%s\" has no link type yet; link a source to its engine first",
			s->name);
	}
	s->dead = pcap_open_dead_with_tstamp_precision(shim_dlt(info.linktype), (int)s->snaplen,
		s->nano ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO);
	if (!s->dead) {
		pacf_close(*channel);
		return shim_error(s, PCAP_ERROR, "no memory to open \"%s\"", s->name);
	}
	return 0;
}

int
pcap_activate(pcap_t *p)
{
	struct shim *s = shim_find(p);
	struct pacf *channel;
	int status;

	if (!s)
		return REAL(pcap_activate)(p);
	if (too_late(s))
		return PCAP_ERROR_ACTIVATED;
	if (s->rfmon)
		return shim_error(s, PCAP_ERROR_RFMON_NOTSUP,
			"\"%s\" is a channel: it has no monitor mode", s->name);
	status = attach(s, &channel);
	if (status < 0)
		return status;
	/* On Linux libpcap takes a negative timeout for non-blocking mode. */
	if (s->timeout_ms < 0) {
		s->nonblock = true;
		s->timeout_ms = 0;
	}
	/* release: pairs with the acquire in pcap_breakloop(), for which the channel is whole.
	 */
	atomic_store_explicit(&s->channel, channel, memory_order_release);
	return 0;
}

pcap_t *
pcap_open_live(const char *device, int snaplen, int promisc, int to_ms, char *errbuf)
{
	char *name = shim_channel_name(device);
	struct shim *s;
	pcap_t *p;
	int status;

	if (!name)
		return REAL(pcap_open_live)(device, snaplen, promisc, to_ms, errbuf);
	p = create(name, errbuf);
	if (!p)
		return NULL;
	s = (struct shim *)p;
	pcap_set_snaplen(p, snaplen);
	pcap_set_timeout(p, to_ms);
	status = pcap_activate(p);
	if (status < 0) {
		memcpy(errbuf, s->error, sizeof(s->error));
		pcap_close(p);
		return NULL;
	}
	errbuf[0] = '\0'; /* no warning */
	return p;
}

void
pcap_close(pcap_t *p)
{
	struct shim *s = shim_find(p);

	if (!s) {
		REAL(pcap_close)(p);
		return;
	}
	shim_forget(s);
	pacf_close(atomic_load_explicit(&s->channel, memory_order_relaxed));
	if (s->dead)
		REAL(pcap_close)(s->dead);
	free(s->filter.bf_insns);
	free(s->name);
	free(s);
}
