/* threshold.h - who shall speak first about a large block: learned from the blocks before. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_THRESHOLD_H
#define PROTO_THRESHOLD_H

#include "proto/types.h"

/*
 * Of each block the sender sees the largest count that anybody asked for, close to what the
 * worst receiver lacked. These maxima vary little from block to block: somewhat below their
 * mean lies a threshold that a few receivers reach, and well below the smallest of the last
 * ones an amount of parity that every block needs (doc/PROTOCOL.md, "Repair of large blocks").
 */
#define THRESHOLD_RECENT 4

/* Zeroed, it knows nothing. */
struct threshold {
	double mean, dev; /* of the largest counts, as shares of the block; mean deviation */
	double recent[THRESHOLD_RECENT];
	uint32_t n;
	bool bursts; /* the largest counts differ by more than chance: see threshold_hint */
};

/* A block of k source symbols is settled: `largest` was asked for, 0: nobody asked though
 * `unasked` was sent. */
void threshold_learn(struct threshold *t, uint32_t k, uint32_t largest, uint32_t unasked);

struct threshold_hint {
	uint32_t threshold; /* D, 0: none known */
	uint32_t step;      /* S, at least 1 */
	uint32_t unasked;   /* parity that is surely needed */
	uint32_t plan;      /* parity that probably suffices: to be encoded beforehand */
	bool bursts;        /* blocks sent in turns would share the losses more evenly */
};

/* For a block of k source symbols. */
struct threshold_hint threshold_hint(const struct threshold *t, uint32_t k);

#endif
