/* feeder.c - serves what the session asks for, file bytes and parity, at once or by threads. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/feeder.h"

#include <errno.h>
#include <stdlib.h>

#define SMALL        16384                /* bytes whose reading costs less than a thread's */
#define HASH         ((uint64_t)32 << 20) /* bytes hashed for one request in a thread, */
#define HASH_AT_ONCE ((uint64_t)4 << 20)  /* and without one */

struct request {
	struct worker_job job; /* the pool's own */
	struct work work;
	struct job_read read; /* READ, and hashing */
	bool reads;           /* `read` is what is to be done */
	int result;           /* of the codec */
	bool out;             /* a thread has it */
	struct request *next; /* free */
};

struct feeder {
	struct worker *worker; /* NULL: everything is served at once */
	bool small;            /* to leave it small work, too, pays */
	bool rushed;           /* the loop has more to send than it can */
	bool hashed;           /* in this call some was */
	unsigned n_codec;      /* codec requests that it has */
	struct request list[JOB_READS];
	struct request *free;
};

int feeder_new(struct feeder **ret, uint32_t n_threads, struct loop *loop)
{
	struct feeder *f = calloc(1, sizeof(*f));
	unsigned n;
	int r;

	if (!f)
		return -ENOMEM;
	for (unsigned i = JOB_READS; i-- > 0;) {
		f->list[i].next = f->free;
		f->free = &f->list[i];
	}
	n = worker_threads(n_threads, &f->small);
	r = n ? worker_new(&f->worker, n, loop) : 0;
	if (r < 0)
		feeder_free(f);
	else
		*ret = f;
	return r;
}

void feeder_free(struct feeder *f)
{
	if (!f)
		return;
	worker_free(f->worker);
	free(f);
}

static void serve(struct worker_job *job)
{
	struct request *q = (struct request *)job;

	if (q->reads)
		job_read_serve(&q->read);
	else
		q->result = work_codec(&q->work);
}

/* The hash of a source goes in order, and codecs have scratch memory. */
static const void *alone(const struct request *q)
{
	if (q->reads)
		return q->read.tree;
	switch (q->work.op) {
	case WORK_ENCODE:
	case WORK_DECODE:
		return q->work.codec;
	case WORK_ADD:
	case WORK_SOLVE:
		return q->work.large;
	case WORK_READ:
	case WORK_WRITE:
		break;
	}
	return NULL;
}

static void finish(struct feeder *f, struct tx *tx, struct job *job, nsec_t now,
		   struct request *q)
{
	int r = q->reads ? job_read_end(job, &q->read) : q->result;

	f->n_codec -= q->out && !q->reads;
	f->hashed |= q->reads && !q->read.work;
	if (!q->reads || q->read.work)
		tx_work_done(tx, now, &q->work, r);
	q->next = f->free;
	f->free = q;
}

/* To hand over costs: what the loop has time for stays here, but for a source or a codec that a
 * thread has in hand. */
static bool is_for_threads(const struct feeder *f, const struct request *q)
{
	bool rushed = f->small && f->rushed;

	if (q->reads && !q->read.work)
		return true;
	switch (q->work.op) {
	case WORK_READ:
		return !q->read.only || (rushed && q->work.len > SMALL);
	case WORK_WRITE:
	case WORK_ENCODE:
	case WORK_DECODE:
		return f->n_codec || rushed;
	case WORK_ADD:
	case WORK_SOLVE:
		break;
	}
	return true;
}

static void begin(struct feeder *f, struct tx *tx, struct job *job, nsec_t now,
		  struct request *q)
{
	f->free = q->next;
	q->job = (struct worker_job){ .serve = serve, .alone = alone(q) };
	q->out = f->worker && is_for_threads(f, q);
	if (q->out) {
		f->n_codec += !q->reads;
		worker_submit(f->worker, &q->job);
		return;
	}
	serve(&q->job);
	finish(f, tx, job, now, q);
}

bool feeder_serve(struct feeder *f, struct tx *tx, struct job *job, nsec_t now)
{
	struct worker_job *done;

	f->hashed = false;
	while (f->worker && (done = worker_take(f->worker)))
		finish(f, tx, job, now, (struct request *)done);
	while (f->free) {
		struct request *q = f->free;

		if (!tx_work(tx, &q->work))
			break;
		q->reads = q->work.op == WORK_READ;
		if (q->reads)
			job_read_begin(job, &q->work, &q->read);
		begin(f, tx, job, now, q);
	}
	if (f->free && job_hash_begin(job, f->worker ? HASH : HASH_AT_ONCE, &f->free->read)) {
		f->free->reads = true;
		begin(f, tx, job, now, f->free);
	}
	if (f->worker)
		worker_go(f->worker);
	return f->hashed;
}

void feeder_rush(struct feeder *f, bool rushed)
{
	f->rushed = rushed;
}
