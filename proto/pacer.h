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
 * whatever the order of calls. A late caller is forgiven only `burst` bytes, so a stall of the
 *host is never followed by more than that at line speed.
 */
struct pacer {
	uint64_t rate;  /* bytes a second; 0: unlimited */
	uint64_t burst; /* bytes */
	nsec_t next_at; /* the bucket's virtual time: when the bytes sent so far are paid for */
};

void pacer_init(struct pacer *p, uint64_t rate, uint64_t burst, nsec_t now);
/* Changes the rate from now on; tokens saved so far stay. */
void pacer_set_rate(struct pacer *p, uint64_t rate, uint64_t burst, nsec_t now);
/* When a packet may be sent: <= now means at once. */
nsec_t pacer_ready_at(const struct pacer *p, nsec_t now);
void pacer_sent(struct pacer *p, nsec_t now, size_t bytes);

#endif
