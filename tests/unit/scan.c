/* scan.c - tests of sender/scan, holes and xattrs. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/log.h"
#include "sender/holes.h"
#include "sender/scan.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CHUNK MANIFEST_CHUNK

static char dir[sizeof("/tmp/sow-scan-XXXXXX")];
static const struct scan_conf plain;

/* --- a tree to walk through --- */

static void put(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, 0640, text, strlen(text)), 0);
}

static int make_tree(void **state)
{
	memcpy(dir, "/tmp/sow-scan-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	assert_int_equal(mkdir("t", 0755), 0);
	assert_int_equal(mkdir("t/d", 0700), 0);
	assert_int_equal(mkdir("t/d/empty", 0700), 0);
	assert_int_equal(chmod("t/d", 02751), 0);
	put("t/a", "12345");
	put("t/d/b.o", "1");
	put("t/d/c", "");
	put("t/d!", "22"); /* '!' goes before '/', but not as a part */
	assert_int_equal(symlink("../nowhere", "t/link"), 0);
	assert_int_equal(symlink("d", "t/linkdir"), 0);
	log_set_level(LOG_LEVEL_ERR);
	return 0;
}

static int rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int remove_tree(void **state)
{
	return chdir("/") || nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
}

static struct scan *scan(const struct scan_conf *conf, unsigned n, const char *const *names)
{
	struct scan *s = NULL;

	assert_int_equal(scan_new(&s, (char *const *)names, n, conf), 0);
	return s;
}

/* Paths between spaces, in their order; a directory ends in a slash. */
static void assert_paths(const struct scan *s, const char *want)
{
	char got[1000] = "";

	for (uint32_t i = 0; i < s->n; i++) {
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s%s", i ? " " : "",
			 s->entries[i].path, s->entries[i].type == MANIFEST_DIR ? "/" : "");
		assert_int_equal(strlen(s->entries[i].path), s->entries[i].path_len);
	}
	assert_string_equal(got, want);
}

#define NAMES(...)                                                                             \
	sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[])             \
	{                                                                                      \
		__VA_ARGS__                                                                    \
	}

static const struct manifest_entry *find(const struct scan *s, const char *path)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (strcmp(s->entries[i].path, path) == 0)
			return &s->entries[i];
	}
	fail_msg("no %s", path);
	return NULL;
}

/* --- */

static void a_tree_in_order(void **state)
{
	struct scan *s = scan(&plain, NAMES("t"));
	const struct manifest_entry *e;
	struct stat st;

	assert_paths(s, "t/ t/a t/d/ t/d/b.o t/d/c t/d/empty/ t/d! t/link t/linkdir");
	assert_int_equal(s->n_files, 6);
	assert_int_equal(s->total_size, 8);
	assert_int_equal(s->n_refused, 0);
	e = find(s, "t/d");
	assert_int_equal(stat("t/d", &st), 0);
	assert_int_equal(e->mode, 02751);
	assert_int_equal(e->mtime_sec, st.st_mtim.tv_sec);
	assert_int_equal(e->mtime_nsec, st.st_mtim.tv_nsec);
	assert_false(e->has_owner);
	assert_int_equal(find(s, "t/a")->size, 5);
	assert_int_equal(find(s, "t/a")->mode, 0640);
	assert_string_equal(find(s, "t/link")->target, "../nowhere");
	assert_int_equal(find(s, "t/linkdir")->type, MANIFEST_SYMLINK);
	scan_free(s);
}

