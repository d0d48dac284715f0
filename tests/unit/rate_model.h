/* rate_model.h - receivers behind links of limited capacity, for closed loops with proto/rate.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_RATE_MODEL_H
#define TESTS_UNIT_RATE_MODEL_H

#include "proto/rate.h"

#define MODEL_PATHS 80
#define MODEL_PKT   1424
#define MBIT        125000.0 /* bytes a second */

/* A stage that takes packets at a rate and keeps what waits, up to a bound. */
struct model_stage {
	double rate; /* bytes a second; 0: any */
	double room; /* bytes */
	double busy_until;
};

struct model_path {
	uint32_t node_id;
	double loss;               /* random */
	double burst;              /* mean length of its bursts, packets; 0: single losses */
	struct model_stage link;   /* a drop there is a loss like others */
	struct model_stage socket; /* ... and there it is counted */
	double disk;               /* bytes a second; 0: any */
	double clock;              /* its clock runs by this share too fast */
	bool silent;               /* it does not report */
	void (*lie)(struct rx_report *rp, struct rng *rng);

	double backlog, stored_at, bursting;
	uint64_t heard, bytes, dropped, missed;
	uint64_t objected;
};

struct model {
	struct rate rate;
	struct model_path path[MODEL_PATHS];
	unsigned n;
	double delay;  /* one way, seconds */
	double jitter; /* of the receivers' naps, seconds */
	double hiccup; /* one nap in four lasts up to that long */
	double host;   /* what the sender can send at most; 0: any */
	double reads; /* seconds that it reads what it sends next, at most, once it has the time
		       */
	bool blocks;  /* ... because its interface takes no more */
	bool idles;   /* ... because there is no more to send */
	unsigned every; /* report_every; 0: all answer */
	struct rng rng;

	double now, owed;
	uint64_t packets, bytes;
	uint16_t sequence;
	struct model_answer {
		double at;
		uint32_t node_id;
		struct rx_report rp;
	} answers[1024];
	unsigned n_answers;
};

void model_init(struct model *m, double min, double start, double max);
/* A path of `rate` with a queue of so many seconds; 0: no limit. */
struct model_path *model_add(struct model *m, double rate, double queue);
void model_run(struct model *m, double seconds);
/* The same, and what path `i` got of it: share of the packets lost, bytes a second delivered.
 */
struct model_result {
	double loss, rate, sent;
} model_measure(struct model *m, double seconds, unsigned i);

#endif
