/* fade.h - which packets of one sender a large group of receivers loses. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_FADE_H
#define TESTS_SIM_FADE_H

#include "proto/types.h"

struct fade_conf {
	double loss;     /* of all packets, for a receiver like most */
	double burst;    /* mean length of a run of losses, in packets; <= 1: independent */
	unsigned fanout; /* 0: no tree; else root, branches of so many leaves, and leaves each
			    lose a third of it */
	double worse;    /* share of the receivers that lose ten times as much */
	double common;   /* share of the blocks of which everybody loses `slice` */
	double slice;    /* of the block's source symbols, in a row */
};

#define FADE_RING 16384 /* packets that may be on their way */

/* One place where packets get lost: runs of them. */
struct fade_run {
	struct rng rng;
	double log_gap, log_burst; /* of the chance to go on as it is; 0: never lost */
	bool bursts;
	uint64_t from, until; /* the run that comes next, or is on */
};

struct fade {
	struct fade_conf conf;
	unsigned n, n_branches;
	struct fade_run root;
	struct fade_run *branches, *leaves;
	uint64_t *dead;        /* packets that nobody hears: a bit each, modulo FADE_RING */
	uint64_t *branch_dead; /* the same for each branch */
	uint64_t seed;
};

int fade_init(struct fade *f, const struct fade_conf *conf, unsigned n, uint64_t seed);
void fade_fini(struct fade *f);
/* Loss of one receiver, all in all. */
double fade_loss(const struct fade *f, unsigned who);

/* Where the slice of this block that nobody hears begins and ends; empty for most. */
void fade_slice(const struct fade *f, uint32_t sbn, uint32_t k, uint32_t *first, uint32_t *end);

/* Packet i leaves; i counts up. `common`: nobody will hear it, whatever else. */
void fade_send(struct fade *f, uint64_t i, bool common);

void fade_next(struct fade_run *r);

/* Whether one place loses packet i; asked in ascending order. */
static inline bool fade_run_loses(struct fade_run *r, uint64_t i)
{
	while (i >= r->until)
		fade_next(r);
	return i >= r->from;
}

static inline bool fade_bit(const uint64_t *bits, uint64_t i)
{
	return bits[i % FADE_RING / 64] >> (i % 64) & 1;
}

/* Whether packet i, one of the last FADE_RING sent, reaches `who`; in ascending order for each.
 */
static inline bool fade_hears(struct fade *f, unsigned who, uint64_t i)
{
	if (fade_run_loses(&f->leaves[who], i) || fade_bit(f->dead, i))
		return false;
	return !f->n_branches ||
	       !fade_bit(f->branch_dead + (size_t)(who / f->conf.fanout) * (FADE_RING / 64), i);
}

#endif
