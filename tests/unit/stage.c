/* stage.c - tests of receiver/stage. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/stage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t job[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
static const uint8_t other[8] = { 1 };

static char dir[sizeof("/tmp/sow-stage-XXXXXX")];
static int out;

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-stage-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	return out < 0;
}

/* Fails when anything is left. */
static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static struct stage open_stage(const uint8_t *id)
{
	struct stage s = STAGE_INIT;

	assert_int_equal(stage_open(&s, out, id), 0);
	return s;
}

static void make(int at, const char *name)
{
	int fd = openat(at, name, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close_fd(&fd);
}

static bool exists(const char *path)
{
	return faccessat(out, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void is_hidden_and_private(void **state)
{
	struct stage s = open_stage(job);
	struct stat st;

	assert_string_equal(s.name, ".sow-0123456789abcdef");
	assert_false(s.resumed);
	assert_int_equal(fstatat(out, s.name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	make(s.tree, "f");
	assert_true(exists(".sow-0123456789abcdef/tree/f"));
	assert_int_equal(stage_remove(&s), 0);
	assert_false(exists(".sow-0123456789abcdef"));
}

static void is_taken_up_where_it_was_left(void **state)
{
	struct stage s = open_stage(job);

	make(s.tree, "f");
	stage_close(&s);
	s = open_stage(job);
	assert_true(s.resumed);
	assert_int_equal(faccessat(s.tree, "f", F_OK, 0), 0);
	assert_int_equal(stage_remove(&s), 0);
}

static void belongs_to_one_at_a_time(void **state)
{
	struct stage s = open_stage(job), again = STAGE_INIT, beside;

	assert_int_equal(stage_open(&again, out, job), -EBUSY);
	assert_int_equal(again.dir, -1);
	beside = open_stage(other);
	assert_int_equal(stage_remove(&beside), 0);
	stage_close(&s);
	s = open_stage(job);
	assert_int_equal(stage_remove(&s), 0);
}

static void what_is_no_stage_is_left_alone(void **state)
{
	struct stage s = STAGE_INIT;

	make(out, ".sow-0123456789abcdef");
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, ".sow-0123456789abcdef", 0), 0);
	assert_int_equal(symlinkat(".", out, ".sow-0123456789abcdef"), 0);
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, ".sow-0123456789abcdef", 0), 0);
	assert_int_equal(mkdirat(out, ".sow-0123456789abcdef", 0700), 0);
	assert_int_equal(fchmodat(out, ".sow-0123456789abcdef", 0755, 0), 0);
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, ".sow-0123456789abcdef", AT_REMOVEDIR), 0);
}

/* A link in it is removed, not what it points to. */
static void goes_with_all_that_is_in_it(void **state)
{
	struct stage s = open_stage(job);
	int deep = dup(s.tree);

	make(out, "kept");
	for (int i = 0; i < 100; i++) {
		int next;

		assert_int_equal(mkdirat(deep, "d", 0700), 0);
		make(deep, "f");
		next = openat(deep, "d", O_RDONLY | O_DIRECTORY);
		close_fd(&deep);
		deep = next;
	}
	assert_int_equal(symlinkat(dir, deep, "link"), 0);
	close_fd(&deep);
	assert_int_equal(stage_remove(&s), 0);
	assert_true(exists("kept"));
	assert_int_equal(unlinkat(out, "kept", 0), 0);
}

#define DAY 86400

/* Seven days after its last change, unless somebody has it; what only looks like one stays. */
static void old_ones_are_swept(void **state)
{
	struct stage s = open_stage(job);
	struct stat st;

	make(s.tree, "f");
	assert_int_equal(mkdirat(out, ".sow-other", 0700), 0);
	assert_int_equal(fstat(s.dir, &st), 0);
	assert_int_equal(stage_sweep(out, st.st_mtim.tv_sec + 8 * DAY), 0);
	stage_close(&s);
	assert_int_equal(stage_sweep(out, st.st_mtim.tv_sec + 6 * DAY), 0);
	assert_true(exists(s.name));
	assert_int_equal(stage_sweep(out, st.st_mtim.tv_sec + 8 * DAY), 1);
	assert_false(exists(s.name));
	assert_int_equal(unlinkat(out, ".sow-other", AT_REMOVEDIR), 0);
}

static bool count(void *arg, int tree)
{
	unsigned *n = arg;

	*n += faccessat(tree, "f", F_OK, 0) == 0;
	return true;
}

static void others_can_be_looked_at(void **state)
{
	struct stage mine = open_stage(job), s = open_stage(other);
	unsigned n = 0;

	make(mine.tree, "f");
	make(s.tree, "f");
	stage_each(out, mine.name, count, &n);
	assert_int_equal(n, 1);
	assert_int_equal(stage_remove(&s), 0);
	assert_int_equal(stage_remove(&mine), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_hidden_and_private),
		cmocka_unit_test(is_taken_up_where_it_was_left),
		cmocka_unit_test(belongs_to_one_at_a_time),
		cmocka_unit_test(what_is_no_stage_is_left_alone),
		cmocka_unit_test(goes_with_all_that_is_in_it),
		cmocka_unit_test(old_ones_are_swept),
		cmocka_unit_test(others_can_be_looked_at),
	};

	return cmocka_run_group_tests_name("stage", tests, make_dir, remove_dir);
}
