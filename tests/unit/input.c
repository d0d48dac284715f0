/* input.c - tests of sender/input: a pipe becomes parts, at the pace of both ends. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/file.h"
#include "proto/types.h"
#include "sender/input.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PART 10000

struct rig {
	int fds[2];
	struct loop *loop;
	struct input *in;
	uint8_t data[6 * PART];
};

static int begin(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	*state = g;
	for (size_t i = 0; i < sizeof(g->data); i++)
		g->data[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(pipe(g->fds), 0);
	assert_int_equal(loop_new(&g->loop), 0);
	assert_int_equal(input_new(&g->in, g->fds[0], PART), 0);
	assert_int_equal(input_start(g->in, g->loop), 0);
	return 0;
}

static int end(void **state)
{
	struct rig *g = *state;

	input_free(g->in);
	loop_free(g->loop);
	close_fd(&g->fds[0]);
	close_fd(&g->fds[1]);
	free(g);
	return 0;
}

static void put(struct rig *g, size_t off, size_t len)
{
	assert_int_equal(file_write_all(g->fds[1], g->data + off, len), 0);
}

/* As the loop waits for it: 10 s at most. */
static int wait_for_part(struct rig *g, struct input_part *ret)
{
	nsec_t until = clock_now() + 10 * NSEC_PER_SEC;
	struct loop_event ev;
	int r;

	while ((r = input_take(g->in, ret)) == 0 && clock_now() < until)
		loop_wait(g->loop, until, &ev, 1);
	return r;
}

static void expect_part(struct rig *g, uint64_t offset, size_t len, bool last)
{
	uint8_t sum[SHA256_LEN];
	struct input_part part;

	assert_int_equal(wait_for_part(g, &part), 1);
	assert_int_equal(part.offset, offset);
	assert_int_equal(part.len, len);
	assert_int_equal(part.last, last);
	assert_memory_equal(part.data, g->data + offset, len);
	assert_int_equal(digest_bytes(g->data + offset, len, sum), 0);
	assert_memory_equal(part.digest, sum, SHA256_LEN);
}

static void parts_are_full_but_for_the_last(void **state)
{
	struct rig *g = *state;

	put(g, 0, 3 * PART + 5);
	close_fd(&g->fds[1]);
	for (unsigned i = 0; i < 3; i++)
		expect_part(g, i * PART, PART, false);
	expect_part(g, 3 * PART, 5, true);
}

static void nothing_is_an_empty_part(void **state)
{
	struct rig *g = *state;

	close_fd(&g->fds[1]);
	expect_part(g, 0, 0, true);
}

static void the_end_may_come_late(void **state)
{
	struct rig *g = *state;

	put(g, 0, PART);
	expect_part(g, 0, PART, false);
	close_fd(&g->fds[1]);
	expect_part(g, PART, 0, true);
}

/* Who waits gets what there is, but not at once. */
static void a_pause_ends_a_part(void **state)
{
	struct rig *g = *state;
	nsec_t began = clock_now();

	put(g, 0, 3);
	expect_part(g, 0, 3, false);
	assert_in_range(clock_now() - began, NSEC_PER_SEC, 9 * NSEC_PER_SEC);
	put(g, 3, 4);
	close_fd(&g->fds[1]);
	expect_part(g, 3, 4, true);
}

static int waiting(const struct rig *g)
{
	int n;

	assert_int_equal(ioctl(g->fds[0], FIONREAD, &n), 0);
	return n;
}

/* Until the thread has read all but so many bytes. */
static void until_waiting(const struct rig *g, int n)
{
	struct timespec nap = { .tv_nsec = 1000000 };

	for (int i = 0; waiting(g) != n && i < 10000; i++)
		nanosleep(&nap, NULL);
	assert_int_equal(waiting(g), n);
}

/* So memory is bounded, and the command waits. */
static void two_parts_are_read_ahead(void **state)
{
	struct rig *g = *state;

	put(g, 0, 5 * PART);
	until_waiting(g, 3 * PART);
	expect_part(g, 0, PART, false); /* is kept */
	assert_int_equal(waiting(g), 3 * PART);
	expect_part(g, PART, PART, false); /* ... until now */
	until_waiting(g, 2 * PART);
	close_fd(&g->fds[1]);
	for (unsigned i = 2; i < 5; i++)
		expect_part(g, i * PART, PART, false);
	expect_part(g, 5 * PART, 0, true);
}

static void an_error_is_no_end(void **state)
{
	struct rig *g = *state;
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	struct input_part part;

	input_free(g->in);
	g->in = NULL;
	assert_true(fd >= 0);
	assert_int_equal(input_new(&g->in, fd, PART), 0);
	assert_int_equal(input_start(g->in, g->loop), 0);
	assert_int_equal(wait_for_part(g, &part), -EISDIR);
	assert_int_equal(wait_for_part(g, &part), -EISDIR);
	input_stop(g->in);
	close_fd(&fd);
}

/* Also while it waits for the command. */
static void it_ends_at_once(void **state)
{
	struct rig *g = *state;
	struct input_part part;

	assert_int_equal(input_take(g->in, &part), 0);
	put(g, 0, 7);
	until_waiting(g, 0);
	input_stop(g->in);
	input_stop(g->in);
	assert_int_equal(input_take(g->in, &part), -ECANCELED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_are_full_but_for_the_last),
		TEST(nothing_is_an_empty_part),
		TEST(the_end_may_come_late),
		TEST(a_pause_ends_a_part),
		TEST(two_parts_are_read_ahead),
		TEST(an_error_is_no_end),
		TEST(it_ends_at_once),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
