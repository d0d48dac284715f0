/* rates.h - the bounds of the sending rate, by what the user and the interface say. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_RATES_H
#define SENDER_RATES_H

#include "sender/conf.h"

/* Bits a second of NORM messages. */
struct rates {
	bool automatic;           /* else it is `start` all the time */
	bool cc;                  /* ... by congestion control */
	uint64_t min, start, max; /* min <= start <= max */
};

/* -EINVAL: they contradict each other, which was logged. */
int rates_choose(struct rates *ret, const struct conf *c, const struct netplan *plan);

#endif
