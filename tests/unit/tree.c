/* tree.c - tests of receiver/tree: bytes in any order become the files of a job. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/reserved.h"
#include "receiver/tree.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SIZE (3 * MANIFEST_CHUNK + 1000)

static char dir[sizeof("/tmp/sow-tree-XXXXXX")];
static int out;
static uint8_t big[SIZE], other[SIZE], small[3000], sparse[5 * MANIFEST_CHUNK];
static const atomic_bool go_on;

static int make_dir(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	memcpy(dir, "/tmp/sow-tree-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_noise(big, sizeof(big), 1);
	crop_noise(other, sizeof(other), 2);
	crop_noise(small, sizeof(small), 3);
	crop_noise(sparse + 2 * MANIFEST_CHUNK, 1000, 4);
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

static void assert_refused(const struct crop *c, int error, const char *path)
{
	struct tree_conf conf = { .dirfd = out, .manifest = &c->m, .job = c->job };
	unsigned before = crop_count(out);
	struct tree_refusal why;
	struct tree *t = NULL;

	assert_int_equal(tree_new(&t, &conf, &why), error);
	assert_int_equal(why.error, error);
	if (path)
		assert_string_equal(why.path, path);
	assert_null(t);
	assert_true(strlen(tree_refusal_text(error)) > 0);
	assert_int_equal(crop_count(out), before);
}

/* One of each kind. */
static void all_kinds(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "a", small, 1000);
	crop_add(c, MANIFEST_DIR, "d")->mode = 0555;
	crop_add_file(c, "d/big", big, SIZE);
	crop_add_file(c, "d/copy", big, SIZE);
	crop_add(c, MANIFEST_DIR, "d/empty");
	crop_add_link(c, MANIFEST_HARDLINK, "d/hard", "d/big");
	crop_add_file(c, "d/none", small, 0);
	crop_add_link(c, MANIFEST_SYMLINK, "d/soft", "../a");
	crop_add_file(c, "d/sparse", sparse, sizeof(sparse))->mode = 0444;
	crop_add_file(c, "e/f/implied", small, 3000);
	crop_add_file(c, "z", other, MANIFEST_CHUNK);
	crop_seal(c);
}

static void put(struct tree *t, const struct crop *c, uint64_t from, uint64_t to, size_t piece)
{
	for (uint64_t off = from; off < to; off += piece)
		assert_int_equal(
			tree_write(t, off, c->content + off, (size_t)MIN(piece, to - off)), 0);
}

static void assert_good(struct tree *t)
{
	uint32_t pos = 0;

	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_false(tree_bad(t, &pos));
}

/* Switches in; all of it must be delivered. */
static struct tree_result reap(struct tree *t, const struct crop *c)
{
	struct tree_result res;

	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.n_failures, 0);
	assert_int_equal(res.delivered, res.files);
	tree_free(t);
	crop_assert_delivered(c, out);
	return res;
}

static void receive(const struct crop *c, size_t piece)
{
	struct tree *t = open_tree(c);

	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	put(t, c, 0, c->m.content_size, piece);
	assert_good(t);
	reap(t, c);
}

static void every_kind_is_delivered(void **state)
{
	static const size_t pieces[] = { 700, 1400 * 64, 1400 * 128, 1 << 20 };
	struct stat st;
	struct crop c;

	all_kinds(&c);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		receive(&c, pieces[i]);
		assert_int_equal(crop_count(out), 4); /* and nothing else */
		assert_int_equal(fstatat(out, "d/sparse", &st, 0), 0);
		assert_true(st.st_blocks * 512 < (blkcnt_t)sizeof(sparse) / 2);
		assert_int_equal(fstatat(out, "e/f", &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0755);
		crop_clear(out);
	}
	crop_fini(&c);
}

