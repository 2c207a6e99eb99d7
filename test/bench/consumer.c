/*
 * bench/consumer: the applications: processes that open a channel with libpacf, read it to its
 * end and touch every packet; and the daemon's answer to their opening it.  Called by
 * dispatch.c while there is no other thread.
 */
#include "attach.h"
#include "bench.h"
#include "os.h"
#include "pacf.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BURST	64
#define POLL_NS 2000000u

/* What an application does that wants the most: it looks for POLL_NS, letting the others on its
 * CPU look in between, before it blocks. */
static int
consumer_poll(struct pacf *p, struct pacf_pkt *pkt)
{
	uint64_t until = os_clock_mono_ns() + POLL_NS;
	int n;

	do {
		n = pacf_recv(p, pkt, BURST, 0);
		if (n != 0)
			return n;
		sched_yield();
	} while (os_clock_mono_ns() < until);
	return pacf_recv(p, pkt, BURST, -1);
}

static void
consumer_read(struct pacf *p, struct bench_consumer *c, bool sleeps)
{
	uint64_t begin = bench_cpu_ns(), pkts = 0, sum = 0;
	struct pacf_pkt pkt[BURST];
	int n;

	while ((n = sleeps ? pacf_recv(p, pkt, BURST, -1) : consumer_poll(p, pkt)) > 0) {
		for (int i = 0; i < n; i++)
			__builtin_prefetch(pkt[i].data);
		for (int i = 0; i < n; i++)
			sum += bench_touch(pkt[i].data, pkt[i].caplen);
		pacf_release(p, n);
		pkts += (uint64_t)n;
	}
	c->cpu_ns = bench_cpu_ns() - begin;
	c->pkts = pkts;
	c->sum = sum;
	c->end = n;
}

static _Noreturn void
consumer_main(struct bench *b, uint32_t number, int cpu)
{
	struct bench_consumer *c = &b->consumers[number];
	char name[16], why[PACF_ERRBUF] = "";
	struct pacf *p;

	if (cpu >= 0)
		bench_check(os_thread_pin(cpu), "pin a consumer");
	snprintf(name, sizeof(name), "bench}%u", number);
	if (pacf_open(&p, name, why) < 0) {
		fprintf(stderr, "bench: %s\n", why);
		_exit(1);
	}
	consumer_read(p, c, b->what->sleeps);
	pacf_close(p);
	c->reference_ns = bench_reference_read(&b->reference, 4000000);
	_exit(c->end == -ENODATA ? 0 : 1);
}

/* One application asks for its channel.  The connection, which stays open while it reads, is
 * left to this process's end. */
static void
consumer_attach(struct bench *b, int listener)
{
	int sock = accept(listener, NULL, NULL);
	struct chan_reply rep = {.lanes = 1, .linktype = 1};
	struct chan_request req;
	uint32_t number;

	bench_check(sock < 0 ? -errno : 0, "accept");
	bench_check(chan_recv_request(sock, &req), "an attach request");
	number = (uint32_t)(req.name[strlen(req.name) - 1] - '0');
	if (req.op != CHAN_OP_ATTACH || number >= BENCH_CHANNELS)
		bench_check(-EPROTO, req.name);
	bench_check(chan_send_reply(sock, &rep, &b->bells[number], 1), "an attach reply");
	bench_check(chan_send_reply(sock, &rep,
			    (const int[]){b->engine->pool.fd, b->lanes[number].tx.ring_fd,
				    b->lanes[number].tx.cursor_fd},
			    3),
		"a lane");
}

void
bench_consumers_start(struct bench *b, int cpu)
{
	char rundir[] = "/tmp/pacf-bench-XXXXXX", path[64];
	int listener, lock;

	b->consumers = mmap(NULL, BENCH_CHANNELS * sizeof(*b->consumers),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
	bench_check(b->consumers == MAP_FAILED ? -errno : 0, "shared memory");
	bench_check(mkdtemp(rundir) == NULL ? -errno : 0, rundir);
	setenv("PACF_RUNDIR", rundir, 1);
	listener = bench_check(chan_attach_listen(rundir, &lock), "the attach socket");
	fflush(stdout);
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		pid_t pid = fork();

		bench_check(pid < 0 ? -errno : 0, "fork");
		if (pid == 0)
			consumer_main(b, c, cpu);
		b->consumers[c].pid = pid;
		consumer_attach(b, listener);
	}
	snprintf(path, sizeof(path), "%s/" CHAN_SOCKET, rundir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" CHAN_LOCK, rundir);
	unlink(path);
	close(listener);
	close(lock);
	bench_check(rmdir(rundir) < 0 ? -errno : 0, rundir);
}

void
bench_consumers_join(struct bench *b)
{
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		int status;

		bench_check(waitpid(b->consumers[c].pid, &status, 0) < 0 ? -errno : 0, "wait");
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "bench: consumer %u: %s, status %d\n", c,
				pacf_strerror(b->consumers[c].end), status);
			exit(1);
		}
	}
}
