/* digests.c - tests of sender/digests. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "sender/digests.h"
#include "sender/source_tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK MANIFEST_CHUNK
#define CACHE "cache/sub/digests"

static char dir[sizeof("/tmp/sow-digests-XXXXXX")];
static const struct scan_conf plain;

static int rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int remove_dir(void **state)
{
	return chdir("/") || nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
}

/* Two files, the larger with a hole where the file system has them. */
static int make_dir(void **state)
{
	int fd;

	memcpy(dir, "/tmp/sow-digests-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	log_set_level(LOG_LEVEL_ERR);
	assert_int_equal(mkdir("t", 0700), 0);
	assert_int_equal(file_replace("t/small", 0600, "12345", 5), 0);
	fd = open("t/large", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 5 * CHUNK + 9), 0);
	assert_int_equal(file_pwrite_all(fd, "x", 1, CHUNK), 0);
	assert_int_equal(file_pwrite_all(fd, "y", 1, 3 * CHUNK), 0);
	close_fd(&fd);
	return 0;
}

struct work {
	char *names[1];
	struct scan *scan;
	struct pack *pack;
	struct sums sums;
	struct digests *old;
};

static void work_init(struct work *w, const char *name)
{
	w->names[0] = (char *)name;
	assert_int_equal(scan_new(&w->scan, w->names, 1, &plain), 0);
	assert_int_equal(pack_new(&w->pack, w->scan), 0);
	assert_int_equal(sums_init(&w->sums, w->pack->m.n_chunks), 0);
	assert_int_equal(digests_load(&w->old, CACHE), 0);
	digests_fill(w->old, w->pack, &w->sums);
}

static void work_fini(struct work *w)
{
	digests_free(w->old);
	sums_fini(&w->sums);
	pack_free(w->pack);
	scan_free(w->scan);
}

static void hash_all(struct work *w)
{
	struct source_loss *losses = NULL;
	struct source_tree *t;

	assert_int_equal(source_tree_new(&t, w->pack, &w->sums), 0);
	while (source_tree_hash(t, UINT64_MAX, &losses) > 0)
		;
	assert_null(losses);
	source_tree_free(t);
}

/* As long after the scan that nothing counts as fresh. */
static int save(struct work *w)
{
	return digests_save(w->old, CACHE, w->pack, &w->sums, clock_wall() + 10);
}

/* Hashes t and keeps the digests. */
static void keep(void)
{
	struct work w;

	work_init(&w, "t");
	hash_all(&w);
	assert_int_equal(save(&w), 0);
	work_fini(&w);
}

static uint32_t unknown_of(const char *name)
{
	struct work w;
	uint32_t n;

	work_init(&w, name);
	n = w.sums.n_unknown;
	work_fini(&w);
	return n;
}

static void what_was_hashed_is_known(void **state)
{
	struct work w, again;
	struct stat st;

	work_init(&w, "t");
	assert_true(w.sums.n > 0);
	assert_int_equal(w.sums.n_unknown, w.sums.n);
	hash_all(&w);
	assert_int_equal(save(&w), 0);
	assert_int_equal(stat(CACHE, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	work_init(&again, "t");
	assert_int_equal(again.sums.n_unknown, 0);
	assert_memory_equal(again.sums.sum, w.sums.sum, w.sums.n * SHA256_LEN);
	work_fini(&again);
	work_fini(&w);
}

static void by_what_it_is_not_by_its_name(void **state)
{
	keep();
	assert_int_equal(rename("t", "u"), 0);
	assert_int_equal(rename("u/small", "u/other"), 0);
	assert_int_equal(unknown_of("u/large"), 0);
	assert_int_equal(unknown_of("u/other"), 1); /* renamed: its ctime is another */
}

static void a_change_is_not_known(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	uint32_t n;

	keep();
	n = unknown_of("t");
	assert_int_equal(n, 0);
	assert_int_equal(utimensat(AT_FDCWD, "t/small", times, 0), 0);
	assert_int_equal(unknown_of("t"), 1);
	assert_int_equal(file_replace("t/small", 0600, "54321", 5), 0);
	assert_int_equal(unknown_of("t"), 1);
	assert_int_equal(truncate("t/large", 5 * CHUNK), 0);
	assert_true(unknown_of("t/large") > 0);
}

static void fresh_files_are_not_kept(void **state)
{
	struct work w;
	struct stat st;

	assert_int_equal(stat("t/small", &st), 0);
	work_init(&w, "t/small");
	hash_all(&w);
	assert_int_equal(digests_save(w.old, CACHE, w.pack, &w.sums, st.st_ctim.tv_sec + 2), 0);
	assert_int_equal(unknown_of("t/small"), 1);
	assert_int_equal(digests_save(w.old, CACHE, w.pack, &w.sums, st.st_ctim.tv_sec + 3), 0);
	assert_int_equal(unknown_of("t/small"), 0);
	work_fini(&w);
}

static void spoiled_ones_are_not_kept(void **state)
{
	struct work w;

	work_init(&w, "t/small");
	sums_spoil(&w.sums, 0);
	assert_int_equal(save(&w), 0);
	work_fini(&w);
	assert_int_equal(unknown_of("t/small"), 1);
}

static void other_files_stay(void **state)
{
	struct work w;

	keep();
	assert_int_equal(file_replace("more", 0600, "more", 4), 0);
	work_init(&w, "more");
	assert_int_equal(w.sums.n_unknown, 1);
	hash_all(&w);
	assert_int_equal(save(&w), 0);
	work_fini(&w);
	assert_int_equal(unknown_of("more"), 0);
	assert_int_equal(unknown_of("t"), 0);
}

/* Whatever happens to the file: what it says is right, or it says nothing. */
static void damaged_ones_are_ignored(void **state)
{
	struct rng rng = rng_init(1);
	struct work good, w;
	char *bytes;
	size_t len;

	keep();
	assert_int_equal(file_read(CACHE, 1 << 20, &bytes, &len), 0);
	work_init(&good, "t");
	for (unsigned i = 0; i < 300; i++) {
		size_t at = rng_below(&rng, len);
		size_t n = i % 3 ? len : at;

		bytes[at] ^= 1;
		assert_int_equal(file_replace(CACHE, 0600, bytes, n), 0);
		bytes[at] ^= 1;
		work_init(&w, "t");
		assert_int_equal(w.sums.n_unknown, w.sums.n);
		work_fini(&w);
	}
	work_fini(&good);
	free(bytes);
}

/* With a digest that fits, but records that do not. */
static void strange_ones_are_ignored(void **state)
{
	const struct {
		const uint8_t *bytes;
		size_t len;
	} v[] = {
		{ BYTES(0) },
		{ BYTES('S', 'O', 'W', 'D', 0, 0, 0, 2) },
		{ BYTES('S', 'O', 'W', 'D', 0, 0, 0, 1, 0) },
		{ BYTES('S', 'O', 'W', 'D', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0,
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
	};

	keep();
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t buf[100 + SHA256_LEN];

		memcpy(buf, v[i].bytes, v[i].len);
		assert_int_equal(digest_bytes(buf, v[i].len, buf + v[i].len), 0);
		assert_int_equal(file_replace(CACHE, 0600, buf, v[i].len + SHA256_LEN), 0);
		assert_true(unknown_of("t") > 0);
	}
	keep(); /* and replaced by a good one */
	assert_int_equal(unknown_of("t"), 0);
}

static void where_it_cannot_be(void **state)
{
	struct work w;

	assert_int_equal(file_replace("cache", 0600, "a file", 6), 0);
	work_init(&w, "t");
	hash_all(&w);
	assert_int_equal(save(&w), -ENOTDIR);
	work_fini(&w);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		CASE(what_was_hashed_is_known),  CASE(by_what_it_is_not_by_its_name),
		CASE(a_change_is_not_known),     CASE(fresh_files_are_not_kept),
		CASE(spoiled_ones_are_not_kept), CASE(other_files_stay),
		CASE(damaged_ones_are_ignored),  CASE(strange_ones_are_ignored),
		CASE(where_it_cannot_be),
	};

	return cmocka_run_group_tests_name("digests", tests, NULL, NULL);
}
