/* crowd.h - very many receivers of one sender, run in steps of time, not event by event. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_CROWD_H
#define TESTS_SIM_CROWD_H

#include "proto/layout.h"
#include "proto/rx.h"
#include "tests/sim/fade.h"
#include "tests/sim/heap.h"

/* What the sender sent last: packet i lies in slot i % FADE_RING. */
struct air_packet {
	nsec_t at; /* when it arrives, everywhere */
	size_t len;
	uint8_t *bytes;
};

struct air {
	struct air_packet *p;
	uint8_t *memory;
	uint64_t n; /* sent so far */
};

int air_init(struct air *a, size_t longest); /* -ENOMEM */
void air_fini(struct air *a);

struct crowd_conf {
	unsigned n;
	uint32_t sender_id;
	uint16_t instance_id;
	nsec_t delay;         /* of feedback on its way */
	nsec_t nap;           /* a receiver that has read looks again after nap/2 .. nap */
	size_t memory;        /* for blocks, of each */
	uint64_t decode_rate; /* bytes of a block in a second; 0: at once */
	double feedback_loss; /* of what a receiver sends; < 0: as what it hears */
	uint64_t seed;
};

struct crowd {
	struct crowd_conf conf;
	const struct air *air;
	const struct layout *layout; /* of the only object */
	struct fade *fade;
	struct heap *up; /* feedback on its way: struct packet in `data` */
	struct member *members;
	nsec_t *delivered_at;    /* when everybody had decoded so many blocks and one more */
	unsigned n_over;         /* receivers that have gone home, */
	unsigned n_complete;     /* with everything */
	nsec_t next_at;          /* nothing happens before, but for packets not sent yet */
	struct rx_counters sums; /* of those gone home */
};

/* -ENOMEM, or what rx_new() says. `crowd` refers to what it is given. */
int crowd_init(struct crowd *c, const struct crowd_conf *conf, nsec_t now);
void crowd_fini(struct crowd *c);
/* Everything that happens before `end`; all packets that arrive before then are on the air. */
void crowd_run(struct crowd *c, nsec_t end);

#endif
