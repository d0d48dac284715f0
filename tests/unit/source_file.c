/* source_file.c - tests of sender/source_file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "sender/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The linker sends calloc() here; the n-th one fails. */
static int calloc_countdown = -1;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	if (calloc_countdown >= 0 && calloc_countdown-- == 0)
		return NULL;
	return __real_calloc(n, size);
}

#define SIZE 800003 /* three windows and a rest */

static char dir[] = "/tmp/sow-source-XXXXXX";
static char path[64];
static uint8_t data[SIZE], back[SIZE], want[SHA256_LEN];

static void put(const void *bytes, size_t len)
{
	assert_int_equal(file_replace(path, 0640, bytes, len), 0);
}

static int make_dir(void **state)
{
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	if (digest_bytes(data, SIZE, want) < 0 || !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/f", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static struct source_file *open_source(void)
{
	struct source_file *s = NULL;

	assert_int_equal(source_open(&s, path), 0);
	return s;
}

static void assert_digest(struct source_file *s)
{
	uint8_t got[SHA256_LEN];

	for (int again = 0; again < 2; again++) {
		memset(got, 0, sizeof(got));
		assert_int_equal(source_digest(s, got), 0);
		assert_memory_equal(got, want, SHA256_LEN);
	}
}

static void says_what_it_is(void **state)
{
	struct stat st;

	put(data, SIZE);
	struct source_file *s = open_source();
	const struct source_info *info = source_info(s);

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(info->size, SIZE);
	assert_int_equal(info->mode, 0640);
	assert_int_equal(info->mtime_sec, st.st_mtim.tv_sec);
	assert_int_equal(info->mtime_nsec, st.st_mtim.tv_nsec);
	assert_false(source_changed(s));
	source_close(s);
}

/* Whatever the size of the reads, in order: the bytes, and the digest on the way. */
static void reads_in_order(void **state)
{
	static const size_t steps[] = { 1000, 1400, 65536, 262143, 262144, 300000, SIZE };

	put(data, SIZE);
	for (unsigned i = 0; i < 7; i++) {
		struct source_file *s = open_source();

		memset(back, 0, SIZE);
		for (size_t off = 0; off < SIZE; off += steps[i])
			assert_int_equal(
				source_read_at(s, off, back + off, MIN(steps[i], SIZE - off)),
				0);
		assert_memory_equal(back, data, SIZE);
		assert_int_equal(source_hash(s, 0), 0); /* nothing is left to hash */
		assert_digest(s);
		source_close(s);
	}
}

/* Repairs in between do not disturb the digest, and come from anywhere. */
static void reads_anywhere(void **state)
{
	struct rng rng = rng_init(3);

	put(data, SIZE);
	struct source_file *s = open_source();

	for (int i = 0; i < 3000; i++) {
		size_t off = rng_below(&rng, SIZE), len = 1 + rng_below(&rng, 5000);

		if (i % 3 == 0)
			off = (size_t)i / 3 * 1400 % SIZE;
		len = MIN(len, SIZE - off);
		assert_int_equal(source_read_at(s, off, back, len), 0);
		assert_memory_equal(back, data + off, len);
	}
	assert_int_equal(source_read_at(s, SIZE, back, 0), 0);
	assert_int_equal(source_read_at(s, SIZE, back, 1), -EINVAL);
	assert_int_equal(source_read_at(s, UINT64_MAX, back, 2), -EINVAL);
	assert_digest(s);
	source_close(s);
}

static void hashes_bit_by_bit(void **state)
{
	unsigned n = 1;

	put(data, SIZE);
	struct source_file *s = open_source();

	while (source_hash(s, 100000) == 1)
		n++;
	assert_int_equal(n, 9);
	assert_digest(s);
	source_close(s);
}

static void cut(void)
{
	assert_int_equal(truncate(path, SIZE - 1), 0);
}

static void append(void)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_int_equal(file_write_all(fd, "x", 1), 0);
	close_fd(&fd);
}

static void touch(void)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void changes_are_seen(void **state)
{
	static void (*const change[])(void) = { cut, append, touch };
	uint8_t got[SHA256_LEN];

	for (unsigned i = 0; i < 3; i++) {
		put(data, SIZE);
		struct source_file *s = open_source();

		assert_int_equal(source_read_at(s, 0, back, 1000), 0);
		change[i]();
		assert_true(source_changed(s));
		assert_int_equal(source_read_at(s, 700000, back, 1000), -ESTALE);
		assert_int_equal(source_read_at(s, SIZE - 10, back, 10), -ESTALE);
		assert_int_equal(source_digest(s, got), -ESTALE);
		source_close(s);
	}
}

/* Another file under that name: the last link to ours goes, and that is a change of ctime. */
static void replaced_is_changed(void **state)
{
	put(data, SIZE);
	struct source_file *s = open_source();
	char other[80];

	snprintf(other, sizeof(other), "%s/kept", dir);
	assert_int_equal(file_replace(other, 0600, "new", 3), 0);
	assert_int_equal(source_read_at(s, 0, back, 1000), 0);
	assert_int_equal(rename(other, path), 0);
	assert_true(source_changed(s));
	source_close(s);
}

static void only_regular_files(void **state)
{
	struct source_file *s = NULL;
	char fifo[80];

	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(source_open(&s, fifo), -EOPNOTSUPP);
	unlink(fifo);
	assert_int_equal(source_open(&s, dir), -EISDIR);
	assert_int_equal(source_open(&s, "/dev/null"), -EOPNOTSUPP);
	assert_int_equal(source_open(&s, "/nonexistent"), -ENOENT);
	assert_null(s);
}

static void no_memory(void **state)
{
	struct source_file *s;
	int n = 0, r;

	put(data, 1);
	do {
		s = NULL;
		calloc_countdown = n++;
		r = source_open(&s, path);
		calloc_countdown = -1;
		assert_true(r == 0 || (r == -ENOMEM && !s));
	} while (r < 0);
	assert_int_equal(n, 4); /* the source, its window, the digest; then it opens */
	source_close(s);
	source_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_is),    cmocka_unit_test(reads_in_order),
		cmocka_unit_test(reads_anywhere),     cmocka_unit_test(hashes_bit_by_bit),
		cmocka_unit_test(changes_are_seen),   cmocka_unit_test(replaced_is_changed),
		cmocka_unit_test(only_regular_files), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests_name("source_file", tests, make_dir, remove_dir);
}
