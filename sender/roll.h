/* roll.h - how it ended for each receiver. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_ROLL_H
#define SENDER_ROLL_H

#include "sender/report.h"

struct roll {
	unsigned here;     /* that are to get it, and came */
	unsigned present;  /* and are still there */
	unsigned ok;       /* have everything */
	unsigned expected; /* came, or should have */
};

struct roll roll_count(const struct report *r, const struct report_now *is);

/* A line, an event or a row of a table for each, and for those who did not come. */
void roll_tell(struct report *r, const struct report_now *is);

#endif
