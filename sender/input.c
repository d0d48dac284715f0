/* input.c - a pipe of unknown length, read ahead in parts by a thread of its own. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/input.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "proto/types.h"

#define N_PARTS  2
#define PATIENCE NSEC_PER_SEC /* a part that is wanted waits no longer for more */
#define READ_MAX ((size_t)1 << 20)

struct input {
	int fd, wake; /* wake: an eventfd, for the thread */
	size_t cap;
	struct loop *loop;
	pthread_t thread;
	bool started;
	struct digest *digest; /* the thread's */
	uint64_t offset;
	uint8_t *data[N_PARTS];

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t room;
	struct input_part part[N_PARTS];
	unsigned first, n;        /* parts that are ready or taken, in a ring */
	bool taken, hungry, stop; /* taken: the first; hungry: another is waited for */
	int error;                /* behind the last part */
};

int input_new(struct input **ret, int fd, size_t part_len)
{
	struct input *in = calloc(1, sizeof(*in));
	int r;

	if (!in)
		return -ENOMEM;
	in->fd = fd;
	in->cap = part_len;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->room, NULL);
	in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = in->wake < 0 ? -errno : digest_new(&in->digest);
	for (unsigned i = 0; i < N_PARTS && r == 0; i++) {
		in->data[i] = malloc(part_len);
		r = in->data[i] ? 0 : -ENOMEM;
	}
	if (r < 0)
		input_free(in);
	else
		*ret = in;
	return r;
}

void input_free(struct input *in)
{
	if (!in)
		return;
	input_stop(in);
	for (unsigned i = 0; i < N_PARTS; i++)
		free(in->data[i]);
	digest_free(in->digest);
	close_fd(&in->wake);
	pthread_cond_destroy(&in->room);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

/* --- the thread --- */

enum ready { READY_INPUT, READY_PATIENCE, READY_STOP };

/* Until there is something to read, or somebody has waited for long enough for what there is,
 * since `since`; NSEC_NEVER: there is nothing. */
static enum ready wait_for_input(struct input *in, nsec_t since)
{
	struct pollfd fds[] = { { .fd = in->fd, .events = POLLIN },
				{ .fd = in->wake, .events = POLLIN } };
	bool stop, hungry;
	uint64_t count;

	for (;;) {
		nsec_t left = since == NSEC_NEVER ? NSEC_NEVER : since + PATIENCE - clock_now();

		pthread_mutex_lock(&in->lock);
		stop = in->stop;
		hungry = in->hungry;
		pthread_mutex_unlock(&in->lock);
		if (stop)
			return READY_STOP;
		if (hungry && left <= 0)
			return READY_PATIENCE;
		poll(fds, 2,
		     hungry && since != NSEC_NEVER ? (int)(left / NSEC_PER_MSEC) + 1 : -1);
		if (fds[1].revents && read(in->wake, &count, sizeof(count)) > 0)
			continue;
		if (fds[0].revents)
			return READY_INPUT;
	}
}

/* Bytes, 0 at the end of the input, or -errno; -EAGAIN: nothing now. */
static ssize_t read_some(struct input *in, uint8_t *to, size_t cap)
{
	ssize_t n = read(in->fd, to, MIN(cap, READ_MAX));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	digest_update(in->digest, to, (size_t)n);
	return n;
}

/* 0 and a part, or -errno. */
static int fill(struct input *in, uint8_t *data, struct input_part *ret)
{
	struct input_part part = { .data = data, .offset = in->offset };
	nsec_t since = NSEC_NEVER;

	while (part.len < in->cap && !part.last) {
		enum ready ready = wait_for_input(in, since);
		ssize_t n;

		if (ready == READY_STOP)
			return -ECANCELED;
		if (ready == READY_PATIENCE)
			break;
		n = read_some(in, data + part.len, in->cap - part.len);
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return (int)n;
		part.last = n == 0;
		part.len += (size_t)n;
		if (since == NSEC_NEVER)
			since = clock_now();
	}
	in->offset += part.len;
	*ret = part;
	return digest_final(in->digest, ret->digest);
}

/* The buffer to be filled next; NULL: the end is wanted. */
static uint8_t *wait_for_room(struct input *in)
{
	uint8_t *data;

	pthread_mutex_lock(&in->lock);
	while (in->n == N_PARTS && !in->stop)
		pthread_cond_wait(&in->room, &in->lock);
	data = in->stop ? NULL : in->data[(in->first + in->n) % N_PARTS];
	pthread_mutex_unlock(&in->lock);
	return data;
}

static void *run(void *input)
{
	struct input *in = input;
	struct input_part part = { 0 };
	uint8_t *data;
	int r = 0;

	while (r == 0 && !part.last && (data = wait_for_room(in))) {
		r = fill(in, data, &part);
		pthread_mutex_lock(&in->lock);
		if (r == 0)
			in->part[(in->first + in->n++) % N_PARTS] = part;
		in->error = r;
		pthread_mutex_unlock(&in->lock);
		loop_wake(in->loop);
	}
	return NULL;
}

/* --- the loop's side --- */

int input_start(struct input *in, struct loop *loop)
{
	int r;

	in->loop = loop;
	r = pthread_create(&in->thread, NULL, run, in);
	in->started = r == 0;
	return -r;
}

static void nudge(struct input *in)
{
	static const uint64_t one = 1;

	if (write(in->wake, &one, sizeof(one)) < 0)
		return; /* it is full: the thread is about to look */
}

void input_stop(struct input *in)
{
	if (!in || !in->started)
		return;
	pthread_mutex_lock(&in->lock);
	in->stop = true;
	pthread_cond_signal(&in->room);
	pthread_mutex_unlock(&in->lock);
	nudge(in);
	pthread_join(in->thread, NULL);
	in->started = false;
}

/* The part that was taken before makes room. */
static void take(struct input *in, struct input_part *ret)
{
	if (in->taken) {
		in->first = (in->first + 1) % N_PARTS;
		in->n--;
		pthread_cond_signal(&in->room);
	}
	in->taken = true;
	in->hungry = false;
	*ret = in->part[in->first];
}

int input_take(struct input *in, struct input_part *ret)
{
	bool was_hungry;
	int r;

	pthread_mutex_lock(&in->lock);
	was_hungry = in->hungry;
	r = in->n > in->taken ? 1 : in->error;
	if (r == 1)
		take(in, ret);
	else
		in->hungry = true;
	pthread_mutex_unlock(&in->lock);
	if (r == 0 && !was_hungry)
		nudge(in);
	return r;
}
