/* loss.h - what a receiver misses, by the sender's 16-bit sequence (RFC 5740 §4.1, RFC 4654
 * §5). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_LOSS_H
#define PROTO_LOSS_H

#include "proto/types.h"

/*
 * Counts of messages heard and missed, tolerant of reordering within LOSS_WINDOW, and the loss
 * event fraction of TFMCC: a loss is final after three later messages, losses within one RTT
 * are one event, the fraction is the inverse of the weighted mean of the last eight intervals.
 * A jump of more than LOSS_JUMP restarts the sequence without counting a loss.
 *
 * A message that comes after its loss was final is taken off the count of missed ones; the
 * event that it made stays. There is no history discounting.
 */
#define LOSS_WINDOW    64
#define LOSS_JUMP      8192
#define LOSS_INTERVALS 8

struct loss {
	bool started;
	uint16_t highest;
	uint16_t final;  /* up to here every message is known to be heard or lost */
	uint16_t before; /* the last one heard up to there */
	nsec_t before_at;
	uint64_t window;        /* bit i: highest - i was heard */
	nsec_t at[LOSS_WINDOW]; /* and when, by sequence modulo LOSS_WINDOW */
	uint64_t heard, missed;
	uint32_t interval[LOSS_INTERVALS + 1]; /* [0] is the open one, in messages */
	unsigned n_intervals;                  /* closed ones */
	nsec_t event_at;                       /* when the last loss event began */
	nsec_t round_at; /* messages of this RTT and of the one before it */
	uint32_t round, last_round;
};

void loss_init(struct loss *l);
/* A message arrived; rtt > 0. False: a duplicate, or too old to tell. */
bool loss_heard(struct loss *l, nsec_t now, uint16_t sequence, nsec_t rtt);
/* Loss event fraction p of RFC 4654 §5; 0 before the first loss. */
double loss_event_fraction(const struct loss *l);

#endif
