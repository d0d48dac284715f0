/* spout.c - tests of receiver/spout: a pipe with a slow reader, and a file without a name. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/spout.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SIZE (1 << 20)

static uint8_t data[SIZE], back[SIZE];

struct reader {
	int fd;
	size_t n;
};

static void *read_all(void *reader)
{
	struct reader *r = reader;
	ssize_t n;

	while (r->n < SIZE && (n = read(r->fd, back + r->n, MIN(SIZE - r->n, 1000))) > 0)
		r->n += (size_t)n;
	return NULL;
}

static void all_goes_out_in_order(void **state)
{
	atomic_bool stop = false;
	atomic_ullong done = 5;
	struct reader r = { 0 };
	pthread_t thread;
	int fds[2];

	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(pipe(fds), 0);
	r.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
	assert_int_equal(spout_write(fds[1], data, SIZE, &stop, &done), 0);
	pthread_join(thread, NULL);
	assert_int_equal(r.n, SIZE);
	assert_memory_equal(back, data, SIZE);
	assert_int_equal(done, SIZE + 5);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

static void *stop_soon(void *stop)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	atomic_store((atomic_bool *)stop, true);
	return NULL;
}

/* The pipe is full, and not made one that does not wait. */
static void a_reader_that_sleeps_is_left(void **state)
{
	atomic_bool stop = false;
	atomic_ullong done = 0;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
	assert_int_equal(spout_write(fds[1], data, SIZE, &stop, &done), -ECANCELED);
	pthread_join(thread, NULL);
	assert_in_range(done, 4096, SIZE - 1);
	assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

static void a_reader_that_is_gone_is_an_error(void **state)
{
	atomic_bool stop = false;
	atomic_ullong done = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close_fd(&fds[0]);
	assert_int_equal(spout_write(fds[1], data, 1, &stop, &done), -EPIPE);
	assert_int_equal(done, 0);
	close_fd(&fds[1]);
}

static void a_spool_makes_room(void **state)
{
	int fd = file_unnamed("/var/tmp");
	struct stat full, less;

	assert_true(fd >= 0);
	assert_int_equal(file_pwrite_all(fd, data, SIZE, 0), 0);
	assert_int_equal(fstat(fd, &full), 0);
	spout_punch(fd, 0, SIZE / 2);
	assert_int_equal(fstat(fd, &less), 0);
	assert_int_equal(less.st_size, SIZE);
	assert_true(less.st_blocks <= full.st_blocks);
	assert_int_equal(file_pread_all(fd, back, SIZE, 0), SIZE);
	assert_memory_equal(back + SIZE / 2, data + SIZE / 2, SIZE / 2);
	close_fd(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_goes_out_in_order),
		cmocka_unit_test(a_reader_that_sleeps_is_left),
		cmocka_unit_test(a_reader_that_is_gone_is_an_error),
		cmocka_unit_test(a_spool_makes_room),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("spout", tests, NULL, NULL);
}
