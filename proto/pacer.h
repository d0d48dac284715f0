/* pacer.h - a token bucket that says when the next packet may leave. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_PACER_H
#define PROTO_PACER_H

#include "proto/types.h"

/*
 * In any interval of length d the bytes sent are at most
 *
 *	rate * d + burst + (one packet)
 *
 * whatever the order of calls, when nothing is sent before it is ready; a stall of the host is
 * never followed by more than that at line speed. Where the rate changes within the interval,
 * rate * d is the integral and burst the largest. A caller that is never later than `burst`
 * allows gets the rate exactly, with no rounding that adds up.
 */
#define PACER_RATE_MAX  ((uint64_t)1 << 62)
#define PACER_BURST_MAX ((uint64_t)UINT32_MAX)

struct pacer {
	uint64_t rate;  /* bytes a second; 0: unlimited */
	uint64_t burst; /* bytes */
	nsec_t next_at; /* the bucket's virtual time: when the bytes sent so far are paid for */
	uint64_t frac;  /* and this much of the next nanosecond, in 1/rate */
};

/* Larger values than the limits above count as the limit. */
void pacer_init(struct pacer *p, uint64_t rate, uint64_t burst, nsec_t now);
/* Changes both from now on; what was sent and is not yet paid for stays so. */
void pacer_set_rate(struct pacer *p, uint64_t rate, uint64_t burst, nsec_t now);
/* When a packet may be sent: <= now means at once. */
nsec_t pacer_ready_at(const struct pacer *p, nsec_t now);
/* A packet of that many bytes (< 2^32) left. */
void pacer_sent(struct pacer *p, nsec_t now, size_t bytes);

#endif
