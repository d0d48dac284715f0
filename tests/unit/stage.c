/* stage.c - tests of receiver/stage. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/stage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME ".sow-" HEX64

#define EIGHT 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef
static const uint8_t job[STAGE_ID] = { EIGHT, EIGHT, EIGHT, EIGHT };
static const uint8_t other[STAGE_ID] = { EIGHT, EIGHT, EIGHT, 1 };

/* Here a file system that gives everything this owner, and at least these bits of the mode. */
static bool without_owners;
static uid_t their_uid;
static mode_t their_mode;
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int __wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	if (r == 0 && without_owners) {
		st->st_uid = their_uid;
		st->st_mode |= their_mode;
	}
	return r;
}

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

	assert_string_equal(s.name, NAME);
	assert_false(s.resumed);
	assert_int_equal(fstatat(out, s.name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	make(s.tree, "f");
	assert_true(exists(NAME "/tree/f"));
	assert_int_equal(stage_remove(&s), 0);
	assert_false(exists(NAME));
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

	make(out, NAME);
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, NAME, 0), 0);
	assert_int_equal(symlinkat(".", out, NAME), 0);
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, NAME, 0), 0);
	assert_int_equal(mkdirat(out, NAME, 0700), 0);
	assert_int_equal(fchmodat(out, NAME, 0755, 0), 0);
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, NAME, AT_REMOVEDIR), 0);
}

/* On FAT, say, which is mounted by another user; what somebody else has made is found out. */
static void a_file_system_without_owners_is_good_enough(void **state)
{
	struct stage s;

	without_owners = true;
	their_uid = geteuid() + 1;
	their_mode = 0755;
	s = open_stage(job);
	make(s.tree, "f");
	stage_close(&s);
	s = open_stage(job);
	assert_true(s.resumed);
	assert_int_equal(faccessat(s.dir, "probe", F_OK, 0), -1);
	without_owners = false;
	assert_int_equal(stage_remove(&s), 0);
	assert_false(exists(NAME));
}

static void another_user_has_no_stage_of_ours(void **state)
{
	struct stage s = STAGE_INIT;

	if (geteuid() != 0)
		skip();
	s = open_stage(job);
	assert_int_equal(fchown(s.dir, 1, 1), 0);
	stage_close(&s);
	assert_int_equal(stage_open(&s, out, job), -EEXIST);
	assert_int_equal(unlinkat(out, NAME "/tree", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(out, NAME, AT_REMOVEDIR), 0);
}

/* Their ids differ in the last bytes. */
static void similar_jobs_do_not_mix(void **state)
{
	struct stage s = open_stage(job), s2;

	make(s.tree, "f");
	stage_close(&s);
	s2 = open_stage(other);
	assert_false(s2.resumed);
	assert_int_equal(faccessat(s2.tree, "f", F_OK, 0), -1);
	assert_int_equal(stage_remove(&s2), 0);
	s = open_stage(job);
	assert_int_equal(stage_remove(&s), 0);
}

static void goes_with_all_that_is_in_it(void **state)
{
	struct stage s = open_stage(job);

	make(s.dir, "map");
	make(s.tree, "f");
	assert_int_equal(stage_remove(&s), 0);
	assert_false(exists(NAME));
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

/* At once, but not the own one, nor one that somebody has. */
static void others_give_way(void **state)
{
	static const uint8_t second[STAGE_ID] = { 1 }, third[STAGE_ID] = { 2 };
	struct stage s = open_stage(job), o = open_stage(second), u = open_stage(third);

	make(o.tree, "f");
	stage_close(&s);
	stage_close(&o);
	assert_int_equal(stage_make_room(out, job, (uint64_t)1 << 40, false), 0);
	assert_int_equal(stage_make_room(out, job, 3, true), 0);
	assert_true(exists(o.name)); /* it would have gone in vain */
	assert_int_equal(stage_make_room(out, job, 2, true), 1); /* "tree" and what is in it */
	assert_true(exists(s.name) && exists(u.name));
	assert_false(exists(o.name));
	assert_int_equal(stage_remove(&u), 0);
	s = open_stage(job);
	assert_int_equal(stage_remove(&s), 0);
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
		cmocka_unit_test(a_file_system_without_owners_is_good_enough),
		cmocka_unit_test(another_user_has_no_stage_of_ours),
		cmocka_unit_test(similar_jobs_do_not_mix),
		cmocka_unit_test(goes_with_all_that_is_in_it),
		cmocka_unit_test(old_ones_are_swept),
		cmocka_unit_test(others_give_way),
		cmocka_unit_test(others_can_be_looked_at),
	};

	return cmocka_run_group_tests_name("stage", tests, make_dir, remove_dir);
}
