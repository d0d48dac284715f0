/* chores.c - what sessions ask for, served at once or by threads beside the loop. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/chores.h"

int chores_init(struct chores *c, unsigned n_threads, struct loop *loop)
{
	*c = (struct chores){ 0 };
	for (unsigned i = CHORES_MAX; i-- > 0;) {
		c->list[i].next = c->free;
		c->free = &c->list[i];
	}
	return n_threads ? worker_new(&c->worker, n_threads, loop) : 0;
}

void chores_fini(struct chores *c)
{
	worker_free(c->worker);
	c->worker = NULL;
}

bool chores_room(const struct chores *c)
{
	return !c->worker || c->free;
}

void chores_serve(struct chore *c)
{
	const struct work *w = &c->work;

	if (w->op == WORK_WRITE)
		c->result = c->sink->ops->write(c->sink, w->offset, w->data, w->len, c->front);
	else if (w->op == WORK_READ)
		c->result = c->sink->ops->read(c->sink, w->offset, w->data, w->len);
	else
		c->result = work_codec(w);
}

static void serve(struct worker_job *job)
{
	chores_serve((struct chore *)job);
}

/* Codecs have scratch memory, and a hash goes in order. */
static const void *alone(const struct chore *c)
{
	const struct work *w = &c->work;

	switch (w->op) {
	case WORK_READ:
		return NULL;
	case WORK_WRITE:
		return c->sink;
	case WORK_ENCODE:
	case WORK_DECODE:
		return w->codec;
	case WORK_ADD:
	case WORK_SOLVE:
		return w->large;
	}
	return NULL;
}

void chores_submit(struct chores *c, const struct chore *chore)
{
	struct chore *to = c->free;

	c->free = to->next;
	*to = *chore;
	to->job = (struct worker_job){ .serve = serve, .alone = alone(to) };
	if (to->work.op == WORK_WRITE)
		c->bytes += to->work.len;
	worker_submit(c->worker, &to->job);
}

void chores_go(struct chores *c)
{
	if (c->worker)
		worker_go(c->worker);
}

bool chores_take(struct chores *c, struct chore *ret)
{
	struct worker_job *job = c->worker ? worker_take(c->worker) : NULL;
	struct chore *from = (struct chore *)job;

	if (!job)
		return false;
	*ret = *from;
	if (ret->work.op == WORK_WRITE)
		c->bytes -= ret->work.len;
	from->next = c->free;
	c->free = from;
	return true;
}

void chores_wait(struct chores *c)
{
	worker_wait(c->worker);
}
