/* fare.h - how a receiver fares: what it lost lately, and what it got, by its own reports. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_FARE_H
#define PROTO_FARE_H

#include "proto/report.h"

/* Zeroed, nothing is known. */
struct fare {
	bool known;            /* a stretch ended: the fields below are about the last one */
	struct rx_report from; /* where the stretch that is looked at began */
	double loss;           /* share of the messages, in the last stretch */
	double got;            /* bytes a second by the receiver's clock; 0: not known */
	unsigned bad;          /* stretches in a row that its owner thought bad */
};

/* Stretches of at least this time and so many messages. */
#define FARE_TIME     (100 * NSEC_PER_MSEC)
#define FARE_MESSAGES 100

/* A report; true: a stretch ended, and the fields above are about that. */
bool fare_report(struct fare *f, const struct rx_report *rp);

/* The share of all that was lost since the beginning. */
double fare_all(const struct fare *f);

/* Whether losing `loss` is far more than losing `other`: to repair it would cost the other one
 * more than a few per cent. */
bool fare_is_worse(double loss, double other);

#endif
