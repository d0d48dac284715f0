/* chores.c - what sessions ask for, served at once or by threads beside the loop. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/chores.h"

/* Behind a hole the hash catches up with the front by this much for each write. */
#define CATCH_UP ((uint64_t)1 << 20)

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

/*
 * What comes next to what is hashed is hashed while it is in the cache, which costs a third
 * less than to read it again. What came behind a hole is read back when the hole is gone.
 */
static int write_piece(const struct chore *c)
{
	const struct work *w = &c->work;
	int r = sink_write_at(c->sink, w->offset, w->data, w->len);

	if (r == 0)
		r = sink_hash(c->sink, c->front, CATCH_UP);
	if (r == 0)
		sink_hash_hot(c->sink, w->offset, w->data, w->len);
	return r;
}

void chores_serve(struct chore *c)
{
	const struct work *w = &c->work;

	if (w->op == WORK_WRITE)
		c->result = write_piece(c);
	else if (w->op == WORK_READ)
		c->result = sink_read_at(c->sink, w->offset, w->data, w->len);
	else
		c->result = work_codec(w);
}

static void serve(struct worker_job *job)
{
	chores_serve((struct chore *)job);
}

/* Codecs have scratch memory, and a file's hash goes in order. */
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
	from->next = c->free;
	c->free = from;
	return true;
}

void chores_wait(struct chores *c)
{
	worker_wait(c->worker);
}
