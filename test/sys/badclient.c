/*
 * badclient: applications as nobody should write them, and one that is as it should be.  Run by
 * faults.py, limits.py and idle.py against a real daemon:
 *
 *   badclient read NAME FILE     reads to the end; FILE: its records (see record_write)
 *   badclient poll NAME          reads to the end, waiting in poll(2)
 *   badclient scribble NAME SEED writes over all it can write, until the end or SIGTERM
 *   badclient rude NAME          misuses every descriptor it gets, then never reads
 *   badclient poke NAME          writes to a packet
 *   badclient protect NAME       asks for write access to packets and ring
 *   badclient list               the channels, and who has them
 *
 * Exit status: 0 the capture ended, or what had to be refused was refused; 1 the channel was
 * taken away; 2 usage; 3 it could not be opened; 4 something was allowed that must not be.
 */
#include "attach.h"
#include "os.h"
#include "pacf.h"
#include "punch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST	    64
#define LIFE_ROUNDS 2000 /* scribbling: then it leaves by itself and comes again */

static volatile sig_atomic_t stopped;

static void
on_term(int signo)
{
	stopped = signo;
}

static void __attribute__((noreturn, format(printf, 2, 3)))
leave(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static struct pacf *
open_channel(const char *name)
{
	char error[PACF_ERRBUF];
	struct pacf *p;
	int rc = pacf_open(&p, name, error);

	if (rc != 0)
		leave(3, "%s: %s", strerror(-rc), error);
	return p;
}

/* Time (8 bytes), captured length, length (4 bytes each), then the packet. */
static void
record_write(FILE *file, const struct pacf_pkt *pkt)
{
	fwrite(&pkt->ts_ns, sizeof(pkt->ts_ns), 1, file);
	fwrite(&pkt->caplen, sizeof(pkt->caplen), 1, file);
	fwrite(&pkt->len, sizeof(pkt->len), 1, file);
	fwrite(pkt->data, 1, pkt->caplen, file);
}

/* Everything is in the file before it is given back: what is not there was not given back. */
static void
burst_take(struct pacf *p, const struct pacf_pkt *pkts, int n, FILE *file)
{
	for (int i = 0; i < n && file != NULL; i++)
		record_write(file, &pkts[i]);
	if (file != NULL && fflush(file) != 0)
		leave(4, "writing records: %s", strerror(errno));
	pacf_release(p, n);
}

static int
finish(struct pacf *p, uint64_t count, int verdict)
{
	struct pacf_stats stats;

	pacf_stats(p, &stats);
	pacf_close(p);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", count, stats.received_pkts,
		stats.dropped_pkts);
	if (verdict == -ENODATA)
		return 0;
	leave(1, "%s", pacf_strerror(verdict));
}

static int
run_read(const char *name, const char *path)
{
	FILE *file = fopen(path, "wb");
	struct pacf *p = open_channel(name);
	struct pacf_pkt pkts[BURST];
	uint64_t count = 0;
	int n;

	if (file == NULL)
		leave(2, "%s: %s", path, strerror(errno));
	while ((n = pacf_recv(p, pkts, BURST, -1)) > 0) {
		burst_take(p, pkts, n, file);
		count += (uint64_t)n;
	}
	fclose(file);
	return finish(p, count, n);
}

static int
run_poll(const char *name, const char *unused)
{
	struct pacf *p = open_channel(name);
	struct pollfd pfd = {.fd = pacf_fd(p), .events = POLLIN};
	struct pacf_pkt pkts[BURST];
	uint64_t count = 0;
	int n;

	(void)unused;
	do {
		poll(&pfd, 1, -1);
		while ((n = pacf_recv(p, pkts, BURST, 0)) > 0) {
			burst_take(p, pkts, n, NULL);
			count += (uint64_t)n;
		}
	} while (n == 0);
	return finish(p, count, n);
}

/* Where this process has a memory object of that label mapped: the last one made. */
static void *
mapping_find(const char *label, size_t *bytes)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	void *found = NULL;
	char line[512];

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, label) != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			found = (void *)from;
			*bytes = to - from;
		}
	if (maps != NULL)
		fclose(maps);
	if (found == NULL)
		leave(2, "no mapping of %s", label);
	return found;
}

static uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* kind 0: the whole page at random; others: a word that might be true, or nearly. */
static void
page_scribble(
	struct chan_cursor *cursor, const struct chan_ring *ring, int kind, uint64_t *seed)
{
	uint32_t tail = atomic_load(&ring->tail), head = tail;
	_Atomic uint64_t *page = &cursor->word;

	if (kind == 0) {
		for (size_t i = 0; i < CHAN_PAGE / sizeof(*page); i++)
			atomic_store(&page[i], random_next(seed));
		return;
	}
	if (kind == 1)
		head = tail - (uint32_t)(random_next(seed) % ring->slots);
	if (kind == 2)
		head = tail + 1 + (uint32_t)(random_next(seed) % 3);
	atomic_store(page, random_next(seed) << 32 | head);
}

/* One attachment: until it is sent away, or the capture ends (true), or it has had enough. */
static bool
life_scribble(const char *name, uint64_t *seed, uint64_t *rounds, uint64_t *sent_away)
{
	struct pacf *p = open_channel(name);
	size_t bytes;
	struct chan_cursor *cursor = mapping_find("pacf-cursor", &bytes);
	const struct chan_ring *ring = mapping_find("pacf-ring", &bytes);
	int kind = (int)(random_next(seed) % 4), rc = 0;
	struct pacf_pkt pkt;

	for (int i = 0; i < LIFE_ROUNDS && rc >= 0 && !stopped; i++) {
		page_scribble(cursor, ring, kind, seed);
		++*rounds;
		if (i % 16 != 0)
			continue;
		os_sleep_ns(20000);
		rc = pacf_recv(p, &pkt, 1, 0);
	}
	*sent_away += rc == -EPIPE;
	pacf_close(p);
	return rc == -ENODATA;
}

