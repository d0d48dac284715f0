/* worker.h - a few threads that do slow work beside the loop. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_WORKER_H
#define COMMON_WORKER_H

#include "common/loop.h"

#define WORKER_THREADS_MAX 16

/*
 * One piece of work, embedded in whatever it needs. With all that serve() touches it belongs to
 * the pool from worker_submit() until worker_take() gives it back.
 */
struct worker_job {
	void (*serve)(struct worker_job *job); /* called once, in one of the threads */
	const void *alone; /* jobs with the same: one at a time, in order; NULL: any time */
	struct worker_job *next; /* the pool's own */
};

struct worker;

/*
 * Starts 1..WORKER_THREADS_MAX threads with the caller's signal mask. They call loop_wake()
 * when jobs are done: once, until worker_take() found no more. -EINVAL, -ENOMEM, -EAGAIN.
 */
int worker_new(struct worker **ret, unsigned n_threads, struct loop *loop);
/* Ends the threads after the jobs in hand; what waits is not served. NULL is fine. */
void worker_free(struct worker *w);

/* The rest is for one thread, the loop's. */
void worker_submit(struct worker *w, struct worker_job *job);
/* A job that is done, in the order in which they were done; NULL: none. */
struct worker_job *worker_take(struct worker *w);
/* Until worker_take() has one; returns at once when none is out. */
void worker_wait(struct worker *w);

/* How many threads pay on the CPUs that we may use: 0 on a single one, else 1. */
unsigned worker_default(void);

#endif
