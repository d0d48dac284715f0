/* rate_input.c - marks and reports, from which the rate takes its intervals. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rate_internal.h"

#define SECOND        ((double)NSEC_PER_SEC)
#define EPOCH_CALM    (100 * NSEC_PER_MSEC)
#define EPOCH_MAX     (2 * NSEC_PER_SEC)
#define PACKETS_FAST  40 /* in an interval, at least */
#define PACKETS_CALM  150
#define SILENCE       (500 * NSEC_PER_MSEC)
#define STEP_BOLD     0.1 /* who climbs in larger steps looks around sooner */
#define DEAF_MARKS    3
#define DEAF_LONG     6
#define DEAF_TIME     (2 * NSEC_PER_SEC) /* who was not heard for longer is gone */
#define CLASS_MARKS   4
#define OBJECTION_GAP (100 * NSEC_PER_MSEC)
#define OBJECTION_CUT 0.9

/* A place for a new one. */
static struct ratepeer *add(struct rate *r, nsec_t now, uint32_t node_id)
{
	struct ratepeer *p = &r->peers[0];

	for (unsigned i = 0; i < RATE_PEERS && p->used; i++)
		if (!r->peers[i].used || r->peers[i].heard_at < p->heard_at)
			p = &r->peers[i];
	ratepeer_init(p, node_id, now);
	return p;
}

static nsec_t interval_of(const struct rate *r, const struct rate_mark *m)
{
	bool calm = r->state == RATE_HOLD && !(r->climbing && r->step > STEP_BOLD);
	uint64_t size = m->packets ? m->bytes / m->packets : 1400;
	double packets = (calm ? PACKETS_CALM : PACKETS_FAST) * (double)size / r->value;
	nsec_t t = MAX(calm ? EPOCH_CALM : EPOCH_FAST, 2 * m->grtt);

	return MIN(MAX(t, (nsec_t)(MIN(packets, 10) * SECOND)), EPOCH_MAX);
}

nsec_t rate_mark_at(const struct rate *r)
{
	nsec_t wait = r->interval;

	if (!r->n_marks)
		return NSEC_NEVER;
	if (r->next > 0)
		return 0;
	if (!r->decided)
		wait = MAX(wait, MIN(2 * r->answer_time + EPOCH_FAST, EPOCH_MAX));
	return r->marks[(r->n_marks - 1) % RATE_MARKS].at + wait;
}

static void check_silence(struct rate *r, nsec_t now, uint32_t asked)
{
	if (!asked)
		r->heard_at = now;
	if (now - r->heard_at <= MAX(SILENCE, 4 * r->interval))
		return;
	r->heard_at = now;
	rate_enter(r, RATE_HOLD, 0);
	rate_climb_later(r, now, UP_WAIT_MIN);
	r->step = 0.25; /* nothing is known against more */
	rate_set(r, r->value / 2, RATE_SILENCE);
}

/*
 * A PROBE that nobody answers may have been lost by chance, the next one is sent soon. A second
 * one says that what is tried now is too much.
 */
static void check_answers(struct rate *r, nsec_t now, uint32_t asked)
{
	r->unanswered = asked && !r->answers ? r->unanswered + 1 : 0;
	if (r->unanswered < 2 || r->next > 0)
		return;
	if (r->state == RATE_START) {
		rate_enter(r, RATE_HOLD, 0);
		rate_set(r, r->value / 2, RATE_SILENCE);
	} else if (r->climbing) {
		rate_set(r, r->climbed_from, RATE_SILENCE);
		rate_climb_later(r, now, 2 * r->up_wait);
	}
}

/*
 * Most of them answer no more, though they did a moment ago: what is sent is too much for them,
 * and for the PROBEs that ask.
 */
static void check_most(struct rate *r, const struct rate_mark *m)
{
	unsigned n = 0, deaf = 0;

	if (!r->n_marks || !r->marks[(r->n_marks - 1) % RATE_MARKS].all || r->next > 0 ||
	    r->n_marks - r->begin <= DEAF_LONG)
		return;
	for (unsigned i = 0; i < RATE_PEERS; i++) {
		const struct ratepeer *p = &r->peers[i];

		n += p->used;
		deaf += p->used && r->n_marks - p->mark > DEAF_LONG &&
			m->at - p->heard_at < DEAF_TIME;
	}
	if (n < 3 || 2 * deaf <= n)
		return;
	rate_enter(r, RATE_HOLD, 0);
	rate_climb_later(r, m->at, 2 * UP_WAIT_MIN);
	rate_set(r, r->value / 2, RATE_SILENCE);
}

