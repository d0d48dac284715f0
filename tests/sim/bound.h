/* bound.h - how many packets any sender needs until every receiver has every block. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_BOUND_H
#define TESTS_SIM_BOUND_H

#include "proto/layout.h"
#include "tests/sim/fade.h"

/*
 * A sender that knows at once what everybody lacks sends the blocks of a group in turn, symbol
 * by symbol, then of each block as many more symbols as its worst receiver needs, until nobody
 * needs any. Packets sent for each source packet, with one seed; < 0: no memory.
 */
double bound_simulated(const struct fade_conf *conf, unsigned n, const struct layout *l,
		       unsigned interleave, uint64_t seed);

/*
 * The mean of that, exactly, where losses are independent: for each block k + X packets reach
 * everybody, X the largest of n numbers with negative binomial distributions.
 */
double bound_exact(const struct fade_conf *conf, unsigned n, const struct layout *l);

/* The same for blocks without end: what the worst receiver's path loses. */
double bound_capacity(const struct fade_conf *conf);

#endif
