/* rx_large_nack.c - when and how a receiver asks for symbols of large blocks (doc/PROTOCOL.md,
 * "Repair of large blocks"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_hold.h"
#include "proto/rx_large.h"
#include "proto/rx_nack.h"

#include "proto/backoff.h"
#include "proto/key.h"

#define LAST_SLOT 6 /* of those who lack little, after a POLL */
#define TAIL_LOST 8 /* symbols at the end of what came may be lost as well as late */

static struct rxtimer_now time_of(const struct rx *rx, nsec_t now)
{
	return (struct rxtimer_now){ .now = now,
				     .silence = 2 * rx->sender.grtt,
				     .repair_at = rx->sender.repair_at };
}

/* X of the protocol. */
static nsec_t back_off(struct rx *rx)
{
	return backoff_random(&rx->rng, rx->sender.backoff * rx->sender.grtt, rx->sender.gsize);
}

/* --- the earliest timer is known at any time --- */

static void find_earliest(struct rx *rx)
{
	rx->large_at = NSEC_NEVER;
	for (uint32_t i = 0; i < rx->large.n; i++)
		rx->large_at = MIN(rx->large_at, rxlarges_at(&rx->large, i)->timer.at);
}

static void timer_moved(struct rx *rx, const struct rxlarge *b, nsec_t from)
{
	if (b->timer.at < rx->large_at)
		rx->large_at = b->timer.at;
	else if (from == rx->large_at && from != b->timer.at)
		find_earliest(rx);
}

void rx_large_quiet(struct rx *rx, struct rxlarge *b)
{
	nsec_t from = b->timer.at;

	rxtimer_off(&b->timer);
	timer_moved(rx, b, from);
}

nsec_t rx_large_deadline(const struct rx *rx)
{
	return rx->sender.ended || rx_is_mute(rx) ? NSEC_NEVER : rx->large_at;
}

/* --- what sets the timers --- */

void rx_large_heard(struct rx *rx, nsec_t now, struct rxlarge *b, const struct msg *m)
{
	struct rxtimer_packet p = { .repair = m->flags & NORM_FLAG_REPAIR };
	nsec_t from = b->timer.at;
	bool silent = b->timer.state == RXTIMER_BACKOFF;

	if (m->fpi.esi < b->k && !p.repair) {
		b->timer.heard_at = now;
		return;
	}
	if (m->ext.present & EXT_HAS_TARGET)
		p.target = MIN(m->ext.target, b->n_parity);
	if (m->fpi.esi >= b->k)
		p.parity = m->fpi.esi - b->k + 1;
	if (rxtimer_heard(&b->timer, rxlarge_deficit(b), time_of(rx, now), &p) == RXTIMER_WAIT)
		rxtimer_wait(&b->timer, now + back_off(rx));
	rx->counters.suppressed += silent && b->timer.state == RXTIMER_ARRIVING;
	timer_moved(rx, b, from);
}

/*
 * Parity that there is no memory for would be sent in vain: the first blocks go first, and what
 * does not fit beside them waits until they are done.
 */
static uint64_t room_end(const struct rx *rx)
{
	const struct rxlarges *s = &rx->large;
	uint32_t used = 0;

	for (uint32_t i = 0; i < s->n && rxlarges_at(s, i)->key < rx->sender.position; i++) {
		const struct rxlarge *b = rxlarges_at(s, i);
		uint32_t n = b->parity.count;

		if (rx_waits(rx, b->key) && b->key < rx->sender.floor)
			continue;
		if (b->state == RXLARGE_GATHERING)
			n += MIN(rxlarge_deficit(b), MIN(b->n_parity, rxlarges_keep(s)));
		n = rxlarges_parity_slots(s, n);
		if (used && used + n > s->max_parity_slots)
			return b->key;
		used += n;
	}
	return UINT64_MAX;
}

/* While new data flows the sender repairs what is recent, and by parity only. */
static bool may_ask(const struct rx *rx, nsec_t now, const struct rxlarge *b)
{
	const struct rx_object *o = rx_object_look_up(rx, key_object(b->key));
	uint32_t d = rxlarge_deficit(b);

	if (b->key >= rx->large_end || !o || rx_to_be_named(rx, o, b->key))
		return false;
	if (!rx_waits(rx, b->key))
		return true;
	return b->key >= rx->sender.floor && d <= rxlarges_keep(&rx->large) &&
	       rxtimer_need(&b->timer, d, time_of(rx, now)) <= b->n_parity;
}