static void names_give_their_last_part(void **state)
{
	static const struct {
		const char *name, *paths;
	} v[] = {
		{ "t/a", "a" },
		{ "./t//a", "a" },
		{ "t/d", "d/ d/b.o d/c d/empty/" },
		{ "t/d/", "b.o c empty/" },
		{ "t/d/.", "b.o c empty/" },
		{ "t/d/empty/..", "b.o c empty/" },
		{ "t/d/empty/", "" },
		{ "t/linkdir", "linkdir/ linkdir/b.o linkdir/c linkdir/empty/" },
	};
	struct scan *s;
	char path[SCAN_PATH_MAX], buf[8];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		s = scan(&plain, 1, &v[i].name);
		assert_paths(s, v[i].paths);
		for (uint32_t k = 0; k < s->n; k++) {
			int fd;

			assert_int_equal(scan_path(s, k, path), 0);
			assert_int_equal(access(path, F_OK), 0);
			if (s->entries[k].type != MANIFEST_FILE)
				continue;
			fd = scan_open(s, k);
			assert_true(fd >= 0);
			assert_int_equal(read(fd, buf, sizeof(buf)), s->entries[k].size);
			close_fd(&fd);
		}
		scan_free(s);
	}
}

static void several_names(void **state)
{
	struct scan *s;

	assert_int_equal(mkdir("u", 0755), 0);
	assert_int_equal(mkdir("u/empty", 0755), 0);
	put("u/empty/x", "x");
	s = scan(&plain, NAMES("u", "t/d"));
	assert_paths(s, "d/ d/b.o d/c d/empty/ u/ u/empty/ u/empty/x");
	scan_free(s);
	/* directories of one name become one */
	s = scan(&plain, NAMES("t/d/", "u/", "t/a"));
	assert_paths(s, "a b.o c empty/ empty/x");
	scan_free(s);
}

static void mistakes_are_refused(void **state)
{
	static const char *const v[][2] = {
		{ "t/a", "absent" },           { "t/a", "t/a/" }, { "t/a", "/dev/null" },
		{ "t/d/b.o", "t/d/../d/b.o" }, { "t/d/c", "c/" },
	};
	struct scan *s = NULL;

	assert_int_equal(mkdir("c", 0755), 0);
	assert_int_equal(mkdir("c/c", 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(scan_new(&s, (char *const *)v[i], 2, &plain), -EINVAL);
	assert_null(s);
}

static void what_is_no_file_is_left_out(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "t/d/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct scan *s;

	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(mkfifo("t/d/fifo", 0600), 0);
	s = scan(&plain, NAMES("t/d/"));
	assert_paths(s, "b.o c empty/");
	assert_int_equal(s->n_refused, 2);
	scan_free(s);
	close_fd(&fd);
}

static void excludes(void **state)
{
	static const struct {
		const char *glob, *paths;
	} v[] = {
		{ "*.o", "t/ t/a t/d/ t/d/c t/d/empty/ t/d! t/link t/linkdir" },
		{ "t/d/*", "t/ t/a t/d/ t/d! t/link t/linkdir" },
		{ "d", "t/ t/a t/d! t/link t/linkdir" },
		{ "link*", "t/ t/a t/d/ t/d/b.o t/d/c t/d/empty/ t/d!" },
		{ "t", "" },
		{ "b", "t/ t/a t/d/ t/d/b.o t/d/c t/d/empty/ t/d! t/link t/linkdir" },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct opt_list globs = { 1, { v[i].glob } };
		struct scan_conf conf = { .excludes = &globs };
		struct scan *s = scan(&conf, NAMES("t"));

		assert_paths(s, v[i].paths);
		scan_free(s);
	}
}

/* Unless something in them is not sent: what is excluded does not count. */
static void directories_are_whole(void **state)
{
	struct opt_list globs = { 1, { "*.o" } };
	struct scan_conf conf = { .whole = true, .excludes = &globs };
	struct scan *s = scan(&plain, NAMES("t"));

	assert_false(find(s, "t")->whole);
	scan_free(s);
	s = scan(&conf, NAMES("t"));
	assert_true(find(s, "t")->whole && find(s, "t/d")->whole &&
		    find(s, "t/d/empty")->whole);
	assert_false(find(s, "t/a")->whole || find(s, "t/linkdir")->whole);
	scan_free(s);
	assert_int_equal(mkfifo("t/d/fifo", 0600), 0);
	assert_int_equal(mkdir("other", 0700), 0);
	assert_int_equal(mkdir("other/d", 0700), 0);
	assert_int_equal(mkdir("other/d/empty", 0700), 0);
	s = scan(&conf, NAMES("t"));
	assert_true(find(s, "t")->whole && find(s, "t/d/empty")->whole);
	assert_false(find(s, "t/d")->whole);
	scan_free(s);
	/* of several names: only when all of them are */
	s = scan(&conf, NAMES("other/d", "t/d"));
	assert_false(find(s, "d")->whole);
	assert_true(find(s, "d/empty")->whole);
	scan_free(s);
}

static void hard_links(void **state)
{
	struct scan *s;

	assert_int_equal(link("t/d/b.o", "t/d/z"), 0);
	assert_int_equal(link("t/d/b.o", "t/A"), 0);
	s = scan(&plain, NAMES("t"));
	assert_int_equal(find(s, "t/A")->type, MANIFEST_FILE);
	for (unsigned i = 0; i < 2; i++) {
		const struct manifest_entry *e = find(s, i ? "t/d/z" : "t/d/b.o");

		assert_int_equal(e->type, MANIFEST_HARDLINK);
		assert_string_equal(e->target, "t/A");
		assert_int_equal(e->size, 0);
	}
	assert_int_equal(s->total_size, 8);
	assert_int_equal(s->n_files, 8);
	scan_free(s);
	/* the first in order is the file, in whatever order they were found */
	s = scan(&plain, NAMES("t/d/z", "t/A", "t/a"));
	assert_int_equal(find(s, "A")->type, MANIFEST_FILE);
	assert_int_equal(find(s, "z")->type, MANIFEST_HARDLINK);
	scan_free(s);
	/* other names that are not sent do not matter */
	s = scan(&plain, NAMES("t/d/z"));
	assert_int_equal(find(s, "z")->type, MANIFEST_FILE);
	scan_free(s);
}

static void changes_are_seen(void **state)
{
	static const char *const names[] = { "t/a", "t/d/b.o", "t/d/c", "t/d!" };
	struct scan *s = scan(&plain, 4, names);
	int fd = scan_open(s, 0);

	assert_paths(s, "a b.o c d!");
	assert_true(fd >= 0);
	assert_false(scan_changed(s, 0, fd));
	assert_int_equal(truncate("t/a", 4), 0);
	assert_true(scan_changed(s, 0, fd));
	close_fd(&fd);
	put("t/d/b.o", "2"); /* another file of the same size */
	fd = scan_open(s, 1);
	assert_true(fd >= 0 && scan_changed(s, 1, fd));
	close_fd(&fd);
	assert_int_equal(unlink("t/d/c"), 0);
	assert_int_equal(scan_open(s, 2), -ENOENT);
	assert_int_equal(symlink("../b.o", "t/d/c"), 0);
	assert_int_equal(scan_open(s, 2), -ESTALE);
	scan_free(s);
}

static void owners_and_attributes(void **state)
{
	struct scan_conf conf = { .owner = true, .xattrs = true };
	const struct manifest_entry *e;
	const uint8_t *value;
	const char *name;
	size_t pos = 0, name_len, value_len;
	struct scan *s;

	if (setxattr("t/a", "user.sow", "why", 3, 0) < 0)
		skip();
	s = scan(&conf, NAMES("t"));
	e = find(s, "t/a");
	assert_true(e->has_owner);
	assert_int_equal(e->uid, geteuid());
	while (manifest_xattr_next(e->xattrs, e->xattrs_len, &pos, &name, &name_len, &value,
				   &value_len) &&
	       (name_len != 8 || memcmp(name, "user.sow", 8) != 0))
		;
	assert_int_equal(value_len, 3);
	assert_memory_equal(value, "why", 3);
	scan_free(s);
}

static void progress(void *arg, uint32_t n, uint64_t bytes)
{
	*(uint32_t *)arg = n;
}

/* As many as take several growths of what holds them. */
static void many_files(void **state)
{
	uint32_t seen = 0;
	struct scan_conf conf = { .progress = progress, .progress_arg = &seen };
	struct scan *s;
	char path[64];

	assert_int_equal(mkdir("many", 0755), 0);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "many/%u", i * 7919 % 3000);
		put(path, "x");
	}
	s = scan(&conf, NAMES("many"));
	assert_int_equal(s->n, 3001);
	for (uint32_t i = 1; i < s->n; i++)
		assert_true(strcmp(s->entries[i - 1].path, s->entries[i].path) < 0);
	assert_int_equal(seen, 2048);
	scan_free(s);
}

