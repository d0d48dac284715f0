/* pacer.c - a token bucket kept as the time when it is full again. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/pacer.h"

/*
 * Everything is counted in billionths of a byte: bytes * 10^9 / rate is a time in ns, and what
 * the division leaves over is carried in `frac`, so that no rounding adds up over a transfer.
 */

#define NANO     ((uint64_t)NSEC_PER_SEC)
#define OWED_MAX ((uint64_t)1 << 63)

static void set(struct pacer *p, uint64_t rate, uint64_t burst)
{
	p->rate = MIN(rate, PACER_RATE_MAX);
	p->burst = MIN(burst, PACER_BURST_MAX);
}

/* The bucket owes `owed` billionths of a byte at time t. */
static void owe(struct pacer *p, nsec_t t, uint64_t owed)
{
	p->next_at = t + (nsec_t)(owed / p->rate);
	p->frac = owed % p->rate;
}

void pacer_init(struct pacer *p, uint64_t rate, uint64_t burst, nsec_t now)
{
	*p = (struct pacer){ .next_at = now };
	set(p, rate, burst);
}

void pacer_set_rate(struct pacer *p, uint64_t rate, uint64_t burst, nsec_t now)
{
	uint64_t owed = 0;

	if (p->rate && p->next_at >= now) {
		/* Never more than burst + a packet; the limit is for callers that overdrew. */
		owed = MIN((uint64_t)(p->next_at - now), OWED_MAX / p->rate) * p->rate;
		owed += p->frac;
	}
	set(p, rate, burst);
	p->next_at = now;
	p->frac = 0;
	if (p->rate)
		owe(p, now, owed);
}

nsec_t pacer_ready_at(const struct pacer *p, nsec_t now)
{
	if (p->rate == 0)
		return now;
	return p->next_at + (p->frac != 0) - (nsec_t)(p->burst * NANO / p->rate);
}

void pacer_sent(struct pacer *p, nsec_t now, size_t bytes)
{
	if (p->next_at < now) {
		p->next_at = now;
		p->frac = 0;
	}
	if (p->rate)
		owe(p, p->next_at, bytes * NANO + p->frac);
}
