/* report.h - what sow says of a transfer, to people and to scripts, and its exit status. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_REPORT_H
#define SENDER_REPORT_H

#include "sender/conf.h"
#include "sender/expected.h"
#include "sender/job.h"
#include "sender/listeners.h"
#include "sender/rates.h"
#include "sender/said.h"

/* When several hold: the first in the order of report_status(). */
enum exit_status {
	EXIT_ALL = 0,
	EXIT_USAGE = 1,
	EXIT_SYSTEM = 2, /* network or system */
	EXIT_PARTIAL = 4,
	EXIT_NOBODY = 5,
	EXIT_DEADLINE = 6,
	EXIT_INTERRUPTED = 130,
};

/* A transfer at some moment, or at its end. */
struct report_now {
	const struct tx *tx;
	const struct listeners *who;
	const struct job *job;
	nsec_t started_at; /* NSEC_NEVER: did not start */
	nsec_t now;
	bool failed;      /* the system or the network stopped it */
	bool interrupted; /* the user did */
	bool late;        /* the deadline passed */
	bool quit;        /* the user wanted no more of it */
};

struct report {
	const struct conf *conf;
	const struct netplan *plan;
	const struct rates *rates;
	const struct expected *expected; /* NULL: whoever comes */
	nsec_t rate_at;                  /* when the last event of the rate was written */
	uint64_t rate;                   /* what it said, bits a second */
	enum rate_reason why;
	struct progress progress;
	struct said said;
};

void report_init(struct report *r, const struct conf *conf, const struct netplan *plan,
		 const struct rates *rates, const struct expected *expected);
/* Where it will go; before waiting. */
void report_plan(const struct report *r, const struct job *job);
/* The first data leave now. */
void report_start(struct report *r, const struct report_now *is);
/* Cheap enough for every wake-up. */
void report_progress(struct report *r, const struct report_now *is);
/* The others will not wait for it. */
void report_straggler(struct report *r, const struct listener *li);
/* A line for each receiver, one for all, metrics; the exit status. */
int report_end(struct report *r, const struct report_now *is);

#endif
