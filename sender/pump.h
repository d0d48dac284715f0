/* pump.h - moves packets between the session, the files and the network until it is over. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_PUMP_H
#define SENDER_PUMP_H

#include "sender/report.h"

/* All borrowed, and to outlive the pump. */
struct pump_conf {
	const struct conf *conf;
	const struct netplan *plan;
	struct rates rates;
	struct job *job;
	struct report *report;
	struct expected *expected; /* NULL: whoever comes */
};

struct pump;

/* Opens the sockets and the session. 0, or -errno, which was logged. */
int pump_new(struct pump **ret, const struct pump_conf *conf);
void pump_free(struct pump *p);

/* Waits for receivers, sends, repairs, ends, reports: the exit status. Bounded in time by the
 * receivers that are there and answer. */
int pump_run(struct pump *p);

#endif
