/* link.h - one direction of a network path: what gets lost, and how late the rest comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include "proto/types.h"

struct link_conf {
	double loss;        /* of each packet, independently */
	double burst_enter; /* Gilbert-Elliott: into the bad state, for each packet, */
	double burst_leave; /* out of it, */
	double burst_loss;  /* and the loss while in it */
	double duplicate;   /* of each packet that arrives: comes twice */
	double reorder;     /* of each packet that arrives: is late by up to reorder_by */
	nsec_t reorder_by;
	uint64_t rate;         /* bytes a second; 0: any */
	nsec_t queue;          /* ... and what waits longer than this is lost */
	nsec_t delay, jitter;  /* delay + 0 .. jitter, first in first out */
	nsec_t down_at, up_at; /* nothing passes in between, counted from the start */
};

struct link {
	struct link_conf conf;
	struct rng rng;
	nsec_t start;
	bool bad;
	nsec_t busy_until; /* with a rate: the packets so far */
	nsec_t last_at;    /* when the latest packet in order arrives */
};

void link_init(struct link *l, const struct link_conf *conf, nsec_t start, uint64_t seed);
/* Whether a packet sent now arrives at all. */
bool link_passes(struct link *l, nsec_t now);
/* Whether there is room for it in the queue; then it waits there. */
bool link_takes(struct link *l, nsec_t now, size_t len);
bool link_duplicates(struct link *l);
/* When a packet sent now arrives. */
nsec_t link_arrival(struct link *l, nsec_t now);
/* Every packet takes the same time. */
bool link_is_steady(const struct link_conf *conf);

#endif