uint64_t rate_on_mark(struct rate *r, const struct rate_mark *m)
{
	struct rate_mark *slot = &r->marks[r->n_marks % RATE_MARKS];
	uint32_t asked = r->n_marks ? r->marks[(r->n_marks - 1) % RATE_MARKS].asked : 0;

	if (!r->decided && r->n_marks)
		rate_decide(r, m->at);
	check_answers(r, m->at, asked);
	check_silence(r, m->at, asked);
	check_most(r, m);
	if (r->next > 0) {
		r->value = r->next;
		r->reason = r->next_reason;
		r->next = 0;
		r->begin = r->n_marks;
		rate_unhear(r);
	}
	*slot = *m;
	slot->value = r->value;
	slot->idle = r->idle;
	r->n_marks++;
	r->interval = interval_of(r, m);
	if (r->unanswered)
		r->interval = MIN(r->interval, MAX(EPOCH_FAST, 2 * m->grtt));
	r->answers = 0;
	r->decided = m->asked == 0;
	if (!r->local || r->state != RATE_HOLD || !r->was_local)
		r->local_since = r->local ? r->n_marks - 2 : r->n_marks - 1;
	r->was_local = r->local;
	r->local = false;
	r->idle = false;
	return (uint64_t)r->value;
}

void rate_on_left(struct rate *r, nsec_t at)
{
	struct rate_mark *last = &r->marks[(r->n_marks - 1) % RATE_MARKS];

	if (!r->n_marks || last->left)
		return;
	last->left = true;
	last->at = MAX(last->at, at);
}

/* Receivers that were asked and answered none of the last marks: nobody waits for them. */
static uint32_t deaf(const struct rate *r, const struct rate_mark *m)
{
	uint32_t n = 0;

	for (unsigned i = 0; m->all && i < RATE_PEERS; i++)
		n += r->peers[i].used && r->n_marks - r->peers[i].mark > DEAF_MARKS;
	return n;
}

/* The number of the mark with this sequence; n_marks: none. */
static uint32_t mark_of(const struct rate *r, uint16_t sequence)
{
	for (uint32_t i = 0; i < MIN(r->n_marks, RATE_MARKS); i++) {
		uint32_t m = r->n_marks - 1 - i;

		if (r->marks[m % RATE_MARKS].sequence == sequence)
			return m;
	}
	return r->n_marks;
}

/* All were asked, and the last PROBE is not old: what they answer will say more. */
static bool answers_soon(const struct rate *r, nsec_t now)
{
	const struct rate_mark *last = &r->marks[(r->n_marks - 1) % RATE_MARKS];

	return r->n_marks == 0 || (last->all && (r->decided || now - last->at < OBJECTION_GAP));
}

/*
 * A receiver that is not asked now cannot keep up, or the question itself waits in its full
 * socket. How much it can do is seen when it answers; until then a little less will do.
 */
static void on_objection(struct rate *r, nsec_t now, struct ratepeer *p,
			 const struct rx_report *rp)
{
	bool dropped = p ? rp->dropped != p->last.dropped : rp->dropped > 0;

	if (p)
		p->heard_at = now;
	if (answers_soon(r, now) || now - r->objected_at < OBJECTION_GAP ||
	    (p && rate_straggles(r, p)))
		return;
	r->objected_at = now;
	if (p)
		r->focus = p->node_id;
	rate_climb_later(r, now, r->up_wait);
	rate_set(r, OBJECTION_CUT * r->value, dropped ? RATE_DROPS : RATE_BACKLOG);
}

/* Whether there was nothing to send at some time between two marks. */
static bool was_idle(const struct rate *r, uint32_t from, uint32_t to)
{
	bool any = false;

	for (uint32_t m = from + 1; m <= to; m++)
		any |= r->marks[m % RATE_MARKS].idle;
	return any;
}

