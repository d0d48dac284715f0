/* tree_prune.c - tests of receiver/tree: what a job does not name is removed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "receiver/tree.h"
#include "tests/unit/crop.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/sow-prune-XXXXXX";
static int out;
static uint8_t old[1000], fresh[3000];
static const atomic_bool go_on;

/* What the file system says in the n-th call from now on; 0: what is true. */
static unsigned fail_in;
static bool spells_otherwise;

int __wrap_syncfs(int fd);
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

int __wrap_syncfs(int fd)
{
	if (fail_in && !--fail_in) {
		errno = EIO;
		return -1;
	}
	return 0; /* whoever reads it back here gets it anyway */
}

/* As FAT does with a name that stood there before. */
struct dirent *__wrap_readdir(DIR *d)
{
	struct dirent *e = __real_readdir(d);

	if (e && spells_otherwise && strcmp(e->d_name, "File") == 0)
		e->d_name[0] = 'f';
	return e;
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(old, sizeof(old), 1);
	crop_noise(fresh, sizeof(fresh), 2);
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

/* Of directories all but "d/kept" are whole. */
static void job(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "a", fresh, 100);
	crop_add(c, MANIFEST_DIR, "d")->whole = true;
	crop_add_file(c, "d/File", fresh, 200);
	crop_add(c, MANIFEST_DIR, "d/empty")->whole = true;
	crop_add(c, MANIFEST_DIR, "d/kept");
	crop_add_file(c, "d/kept/f", fresh, 300);
	crop_add_file(c, "d/way/to/f", fresh, 400);
	crop_add_file(c, "d/way2", fresh, 500);
	crop_seal(c);
}

static void yesterday(void)
{
	static const char *const paths[] = {
		"beside",
		"d/File",
		"d/File2",
		"d/Fil",
		"d/gone/x/y",
		"d/kept/x",
		"d/empty/x",
		"d/way/x",
		"d/zzz",
		"d/way1",
		"e/x",
		"d/.sow-" HEX64 "/tree/f",
		"d/gone2/.x." HEX16 ".reap-part",
		"d/gone2/x",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		crop_write(out, paths[i], old, 1000);
	assert_int_equal(symlinkat("../e", out, "d/link"), 0);
}

static bool there(const char *path)
{
	return faccessat(out, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* All of yesterday(). */
static bool all_there(void)
{
	return there("d/File2") && there("d/Fil") && there("d/gone/x/y") &&
	       there("d/empty/x") && there("d/zzz") && there("d/way1") && there("d/gone2/x") &&
	       there("d/link");
}

static bool none_there(void)
{
	return !there("d/File2") && !there("d/Fil") && !there("d/gone") &&
	       !there("d/empty/x") && !there("d/zzz") && !there("d/way1") &&
	       !there("d/gone2/x") && !there("d/link");
}

/* Never touched. */
static bool spared_there(void)
{
	return there("beside") && there("e/x") && there("d/kept/x") && there("d/way/x") &&
	       there("d/.sow-" HEX64 "/tree/f") && there("d/gone2/.x." HEX16 ".reap-part");
}

static void deliver(const struct crop *c, bool prune, bool good, struct tree_result *ret)
{
	struct tree_conf conf = {
		.dirfd = out, .manifest = &c->m, .job = c->job, .prune = prune
	};
	struct tree_refusal why;
	struct tree *t;

	assert_int_equal(tree_new(&t, &conf, &why), 0);
	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	if (!good)
		c->content[0] ^= 1;
	assert_int_equal(tree_write(t, 0, c->content, c->m.content_size), 0);
	if (!good)
		c->content[0] ^= 1;
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_int_equal(tree_switch(t, ret), 0);
	tree_free(t);
}

static void what_is_not_named_goes_from_whole_directories(void **state)
{
	struct tree_result res;
	struct crop c;

	job(&c);
	yesterday();
	deliver(&c, true, true, &res);
	assert_true(none_there());
	assert_true(spared_there());
	assert_int_equal(res.removed, 10);
	assert_int_equal(res.n_stuck, 0);
	crop_assert_delivered(&c, out); /* times of directories, too */
	deliver(&c, true, true, &res);
	assert_int_equal(res.removed, 0);
	crop_clear(out);
	crop_fini(&c);
}

static void nothing_goes_unless_allowed(void **state)
{
	struct tree_result res;
	struct crop c;

	job(&c);
	yesterday();
	deliver(&c, false, true, &res);
	assert_true(all_there() && spared_there());
	assert_int_equal(res.removed, 0);
	crop_clear(out);
	crop_fini(&c);
}

static void nothing_goes_when_something_failed(void **state)
{
	struct tree_result res;
	struct crop c;

	job(&c);
	yesterday();
	deliver(&c, true, false, &res);
	assert_int_equal(res.n_failures, 1);
	assert_true(all_there() && spared_there());
	crop_clear(out);
	crop_fini(&c);
}

/* Neither before the new files, nor before they are on the disk. */
static void nothing_goes_before_all_is_written_out(void **state)
{
	for (unsigned n = 1; n <= 3; n++) {
		struct tree_conf conf = { .dirfd = out, .prune = true };
		struct tree_refusal why;
		struct tree_result res;
		struct tree *t;
		struct crop c;
		int r;

		job(&c);
		yesterday();
		conf.manifest = &c.m;
		conf.job = c.job;
		assert_int_equal(tree_new(&t, &conf, &why), 0);
		assert_int_equal(tree_expect(t, (const void *)c.digests), 0);
		assert_int_equal(tree_write(t, 0, c.content, c.m.content_size), 0);
		assert_int_equal(tree_verify(t, &go_on), 0);
		fail_in = n;
		r = tree_switch(t, &res);
		assert_int_equal(fail_in, 0);
		assert_int_equal(r, n == 1 ? -EIO : 0);
		if (n > 1)
			assert_int_equal(res.unsynced, -EIO);
		assert_true(n == 3 ? none_there() : all_there());
		tree_free(t);
		deliver(&c, true, true, &res);
		assert_true(none_there() && spared_there());
		crop_clear(out);
		crop_fini(&c);
	}
}

/* One of the others may be the very file that came. */
static void names_that_are_spelled_otherwise_are_not_others(void **state)
{
	struct tree_result res;
	struct crop c;

	job(&c);
	yesterday();
	spells_otherwise = true;
	deliver(&c, true, true, &res);
	spells_otherwise = false;
	assert_int_equal(res.n_stuck, 1);
	assert_string_equal(res.stuck[0].path, "d");
	assert_non_null(strstr(tree_stuck_text(res.stuck[0].error), "spells"));
	assert_int_equal(res.removed, 1); /* d/empty/x */
	assert_true(there("d/zzz") && crop_is(out, "d/File", fresh, 200));
	crop_clear(out);
	crop_fini(&c);
}

#define USER 65534

/* Modes bind anybody but root. A directory of the job's that is read-only is none to it. */
static void what_cannot_be_removed_is_told(void **state)
{
	struct tree_result res;
	struct stat st;
	struct crop c;

	crop_init(&c);
	crop_add(&c, MANIFEST_DIR, "d")->whole = true;
	crop_add(&c, MANIFEST_DIR, "d/locked")->whole = true;
	c.draft.entries[c.draft.n_entries - 1].mode = 0555;
	crop_add_file(&c, "d/locked/f", fresh, 100);
	crop_seal(&c);
	if (geteuid() == 0) {
		assert_int_equal(fchown(out, USER, USER), 0);
		assert_int_equal(seteuid(USER), 0);
	}
	crop_write(out, "d/locked/x", old, 100);
	crop_write(out, "d/theirs/x", old, 100);
	crop_write(out, "d/z", old, 100);
	assert_int_equal(fchmodat(out, "d/locked", 0555, 0), 0);
	assert_int_equal(fchmodat(out, "d/theirs", 0300, 0), 0); /* cannot be read */
	deliver(&c, true, true, &res);
	assert_int_equal(res.n_stuck, 1);
	assert_string_equal(res.stuck[0].path, "d/theirs");
	assert_int_equal(res.stuck[0].error, -EACCES);
	assert_int_equal(res.removed, 2);
	assert_int_equal(fstatat(out, "d/locked", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	assert_true(!there("d/z") && !there("d/locked/x") && there("d/locked/f"));
	assert_int_equal(fchmodat(out, "d/theirs", 0700, 0), 0);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(fchown(out, getuid(), getgid()), 0);
	crop_clear(out);
	crop_fini(&c);
}

/* --- any job, any clutter --- */

#define PATHS 40
#define LEN   16

/* Up to four parts of few names, of which some begin alike. */
static void random_path(struct rng *rng, char ret[static LEN])
{
	static const char *const parts[] = { "a", "a!", "aa", "b", "z" };
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned depth = 1 + rng_below(rng, 4); depth > 0; depth--)
		n += (size_t)snprintf(ret + n, LEN - n, "%s%s", n ? "/" : "",
				      parts[rng_below(rng, 5)]);
}

static int by_path(const void *a, const void *b)
{
	return manifest_compare(a, strlen(a), b, strlen(b));
}

static bool is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return strncmp(path, above, len) == 0 && path[len] == '/';
}

/* Directories are those that have something in them, and every third of the others. */
static void random_job(struct rng *rng, struct crop *c, char names[static PATHS][LEN])
{
	unsigned n = 1 + (unsigned)rng_below(rng, PATHS / 2);

	for (unsigned i = 0; i < n; i++)
		random_path(rng, names[i]);
	qsort(names, n, LEN, by_path);
	crop_init(c);
	for (unsigned i = 0; i < n; i++) {
		bool full = false;

		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		for (unsigned k = i + 1; k < n; k++)
			full |= is_below(names[k], names[i]);
		if (full || rng_below(rng, 3) == 0)
			crop_add(c, MANIFEST_DIR, names[i])->whole = rng_below(rng, 2);
		else
			crop_add_file(c, names[i], fresh, 100);
	}
	crop_seal(c);
}

static bool is_in(const struct manifest *m, const char *path, size_t len)
{
	for (uint32_t i = 0; i < m->n_entries; i++)
		if (strncmp(m->entries[i].path, path, len) == 0 &&
		    (m->entries[i].path[len] == '/' || m->entries[i].path[len] == '\0'))
			return true;
	return false;
}

/* In one word what tree_prune.c is to do. */
static bool shall_go(const struct manifest *m, const char *path)
{
	for (uint32_t i = 0; i < m->n_entries; i++) {
		const struct manifest_entry *e = &m->entries[i];
		size_t len = e->path_len + 1u;

		if (e->whole && is_below(path, e->path) &&
		    !is_in(m, path, len + strcspn(path + len, "/")))
			return true;
	}
	return false;
}

/* A file of somebody's, if nothing of the job's is, or must be, in its way. */
static bool put_clutter(const struct manifest *m, const char *path)
{
	char part[LEN];
	int fd;

	for (size_t len = 1; len <= strlen(path); len++) {
		if (path[len] != '/' && path[len] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		for (uint32_t i = 0; i < m->n_entries; i++)
			if (strcmp(m->entries[i].path, part) == 0 &&
			    (m->entries[i].type != MANIFEST_DIR || !path[len]))
				return false;
		if (path[len] == '\0')
			break;
		if (mkdirat(out, part, 0700) < 0 && errno != EEXIST)
			return false;
	}
	if (is_in(m, path, strlen(path)))
		return false;
	fd = openat(out, path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	close_fd(&fd);
	return fd >= 0;
}

static void any_job_and_any_clutter(void **state)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		char names[PATHS][LEN], others[PATHS][LEN];
		bool put[PATHS] = { false };
		struct rng rng = rng_init(seed);
		struct tree_result res;
		struct crop c;

		random_job(&rng, &c, names);
		for (unsigned i = 0; i < PATHS; i++) {
			random_path(&rng, others[i]);
			put[i] = put_clutter(&c.m, others[i]);
		}
		deliver(&c, true, true, &res);
		assert_int_equal(res.n_failures + res.n_stuck, 0);
		for (unsigned i = 0; i < PATHS; i++)
			if (put[i] && there(others[i]) == shall_go(&c.m, others[i]))
				fail_msg("seed %u: %s", (unsigned)seed, others[i]);
		crop_assert_delivered(&c, out);
		crop_clear(out);
		crop_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_named_goes_from_whole_directories),
		cmocka_unit_test(nothing_goes_unless_allowed),
		cmocka_unit_test(nothing_goes_when_something_failed),
		cmocka_unit_test(nothing_goes_before_all_is_written_out),
		cmocka_unit_test(names_that_are_spelled_otherwise_are_not_others),
		cmocka_unit_test(what_cannot_be_removed_is_told),
		cmocka_unit_test(any_job_and_any_clutter),
	};

	return cmocka_run_group_tests_name("tree_prune", tests, make_dir, remove_dir);
}
