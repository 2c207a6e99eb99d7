/*
 * rig: what the tests of ctl share: a control plane in a run directory of its own, a small
 * capture, short forms of the calls, statistics by path, and an application's end of the attach
 * socket.
 */
#ifndef RIG_H
#define RIG_H

#include "attach.h"
#include "chan.h"
#include "ctl.h"
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RIG_PKTS 2000u

extern struct ctl *ctl;
extern struct ctl_err err;
extern struct ctl_breaker *rig_breaker;
extern char rig_dir[64];      /* the run directory; also holds the capture */
extern char rig_capture[128]; /* RIG_PKTS packets of UDP, Ethernet */

/* cmocka's set-up and clean-up of every test. */
int rig_setup(void **state);
int rig_teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* A capture of n packets below the run directory; cut: its last record is not whole. */
void rig_write(const char *path, uint32_t n, uint32_t linktype, bool cut);

/* It went well; else the test ends with ctl's sentence. */
#define OK(call) assert_ok(call, #call)
void assert_ok(int rc, const char *call);
/* It was refused with this error and a sentence that holds both texts (NULL: any). */
#define REFUSED(call, rc, one, two) assert_refused(call, rc, one, two, #call)
void assert_refused(int got, int want, const char *one, const char *two, const char *call);

int rig_new(const char *engine);		       /* type mem */
int rig_link(const char *engine, uint64_t loop);       /* with the capture */
int rig_open(const char *engine, const char *channel); /* SAMPLE, waits */
int rig_open_copy(const char *engine, const char *channel, const char *policy);
/* new, link for one pass and a SAMPLE channel. */
void rig_engine(const char *engine, const char *channel);

/* view.c: a walk, kept as "counters.received_pkts" or "channels.0.state" -> value. */
void view_take(const char *engine);
/* The same of an explained packet; engine NULL: none. */
int view_explain(const char *engine, const char *file, uint64_t packet);
uint64_t view_num(const char *path);
const char *view_str(const char *path);
bool view_has(const char *path);
/* That the figures of one engine add up. */
void view_check_ledger(void);

/* client.c: an application. */
#define CLIENT_LANES 4
struct client {
	int sock, bell;
	uint32_t lanes, count[CLIENT_LANES];
	struct chan_rx rx[CLIENT_LANES];
	struct chan_reply rep; /* the last one */
	int error;	       /* of receiving it */
};
/* Connects and asks (name: the daemon's spelling). */
void client_ask(struct client *c, enum chan_op op, const char *name);
/* The answer to ATTACH: its status, or how receiving failed. */
int client_answer(struct client *c);
/* Receives a lane that comes later. */
void client_lane(struct client *c);
/* The answer to LIST or QUERY, or a refusal. */
int client_answer_plain(struct client *c);
/* Asks and waits for the answer. */
int client_attach(struct client *c, const char *name);
/* Reads and gives back until every lane has ended, which must be so; how many packets. */
uint32_t client_drain(struct client *c, enum chan_state end);
/* Gives back at most n of the first lane, waiting for them. */
void client_take(struct client *c, uint32_t n);
void client_close(struct client *c);
/* The daemon hung up: true within 20 s. */
bool client_hung_up(struct client *c);

#define UNTIL(condition)                                                                      \
	do {                                                                                  \
		uint64_t limit_ns = os_clock_mono_ns() + UINT64_C(30000000000);               \
		while (!(condition)) {                                                        \
			if (os_clock_mono_ns() > limit_ns)                                    \
				fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition); \
			os_sleep_ns(1000000);                                                 \
		}                                                                             \
	} while (0)

#endif