void rate_on_report(struct rate *r, nsec_t now, uint32_t node_id, const struct rx_report *rp)
{
	struct ratepeer *p = rate_find(r, node_id);
	uint32_t m = mark_of(r, rp->sequence);

	if (m == r->n_marks)
		return;
	r->heard_at = now;
	if (rp->objection) {
		on_objection(r, now, p, rp);
		return;
	}
	r->answer_time =
		MAX(now - r->marks[m % RATE_MARKS].at, r->answer_time - r->answer_time / 16);
	if (p && m <= p->mark)
		return;
	if (!p) {
		p = add(r, now, node_id);
	} else if (r->n_marks - p->mark <= RATE_MARKS) {
		const struct rate_mark *a = &r->marks[p->mark % RATE_MARKS];
		const struct rate_mark *b = &r->marks[m % RATE_MARKS];

		ratepeer_sample(
			p, rp,
			&(struct rate_sent){
				.time = b->at - a->at,
				.packets = b->packets - a->packets,
				.bytes = b->bytes - a->bytes,
				.rate = MAX(a->value, r->marks[(m - 1) % RATE_MARKS].value),
				.idle = was_idle(r, p->mark, m),
			});
		p->fresh = p->mark >= r->begin;
	} else {
		ratepeer_lose_sight(p);
	}
	p->last = *rp;
	p->mark = m;
	p->heard_at = now;
	if (m != r->n_marks - 1 || r->decided)
		return;
	r->answers++;
	if (r->answers + deaf(r, &r->marks[m % RATE_MARKS]) >= r->marks[m % RATE_MARKS].asked)
		rate_decide(r, now);
}

void rate_on_local(struct rate *r)
{
	r->local = true;
}

void rate_on_idle(struct rate *r)
{
	r->idle = true;
}

/* Who straggles does not begin to count because there are fewer of the others, but when there
 * is none. */
static void leave(struct rate *r, struct ratepeer *p)
{
	bool any = false;

	for (unsigned i = 0; i < RATE_PEERS; i++)
		r->peers[i].behind |= rate_outruns(r, &r->peers[i]);
	p->used = false;
	for (unsigned i = 0; i < RATE_PEERS; i++)
		any |= r->peers[i].used && !r->peers[i].behind;
	for (unsigned i = 0; i < RATE_PEERS && !any; i++)
		r->peers[i].behind = false;
}

void rate_forget(struct rate *r, uint32_t node_id)
{
	struct ratepeer *p = rate_find(r, node_id);
	double t;

	if (!p)
		return;
	leave(r, p);
	t = MIN(rate_target(r), 2 * rate_fastest(r));
	if (r->state == RATE_START || r->state == RATE_TEST || t <= 0)
		return;
	if (t < r->value) { /* who is left is slow */
		rate_enter(r, RATE_HOLD, 0);
		rate_set(r, DRAIN_SHARE * t, r->reason);
	} else if (r->state == RATE_HOLD && r->next <= 0 && t < (double)r->conf.max &&
		   HOLD_SHARE * t > r->value) {
		rate_set(r, HOLD_SHARE * t, r->reason);
	}
}

uint16_t rate_next_sequence(struct rate *r, uint16_t last, uint16_t every)
{
	uint16_t sequence = (uint16_t)(last + 1);

	if (every <= 1)
		return sequence;
	if (r->focus && r->climbing)
		r->class_now = every - r->focus % every;
	else if (r->state == RATE_HOLD && !r->climbing && ++r->class_marks % CLASS_MARKS == 0)
		r->class_now = r->focus && r->class_marks / CLASS_MARKS % 2
				       ? every - r->focus % every
				       : r->class_next++;
	while (sequence % every != r->class_now % every)
		sequence++;
	return sequence;
}

void rate_resume(struct rate *r, nsec_t now, double value)
{
	for (unsigned i = 0; i < RATE_PEERS; i++)
		r->peers[i].used = false;
	r->value = CLAMP(value, (double)r->conf.min, (double)r->conf.max);
	r->next = 0;
	r->begin = r->n_marks; /* no report of before says anything about it */
	r->reason = RATE_STARTING;
	r->heard_at = now;
	rate_enter(r, RATE_HOLD, 0);
	rate_climb_later(r, now, UP_WAIT_MIN);
}
