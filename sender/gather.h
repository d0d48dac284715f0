/* gather.h - who has to be there before the first data leave, and for how long they are
 * awaited.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_GATHER_H
#define SENDER_GATHER_H

#include "proto/types.h"

/* What ends the wait: `receivers` that are there, or else nobody more coming for a while. */
struct gather {
	uint32_t receivers; /* 0: not told */
	bool plain;         /* --profile norm: nobody announces itself */
	nsec_t began_at, wait_at;
	nsec_t joined_at; /* when the last one came */
	unsigned n;       /* that are there */
	unsigned absent;  /* of those that are expected by name; only with `named` */
	bool named;
	bool now; /* start at once */
};

void gather_init(struct gather *g, nsec_t now, nsec_t wait);
/* So many are there now. */
void gather_count(struct gather *g, nsec_t now, unsigned n);
/* Waits longer, or, with less than 0, not so long. */
void gather_wait(struct gather *g, nsec_t more);

/* Whether to begin; `*ret_at`: when to look again if nothing happens. */
bool gather_enough(const struct gather *g, nsec_t now, nsec_t *ret_at);
/* Whether the wait is over and nobody came. */
bool gather_in_vain(const struct gather *g, nsec_t now);

#endif
