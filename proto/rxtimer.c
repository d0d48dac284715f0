/* rxtimer.c - when to ask for repair of one large block. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rxtimer.h"

void rxtimer_init(struct rxtimer *t)
{
	*t = (struct rxtimer){ .at = NSEC_NEVER };
}

static bool arriving(const struct rxtimer *t, struct rxtimer_now at)
{
	return t->heard < t->target && at.now - t->heard_at < at.silence;
}

uint32_t rxtimer_need(const struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	uint32_t coming = arriving(t, at) ? t->target - t->heard : 0;

	return t->target + (d > coming ? d - coming : 0);
}

bool rxtimer_covered(const struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	return rxtimer_need(t, d, at) == t->target;
}

static void arrive(struct rxtimer *t, nsec_t until)
{
	t->state = RXTIMER_ARRIVING;
	t->at = until;
}

static void on_repair(struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	switch (t->state) {
	case RXTIMER_OFF:
	case RXTIMER_ARRIVING:
		arrive(t, at.now + at.silence);
		break;
	case RXTIMER_BACKOFF:
		if (rxtimer_covered(t, d, at))
			arrive(t, at.now + at.silence);
		break;
	case RXTIMER_ASKED: /* what left before the request came does not answer it */
		if (t->target >= t->asked)
			arrive(t, at.now + at.silence);
		break;
	}
}

enum rxtimer_action rxtimer_heard(struct rxtimer *t, uint32_t d, struct rxtimer_now at,
				  const struct rxtimer_packet *p)
{
	t->heard_at = at.now;
	t->heard = MAX(t->heard, p->parity);
	t->target = MAX(t->target, MAX(p->target, t->heard));
	if (!p->repair)
		return RXTIMER_NOTHING;
	on_repair(t, d, at);
	if (t->state == RXTIMER_ARRIVING && p->parity && p->parity >= t->target)
		return RXTIMER_WAIT;
	return RXTIMER_NOTHING;
}

void rxtimer_promise(struct rxtimer *t, uint32_t target)
{
	t->target = MAX(t->target, target);
}

void rxtimer_sent(struct rxtimer *t, uint32_t d, struct rxtimer_now at, nsec_t wait)
{
	if (t->state == RXTIMER_ASKED)
		return;
	if (rxtimer_covered(t, d, at))
		arrive(t, t->heard_at + at.silence);
	else
		rxtimer_wait(t, at.now + wait);
}

enum rxtimer_action rxtimer_due(struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	switch (t->state) {
	case RXTIMER_OFF:
		break;
	case RXTIMER_BACKOFF:
	case RXTIMER_ASKED:
		if (!rxtimer_covered(t, d, at))
			return RXTIMER_ASK;
		arrive(t, t->heard_at + at.silence);
		break;
	case RXTIMER_ARRIVING:
		if (t->heard_at + at.silence <= at.now)
			return RXTIMER_WAIT;
		t->at = t->heard_at + at.silence; /* the GRTT has grown */
		break;
	}
	return RXTIMER_NOTHING;
}

void rxtimer_wait(struct rxtimer *t, nsec_t until)
{
	t->state = RXTIMER_BACKOFF;
	t->at = until;
}

void rxtimer_asked(struct rxtimer *t, nsec_t now, uint32_t target, nsec_t until)
{
	t->state = RXTIMER_ASKED;
	t->asked_at = now;
	t->asked = target;
	t->at = until;
}

void rxtimer_off(struct rxtimer *t)
{
	t->state = RXTIMER_OFF;
	t->at = NSEC_NEVER;
}
