/*
 * fake_ctl: a control plane without engines, the double behind the shell's tests.  It remembers
 * names and arguments (fake_ctl.c), and its figures are made up but add up (fake_visit.c).
 */
#ifndef FAKE_CTL_H
#define FAKE_CTL_H

#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX  16
#define NAME 96

struct item {
	char name[NAME], action[NAME], group[NAME], filter[NAME];
	uint32_t snaplen, sample;
	uint64_t received, full, filtered, unsampled;
};
struct engine {
	char name[NAME], type[NAME];
	int cpu, nlinks, nchannels;
	bool running;
	struct item links[MAX], channels[MAX];
};
struct ctl {
	struct engine engines[MAX];
	int n;
	uint64_t key;
};

/* Puts the sentence there, and returns rc. */
__attribute__((format(printf, 3, 4))) int fake_fail(
	struct ctl_err *err, int rc, const char *fmt, ...);
/* NULL, and a sentence: there is none. */
struct engine *fake_find(struct ctl *ctl, const char *name, struct ctl_err *err);

#endif