static void what_is_there_is_replaced_or_left_alone(void **state)
{
	struct stat before, after;
	struct crop c;

	all_kinds(&c);
	crop_write(out, "d/big", other, 100);
	crop_write(out, "d/mine", small, 10);
	crop_write(out, "z", other, SIZE);
	assert_int_equal(fstatat(out, "d/mine", &before, 0), 0);
	receive(&c, 90000);
	receive(&c, 90000); /* again, into a directory that cannot be written to */
	assert_int_equal(fstatat(out, "d/mine", &after, 0), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_true(crop_is(out, "d/mine", small, 10));
	crop_clear(out);
	crop_fini(&c);
}

/* Until the switch nobody sees anything of it. */
static void nothing_is_seen_before_the_end(void **state)
{
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	crop_write(out, "a", other, 100);
	t = open_tree(&c);
	put(t, &c, 0, c.m.content_size, 90000);
	assert_true(crop_is(out, "a", other, 100));
	assert_int_equal(crop_count(out), 2);
	tree_free(t);
	assert_int_equal(crop_count(out), 2); /* left for another run */
	t = open_tree(&c);
	assert_true(tree_resumed(t));
	assert_true(tree_holds(t));
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	assert_int_equal(crop_count(out), 1);
	crop_clear(out);
	crop_fini(&c);
}

static void bytes_come_in_any_order_and_are_read_back(void **state)
{
	struct rng rng = rng_init(7);
	struct crop c;

	all_kinds(&c);
	for (int run = 0; run < 20; run++) {
		size_t piece = 500 + (size_t)rng_below(&rng, 200000);
		uint64_t n = (c.m.content_size + piece - 1) / piece;
		uint8_t *back = malloc(c.m.content_size);
		struct tree *t = open_tree(&c);
		uint64_t *order = calloc(n, sizeof(*order));

		for (uint64_t i = 0; i < n; i++)
			order[i] = i;
		for (uint64_t i = n; i-- > 1;) {
			uint64_t k = rng_below(&rng, i + 1), o = order[i];

			order[i] = order[k];
			order[k] = o;
		}
		for (uint64_t i = 0; i < n; i++)
			put(t, &c, order[i] * piece,
			    MIN((order[i] + 1) * piece, c.m.content_size), piece);
		if (run % 2)
			assert_int_equal(tree_catch_up(t, c.m.content_size, 300000), 0);
		assert_int_equal(tree_read(t, 0, back, c.m.content_size), 0);
		assert_memory_equal(back, c.content, c.m.content_size);
		assert_int_equal(tree_expect(t, (const void *)c.digests), 0);
		assert_good(t);
		reap(t, &c);
		crop_clear(out);
		free(order);
		free(back);
	}
	crop_fini(&c);
}

static void beyond_the_content_is_refused(void **state)
{
	uint8_t b[16] = { 0 };
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_tree(&c);
	assert_int_equal(tree_write(t, c.m.content_size - 8, b, 9), -EINVAL);
	assert_int_equal(tree_write(t, UINT64_MAX, b, 2), -EINVAL);
	assert_int_equal(tree_read(t, c.m.content_size, b, 1), -EINVAL);
	assert_int_equal(tree_write(t, c.m.content_size, b, 0), 0);
	memset(b, 1, sizeof(b));
	assert_int_equal(tree_read(t, 0, b, sizeof(b)), 0); /* not there: anything, no error */
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	crop_fini(&c);
}

/* --- digests --- */

static void flip(struct tree *t, const struct crop *c, uint64_t off)
{
	uint8_t b = c->content[off] ^ 1;

	assert_int_equal(tree_write(t, off, &b, 1), 0);
}

/* Found as it comes, or at the end, whether the digests were known by then or not. */
static void a_wrong_byte_is_found(void **state)
{
	struct crop c;

	all_kinds(&c);
	for (int known = 0; known < 2; known++) {
		for (int late = 0; late < 2; late++) {
			struct tree *t = open_tree(&c);
			uint64_t at = c.m.chunks[2].content_off + 7;
			uint32_t pos = 0;

			if (known)
				tree_expect(t, (const void *)c.digests);
			c.content[at] ^= 1;
			put(t, &c, 0, c.m.content_size, late ? 1 << 20 : 1400);
			c.content[at] ^= 1;
			if (late)
				tree_catch_up(t, c.m.content_size, UINT64_MAX);
			if (!known)
				tree_expect(t, (const void *)c.digests);
			assert_int_equal(tree_verify(t, &go_on), 0);
			assert_true(tree_bad(t, &pos));
			assert_int_equal(pos, 2);
			pos++;
			assert_false(tree_bad(t, &pos));
			tree_discard(t, 2);
			put(t, &c, c.m.chunks[2].content_off,
			    c.m.chunks[2].content_off + c.m.chunks[2].len, 1400);
			assert_good(t);
			reap(t, &c);
			crop_clear(out);
		}
	}
	crop_fini(&c);
}

/* The disk may be to blame. */
static void what_was_wrong_once_is_read_back(void **state)
{
	struct crop c;
	struct tree *t;
	uint32_t pos = 0;

	all_kinds(&c);
	t = open_tree(&c);
	tree_expect(t, (const void *)c.digests);
	put(t, &c, 0, c.m.content_size, 1 << 20);
	tree_discard(t, 2);
	put(t, &c, c.m.chunks[2].content_off, c.m.chunks[2].content_off + c.m.chunks[2].len,
	    1400);
	flip(t, &c, c.m.chunks[2].content_off + 5);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_true(tree_bad(t, &pos));
	assert_int_equal(pos, 2);
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	crop_fini(&c);
}

/* What is hashed on the way is what is on the disk, also when bytes come twice. */
static void bytes_that_are_written_again_are_verified_again(void **state)
{
	struct crop c;

	all_kinds(&c);
	for (uint32_t again = 0; again < 2; again++) {
		struct tree *t = open_tree(&c);
		uint64_t at = c.m.chunks[1].content_off, from = at + again * 1000;
		uint32_t pos = 0;

		tree_expect(t, (const void *)c.digests);
		put(t, &c, 0, at + 100000, 100000);
		c.content[from] ^= 1;
		put(t, &c, from, at + 50000, 50000);
		c.content[from] ^= 1;
		put(t, &c, at + 100000, c.m.content_size, 1 << 20);
		assert_int_equal(tree_verify(t, &go_on), 0);
		assert_true(tree_bad(t, &pos));
		assert_int_equal(pos, 1);
		assert_int_equal(tree_drop(t), 0);
		tree_free(t);
	}
	crop_fini(&c);
}

static void files_that_are_good_are_delivered_without_the_others(void **state)
{
	struct tree_result res;
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_tree(&c);
	crop_write(out, "d/copy", small, 5);
	tree_expect(t, (const void *)c.digests);
	put(t, &c, 0, c.m.content_size, 90000);
	tree_discard(t, 1); /* of d/big and d/copy */
	flip(t, &c, c.m.chunks[1].content_off);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.files, 9);
	assert_int_equal(res.delivered, 6);
	assert_int_equal(res.n_failures, 3); /* and d/hard, which is d/big */
	assert_string_equal(c.m.entries[res.failures[0].entry].path, "d/big");
	assert_int_equal(res.failures[0].error, -EBADMSG);
	assert_false(tree_delivered(t, res.failures[0].entry));
	tree_free(t);
	assert_true(crop_is(out, "d/copy", small, 5)); /* what was there */
	assert_true(crop_is(out, "d/sparse", sparse, sizeof(sparse)));
	assert_int_equal(faccessat(out, "d/big", F_OK, 0), -1);
	assert_int_equal(crop_count(out), 4);
	crop_clear(out);
	crop_fini(&c);
}

