/* rx_report.h - how the sender's messages fare on their way here, and when to say so. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_REPORT_H
#define PROTO_RX_REPORT_H

#include "proto/report.h"
#include "proto/rx.h"

/* REPORT: what is to be said, and what was. */
struct rx_reporting {
	nsec_t arrival;      /* of what is heard, as the program told; 0: it does not */
	bool probed;         /* a PROBE was heard: `is` holds the counters of that moment */
	struct rx_report is; /* but for what the program tells */
	uint64_t dropped, backlog; /* as the program told last */
	uint64_t said_dropped, said_backlog;
	bool objected;
	nsec_t said_at;          /* the last objection */
	nsec_t at, objection_at; /* NSEC_NEVER: none is due */
	nsec_t lossy_at, lossy_said_at;
	uint64_t lossy_heard, lossy_missed; /* counters when losses were told last */
};

void rx_report_init(struct rx *rx);
/* Something was lost. */
void rx_report_lost(struct rx *rx, nsec_t now);
void rx_report_probe(struct rx *rx, nsec_t now, const struct probe *p);
int rx_report_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap);
nsec_t rx_report_deadline(const struct rx *rx);

#endif
