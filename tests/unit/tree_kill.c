/* tree_kill.c - kill -9 at every system call of the switch: each file is the old or the new
 * one, and old ones are removed after the others came.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/tree.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (MANIFEST_CHUNK + 1000)

/* The process kills itself at the n-th call that changes something; 0: it does not. */
static unsigned die_in;

static void strike(void)
{
	if (die_in && !--die_in)
		kill(getpid(), SIGKILL);
}

/* clang-format off */
#define STRIKE(name, params, args)          \
	int __real_##name params;           \
	int __wrap_##name params;           \
	int __wrap_##name params            \
	{                                   \
		strike();                   \
		return __real_##name args;  \
	}

STRIKE(renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
STRIKE(renameat2, (int a, const char *b, int c, const char *d, unsigned e), (a, b, c, d, e))
STRIKE(linkat, (int a, const char *b, int c, const char *d, int e), (a, b, c, d, e))
STRIKE(symlinkat, (const char *a, int b, const char *c), (a, b, c))
STRIKE(unlinkat, (int a, const char *b, int c), (a, b, c))
STRIKE(mkdirat, (int a, const char *b, mode_t c), (a, b, c))
STRIKE(fchmod, (int a, mode_t b), (a, b))
STRIKE(futimens, (int a, const struct timespec b[2]), (a, b))
STRIKE(syncfs, (int a), (a))
/* clang-format on */

static char dir[sizeof("/tmp/sow-kill-XXXXXX")];
static int out;
static uint8_t fresh[SIZE], old[SIZE];
static const atomic_bool go_on;

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-kill-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(fresh, sizeof(fresh), 1);
	crop_noise(old, sizeof(old), 2);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static void job(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "a", fresh, 2000);
	crop_add(c, MANIFEST_DIR, "d")->whole = true;
	crop_add_file(c, "d/big", fresh, SIZE);
	crop_add_link(c, MANIFEST_HARDLINK, "d/hard", "d/big");
	crop_add_file(c, "d/one", fresh, 1000);
	crop_add(c, MANIFEST_DIR, "new");
	crop_add_file(c, "new/copy", fresh, SIZE);
	crop_add(c, MANIFEST_DIR, "new/sub");
	crop_add_file(c, "new/sub/f", fresh, 1500);
	crop_add_link(c, MANIFEST_SYMLINK, "soft", "d/one");
	crop_seal(c);
}

/* What was there before the job; "new" was not. */
static void yesterday(void)
{
	crop_write(out, "a", old, 1000);
	crop_write(out, "d/big", old, SIZE);
	crop_write(out, "d/hard", old, 10);
	crop_write(out, "d/left", old, 20);
	crop_write(out, "d/left over/x", old, 20);
	crop_write(out, "d/one", old, 1000);
	assert_int_equal(symlinkat("nowhere", out, "soft"), 0);
}

static bool is_old_or_new(const char *path, size_t was, size_t is)
{
	return crop_is(out, path, old, was) || crop_is(out, path, fresh, is);
}

static bool is_missing_or_new(const char *path, size_t is)
{
	return faccessat(out, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
	       crop_is(out, path, fresh, is);
}

static bool is_all_new(void)
{
	return crop_is(out, "a", fresh, 2000) && crop_is(out, "d/big", fresh, SIZE) &&
	       crop_is(out, "d/hard", fresh, SIZE) && crop_is(out, "d/one", fresh, 1000) &&
	       crop_is(out, "new/copy", fresh, SIZE) && crop_is(out, "new/sub/f", fresh, 1500);
}

static void assert_nothing_is_half_done(void)
{
	struct stat st;

	assert_true(is_old_or_new("a", 1000, 2000));
	assert_true(is_old_or_new("d/big", SIZE, SIZE));
	assert_true(is_old_or_new("d/hard", 10, SIZE));
	assert_true(is_all_new() || crop_is(out, "d/left", old, 20));
	assert_true(is_all_new() || crop_is(out, "d/left over/x", old, 20));
	assert_true(is_old_or_new("d/one", 1000, 1000));
	assert_true(is_missing_or_new("new/copy", SIZE));
	assert_true(is_missing_or_new("new/sub/f", 1500));
	assert_int_equal(fstatat(out, "soft", &st, AT_SYMLINK_NOFOLLOW), 0);
}

static struct tree *received(const struct crop *c)
{
	struct tree_conf conf = {
		.dirfd = out, .manifest = &c->m, .job = c->job, .prune = true
	};
	struct tree_refusal why;
	struct tree *t;
	uint32_t pos = 0;

	assert_int_equal(tree_new(&t, &conf, &why), 0);
	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	assert_int_equal(tree_write(t, 0, c->content, c->m.content_size), 0);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_false(tree_bad(t, &pos));
	return t;
}

/* Whether it lived until the end. */
static bool switch_and_die(struct tree *t, unsigned at)
{
	struct tree_result res;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		die_in = at;
		_exit(tree_switch(t, &res) == 0 && res.n_failures == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return false;
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void killed_anywhere_it_is_old_or_new(void **state)
{
	bool lived = false;
	unsigned at;
	struct crop c;

	job(&c);
	for (at = 1; !lived; at++) {
		struct tree_result res;
		struct tree *t;

		yesterday();
		t = received(&c);
		lived = switch_and_die(t, at);
		assert_nothing_is_half_done();
		tree_free(t);
		t = received(&c); /* another run takes up what was left */
		assert_int_equal(tree_switch(t, &res), 0);
		assert_int_equal(res.n_failures, 0);
		tree_free(t);
		crop_assert_delivered(&c, out);
		assert_int_equal(faccessat(out, "d/left", F_OK, 0), -1);
		assert_int_equal(faccessat(out, "d/left over", F_OK, 0), -1);
		assert_int_equal(crop_count(out), 4); /* no stage */
		crop_clear(out);
	}
	assert_in_range(at, 20, 200);
	crop_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere_it_is_old_or_new),
	};

	return cmocka_run_group_tests_name("tree_kill", tests, make_dir, remove_dir);
}
