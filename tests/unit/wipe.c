/* wipe.c - tests of receiver/wipe. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/wipe.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/sow-wipe-XXXXXX";
static int out;

static int make_dir(void **state)
{
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

static bool exists(const char *path)
{
	return faccessat(out, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void make(const char *path)
{
	crop_write(out, path, (const uint8_t *)"x", 1);
}

/* The path of the last thing that was stuck, and how many were. */
static char told[256];
static unsigned n_told;

static void tell(void *arg, const char *path, int error)
{
	snprintf(told, sizeof(told), "%s: %s", path, strerror(-error));
	n_told++;
}

static void a_tree_is_removed_and_no_link_followed(void **state)
{
	struct wipe w = { .stuck = tell };

	make("t/a");
	make("t/d/e/f");
	make("t/d/g/h");
	make("t/d/i");
	make("kept/f");
	assert_int_equal(mkdirat(out, "t/empty", 0700), 0);
	assert_int_equal(symlinkat("../kept", out, "t/link"), 0);
	assert_int_equal(symlinkat("kept", out, "link"), 0);
	assert_int_equal(wipe(&w, out, "t"), 0);
	assert_false(exists("t"));
	assert_int_equal(w.removed, 10);
	assert_int_equal(wipe(&w, out, "link"), 0);
	assert_int_equal(wipe(&w, out, "kept/f"), 0);
	assert_int_equal(wipe(&w, out, "absent"), 0);
	assert_int_equal(w.removed, 12);
	assert_int_equal(unlinkat(out, "kept", AT_REMOVEDIR), 0);
}

/* Far beyond what one path, or the limit of descriptors, could have. */
static void depth_needs_no_descriptors(void **state)
{
	struct rlimit was, few = { 24, 24 };
	struct wipe w = { .stuck = tell };
	int at = dup(out);

	for (int i = 0; i < 2100; i++) {
		int next;

		assert_int_equal(mkdirat(at, i ? "d" : "deep", 0700), 0);
		next = openat(at, i ? "d" : "deep", O_RDONLY | O_DIRECTORY);
		close_fd(&at);
		at = next;
		if (i % 100 == 0)
			assert_int_equal(symlinkat("..", at, "beside"), 0);
	}
	close_fd(&at);
	getrlimit(RLIMIT_NOFILE, &was);
	few.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(wipe(&w, out, "deep"), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(w.removed, 2121);
}

/* More names than one reading of a directory gives. */
static void many_directories_side_by_side(void **state)
{
	struct wipe w = { .stuck = tell };
	char path[64];

	for (int i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "wide/directory number %d/x", i);
		make(path);
	}
	assert_int_equal(wipe(&w, out, "wide"), 0);
	assert_int_equal(w.removed, 3001);
}

static bool spares(const char *name)
{
	return strcmp(name, "spared") == 0;
}

static void what_is_spared_stays_with_its_directories(void **state)
{
	struct wipe w = { .spares = spares, .stuck = tell };

	make("t/a/b/spared");
	make("t/a/b/x");
	make("t/a/c/x");
	make("t/y");
	n_told = 0;
	assert_int_equal(wipe(&w, out, "t"), -ENOTEMPTY);
	assert_int_equal(n_told, 0);
	assert_int_equal(w.removed, 4);
	assert_true(exists("t/a/b/spared"));
	assert_false(exists("t/a/b/x") || exists("t/a/c") || exists("t/y"));
	crop_clear(out);
}

/* In a child, which is nobody: root may do all. */
static void as_nobody(void (*test)(void))
{
	int end;
	pid_t pid;

	if (geteuid() != 0) {
		test();
		return;
	}
	assert_int_equal(fchmod(out, 0777), 0);
	pid = fork();
	if (pid == 0) {
		if (setegid(65534) < 0 || seteuid(65534) < 0)
			_exit(2);
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &end, 0), pid);
	assert_int_equal(end, 0);
}

static void remove_without_rights(void)
{
	struct wipe w = { .stuck = tell };

	assert_int_equal(wipe(&w, out, "t"), -EACCES);
	if (n_told != 1 || strcmp(told, "t/b/closed: Permission denied") != 0 ||
	    w.removed != 5 || exists("t/a") || exists("t/b/x") || exists("t/y"))
		abort();
}

/* What is ours may be closed to us, and is opened; where it cannot even be read the rest goes.
 */
static void what_cannot_be_removed_keeps_nothing_else(void **state)
{
	uid_t uid = geteuid() == 0 ? 65534 : geteuid();

	make("t/a/x");
	make("t/b/closed/x");
	make("t/b/x");
	make("t/y");
	assert_int_equal(mkdirat(out, "t/a/e", 0700), 0);
	for (const char *const *p =
		     (const char *const[]){ "t", "t/a", "t/b", "t/b/closed", NULL };
	     *p; p++)
		assert_int_equal(fchownat(out, *p, uid, (gid_t)-1, 0), 0);
	assert_int_equal(fchmodat(out, "t/a", 0500, 0), 0);
	assert_int_equal(fchmodat(out, "t/b/closed", 0300, 0), 0);
	n_told = 0;
	as_nobody(remove_without_rights);
	assert_int_equal(fchmodat(out, "t/b/closed", 0700, 0), 0);
	crop_clear(out);
}

/* Also where it is the same file system, mounted once more. */
static void what_is_mounted_is_not_entered(void **state)
{
	struct wipe w = { .stuck = tell };
	char from[64], to[64];

	make("other/f");
	make("t/d/x");
	assert_int_equal(mkdirat(out, "t/mount", 0700), 0);
	snprintf(from, sizeof(from), "%s/other", dir);
	snprintf(to, sizeof(to), "%s/t/mount", dir);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(from, to, NULL, MS_BIND, NULL) < 0) {
		crop_clear(out);
		skip();
	}
	n_told = 0;
	assert_int_not_equal(wipe(&w, out, "t"), 0);
	assert_int_equal(n_told, 1);
	assert_memory_equal(told, "t/mount: ", 9);
	assert_int_equal(umount(to), 0);
	assert_true(exists("other/f") && !exists("t/d"));
	crop_clear(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_removed_and_no_link_followed),
		cmocka_unit_test(depth_needs_no_descriptors),
		cmocka_unit_test(many_directories_side_by_side),
		cmocka_unit_test(what_is_spared_stays_with_its_directories),
		cmocka_unit_test(what_cannot_be_removed_keeps_nothing_else),
		cmocka_unit_test(what_is_mounted_is_not_entered),
	};

	return cmocka_run_group_tests_name("wipe", tests, make_dir, remove_dir);
}
