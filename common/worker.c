/* worker.c - a few threads that do slow work beside the loop. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#define SOME 4 /* done jobs that the loop is told of while others wait */

struct queue {
	struct worker_job *first, **last;
};

struct worker {
	struct loop *loop;
	unsigned n_threads;
	pthread_t thread[WORKER_THREADS_MAX];
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wanted, done_one;
	struct queue waiting, done;
	const void *alone[WORKER_THREADS_MAX]; /* of the jobs in hand; NULL: any */
	unsigned n_out, n_done;                /* submitted and not taken; of these, served */
	bool told;                             /* the loop, of done jobs */
	bool stop;
};

static void push(struct queue *q, struct worker_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct worker_job *cut(struct queue *q, struct worker_job **at)
{
	struct worker_job *job = *at;

	*at = job->next;
	if (!*at)
		q->last = at;
	return job;
}

static bool in_hand(const struct worker *w, const void *alone)
{
	for (unsigned i = 0; alone && i < w->n_threads; i++)
		if (w->alone[i] == alone)
			return true;
	return false;
}

/* The first that may be served now. Those that may not keep their order: what holds up one
 * holds up all behind it that have the same in common. */
static struct worker_job *next_job(struct worker *w)
{
	struct worker_job **at = &w->waiting.first;

	while (*at && in_hand(w, (*at)->alone))
		at = &(*at)->next;
	return *at ? cut(&w->waiting, at) : NULL;
}

static unsigned my_number(const struct worker *w)
{
	unsigned i = 0;

	while (!pthread_equal(w->thread[i], pthread_self()))
		i++;
	return i;
}

/* `lock` is held. */
static void serve(struct worker *w, unsigned me, struct worker_job *job)
{
	w->alone[me] = job->alone;
	pthread_mutex_unlock(&w->lock);
	job->serve(job);
	pthread_mutex_lock(&w->lock);
	if (w->alone[me] && w->waiting.first)
		pthread_cond_signal(&w->wanted); /* it may have held one up */
	w->alone[me] = NULL;
	push(&w->done, job);
	if (w->n_done++ == 0)
		pthread_cond_signal(&w->done_one);
	if (w->told || (w->waiting.first && w->n_done < SOME))
		return;
	w->told = true;
	loop_wake(w->loop);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct worker_job *job;
	unsigned me;

	pthread_mutex_lock(&w->lock);
	me = my_number(w);
	while (!w->stop) {
		job = next_job(w);
		if (job)
			serve(w, me, job);
		else
			pthread_cond_wait(&w->wanted, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The lock is held until every thread's number is in the array. */
static int start(struct worker *w, unsigned n_threads)
{
	int r = 0;

	pthread_mutex_lock(&w->lock);
	while (r == 0 && w->n_threads < n_threads) {
		r = -pthread_create(&w->thread[w->n_threads], NULL, run, w);
		w->n_threads += r == 0;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

int worker_new(struct worker **ret, unsigned n_threads, struct loop *loop)
{
	struct worker *w;
	int r;

	if (n_threads < 1 || n_threads > WORKER_THREADS_MAX)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->waiting.last = &w->waiting.first;
	w->done.last = &w->done.first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	pthread_cond_init(&w->done_one, NULL);
	r = start(w, n_threads);
	if (r < 0)
		worker_free(w);
	else
		*ret = w;
	return r;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->thread[i], NULL);
	pthread_cond_destroy(&w->done_one);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void worker_submit(struct worker *w, struct worker_job *job)
{
	pthread_mutex_lock(&w->lock);
	push(&w->waiting, job);
	w->n_out++;
	pthread_mutex_unlock(&w->lock);
}

void worker_go(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->waiting.first)
		pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
}

struct worker_job *worker_take(struct worker *w)
{
	struct worker_job *job = NULL;

	pthread_mutex_lock(&w->lock);
	if (w->done.first) {
		job = cut(&w->done, &w->done.first);
		w->n_out--;
		w->n_done--;
	} else {
		w->told = false;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

void worker_wait(struct worker *w)
{
	worker_go(w);
	pthread_mutex_lock(&w->lock);
	while (w->n_out && !w->done.first)
		pthread_cond_wait(&w->done_one, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static int cpus_here(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

unsigned worker_all_threads(uint32_t wanted)
{
	int cpus = cpus_here();

	if (wanted != WORKER_AUTO)
		return wanted;
	return cpus < 2 ? 0 : cpus < WORKER_THREADS_MAX ? (unsigned)cpus : WORKER_THREADS_MAX;
}

unsigned worker_threads(uint32_t wanted, bool *small)
{
	int cpus = cpus_here();

	*small = wanted != WORKER_AUTO || cpus > 2;
	return wanted != WORKER_AUTO ? wanted : cpus > 1;
}
