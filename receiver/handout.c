/* handout.c - what one session asks for, served in the loop's thread or handed out to others.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/handout.h"

#include <errno.h>

#define SMALL 65536 /* bytes of an object that is written in the loop's thread */

/*
 * To hand over costs: a thread is woken, and the data go to another core's cache. So what takes
 * less than the loop has time for stays here; but for a sink or a codec that a thread has in
 * hand.
 */
static bool is_for_threads(const struct handout *h, const struct chore *c)
{
	bool rushed = h->chores->small && h->chores->rushed;

	switch (c->work.op) {
	case WORK_WRITE:
	case WORK_READ:
		return c->sink->slow || c->sink->n_chores || (rushed && c->sink->size > SMALL);
	case WORK_ENCODE:
	case WORK_DECODE:
		return h->n_chores || rushed;
	case WORK_ADD:
	case WORK_SOLVE:
		break;
	}
	return true;
}

static int prepare(struct handout *h, struct chore *c)
{
	const struct work *w = &c->work;

	if (w->op != WORK_WRITE && w->op != WORK_READ)
		return 0;
	c->sink = h->find(h->session, w->object);
	if (!c->sink || c->sink->closed)
		return -ECANCELED;
	if (w->op == WORK_WRITE)
		c->front = rx_front(h->rx, w->object);
	return 0;
}

static void begin(struct handout *h, nsec_t now, struct chore *c)
{
	int r = prepare(h, c);

	if (r == 0 && h->chores->worker && is_for_threads(h, c)) {
		h->n_chores++;
		if (c->sink)
			c->sink->n_chores++;
		chores_submit(h->chores, c);
		return;
	}
	if (r == 0) {
		chores_serve(c);
		r = c->result;
	}
	rx_work_done(h->rx, now, &c->work, r);
}

bool handout_work(struct handout *h, nsec_t now)
{
	bool any = false;

	while (chores_room(h->chores)) {
		struct chore c = { .session = h->session };

		if (!rx_work(h->rx, &c.work))
			break;
		any = true;
		begin(h, now, &c);
	}
	return any;
}

struct sink *handout_served(struct handout *h, nsec_t now, const struct chore *c)
{
	struct sink *s = c->sink;

	h->n_chores--;
	if (s)
		s->n_chores--;
	rx_work_done(h->rx, now, &c->work, c->result);
	return s && s->closed && s->n_chores == 0 ? s : NULL;
}
