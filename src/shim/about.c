/*
 * What an open handle is and counts: filter, link type, statistics, files written from it,
 * errors. Called by the program.  Whatever needs libpcap's own struct is asked of the dead
 * handle, whose error sentence then becomes ours.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shim.h"

static void
take_error(struct shim *s)
{
	shim_error(s, PCAP_ERROR, "%s", REAL(pcap_geterr)(s->dead));
}

int
pcap_compile(pcap_t *p, struct bpf_program *program, const char *text, int optimize,
	bpf_u_int32 netmask)
{
	struct shim *s = shim_find(p);
	int status;

	if (!s)
		return REAL(pcap_compile)(p, program, text, optimize, netmask);
	if (!s->dead)
		return shim_unready_error(s);
	status = REAL(pcap_compile)(s->dead, program, text, optimize, netmask);
	if (status < 0)
		take_error(s);
	return status;
}

int
pcap_setfilter(pcap_t *p, struct bpf_program *program)
{
	struct shim *s = shim_find(p);
	struct bpf_insn *copy;

	if (!s)
		return REAL(pcap_setfilter)(p, program);
	if (!s->dead)
		return shim_unready(s);
	if (!program)
		return shim_error(s, PCAP_ERROR, "setfilter: No filter specified");
	if (!bpf_validate(program->bf_insns, (int)program->bf_len))
		return shim_error(s, PCAP_ERROR, "BPF program is not valid");
	copy = malloc(program->bf_len * sizeof(*copy));
	if (!copy)
		return shim_error(s, PCAP_ERROR, "no memory for the filter");
	memcpy(copy, program->bf_insns, program->bf_len * sizeof(*copy));
	free(s->filter.bf_insns);
	s->filter.bf_insns = copy;
	s->filter.bf_len = program->bf_len;
	return 0;
}

int
pcap_stats(pcap_t *p, struct pcap_stat *out)
{
	struct shim *s = shim_find(p);
	struct pacf_stats st;
	int err;

	if (!s)
		return REAL(pcap_stats)(p, out);
	if (!s->dead)
		return shim_unready(s);
	err = pacf_stats(atomic_load_explicit(&s->channel, memory_order_relaxed), &st);
	if (err < 0)
		return shim_error(
			s, PCAP_ERROR, "statistics of \"%s\": %s", s->name, pacf_strerror(err));
	memset(out, 0, sizeof(*out));
	/* As on Linux, what was dropped is part of what was received.  Packets still waiting
	 * are not: the filter has yet to see them, and a counter must not go back. */
	out->ps_recv = (u_int)(s->accepted_pkts + st.dropped_pkts);
	out->ps_drop = (u_int)st.dropped_pkts;
	out->ps_ifdrop = (u_int)st.source_drop_pkts;
	return 0;
}

/* Functions of one handle that the dead one answers as the live one should. */
#define ASK_THE_DEAD(f)                                              \
	int f(pcap_t *p)                                             \
	{                                                            \
		struct shim *s = shim_find(p);                       \
                                                                     \
		if (!s)                                              \
			return REAL(f)(p);                           \
		return s->dead ? REAL(f)(s->dead) : shim_unready(s); \
	}

ASK_THE_DEAD(pcap_datalink)
ASK_THE_DEAD(pcap_datalink_ext)
ASK_THE_DEAD(pcap_snapshot)
ASK_THE_DEAD(pcap_is_swapped)
ASK_THE_DEAD(pcap_major_version)
ASK_THE_DEAD(pcap_minor_version)
ASK_THE_DEAD(pcap_bufsize)

FILE *
pcap_file(pcap_t *p)
{
	return shim_find(p) ? NULL : REAL(pcap_file)(p);
}

int
pcap_get_tstamp_precision(pcap_t *p)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_get_tstamp_precision)(p);
	return s->nano ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO;
}

/* None to choose from: the times are those of the capture. */
int
pcap_list_tstamp_types(pcap_t *p, int **types)
{
	if (!shim_find(p))
		return REAL(pcap_list_tstamp_types)(p, types);
	*types = NULL;
	return 0;
}

int
pcap_list_datalinks(pcap_t *p, int **list)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_list_datalinks)(p, list);
	if (!s->dead)
		return shim_unready(s);
	*list = malloc(sizeof(**list)); /* pcap_free_datalinks() is free() */
	if (!*list)
		return shim_error(s, PCAP_ERROR, "no memory for the list of link types");
	(*list)[0] = REAL(pcap_datalink)(s->dead);
	return 1;
}

int
pcap_set_datalink(pcap_t *p, int dlt)
{
	struct shim *s = shim_find(p);
	const char *name;

	if (!s)
		return REAL(pcap_set_datalink)(p, dlt);
	if (!s->dead)
		return shim_unready(s);
	if (dlt == REAL(pcap_datalink)(s->dead))
		return 0;
	name = pcap_datalink_val_to_name(dlt);
	return shim_error(s, PCAP_ERROR,
		"link type %d (%s) is not the one of \"%s\", which cannot change", dlt,
		name ? name : "unknown", s->name);
}

int
pcap_setdirection(pcap_t *p, pcap_direction_t direction)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_setdirection)(p, direction);
	if (!s->dead)
		return shim_unready(s);
	if (direction != PCAP_D_OUT)
		return 0;
	return shim_error(s, PCAP_ERROR,
		"\"%s\" carries received packets only; leave the direction at in or inout",
		s->name);
}

static int
one_way(struct shim *s)
{
	return s->dead ? shim_error(s, PCAP_ERROR,
				 "\"%s\" is a channel to read from; packets cannot be sent to "
				 "it",
				 s->name)
		       : shim_unready(s);
}

int
pcap_inject(pcap_t *p, const void *data, size_t size)
{
	struct shim *s = shim_find(p);

	return s ? one_way(s) : REAL(pcap_inject)(p, data, size);
}

int
pcap_sendpacket(pcap_t *p, const u_char *data, int size)
{
	struct shim *s = shim_find(p);

	return s ? one_way(s) : REAL(pcap_sendpacket)(p, data, size);
}

static pcap_dumper_t *
dumper(struct shim *s, pcap_dumper_t *d)
{
	if (!d)
		take_error(s);
	return d;
}

pcap_dumper_t *
pcap_dump_open(pcap_t *p, const char *path)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_dump_open)(p, path);
	if (s->dead)
		return dumper(s, REAL(pcap_dump_open)(s->dead, path));
	shim_unready(s);
	return NULL;
}

pcap_dumper_t *
pcap_dump_open_append(pcap_t *p, const char *path)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_dump_open_append)(p, path);
	if (s->dead)
		return dumper(s, REAL(pcap_dump_open_append)(s->dead, path));
	shim_unready(s);
	return NULL;
}

pcap_dumper_t *
pcap_dump_fopen(pcap_t *p, FILE *file)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_dump_fopen)(p, file);
	if (s->dead)
		return dumper(s, REAL(pcap_dump_fopen)(s->dead, file));
	shim_unready(s);
	return NULL;
}

char *
pcap_geterr(pcap_t *p)
{
	struct shim *s = shim_find(p);

	return s ? s->error : REAL(pcap_geterr)(p);
}

void
pcap_perror(pcap_t *p, const char *prefix)
{
	struct shim *s = shim_find(p);

	if (s)
		fprintf(stderr, "%s: %s\n", prefix, s->error);
	else
		REAL(pcap_perror)(p, prefix);
}