static void verifying_can_be_stopped(void **state)
{
	const atomic_bool stop = true;
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_tree(&c);
	put(t, &c, 0, c.m.content_size, 1400);
	tree_expect(t, (const void *)c.digests);
	assert_int_equal(tree_verify(t, &stop), -ECANCELED);
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	crop_fini(&c);
}

/* --- what cannot be stored --- */

static void refuse_file(const char *path, size_t size, int error)
{
	struct crop c;

	crop_init(&c);
	crop_add_file(&c, path, small, size);
	crop_seal(&c);
	assert_refused(&c, error, path);
	crop_fini(&c);
}

static void names_in_the_way_are_refused(void **state)
{
	struct crop c;

	crop_write(out, "sub/file", small, 10);
	assert_int_equal(symlinkat("/tmp", out, "link"), 0);
	refuse_file("sub", 10, -EISDIR);
	refuse_file("sub/file/x", 10, -ENOTDIR);
	refuse_file("link/x", 10, -ELOOP);
	crop_clear(out);
	crop_init(&c);
	crop_add(&c, MANIFEST_DIR, "sub");
	crop_seal(&c);
	crop_write(out, "sub", small, 10);
	assert_refused(&c, -ENOTDIR, "sub");
	assert_int_equal(unlinkat(out, "sub", 0), 0);
	assert_int_equal(symlinkat(".", out, "sub"), 0);
	assert_refused(&c, -ELOOP, "sub");
	crop_clear(out);
	crop_fini(&c);
}