/* Whether the block, all of which was sent, is to be asked for. */
static bool is_lacking(const struct rx *rx, nsec_t now, const struct rxlarge *b)
{
	return b->state == RXLARGE_GATHERING && may_ask(rx, now, b);
}

static void announce_before(struct rx *rx, const struct rxlarge *b)
{
	/* Our sender repairs only for those it knows: the ANNOUNCE goes first. */
	if (!rx->joined && rx->sender.sow)
		rx->at.announce_at = MIN(rx->at.announce_at, b->timer.at);
}

void rx_large_trigger(struct rx *rx, nsec_t now)
{
	nsec_t wait;

	if (!rx->large.n || rx->sender.ended)
		return;
	wait = back_off(rx);
	rx->large_end = room_end(rx);
	for (uint32_t i = 0; i < rx->large.n; i++) {
		struct rxlarge *b = rxlarges_at(&rx->large, i);

		if (b->key >= rx->sender.position)
			break;
		if (b->timer.state != RXTIMER_OFF || !is_lacking(rx, now, b))
			continue;
		rxtimer_sent(&b->timer, rxlarge_deficit(b), time_of(rx, now), wait);
		announce_before(rx, b);
	}
	find_earliest(rx);
}

void rx_large_named(struct rx *rx, nsec_t now, uint64_t key)
{
	struct rxlarge *b = rxlarges_find(&rx->large, key);
	nsec_t from;

	if (!b)
		return;
	from = b->timer.at;
	rxtimer_asked(&b->timer, time_of(rx, now), b->timer.target, back_off(rx));
	timer_moved(rx, b, from);
}

/* Who lacks less than others is to speak later, and so perhaps not at all. */
static nsec_t slot_wait(const struct rx *rx, const struct poll *p, uint32_t d)
{
	uint32_t slot;

	if (!p->threshold || d >= p->threshold)
		return 0;
	slot = MIN(1 + (p->threshold - 1 - d) / p->step, LAST_SLOT);
	return slot * rx->sender.backoff * rx->sender.grtt;
}

void rx_large_polled(struct rx *rx, nsec_t now, const struct rx_object *o, const struct poll *p)
{
	uint64_t end = MIN((uint64_t)p->sbn + p->n_blocks, o->layout.n_blocks);
	uint32_t i = rxlarges_lower_bound(&rx->large, key_of(o->number, p->sbn));
	nsec_t wait = back_off(rx);

	if (rx->sender.ended)
		return;
	rx->large_end = room_end(rx);
	for (; i < rx->large.n; i++) {
		struct rxlarge *b = rxlarges_at(&rx->large, i);

		if (key_object(b->key) != o->number || key_sbn(b->key) >= end)
			break;
		rxtimer_promise(&b->timer, now, MIN(p->target, b->n_parity));
		if (!is_lacking(rx, now, b))
			continue;
		rxtimer_polled(&b->timer, rxlarge_deficit(b), time_of(rx, now),
			       wait + slot_wait(rx, p, rxlarge_deficit(b)));
		announce_before(rx, b);
	}
	find_earliest(rx); /* once: most of the timers end together */
}

/* --- requests --- */

/*
 * Of a block whose first transmission was not heard: most of what is lacking lies behind all
 * that came. What was asked for by name comes in order, so the sender was only slow.
 */
static bool is_unserved(const struct rx *rx, const struct rxlarge *b, uint32_t d)
{
	uint32_t tail = 0;

	if (rx_unserved(rx, b->key, b->late, d, b->k))
		return true;
	if (rx_waits(rx, b->key) || !b->late)
		return false;
	for (uint32_t i = b->end; (i = bitmap_next_clear(&b->have, i)) < b->k; i++)
		tail++;
	return tail > MAX(d / 2, TAIL_LOST);
}

/*
 * Parity as far as there is some, and we can keep it; source symbols instead of the rest. With
 * little room in the message some names may be left out: there will be another request.
 */
