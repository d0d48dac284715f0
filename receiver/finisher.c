/* finisher.c - a thread that hashes, syncs and renames files, so that the network does not
 * wait.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/finisher.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct queue {
	struct finish *first, **last;
};

struct finisher {
	struct loop *loop;
	bool rushed;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wanted;
	struct queue waiting, done;
	bool stop;
};

static void push(struct queue *q, struct finish *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct finish *pop(struct queue *q)
{
	struct finish *job = q->first;

	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->last = &q->first;
	return job;
}

static void serve(struct finish *job)
{
	switch (job->op) {
	case FINISH_HASH:
		job->result = sink_hash(job->sink, job->end);
		break;
	case FINISH_STORE:
		job->result = sink_finish(job->sink, job->has_expected ? job->expected : NULL,
					  job->digest);
		break;
	}
}

static void *work(void *arg)
{
	struct finisher *f = arg;
	struct finish *job;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		job = pop(&f->waiting);
		if (!job) {
			pthread_cond_wait(&f->wanted, &f->lock);
			continue;
		}
		pthread_mutex_unlock(&f->lock);
		serve(job);
		pthread_mutex_lock(&f->lock);
		push(&f->done, job);
		loop_wake(f->loop);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int finisher_new(struct finisher **ret, struct loop *loop)
{
	struct finisher *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->loop = loop;
	f->waiting.last = &f->waiting.first;
	f->done.last = &f->done.first;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wanted, NULL);
	r = -pthread_create(&f->thread, NULL, work, f);
	if (r < 0) {
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void finisher_free(struct finisher *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wanted);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->wanted);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void finisher_rush(struct finisher *f, bool rushed)
{
	f->rushed = rushed;
}

bool finisher_rushed(const struct finisher *f)
{
	return f->rushed;
}

void finisher_submit(struct finisher *f, struct finish *job)
{
	pthread_mutex_lock(&f->lock);
	push(&f->waiting, job);
	pthread_cond_signal(&f->wanted);
	pthread_mutex_unlock(&f->lock);
}

struct finish *finisher_take(struct finisher *f)
{
	struct finish *job;

	pthread_mutex_lock(&f->lock);
	job = pop(&f->done);
	pthread_mutex_unlock(&f->lock);
	return job;
}
