/* dirs.c - tests of receiver/dirs. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/dirs.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/sow-dirs-XXXXXX";
static int out;

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static void neighbours_share_a_descriptor(void **state)
{
	const char *base;
	struct dirs d;
	int fd;

	assert_int_equal(dirs_make(out, "a/b", 3), 0);
	dirs_init(&d, out);
	assert_int_equal(dirs_of(&d, "x", &base), out);
	assert_string_equal(base, "x");
	fd = dirs_of(&d, "a/b/x", &base);
	assert_true(fd >= 0 && fd != out);
	assert_string_equal(base, "x");
	assert_int_equal(dirs_of(&d, "a/b/y", &base), fd);
	assert_string_equal(base, "y");
	assert_int_equal(dirs_of(&d, "x", &base), out);
	dirs_fini(&d);
	crop_clear(out);
}

static void what_is_missing_stays_so_until_it_is_forgotten(void **state)
{
	const char *base;
	struct dirs d;

	dirs_init(&d, out);
	assert_int_equal(dirs_of(&d, "a/x", &base), -ENOENT);
	assert_int_equal(dirs_make(out, "a", 1), 0);
	assert_int_equal(dirs_of(&d, "a/y", &base), -ENOENT);
	dirs_forget(&d);
	assert_true(dirs_of(&d, "a/y", &base) >= 0);
	dirs_fini(&d);
	crop_clear(out);
}

static void all_on_the_way_are_made(void **state)
{
	struct stat st;

	assert_int_equal(dirs_make(out, "", 0), 0);
	assert_int_equal(dirs_make(out, "a/b/c/d", 5), 0);
	assert_int_equal(fstatat(out, "a/b/c", &st, 0), 0);
	assert_int_equal(fstatat(out, "a/b/c/d", &st, 0), -1);
	assert_int_equal(dirs_make(out, "a/b/c/d", 7), 0);
	assert_int_equal(dirs_make(out, "a/b", 3), 0);
	crop_write(out, "a/f", (const uint8_t *)"x", 1);
	assert_int_equal(dirs_make(out, "a/f/g", 5), -ENOTDIR);
	assert_int_equal(symlinkat("/tmp", out, "link"), 0);
	assert_int_equal(dirs_make(out, "link/g", 6), -ELOOP);
	crop_clear(out);
}

static void the_parent_is_what_stands_before_the_last_slash(void **state)
{
	assert_int_equal(dirs_parent_len("a"), 0);
	assert_int_equal(dirs_parent_len("a/b"), 1);
	assert_int_equal(dirs_parent_len("a/bc/d"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_share_a_descriptor),
		cmocka_unit_test(what_is_missing_stays_so_until_it_is_forgotten),
		cmocka_unit_test(all_on_the_way_are_made),
		cmocka_unit_test(the_parent_is_what_stands_before_the_last_slash),
	};

	return cmocka_run_group_tests_name("dirs", tests, make_dir, remove_dir);
}
