/* loop.c - tests of common/loop. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loop.h"

#define MSEC ((int64_t)1000000)

static int setup(void **state)
{
	struct loop *l;

	if (loop_new(&l) < 0)
		return -1;
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	loop_free(*state);
	return 0;
}

static void a_deadline_is_never_early(void **state)
{
	static const int64_t delay[] = { -1, 0, 50000, 300000, 300000, 5 * MSEC };
	int64_t best = INT64_MAX;
	struct loop_event ev;

	for (int k = 0; k < 30; k++) {
		int64_t at = clock_now() + delay[k % 6], late;

		assert_int_equal(loop_wait(*state, at, &ev, 1), 0);
		late = clock_now() - at;
		assert_true(late >= 0);
		best = late < best ? late : best;
	}
	assert_true(best < MSEC); /* and sometimes in time, even on a busy machine */
}

static void deadlines_of_long_ago_return_at_once(void **state)
{
	static const int64_t at[] = { INT64_MIN, -1, 0, 1, 1, 2 };
	struct loop_event ev;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		assert_int_equal(loop_wait(*state, at[i], &ev, 1), 0);
}

static void descriptors_are_reported_by_their_tags(void **state)
{
	struct loop *l = *state;
	struct loop_event ev[4];
	int a[2], b[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	assert_int_equal(loop_add(l, a[0], LOOP_READ, 7), 0);
	assert_int_equal(loop_add(l, a[0], LOOP_READ, 7), -EEXIST);
	assert_int_equal(loop_add(l, b[0], 0, 0), 0);
	assert_int_equal(loop_wait(l, 0, ev, 4), 0);

	assert_int_equal(write(a[1], "x", 1), 1);
	for (int k = 0; k < 2; k++) { /* level-triggered */
		assert_int_equal(loop_wait(l, LOOP_NEVER, ev, 4), 1);
		assert_int_equal(ev[0].tag, 7);
		assert_int_equal(ev[0].ready, LOOP_READ);
	}
	assert_int_equal(loop_change(l, a[0], LOOP_READ | LOOP_WRITE, 8), 0);
	assert_int_equal(loop_wait(l, LOOP_NEVER, ev, 4), 1);
	assert_int_equal(ev[0].tag, 8);
	assert_int_equal(ev[0].ready, LOOP_READ | LOOP_WRITE);

	loop_remove(l, a[0]);
	assert_int_equal(loop_change(l, a[0], LOOP_READ, 7), -ENOENT);
	close(b[1]);
	assert_int_equal(loop_wait(l, LOOP_NEVER, ev, 4), 1);
	assert_int_equal(ev[0].tag, 0);
	assert_int_equal(ev[0].ready, LOOP_ERROR);
	loop_remove(l, b[0]);
	assert_int_equal(loop_wait(l, 0, ev, 4), 0);
	close(a[0]);
	close(a[1]);
	close(b[0]);
}

static void one_place_serves_all_in_turn(void **state)
{
	struct loop *l = *state;
	struct loop_event ev;
	unsigned seen = 0;
	int fd[3][2];

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd[i]), 0);
		assert_int_equal(loop_add(l, fd[i][0], LOOP_WRITE, i), 0);
	}
	for (int k = 0; k < 12; k++)
		if (loop_wait(l, 0, &ev, 1) == 1)
			seen |= 1u << ev.tag;
	assert_int_equal(seen, 7);
	for (int i = 0; i < 3; i++) {
		loop_remove(l, fd[i][0]);
		close(fd[i][0]);
		close(fd[i][1]);
	}
}

static void *wake(void *loop)
{
	loop_wake(loop);
	loop_wake(loop);
	return NULL;
}

static void another_thread_wakes_it_once(void **state)
{
	struct loop_event ev;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, wake, *state), 0);
	assert_int_equal(loop_wait(*state, LOOP_NEVER, &ev, 1), 1);
	assert_int_equal(ev.tag, LOOP_TAG_WAKE);
	assert_int_equal(pthread_join(t, NULL), 0);
	loop_wake(*state);
	assert_int_equal(loop_wait(*state, LOOP_NEVER, &ev, 1), 1);
	assert_int_equal(loop_wait(*state, 0, &ev, 1), 0);
}

static void signals_are_events(void **state)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	static const int none[] = { 12345 };
	struct loop_event ev;
	int seen[2];

	assert_int_equal(loop_catch(*state, none, 1), -EINVAL);
	assert_int_equal(loop_catch(*state, signals, 2), 0);
	assert_int_equal(loop_catch(*state, signals, 2), -EALREADY);
	raise(SIGUSR2);
	raise(SIGUSR1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(loop_wait(*state, LOOP_NEVER, &ev, 1), 1);
		assert_int_equal(ev.tag, LOOP_TAG_SIGNAL);
		seen[i] = ev.signo;
	}
	assert_int_equal(seen[0] + seen[1], SIGUSR1 + SIGUSR2);
	assert_int_not_equal(seen[0], seen[1]);
	assert_int_equal(loop_wait(*state, 0, &ev, 1), 0);
}

static void a_hangup_may_be_ignored(void **state)
{
	static const int signals[] = { SIGUSR1, SIGHUP };
	struct loop_event ev;

	signal(SIGHUP, SIG_IGN);
	assert_int_equal(loop_catch(*state, signals, 2), 0);
	raise(SIGHUP);
	assert_int_equal(loop_wait(*state, 0, &ev, 1), 0);
	raise(SIGUSR1);
	assert_int_equal(loop_wait(*state, LOOP_NEVER, &ev, 1), 1);
	assert_int_equal(ev.signo, SIGUSR1);
	signal(SIGHUP, SIG_DFL);
}

static void a_hangup_is_an_event(void **state)
{
	static const int signals[] = { SIGHUP };
	struct loop_event ev;

	assert_int_equal(loop_catch(*state, signals, 1), 0);
	raise(SIGHUP);
	assert_int_equal(loop_wait(*state, LOOP_NEVER, &ev, 1), 1);
	assert_int_equal(ev.signo, SIGHUP);
}

static void freeing_gives_the_signals_back(void **state)
{
	static const int signals[] = { SIGUSR1 };
	struct loop *l;
	sigset_t before, after;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(loop_catch(l, signals, 1), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	assert_true(sigismember(&after, SIGUSR1));
	loop_free(l);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	assert_int_equal(sigismember(&after, SIGUSR1), sigismember(&before, SIGUSR1));
	loop_free(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_deadline_is_never_early),
		TEST(deadlines_of_long_ago_return_at_once),
		TEST(descriptors_are_reported_by_their_tags),
		TEST(one_place_serves_all_in_turn),
		TEST(another_thread_wakes_it_once),
		TEST(signals_are_events),
		TEST(a_hangup_may_be_ignored),
		TEST(a_hangup_is_an_event),
		cmocka_unit_test(freeing_gives_the_signals_back),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
