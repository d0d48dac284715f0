/* worker.c - tests of common/worker. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define N_JOBS 200

struct piece {
	struct worker_job job;
	unsigned number;
	unsigned *log, *n_log; /* guarded by what the pieces have in common */
	atomic_uint *served, *inside;
	bool overlapped;
};

static void note(struct worker_job *job)
{
	struct piece *p = (struct piece *)job;

	p->overlapped = atomic_fetch_add(p->inside, 1) > 0;
	p->log[(*p->n_log)++] = p->number;
	atomic_fetch_sub(p->inside, 1);
	atomic_fetch_add(p->served, 1);
}

static void take_all(struct worker *w, unsigned n)
{
	while (n > 0) {
		worker_wait(w);
		while (worker_take(w))
			n--;
	}
	assert_null(worker_take(w));
	worker_wait(w); /* none is out: it returns */
}

/* Two kinds of jobs, mixed: those of a kind never at once, and in their order. */
static void test_alone(void **state)
{
	static struct piece pieces[N_JOBS];
	static unsigned log[2][N_JOBS], n_log[2];

	for (unsigned threads = 1; threads <= 4; threads++) {
		atomic_uint served = 0, inside[2] = { 0, 0 };
		struct loop *loop;
		struct worker *w;

		n_log[0] = n_log[1] = 0;
		assert_int_equal(loop_new(&loop), 0);
		assert_int_equal(worker_new(&w, threads, loop), 0);
		for (unsigned i = 0; i < N_JOBS; i++) {
			unsigned kind = i / 3 % 2;

			pieces[i] = (struct piece){ { note, log[kind], NULL },
						    i,
						    log[kind],
						    &n_log[kind],
						    &served,
						    &inside[kind],
						    false };
			worker_submit(w, &pieces[i].job);
			if (i % 7 == 0)
				worker_go(w);
		}
		take_all(w, N_JOBS);
		assert_int_equal(served, N_JOBS);
		assert_int_equal(n_log[0] + n_log[1], N_JOBS);
		for (unsigned kind = 0; kind < 2; kind++)
			for (unsigned i = 1; i < n_log[kind]; i++)
				assert_true(log[kind][i] > log[kind][i - 1]);
		for (unsigned i = 0; i < N_JOBS; i++)
			assert_false(pieces[i].overlapped);
		worker_free(w);
		loop_free(loop);
	}
}

/* A job that ends when another does: they must run at the same time. */
struct meeting {
	struct worker_job job;
	pthread_barrier_t *barrier;
};

static void meet(struct worker_job *job)
{
	pthread_barrier_wait(((struct meeting *)job)->barrier);
}

static void test_together(void **state)
{
	pthread_barrier_t barrier;
	struct meeting m[2] = { { { meet, NULL, NULL }, &barrier },
				{ { meet, &barrier, NULL }, &barrier } };
	struct loop_event ev;
	struct loop *loop;
	struct worker *w;

	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(worker_new(&w, 2, loop), 0);
	worker_submit(w, &m[0].job);
	worker_submit(w, &m[1].job);
	worker_go(w);
	assert_int_equal(loop_wait(loop, LOOP_NEVER, &ev, 1), 1);
	assert_int_equal(ev.tag, LOOP_TAG_WAKE);
	take_all(w, 2);
	worker_free(w);
	loop_free(loop);
	pthread_barrier_destroy(&barrier);
}

/* Each time that the done jobs were taken, the next one wakes the loop again. */
static void test_wakes(void **state)
{
	unsigned log[N_JOBS] = { 0 }, n_log = 0;
	atomic_uint served = 0, inside = 0;
	struct loop_event ev;
	struct loop *loop;
	struct worker *w;

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(worker_new(&w, 1, loop), 0);
	for (unsigned i = 0; i < N_JOBS; i++) {
		struct piece p = {
			{ note, NULL, NULL }, i, log, &n_log, &served, &inside, false
		};

		worker_submit(w, &p.job);
		worker_go(w);
		assert_int_equal(loop_wait(loop, LOOP_NEVER, &ev, 1), 1);
		assert_ptr_equal(worker_take(w), &p.job);
		assert_null(worker_take(w));
	}
	worker_free(w);
	loop_free(loop);
}

/* What waits when the pool ends is not served, and nothing hangs. */
static void test_end(void **state)
{
	static struct piece pieces[N_JOBS];
	static unsigned log[N_JOBS], n_log;
	atomic_uint served = 0, inside = 0;
	struct loop *loop;
	struct worker *w;

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(worker_new(&w, 0, loop), -EINVAL);
	assert_int_equal(worker_new(&w, WORKER_THREADS_MAX + 1, loop), -EINVAL);
	assert_int_equal(worker_new(&w, 3, loop), 0);
	for (unsigned i = 0; i < N_JOBS; i++) {
		pieces[i] = (struct piece){
			{ note, log, NULL }, i, log, &n_log, &served, &inside, false
		};
		worker_submit(w, &pieces[i].job);
	}
	worker_go(w);
	worker_free(w);
	assert_int_equal(served, n_log);
	loop_free(loop);
	worker_free(NULL);
}

static void test_threads(void **state)
{
	bool small = false;

	assert_int_equal(worker_threads(0, &small), 0);
	assert_int_equal(worker_threads(5, &small), 5);
	assert_true(small);
	assert_in_range(worker_threads(WORKER_AUTO, &small), 0, 1);
	assert_int_equal(worker_all_threads(0), 0);
	assert_int_equal(worker_all_threads(5), 5);
	assert_in_range(worker_all_threads(WORKER_AUTO), 0, WORKER_THREADS_MAX);
	assert_int_not_equal(worker_all_threads(WORKER_AUTO), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),   cmocka_unit_test(test_together),
		cmocka_unit_test(test_wakes),   cmocka_unit_test(test_end),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