static int
run_scribble(const char *name, const char *number)
{
	uint64_t seed = strtoull(number, NULL, 0) * 2654435761u + 1, rounds = 0, sent_away = 0;

	while (!stopped && !life_scribble(name, &seed, &rounds, &sent_away))
		;
	printf("%" PRIu64 " %" PRIu64 "\n", rounds, sent_away);
	return 0;
}

static void
must_fail(const char *what, bool failed)
{
	if (!failed)
		leave(4, "%s: allowed", what);
}

static void
object_abuse(const char *what, int fd, size_t bytes)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	for (int f = fd; f >= 0; f = f == fd ? again : -1) {
		must_fail(what, mmap(NULL, bytes, PROT_WRITE, MAP_SHARED, f, 0) == MAP_FAILED);
		must_fail(what, pwrite(f, "bad", 3, 0) < 0);
		must_fail(what, punch(f, CHAN_PAGE) < 0);
		must_fail(what, ftruncate(f, 0) < 0);
		must_fail(what, ftruncate(f, (off_t)bytes + CHAN_PAGE) < 0);
		must_fail(what, fcntl(f, F_ADD_SEALS, F_SEAL_WRITE) < 0);
	}
	if (again >= 0)
		close(again);
}

/* A bell that would make the engine wait if it trusted the descriptor's flags. */
static void
bell_abuse(int bell)
{
	fcntl(bell, F_SETFL, 0);
	for (int i = 0; i < 100000 && send(bell, "", 1, MSG_DONTWAIT) >= 0; i++)
		;
}

static int
attach_raw(const char *name, int *bell, int *fds)
{
	struct chan_request req = {.op = CHAN_OP_ATTACH};
	struct chan_reply rep = {0};
	char rundir[512];
	int sock = -1, nbell = 0, nfds = 0;

	snprintf(req.name, sizeof(req.name), "%s", name);
	if (os_rundir(rundir, sizeof(rundir), false) == 0)
		sock = chan_attach_connect(rundir);
	if (sock < 0 || chan_send_request(sock, &req) < 0 ||
		chan_recv_reply(sock, &rep, bell, &nbell) < 0 || rep.status != 0 ||
		chan_recv_reply(sock, &rep, fds, &nfds) < 0 || nbell != 1 || nfds != 3)
		leave(3, "raw attach to %s: %s", name, rep.text);
	return sock;
}

static int
run_rude(const char *name, const char *unused)
{
	int bell[CHAN_MAX_FDS], fds[CHAN_MAX_FDS], sock = attach_raw(name, bell, fds);
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	size_t pool_bytes = 0, ring_bytes = 0;
	struct chan_cursor *cursor;
	void *mem;

	(void)unused;
	os_shm_size(fds[0], &pool_bytes);
	os_shm_size(fds[1], &ring_bytes);
	object_abuse("pool", fds[0], pool_bytes);
	object_abuse("ring", fds[1], ring_bytes);
	must_fail("cursor", ftruncate(fds[2], 0) < 0);
	if (os_shm_map(fds[2], CHAN_PAGE, true, &mem) < 0)
		leave(3, "no cursor");
	cursor = mem;
	bell_abuse(bell[0]);
	puts("refused");
	fflush(stdout);
	for (uint64_t ticket = 1; poll(&pfd, 1, 1) == 0 && !stopped; ticket += 2)
		atomic_store(
			&cursor->word, ticket << 32); /* always asleep, gives nothing back */
	return 0;
}

static int
run_poke(const char *name, const char *unused)
{
	struct pacf *p = open_channel(name);
	struct pacf_pkt pkt;

	(void)unused;
	if (pacf_recv(p, &pkt, 1, 10000) != 1)
		leave(2, "no packet to write to");
	*(volatile uint8_t *)(uintptr_t)pkt.data ^= 0xff;
	leave(4, "a packet was written");
}

static int
run_protect(const char *name, const char *unused)
{
	static const char *const labels[] = {"pacf-pool", "pacf-ring"};
	struct pacf *p = open_channel(name);
	size_t bytes = 0;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		void *mem = mapping_find(labels[i], &bytes);

		must_fail(labels[i], mprotect(mem, bytes, PROT_READ | PROT_WRITE) < 0);
		must_fail(labels[i], mprotect(mem, CHAN_PAGE, PROT_WRITE) < 0);
	}
	pacf_close(p);
	return 0;
}

static int
run_list(const char *unused, const char *unused2)
{
	struct pacf_info list[512];
	int n = pacf_list(list, 512);

	(void)unused;
	(void)unused2;
	if (n < 0)
		leave(1, "%s", pacf_strerror(n));
	for (int i = 0; i < n && i < 512; i++)
		printf("%s %" PRIu32 "\n", list[i].name, list[i].busy_pid);
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(const char *channel, const char *arg);
} modes[] = {
	{"read", 2, run_read},
	{"poll", 1, run_poll},
	{"scribble", 2, run_scribble},
	{"rude", 1, run_rude},
	{"poke", 1, run_poke},
	{"protect", 1, run_protect},
	{"list", 0, run_list},
};

int
main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_term};

	sigaction(SIGTERM, &sa, NULL);
	for (size_t i = 0; argc >= 2 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0 && argc == 2 + modes[i].args)
			return modes[i].run(argv[2], argc > 3 ? argv[3] : NULL);
	leave(2, "usage: badclient read|poll|scribble|rude|poke|protect|list [NAME [ARG]]");
}