static int put_request(struct rx *rx, struct rxtimer_now at, nsec_t wait,
		       struct request_writer *w, struct rxlarge *b)
{
	uint32_t d = rxlarge_deficit(b), keep = rxlarges_keep(&rx->large);
	uint32_t need = rxtimer_need(&b->timer, d, at), target = b->timer.target;
	bool unserved = is_unserved(rx, b, d);
	uint32_t by_name = unserved ? d : MAX(need - MIN(need, b->n_parity), d - MIN(d, keep));
	bool late = rxtimer_late(&b->timer, at) && need <= target && !unserved;
	uint32_t count = late ? need : MAX(need - MIN(need, by_name), target);
	struct request req = {
		.form = NACK_FORM_ERASURES,
		.flags = NACK_SEGMENT,
		.object_first = (uint16_t)key_object(b->key),
		.first = { .sbn = key_sbn(b->key),
			   .sbl = (uint16_t)b->k,
			   .esi = (uint16_t)count },
	};
	size_t before = request_writer_len(w);
	nsec_t from = b->timer.at;
	int r = 0;

	if (count > target || late)
		r = request_put(w, &req);
	if (r == 0 && by_name)
		r = rx_put_sources(w, b->key, &b->have, b->k, by_name);
	if (r < 0 && request_writer_len(w) == before)
		return r;
	rxtimer_asked(&b->timer, at, count, wait);
	timer_moved(rx, b, from);
	return 0;
}

/* Whether the block is to be asked for now; its timer has ended. */
static bool on_time(struct rx *rx, nsec_t now, struct rxlarge *b)
{
	bool silent = b->timer.state == RXTIMER_BACKOFF;

	switch (rxtimer_due(&b->timer, rxlarge_deficit(b), time_of(rx, now))) {
	case RXTIMER_NOTHING:
		rx->counters.suppressed += silent;
		return false;
	case RXTIMER_WAIT:
		rxtimer_wait(&b->timer, now + back_off(rx));
		break;
	case RXTIMER_ASK:
		break;
	}
	if (!may_ask(rx, now, b))
		rxtimer_off(&b->timer);
	return b->timer.at <= now; /* the back-off may be none */
}

static bool any_due(struct rx *rx, nsec_t now)
{
	bool due = false;

	rx->large_end = room_end(rx);
	for (uint32_t i = 0; i < rx->large.n; i++) {
		struct rxlarge *b = rxlarges_at(&rx->large, i);

		if (b->timer.at <= now)
			due |= on_time(rx, now, b);
	}
	find_earliest(rx);
	return due;
}

/*
 * What is not due yet but will be goes along: it costs 12 bytes now, or a message later. What
 * is asked for together will be due together, if nothing answers.
 */
static void fill_body(struct rx *rx, nsec_t now, struct request_writer *w)
{
	struct rxtimer_now at = time_of(rx, now);
	nsec_t wait = back_off(rx);
	int r = 0;

	for (uint32_t i = 0; i < rx->large.n && r == 0; i++) {
		struct rxlarge *b = rxlarges_at(&rx->large, i);

		if (b->timer.at > now && b->timer.state != RXTIMER_BACKOFF)
			continue;
		if (!rxtimer_covered(&b->timer, rxlarge_deficit(b), at) && may_ask(rx, now, b))
			r = put_request(rx, at, wait, w, b);
	}
}

/* Enough has been said at once: what is due nevertheless has to wait. */
static void put_off(struct rx *rx, nsec_t now)
{
	for (uint32_t i = 0; i < rx->large.n; i++) {
		struct rxtimer *t = &rxlarges_at(&rx->large, i)->timer;

		if (t->at <= now)
			t->at = now + rx->sender.grtt;
	}
	find_earliest(rx);
}

void rx_large_hasten(struct rx *rx, nsec_t now, double part)
{
	for (uint32_t i = 0; i < rx->large.n; i++)
		rxtimer_hasten(&rxlarges_at(&rx->large, i)->timer, now, part);
	find_earliest(rx);
}

int rx_large_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	uint8_t body[1400];
	struct request_writer w;

	if (now < rx_large_deadline(rx) || !any_due(rx, now))
		return 0;
	rx->large_messages = now == rx->large_asked_at ? rx->large_messages + 1 : 1;
	rx->large_asked_at = now;
	if (rx->large_messages > RX_NACK_MESSAGES) {
		put_off(rx, now);
		return 0;
	}
	request_writer_init(&w, body, rx_body_cap(rx, MIN(sizeof(body), cap - 64)), FEC_SB_SYST,
			    true);
	fill_body(rx, now, &w);
	return request_writer_len(&w) ? rx_nack_message(rx, now, &w, buf, cap) : 0;
}