/* Nor may a job write into the place of another one, or its own, or be swept away. */
static void names_of_our_own_are_refused(void **state)
{
	refuse_file(".sow-" HEX64, 10, RESERVED_NAME);
	refuse_file(".sow-" HEX64 "/tree/x", 10, RESERVED_NAME);
	refuse_file("d/.x.0123456789abcdef.reap-part", 10, RESERVED_NAME);
}

static void a_path_is_as_long_as_a_system_call_takes(void **state)
{
	char path[MANIFEST_PATH_MAX + 1];
	struct crop c;

	memset(path, 'x', sizeof(path));
	for (size_t i = 255; i < sizeof(path); i += 256)
		path[i] = '/';
	path[4095] = 'x';
	path[4096] = '\0';
	path[3839] = 'y'; /* 4096 bytes, and no part of more than 255 */
	path[3838] = '/';
	path[4000] = '/';
	refuse_file(path, 10, -ENAMETOOLONG);
	path[4095] = '\0';
	crop_init(&c);
	crop_add_file(&c, path, small, 10);
	crop_seal(&c);
	receive(&c, 1000);
	crop_clear(out);
	crop_fini(&c);
}

/* A manifest with a file that is larger than anything, as a hole. */
static void what_is_too_large_is_refused(void **state)
{
	struct rlimit old, low;
	struct crop c;

	crop_init(&c);
	crop_add(&c, MANIFEST_FILE, "huge")->size = INT64_MAX;
	crop_seal(&c);
	assert_refused(&c, -EFBIG, NULL);
	crop_fini(&c);
	crop_init(&c);
	crop_add_file(&c, "f", big, SIZE);
	crop_seal(&c);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = (struct rlimit){ .rlim_cur = SIZE - 1, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_refused(&c, -EFBIG, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	crop_fini(&c);
}

static void a_stage_has_one_owner(void **state)
{
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_tree(&c);
	assert_refused(&c, -EBUSY, NULL);
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	crop_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_delivered),
		cmocka_unit_test(what_is_there_is_replaced_or_left_alone),
		cmocka_unit_test(nothing_is_seen_before_the_end),
		cmocka_unit_test(bytes_come_in_any_order_and_are_read_back),
		cmocka_unit_test(beyond_the_content_is_refused),
		cmocka_unit_test(a_wrong_byte_is_found),
		cmocka_unit_test(what_was_wrong_once_is_read_back),
		cmocka_unit_test(bytes_that_are_written_again_are_verified_again),
		cmocka_unit_test(files_that_are_good_are_delivered_without_the_others),
		cmocka_unit_test(verifying_can_be_stopped),
		cmocka_unit_test(names_in_the_way_are_refused),
		cmocka_unit_test(names_of_our_own_are_refused),
		cmocka_unit_test(a_path_is_as_long_as_a_system_call_takes),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(a_stage_has_one_owner),
	};

	return cmocka_run_group_tests_name("tree", tests, make_dir, remove_dir);
}
