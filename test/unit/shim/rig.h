/*
 * What test_read.c and test_wait.c have in common: a handle of the shim on the fake libpacf.
 *
 * Packet i is an Ethernet frame of 100 + i % 50 bytes, UDP if i is even, else TCP, with i in
 * its last four bytes and in its time.
 */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <cmocka.h>
#include <pcap/pcap.h>

/* What record() saw; at packet number break_at it calls pcap_breakloop(). */
struct seen {
	int count, break_at;
	uint32_t last, caplen;
	struct timeval ts;
};

extern char rig_error[PCAP_ERRBUF_SIZE];
extern pcap_t *rig_handle; /* closed by rig_teardown() */

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_add_packets(int n);
void rig_open(int snaplen, int to_ms);
void rig_set_filter(const char *text);
void rig_record(u_char *user, const struct pcap_pkthdr *h, const u_char *data);

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif
