/* tree_switch.c - tests of receiver/tree: a job goes to its place. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/tree.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (3 * MANIFEST_CHUNK + 1000)

static char dir[sizeof("/tmp/sow-tree-XXXXXX")];
static int out;
static uint8_t big[SIZE], other[SIZE], small[3000];
static const atomic_bool go_on;

/* The n-th call from now on fails; 0: none does. */
static unsigned fail_in;

int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __wrap_syncfs(int fd)
{
	if (fail_in && !--fail_in) {
		errno = EIO;
		return -1;
	}
	return __real_syncfs(fd);
}

static int make_dir(void **state)
{
	memcpy(dir, "/tmp/sow-tree-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(big, sizeof(big), 1);
	crop_noise(other, sizeof(other), 2);
	crop_noise(small, sizeof(small), 3);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

static struct tree *open_tree(const struct crop *c)
{
	struct tree_conf conf = { .dirfd = out, .manifest = &c->m, .job = c->job };
	struct tree_refusal why;
	struct tree *t = NULL;

	assert_int_equal(tree_new(&t, &conf, &why), 0);
	return t;
}

/* All of it comes, and is good. */
static void fill(struct tree *t, const struct crop *c)
{
	uint32_t pos = 0;

	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	assert_int_equal(tree_write(t, 0, c->content, c->m.content_size), 0);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_false(tree_bad(t, &pos));
}

static struct tree *filled(const struct crop *c)
{
	struct tree *t = open_tree(c);

	fill(t, c);
	return t;
}

/* All of it must be delivered. */
static void switch_in(struct tree *t)
{
	struct tree_result res;

	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.n_failures, 0);
	assert_int_equal(res.delivered, res.files);
	tree_free(t);
}

#define USER 65534

/* Modes bind anybody but root. */
static void become_user(void)
{
	if (geteuid() == 0) {
		assert_int_equal(fchown(out, USER, USER), 0);
		assert_int_equal(seteuid(USER), 0);
	}
}

static void become_self(void)
{
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(fchown(out, getuid(), getgid()), 0);
}

/* Whatever the mode of the file that was there first. */
static void copies_do_not_change_the_mode_of_what_they_come_from(void **state)
{
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, "a", small, 3000)->mode = 0444;
	crop_add_file(&c, "b", small, 3000);
	crop_add_file(&c, "c", other, 3000)->mode = 0200;
	crop_add_file(&c, "d", other, 3000)->mode = 0400;
	crop_seal(&c);
	become_user();
	switch_in(filled(&c));
	become_self();
	if (getuid() == 0) /* who may read them all */
		crop_assert_delivered(&c, out);
	crop_clear(out);
	crop_fini(&c);
}

/* What an earlier job left without the right to write is this job's; other such directories are
 * left as they are. */
static void directories_that_cannot_be_written_to(void **state)
{
	struct tree_result res;
	struct stat st;
	struct crop c;
	struct tree *t;

	crop_init(&c);
	crop_add(&c, MANIFEST_DIR, "d")->mode = 0555;
	crop_add_file(&c, "d/f", small, 3000);
	crop_add(&c, MANIFEST_DIR, "d/new");
	crop_add_file(&c, "d/new/f", small, 2000);
	crop_add_file(&c, "d/newer/f", small, 1000);
	crop_seal(&c);
	become_user();
	crop_write(out, "d/f", other, 10);
	crop_write(out, "theirs/f", other, 10);
	assert_int_equal(fchmodat(out, "d", 0555, 0), 0);
	assert_int_equal(fchmodat(out, "theirs", 0555, 0), 0);
	switch_in(filled(&c));
	crop_assert_delivered(&c, out);
	crop_fini(&c);
	crop_init(&c);
	crop_add_file(&c, "theirs/f", small, 3000);
	crop_add_file(&c, "theirs/new/f", small, 2000);
	crop_add_file(&c, "z", small, 1000);
	crop_seal(&c);
	t = filled(&c);
	assert_int_equal(tree_switch(t, &res), 0);
	become_self();
	assert_int_equal(res.n_failures, 2);
	assert_int_equal(res.failures[0].error, -EACCES);
	assert_int_equal(res.failures[1].error, -EACCES);
	tree_free(t);
	assert_true(crop_is(out, "z", small, 1000));
	assert_true(crop_is(out, "theirs/f", other, 10));
	assert_int_equal(fstatat(out, "theirs", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	crop_clear(out);
	crop_fini(&c);
}

/* Until its status differs: the clock of a file system may be coarse. */
static void change(const char *path, const struct stat *before)
{
	struct stat st;

	do {
		crop_write(out, path, other, SIZE);
		assert_int_equal(fstatat(out, path, &st, 0), 0);
	} while (st.st_ctim.tv_sec == before->st_ctim.tv_sec &&
		 st.st_ctim.tv_nsec == before->st_ctim.tv_nsec);
}

/* What was kept and then changed is no good, nor is what is made of it. */
static void a_kept_file_is_what_was_verified(void **state)
{
	for (int changed = 0; changed < 2; changed++) {
		struct tree_result res;
		struct stat st;
		struct crop c;
		struct tree *t;

		crop_init(&c);
		crop_add_file(&c, "a", big, SIZE);
		crop_add_file(&c, "b", big, SIZE);
		crop_add_link(&c, MANIFEST_HARDLINK, "c", "a");
		crop_add_link(&c, MANIFEST_HARDLINK, "d/c", "a");
		crop_add_file(&c, "e", small, 3000);
		crop_seal(&c);
		crop_write(out, "a", big, SIZE);
		t = open_tree(&c);
		assert_int_equal(fstatat(out, "a", &st, 0), 0);
		assert_int_equal(tree_keep(t, 0, &st), 0);
		fill(t, &c);
		if (changed)
			change("a", &st);
		assert_int_equal(tree_switch(t, &res), 0);
		assert_int_equal(res.n_failures, changed ? 4 : 0);
		for (uint32_t i = 0; i < res.n_failures; i++)
			assert_int_equal(res.failures[i].error, -EBADMSG);
		tree_free(t);
		if (!changed)
			crop_assert_delivered(&c, out);
		assert_true(crop_is(out, "e", small, 3000));
		assert_true(crop_is(out, "a", changed ? other : big, SIZE));
		assert_int_equal(crop_count(out), changed ? 2 : 5);
		crop_clear(out);
		crop_fini(&c);
	}
}

/* Before files are moved nothing has happened; afterwards it has, but may not last. */
static void a_disk_that_fails_is_told(void **state)
{
	struct tree_result res;
	struct crop c;
	struct tree *t;

	crop_init(&c);
	crop_add_file(&c, "a", small, 3000);
	crop_seal(&c);
	t = filled(&c);
	fail_in = 1;
	assert_int_equal(tree_switch(t, &res), -EIO);
	assert_int_equal(crop_count(out), 1);
	fail_in = 2;
	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.unsynced, -EIO);
	assert_int_equal(res.delivered, 1);
	assert_int_equal(crop_count(out), 2); /* and the stage */
	tree_free(t);
	crop_assert_delivered(&c, out);
	crop_clear(out);
	crop_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_do_not_change_the_mode_of_what_they_come_from),
		cmocka_unit_test(directories_that_cannot_be_written_to),
		cmocka_unit_test(a_disk_that_fails_is_told),
		cmocka_unit_test(a_kept_file_is_what_was_verified),
	};

	return cmocka_run_group_tests_name("tree_switch", tests, make_dir, remove_dir);
}