static void deep_and_long(void **state)
{
	char name[201];
	struct scan *s;

	memset(name, 'n', 200);
	name[200] = '\0';
	assert_int_equal(mkdir("deep", 0755), 0);
	assert_int_equal(chdir("deep"), 0);
	for (unsigned i = 0; i < 25; i++) { /* 5025 bytes */
		assert_int_equal(mkdir(name, 0755), 0);
		assert_int_equal(chdir(name), 0);
	}
	assert_int_equal(chdir(dir), 0);
	s = scan(&plain, NAMES("deep"));
	assert_in_range(s->n, 19, 21); /* paths of 4095 bytes are what the system takes */
	assert_int_equal(s->n_refused, 1);
	scan_free(s);
	/* too deep for remove_tree() */
	assert_int_equal(chdir("deep"), 0);
	for (unsigned i = 0; i < 25; i++)
		assert_int_equal(chdir(name), 0);
	for (unsigned i = 0; i < 25; i++)
		assert_int_equal(chdir("..") || rmdir(name), 0);
}

/* --- holes --- */

static void holes(void **state)
{
	int fd = open("sparse", O_RDWR | O_CREAT, 0600);
	uint64_t pos = 0, len;
	struct scan *s;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 20 * CHUNK + 5), 0);
	assert_int_equal(file_pwrite_all(fd, "x", 1, 2 * CHUNK + 70000), 0);
	assert_int_equal(file_pwrite_all(fd, "x", 1, 9 * CHUNK), 0);
	assert_int_equal(file_pwrite_all(fd, "x", 1, 20 * CHUNK + 4), 0);
	assert_int_equal(fstat(fd, &st), 0);
	if (st.st_blocks * 512 >= st.st_size)
		skip(); /* a file system without holes */
	assert_int_equal(holes_next(fd, (uint64_t)st.st_size, &pos, &len), 1);
	assert_int_equal(pos, 2 * CHUNK);
	assert_int_equal(len, CHUNK);
	pos += len;
	assert_int_equal(holes_next(fd, (uint64_t)st.st_size, &pos, &len), 1);
	assert_int_equal(pos, 9 * CHUNK);
	pos += len;
	assert_int_equal(holes_next(fd, (uint64_t)st.st_size, &pos, &len), 1);
	assert_int_equal(pos, 20 * CHUNK);
	assert_int_equal(len, 5);
	pos += len;
	assert_int_equal(holes_next(fd, (uint64_t)st.st_size, &pos, &len), 0);
	close_fd(&fd);
	s = scan(&plain, NAMES("sparse", "t/a"));
	assert_false(s->files[0].sparse);
	assert_true(s->files[1].sparse);
	scan_free(s);
}

static void no_holes(void **state)
{
	int fd = open("t/a", O_RDONLY);
	uint64_t pos = 0, len;

	assert_int_equal(holes_next(fd, 5, &pos, &len), 1);
	assert_int_equal(pos, 0);
	assert_int_equal(len, 5);
	pos += len;
	assert_int_equal(holes_next(fd, 5, &pos, &len), 0);
	close_fd(&fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_tree, remove_tree)
	const struct CMUnitTest tests[] = {
		CASE(a_tree_in_order),
		CASE(names_give_their_last_part),
		CASE(several_names),
		CASE(mistakes_are_refused),
		CASE(what_is_no_file_is_left_out),
		CASE(excludes),
		CASE(directories_are_whole),
		CASE(hard_links),
		CASE(changes_are_seen),
		CASE(owners_and_attributes),
		CASE(many_files),
		CASE(deep_and_long),
		CASE(holes),
		CASE(no_holes),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
