/* rate_internal.h - the rate, shared by the files rate*.c and by nobody else. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RATE_INTERNAL_H
#define PROTO_RATE_INTERNAL_H

#include "proto/rate.h"

#define EPOCH_FAST  (20 * NSEC_PER_MSEC) /* START, TEST and DRAIN want to be over */
#define DRAIN_SHARE 0.92                 /* of what a path can do */
#define HOLD_SHARE  0.98
#define UP_WAIT_MIN (500 * NSEC_PER_MSEC)

struct ratepeer *rate_find(struct rate *r, uint32_t node_id); /* NULL: not watched */
/* Whether most others were seen to get more than twice of what it was. */
bool rate_outruns(const struct rate *r, const struct ratepeer *p);
/* What samples said is used up, or not true any more. */
void rate_unhear(struct rate *r);
/* What the best of them can do, or was seen to get. */
double rate_fastest(const struct rate *r);
/* What all that count can do; notes whom that is up to. */
double rate_target(struct rate *r);
/* The next mark brings it. */
void rate_set(struct rate *r, double value, enum rate_reason why);
void rate_enter(struct rate *r, enum rate_state state, unsigned patience);
/* No attempt at more before `wait` is over. */
void rate_climb_later(struct rate *r, nsec_t now, nsec_t wait);
/* All that could be heard of the last mark was heard: what now? */
void rate_decide(struct rate *r, nsec_t now);

#endif
