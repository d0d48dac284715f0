/* spread.h - how far apart a sender wants the answers of receivers, so that a crowd does not
 * speak at once. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_SPREAD_H
#define PROTO_SPREAD_H

#include "proto/types.h"

#define SPREAD_UNIT    (10 * NSEC_PER_MSEC) /* of what a PROBE says */
#define SPREAD_MAX     (UINT8_MAX * SPREAD_UNIT)
#define SPREAD_PER_SEC 4000 /* answers that are welcome */

/*
 * A window: receivers answer after a random time of up to that. When more answers come than are
 * welcome it grows, at once, to what makes them SPREAD_PER_SEC; when few come it halves, down
 * to where it began. So of n receivers that begin to answer all at once no more than about
 *
 *	n * (time until they hear of the new window + 2 ms) / base
 *
 * come too fast.
 */
struct spread {
	nsec_t base, window;
	nsec_t since; /* the first of the `heard` answers */
	uint32_t heard;
	nsec_t changed_at; /* the window began to hold */
	uint32_t total;    /* answers since then */
};

/* How many receivers will answer, if that is known; else 0. */
void spread_init(struct spread *s, nsec_t now, uint32_t expected);
void spread_heard(struct spread *s, nsec_t now);
/* What the next PROBE says, in SPREAD_UNITs; receivers take no less than `least` in any case.
 */
uint8_t spread_next(struct spread *s, nsec_t now, nsec_t least);

/* The window for so many answers. */
nsec_t spread_for(uint32_t n);
uint8_t spread_units(nsec_t window);

#endif
