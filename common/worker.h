/* worker.h - a few threads that do slow work beside the loop. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_WORKER_H
#define COMMON_WORKER_H

#include <stdbool.h>

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
 * when some jobs, or all, are done: once, until worker_take() found no more. -EINVAL, -ENOMEM,
 * -EAGAIN.
 */
int worker_new(struct worker **ret, unsigned n_threads, struct loop *loop);
/* Ends the threads after the jobs in hand; what waits is not served. NULL is fine. */
void worker_free(struct worker *w);

/* The rest is for one thread, the loop's. Jobs wait until worker_go(): to wake a thread costs
 * microseconds, so it is done once for many. */
void worker_submit(struct worker *w, struct worker_job *job);
void worker_go(struct worker *w);
/* A job that is done, in the order in which they were done; NULL: none. */
struct worker_job *worker_take(struct worker *w);
/* worker_go(), then until worker_take() has one; returns at once when none is out. */
void worker_wait(struct worker *w);

/*
 * For --threads: `wanted`, or, WORKER_AUTO, what pays: none on a single CPU, else 1. With two
 * CPUs only work that would hold up packets for long pays: the kernel's share of receiving, or
 * other programs, have the second one. `small`: whether work of some 10 us does, too.
 */
#define WORKER_AUTO UINT32_MAX
unsigned worker_threads(uint32_t wanted, bool *small);
/* For work that keeps all of them busy: one for each CPU, none on a single one. */
unsigned worker_all_threads(uint32_t wanted);

#endif
