/* rxtimer.c - when to ask for repair of one large block. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rxtimer.h"

#define TRIES_MAX 8

void rxtimer_init(struct rxtimer *t)
{
	*t = (struct rxtimer){ .at = NSEC_NEVER };
}

/* While the sender repairs other blocks it may come to this one yet. */
static nsec_t served_until(nsec_t since, nsec_t patience, struct rxtimer_now at)
{
	return MIN(at.repair_at + at.silence, since + patience);
}

/* Until then a request may be answered yet; who asked in vain asks ever more rarely. */
static nsec_t answered_until(const struct rxtimer *t, struct rxtimer_now at)
{
	return served_until(t->asked_at, RXTIMER_PATIENCE << t->tries >> 1, at);
}

static nsec_t quiet_at(const struct rxtimer *t, struct rxtimer_now at)
{
	nsec_t passed =
		MAX(t->heard_at + at.silence, served_until(t->heard_at, RXTIMER_PATIENCE, at));

	return MIN(passed, t->gained_at + MAX(RXTIMER_BELIEF, 4 * at.silence));
}

static bool arriving(const struct rxtimer *t, struct rxtimer_now at)
{
	return t->heard < t->target && at.now < quiet_at(t, at);
}

bool rxtimer_late(const struct rxtimer *t, struct rxtimer_now at)
{
	return t->heard < t->target && !arriving(t, at) &&
	       at.now < t->heard_at + RXTIMER_PATIENCE;
}

uint32_t rxtimer_need(const struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	if (rxtimer_late(t, at))
		return t->heard + d > t->target ? t->heard + d : d;
	if (arriving(t, at))
		return MAX(t->target, t->heard + d);
	return t->target + d;
}

bool rxtimer_covered(const struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	return d == 0 || (arriving(t, at) && t->heard + d <= t->target);
}

static void arrive(struct rxtimer *t, struct rxtimer_now at)
{
	t->state = RXTIMER_ARRIVING;
	t->at = quiet_at(t, at);
	t->tries = 0;
}

static void on_repair(struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	switch (t->state) {
	case RXTIMER_OFF:
	case RXTIMER_ARRIVING:
		arrive(t, at);
		break;
	case RXTIMER_BACKOFF:
		if (rxtimer_covered(t, d, at))
			arrive(t, at);
		break;
	case RXTIMER_ASKED: /* what left before the request came does not answer it */
		if (t->target >= t->asked)
			arrive(t, at);
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

void rxtimer_gained(struct rxtimer *t, nsec_t now)
{
	t->gained_at = now;
	t->promised = false;
}

void rxtimer_promise(struct rxtimer *t, nsec_t now, uint32_t target)
{
	if (target > t->target && !t->promised) {
		rxtimer_gained(t, now);
		t->promised = true;
	}
	t->target = MAX(t->target, target);
	if (target > t->heard)
		t->heard_at = now;
}

void rxtimer_sent(struct rxtimer *t, uint32_t d, struct rxtimer_now at, nsec_t wait)
{
	if (t->state == RXTIMER_ASKED)
		return;
	if (rxtimer_covered(t, d, at))
		arrive(t, at);
	else
		rxtimer_wait(t, at.now + wait);
}

void rxtimer_polled(struct rxtimer *t, uint32_t d, struct rxtimer_now at, nsec_t wait)
{
	if (t->state == RXTIMER_BACKOFF && t->polled)
		wait = MIN(wait, t->at - at.now);
	rxtimer_sent(t, d, at, wait);
	t->polled = t->state == RXTIMER_BACKOFF;
}

enum rxtimer_action rxtimer_due(struct rxtimer *t, uint32_t d, struct rxtimer_now at)
{
	switch (t->state) {
	case RXTIMER_OFF:
		break;
	case RXTIMER_ASKED:
		/* the sender has much to repair; what it was asked it remembers */
		if (answered_until(t, at) > at.now) {
			t->at = answered_until(t, at);
			return RXTIMER_NOTHING;
		}
		/* fall through */
	case RXTIMER_BACKOFF:
		if (!rxtimer_covered(t, d, at))
			return RXTIMER_ASK;
		arrive(t, at);
		break;
	case RXTIMER_ARRIVING:
		if (quiet_at(t, at) <= at.now)
			return RXTIMER_WAIT;
		t->at = quiet_at(t, at);
		break;
	}
	return RXTIMER_NOTHING;
}

void rxtimer_wait(struct rxtimer *t, nsec_t until)
{
	t->state = RXTIMER_BACKOFF;
	t->polled = false;
	t->at = until;
}

void rxtimer_asked(struct rxtimer *t, struct rxtimer_now at, uint32_t target, nsec_t wait)
{
	nsec_t longer = MIN(at.silence << t->tries, RXTIMER_PATIENCE);

	t->state = RXTIMER_ASKED;
	t->asked_at = at.now;
	t->asked = target;
	t->tries = MIN(t->tries + 1, TRIES_MAX);
	t->at = at.now + MAX(at.silence, longer) + wait;
}

void rxtimer_hasten(struct rxtimer *t, nsec_t now, double part)
{
	if (t->at > now && t->at != NSEC_NEVER)
		t->at = now + (nsec_t)((double)(t->at - now) * part);
}

void rxtimer_off(struct rxtimer *t)
{
	t->state = RXTIMER_OFF;
	t->at = NSEC_NEVER;
}
