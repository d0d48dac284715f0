/* grtt.h - the group's round-trip time as the sender sees it (RFC 5740 §5.5.1, RFC 5401
 * §3.7.1). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_GRTT_H
#define PROTO_GRTT_H

#include "proto/types.h"

/*
 * A larger sample raises the estimate at once; at the end of every probe interval in which all
 * samples were smaller it falls to max(0.9 * grtt, peak). No samples: unchanged. With `near`
 * all receivers are on one LAN, where no distance can hide behind those that happened to
 * answer, and it falls to max(0.5 * grtt, peak).
 */
struct grtt {
	nsec_t value, min, max;
	nsec_t peak; /* of this interval; 0: no sample */
	bool near;
};

void grtt_init(struct grtt *g, nsec_t initial, nsec_t min, nsec_t max);
/* A sample; negative or > max ones are ignored (a receiver's lie or a stale echo). */
void grtt_sample(struct grtt *g, nsec_t rtt);
void grtt_interval(struct grtt *g);
/* What to advertise: at least the time of one packet at the rate in bytes a second (0:
 * unlimited). */
uint8_t grtt_advertise(const struct grtt *g, uint64_t rate, size_t packet);

#endif
