/* safepath.c - tests of receiver/safepath. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/safepath.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A kernel without openat2(): the linker sends syscall() here. */
static bool no_openat2;
long __real_syscall(long nr, long a, long b, long c, long d);
long __wrap_syscall(long nr, long a, long b, long c, long d);

long __wrap_syscall(long nr, long a, long b, long c, long d)
{
	if (nr == SYS_openat2 && no_openat2) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(nr, a, b, c, d);
}

#define C255                                                                                   \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"     \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"     \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"     \
	"0123456789abcde"

static const struct {
	const char *name;
	size_t len; /* 0: up to the NUL */
	int r;
	const char *clean;
} names[] = {
	{ "a", 0, 0, "a" },
	{ "a/b.c", 0, 0, "a/b.c" },
	{ "a//b///c", 0, 0, "a/b/c" },
	{ "./a/./b/.", 0, 0, "a/b" },
	{ "a/", 0, 0, "a" },
	{ "...", 0, 0, "..." },
	{ "..a/b..", 0, 0, "..a/b.." },
	{ "-rf", 0, 0, "-rf" },
	{ "a\nb\x1b\xff", 0, 0, "a\nb\x1b\xff" },
	{ "a b\\c", 0, 0, "a b\\c" },
	{ "abc", 2, 0, "ab" },
	{ C255, 0, 0, C255 },
	{ C255 "/" C255 "/" C255 "/" C255, 0, 0, C255 "/" C255 "/" C255 "/" C255 },
	{ C255 "/" C255 "/" C255 "/" C255 "/a", 0, -ENAMETOOLONG, NULL },
	{ C255 "x", 0, -ENAMETOOLONG, NULL },
	{ "", 0, -EINVAL, NULL },
	{ ".", 0, -EINVAL, NULL },
	{ "./", 0, -EINVAL, NULL },
	{ "/", 0, -EINVAL, NULL },
	{ "/etc/passwd", 0, -EINVAL, NULL },
	{ "//a", 0, -EINVAL, NULL },
	{ "..", 0, -EINVAL, NULL },
	{ "../a", 0, -EINVAL, NULL },
	{ "a/../b", 0, -EINVAL, NULL },
	{ "a/..", 0, -EINVAL, NULL },
	{ "a/./../../b", 0, -EINVAL, NULL },
	{ "a\0b", 3, -EINVAL, NULL },
	{ "a\0", 2, -EINVAL, NULL },
};

static void names_are_cleaned_or_refused(void **state)
{
	char clean[SAFEPATH_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = names[i].len ? names[i].len : strlen(names[i].name);
		char *exact = malloc(len ? len : 1); /* a read beyond it is found */

		memcpy(exact, names[i].name, len);
		assert_int_equal(safepath_clean(exact, len, clean), names[i].r);
		if (names[i].r == 0)
			assert_string_equal(clean, names[i].clean);
		free(exact);
	}
}

static char top[] = "/tmp/sow-safepath-XXXXXX";
static int out = -1;

/* top/out is the output directory; top/out/link leads out of it, top/out/file is a file. */
static int make_tree(void **state)
{
	int top_fd, fd;

	if (!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY);
	mkdirat(top_fd, "out", 0755);
	mkdirat(top_fd, "outside", 0755);
	out = openat(top_fd, "out", O_RDONLY | O_DIRECTORY);
	fd = openat(out, "file", O_CREAT | O_WRONLY, 0600);
	close_fd(&fd);
	close_fd(&top_fd);
	mkdirat(out, "dir", 0755);
	return symlinkat("../outside", out, "link") || symlinkat("dir", out, "inner");
}

static int remove_tree(void **state)
{
	char cmd[64];

	close_fd(&out);
	for (const char **p =
		     (const char *[]){ "out/dir/new/er", "out/dir/new", "out/dir",
				       "out/fresh/a", "out/fresh", "out/file", "out/link",
				       "out/inner", "out", "outside", "", NULL };
	     *p; p++) {
		snprintf(cmd, sizeof(cmd), "%s/%s", top, *p);
		if (remove(cmd) < 0)
			return -1; /* something is there that must not be, or is missing */
	}
	return 0;
}

static void check_parent(const char *path, int r, const char *base)
{
	const char *got;
	int fd = safepath_parent(out, path, &got);

	if (r < 0) {
		assert_int_equal(fd, r);
		return;
	}
	assert_true(fd >= 0);
	assert_string_equal(got, base);
	close_fd(&fd);
}

static void check_parents(void)
{
	struct stat st;

	check_parent("a", 0, "a");
	check_parent("dir/a", 0, "a");
	check_parent("dir/new/er/a", 0, "a");
	assert_int_equal(fstatat(out, "dir/new/er", &st, 0), 0);
	check_parent("link/a", -ELOOP, NULL);
	check_parent("link/new/a", -ELOOP, NULL);
	check_parent("inner/a", -ELOOP, NULL);
	check_parent("file/a", -ENOTDIR, NULL);
	check_parent("file/new/a", -ENOTDIR, NULL);
}

static void parents_with_openat2(void **state)
{
	no_openat2 = false;
	check_parents();
}

static void parents_without_openat2(void **state)
{
	no_openat2 = true;
	unlinkat(out, "dir/new/er", AT_REMOVEDIR);
	check_parents();
	check_parent("fresh/a/b", 0, "b");
}

static void check_dir(const char *path, int r)
{
	int fd = safepath_dir(out, path);

	assert_int_equal(MIN(fd, 0), r);
	close_fd(&fd);
}

/* Nothing is made, and no link is followed, wherever in the path it stands. */
static void opening_stays_below(void **state)
{
	char deep[5001];

	memset(deep, 'a', sizeof(deep) - 1);
	for (size_t i = 100; i < sizeof(deep); i += 101)
		deep[i] = '/';
	deep[sizeof(deep) - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		no_openat2 = i;
		check_dir("", 0);
		check_dir("dir", 0);
		check_dir("none", -ENOENT);
		check_dir("none/deeper", -ENOENT);
		check_dir("inner", -ELOOP);
		check_dir("link", -ELOOP);
		check_dir("file", -ENOTDIR);
		check_dir(deep, -ENAMETOOLONG);
	}
}

/* /proc is another file system on every machine that runs this. */
static void another_file_system_is_not_entered(void **state)
{
	int root = open("/", O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < 2; i++) {
		no_openat2 = i;
		assert_int_equal(safepath_dir(root, "proc"), -EXDEV);
	}
	close_fd(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_cleaned_or_refused),
		cmocka_unit_test(parents_with_openat2),
		cmocka_unit_test(parents_without_openat2),
		cmocka_unit_test(opening_stays_below),
		cmocka_unit_test(another_file_system_is_not_entered),
	};

	umask(022);
	return cmocka_run_group_tests_name("safepath", tests, make_tree, remove_tree);
}
