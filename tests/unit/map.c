/* map.c - tests of receiver/map. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/sow-map-XXXXXX";
static int at;
static const uint8_t job[SHA256_LEN] = { 1, 2, 3 };
static const struct map_id id = { job, 1000000 };
static const struct map_range ranges[] = { { 0, 10 }, { 20, 1 }, { 999000, 1000 } };

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	at = open(dir, O_RDONLY | O_DIRECTORY);
	return at < 0;
}

static int remove_dir(void **state)
{
	unlinkat(at, "map", 0);
	close_fd(&at);
	return rmdir(dir); /* nothing else is left */
}

static int load(const struct map_id *whose, uint32_t *n)
{
	struct map_range *got = NULL;
	int r = map_load(at, whose, &got, n);

	if (r == 0 && *n == 3)
		assert_memory_equal(got, ranges, sizeof(ranges));
	free(got);
	return r;
}

static void comes_back_as_it_was(void **state)
{
	uint32_t n;

	assert_int_equal(load(&id, &n), -ENOENT);
	assert_int_equal(map_save(at, &id, ranges, 0), 0);
	assert_int_equal(load(&id, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(map_save(at, &id, ranges, 3), 0);
	assert_int_equal(load(&id, &n), 0);
	assert_int_equal(n, 3);
}

static void of_another_job_is_not_taken(void **state)
{
	static const uint8_t other[SHA256_LEN];
	uint32_t n;

	assert_int_equal(map_save(at, &id, ranges, 3), 0);
	assert_int_equal(load(&(struct map_id){ other, 1000000 }, &n), -EBADMSG);
	assert_int_equal(load(&(struct map_id){ job, 1000001 }, &n), -EBADMSG);
}

static void ranges_that_make_no_sense_are_not_taken(void **state)
{
	static const struct map_range bad[][2] = {
		{ { 0, 10 }, { 10, 5 } }, /* they touch */
		{ { 20, 10 }, { 0, 5 } },          { { 0, 10 }, { 999999, 2 } },
		{ { 0, 10 }, { UINT64_MAX, 2 } },  { { 0, 10 }, { 20, 0 } },
		{ { 0, 10 }, { 20, UINT64_MAX } },
	};
	uint32_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(map_save(at, &id, bad[i], 2), 0);
		assert_int_equal(load(&id, &n), -EBADMSG);
	}
}

/* Every byte counts, and so does every one that is missing. */
static void damage_is_found(void **state)
{
	uint8_t buf[300];
	uint32_t n;
	int fd, len;

	assert_int_equal(map_save(at, &id, ranges, 3), 0);
	fd = openat(at, "map", O_RDWR);
	len = file_pread_all(fd, buf, sizeof(buf), 0);
	for (int i = 0; i < len; i++) {
		buf[i] ^= 1;
		assert_int_equal(file_pwrite_all(fd, buf, (size_t)len, 0), 0);
		assert_int_equal(load(&id, &n), -EBADMSG);
		buf[i] ^= 1;
	}
	assert_int_equal(file_pwrite_all(fd, buf, (size_t)len, 0), 0);
	assert_int_equal(load(&id, &n), 0);
	while (len-- > 0) {
		assert_int_equal(ftruncate(fd, len), 0);
		assert_int_equal(load(&id, &n), -EBADMSG);
	}
	close_fd(&fd);
}

static void a_link_is_not_followed(void **state)
{
	uint32_t n;

	unlinkat(at, "map", 0);
	assert_int_equal(symlinkat("/etc/passwd", at, "map"), 0);
	assert_int_equal(load(&id, &n), -EBADMSG);
	assert_int_equal(map_save(at, &id, ranges, 3), 0); /* it takes its place */
	assert_int_equal(load(&id, &n), 0);
}

static void ranges_that_meet_become_one(void **state)
{
	struct map_range r[] = { { 50, 10 }, { 0, 10 }, { 10, 5 },
				 { 52, 3 },  { 58, 4 }, { 70, 1 } };
	static const struct map_range want[] = { { 0, 15 }, { 50, 12 }, { 70, 1 } };

	assert_int_equal(map_join(r, 6), 3);
	assert_memory_equal(r, want, sizeof(want));
	assert_int_equal(map_join(r, 3), 3);
	assert_int_equal(map_join(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(of_another_job_is_not_taken),
		cmocka_unit_test(ranges_that_make_no_sense_are_not_taken),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(a_link_is_not_followed),
		cmocka_unit_test(ranges_that_meet_become_one),
	};

	return cmocka_run_group_tests_name("map", tests, make_dir, remove_dir);
}
