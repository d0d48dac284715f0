/* fare.c - how a receiver fares: what it lost lately, and what it got, by its own reports. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fare.h"

#define FAR_MORE 2.0
#define FEW      0.05
#define TIME_MAX ((nsec_t)UINT32_MAX / 2 * NSEC_PER_USEC)

/* What runs backwards is a report that came late, or a lie. */
static bool runs_backwards(const struct fare *f, const struct rx_report *rp)
{
	return (nsec_t)(uint32_t)(rp->time_us - f->from.time_us) * NSEC_PER_USEC > TIME_MAX ||
	       rp->heard - f->from.heard > UINT32_MAX / 2 ||
	       rp->missed - f->from.missed > UINT32_MAX / 2 || rp->bytes < f->from.bytes;
}

/* The counters of the first report run from the beginning, of which the time is not known. */
bool fare_report(struct fare *f, const struct rx_report *rp)
{
	nsec_t time = (nsec_t)(uint32_t)(rp->time_us - f->from.time_us) * NSEC_PER_USEC;
	uint64_t missed = rp->missed - f->from.missed;
	uint64_t n = rp->heard - f->from.heard + missed;

	if (rp->objection) /* its time is not that of its counters */
		return false;
	if (f->known && runs_backwards(f, rp)) {
		f->from = *rp;
		return false;
	}
	if (n < FARE_MESSAGES || (f->known && time < FARE_TIME))
		return false;
	if (f->known)
		f->got = (double)(rp->bytes - f->from.bytes) * (double)NSEC_PER_SEC /
			 (double)time;
	f->loss = (double)missed / (double)n;
	f->known = true;
	f->from = *rp;
	return true;
}

double fare_all(const struct fare *f)
{
	uint64_t n = (uint64_t)f->from.heard + f->from.missed;

	return n ? (double)f->from.missed / (double)n : 0;
}

bool fare_is_worse(double loss, double other)
{
	return loss > FAR_MORE * other + FEW;
}
