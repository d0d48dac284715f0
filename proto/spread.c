/* spread.c - how far apart a sender wants the answers of receivers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/spread.h"

#define UNKNOWN  (100 * NSEC_PER_MSEC) /* the first window, when nobody told how many */
#define ENOUGH   16                    /* answers to judge by */
#define INTERVAL (50 * NSEC_PER_MSEC)  /* and no longer than this */

nsec_t spread_for(uint32_t n)
{
	return MIN((nsec_t)n * NSEC_PER_SEC / SPREAD_PER_SEC, SPREAD_MAX);
}

uint8_t spread_units(nsec_t window)
{
	return (uint8_t)(MIN(window, SPREAD_MAX) / SPREAD_UNIT);
}

void spread_init(struct spread *s, nsec_t now, uint32_t expected)
{
	nsec_t base = expected ? spread_for(expected) : UNKNOWN;

	*s = (struct spread){ .base = base, .window = base, .changed_at = now };
}

void spread_heard(struct spread *s, nsec_t now)
{
	if (!s->heard++)
		s->since = now;
	s->total++;
}

static double per_sec(uint32_t n, nsec_t time)
{
	return (double)n * NSEC_PER_SEC / (double)MAX(time, NSEC_PER_MSEC);
}

static void change(struct spread *s, nsec_t now, double window)
{
	s->window = (nsec_t)MIN(window, (double)SPREAD_MAX);
	s->changed_at = now;
	s->heard = s->total = 0;
}

uint8_t spread_next(struct spread *s, nsec_t now, nsec_t least)
{
	double fast = per_sec(s->heard, now - s->since);
	double slow = per_sec(s->total, now - s->changed_at);

	if (s->heard >= ENOUGH && fast > 1.5 * SPREAD_PER_SEC)
		change(s, now, (double)MAX(s->window, least) * fast / SPREAD_PER_SEC);
	else if (s->heard && now - s->since > INTERVAL)
		s->heard = 0;
	if (s->window > s->base && now - s->changed_at > s->window + INTERVAL &&
	    slow < SPREAD_PER_SEC / 2.0)
		change(s, now, (double)MAX(s->base, s->window / 2));
	return spread_units(s->window);
}
