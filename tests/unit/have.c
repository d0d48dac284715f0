/* have.c - tests of receiver/have: what is on the disk already is found and used. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/have.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG (5 * MANIFEST_CHUNK + 700)

static char dir[sizeof("/tmp/sow-have-XXXXXX")];
static int out, from;
static uint8_t big[BIG], changed[BIG], small[3000], sparse[4 * MANIFEST_CHUNK];
static const atomic_bool go_on;

/* dir/out is the output directory, dir/from another place. */
static int make_dir(void **state)
{
	int top;

	umask(022);
	memcpy(dir, "/tmp/sow-have-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	top = open(dir, O_RDONLY | O_DIRECTORY);
	mkdirat(top, "out", 0755);
	mkdirat(top, "from", 0755);
	out = openat(top, "out", O_RDONLY | O_DIRECTORY);
	from = openat(top, "from", O_RDONLY | O_DIRECTORY);
	close_fd(&top);
	crop_noise(big, sizeof(big), 1);
	memcpy(changed, big, sizeof(big));
	changed[2 * MANIFEST_CHUNK + 9] ^= 1;
	crop_noise(small, sizeof(small), 3);
	crop_noise(sparse + 2 * MANIFEST_CHUNK, 1000, 4);
	return out < 0 || from < 0;
}

static int remove_dir(void **state)
{
	int top = open(dir, O_RDONLY | O_DIRECTORY);

	close_fd(&out);
	close_fd(&from);
	crop_clear(top);
	close_fd(&top);
	return rmdir(dir);
}

static int clear(void **state)
{
	crop_clear(out);
	crop_clear(from);
	return 0;
}

static void job(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "big", big, BIG);
	crop_add_file(c, "copy", big, BIG);
	crop_add_file(c, "d/small", small, 3000);
	crop_add_file(c, "empty", small, 0);
	crop_add_file(c, "sparse", sparse, sizeof(sparse));
	crop_seal(c);
}

static struct tree *open_tree(const struct crop *c)
{
	struct tree_conf conf = { .dirfd = out, .manifest = &c->m, .job = c->job };
	struct tree_refusal why;
	struct tree *t = NULL;

	assert_int_equal(tree_new(&t, &conf, &why), 0);
	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	return t;
}

static uint64_t held(struct tree *t)
{
	uint64_t sum = 0, pos = 0, len;

	for (; tree_held_next(t, &pos, &len); pos += len)
		sum += len;
	return sum;
}

/* Looks everywhere. The bytes that were found, and told. */
static uint64_t look(struct tree *t, const struct crop *c, bool elsewhere)
{
	struct have_from places = { .fd = { from }, .n = elsewhere };
	struct have_conf conf = { .tree = t, .manifest = &c->m, .dirfd = out, .from = &places };
	uint64_t sum = 0, before = held(t);
	const struct map_range *found;
	struct have *h;
	uint32_t n;
	bool more;

	assert_int_equal(have_new(&h, &conf), 0);
	do {
		more = have_step(h);
		found = have_found(h, &n);
		for (uint32_t i = 0; i < n; i++)
			sum += found[i].len;
	} while (more);
	have_free(h);
	assert_int_equal(sum, held(t) - before);
	return sum;
}

/* Receives what was not found, and delivers all. */
static struct tree_result finish(struct tree *t, const struct crop *c)
{
	uint8_t *back = malloc(c->m.content_size);
	struct tree_result res;
	uint32_t pos = 0;

	for (uint32_t i = 0; i < c->m.n_chunks; i++)
		if (!tree_has(t, i))
			assert_int_equal(tree_write(t, c->m.chunks[i].content_off,
						    c->content + c->m.chunks[i].content_off,
						    c->m.chunks[i].len),
					 0);
	assert_int_equal(tree_read(t, 0, back, c->m.content_size), 0);
	assert_memory_equal(back, c->content, c->m.content_size);
	free(back);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_false(tree_bad(t, &pos));
	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.n_failures, 0);
	tree_free(t);
	crop_assert_delivered(c, out);
	return res;
}

static void put_all(int at)
{
	crop_write(at, "big", big, BIG);
	crop_write(at, "copy", big, BIG);
	crop_write(at, "d/small", small, 3000);
	crop_write(at, "empty", small, 0);
	crop_write(at, "sparse", sparse, sizeof(sparse));
}

static void a_tree_that_did_not_change_stays(void **state)
{
	struct stat before, after;
	struct tree_result res;
	struct tree *t;
	struct crop c;

	job(&c);
	put_all(out);
	assert_int_equal(fstatat(out, "big", &before, 0), 0);
	t = open_tree(&c);
	assert_int_equal(look(t, &c, false), c.m.content_size);
	assert_true(tree_is_empty(t)); /* nothing was copied */
	res = finish(t, &c);
	assert_int_equal(res.kept, 5);
	assert_int_equal(fstatat(out, "big", &after, 0), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	crop_fini(&c);
}

static void of_a_file_that_changed_its_other_chunks_are_used(void **state)
{
	struct tree_result res;
	struct tree *t;
	struct crop c;

	job(&c);
	put_all(out);
	crop_write(out, "big", changed, BIG);
	crop_write(out, "copy", small, 100);
	t = open_tree(&c);
	assert_int_equal(look(t, &c, false), c.m.content_size - MANIFEST_CHUNK);
	assert_true(crop_is(out, "big", changed, BIG));
	res = finish(t, &c);
	assert_int_equal(res.kept, 3);
	crop_fini(&c);
}

/* The chunk is held by the copy, though its home is the file that changed. */
static void a_copy_gives_what_the_first_file_lacks(void **state)
{
	struct tree_result res;
	struct tree *t;
	struct crop c;

	job(&c);
	put_all(out);
	crop_write(out, "big", changed, BIG);
	t = open_tree(&c);
	assert_int_equal(look(t, &c, false), c.m.content_size);
	res = finish(t, &c);
	assert_int_equal(res.kept, 4);
	crop_fini(&c);
}

static void what_shall_be_a_hole_must_be_zeros(void **state)
{
	static uint8_t dense[sizeof(sparse)];
	struct tree_result res;
	struct tree *t;
	struct crop c;

	job(&c);
	memcpy(dense, sparse, sizeof(sparse));
	dense[17] = 1;
	put_all(out);
	crop_write(out, "sparse", dense, sizeof(dense));
	t = open_tree(&c);
	assert_int_equal(look(t, &c, false), c.m.content_size);
	res = finish(t, &c);
	assert_int_equal(res.kept, 4);
	crop_fini(&c);
}

static void other_places_are_searched_by_path_and_by_content(void **state)
{
	static const char *const names[] = { "big", "yesterday/deep/er/image" };
	struct tree *t;
	struct crop c;

	job(&c);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		crop_clear(out);
		crop_clear(from);
		crop_write(from, names[i], changed, BIG);
		t = open_tree(&c);
		assert_int_equal(look(t, &c, true), BIG - MANIFEST_CHUNK);
		finish(t, &c);
	}
	crop_fini(&c);
}

/* Chunks that stand elsewhere in a file are found at multiples of their length. */
static void a_chunk_that_moved_is_found(void **state)
{
	static uint8_t moved[BIG];
	struct tree *t;
	struct crop c;

	job(&c);
	memcpy(moved, big + MANIFEST_CHUNK, MANIFEST_CHUNK);
	memcpy(moved + 3 * MANIFEST_CHUNK, big, MANIFEST_CHUNK);
	crop_write(out, "big", moved, BIG);
	t = open_tree(&c);
	assert_int_equal(look(t, &c, false), 2 * MANIFEST_CHUNK);
	finish(t, &c);
	crop_fini(&c);
}

static void stages_are_searched(void **state)
{
	struct tree *t;
	struct crop c;

	job(&c);
	t = open_tree(&c); /* an earlier run, that has no map */
	assert_int_equal(tree_write(t, 0, c.content, 3 * MANIFEST_CHUNK + 100), 0);
	tree_free(t);
	crop_write(out, ".sow-" HEX64 "/tree/d/small", small, 3000);
	t = open_tree(&c);
	assert_true(tree_holds(t));
	assert_int_equal(look(t, &c, false), 3 * MANIFEST_CHUNK + 3000);
	finish(t, &c);
	crop_fini(&c);
}

/* It was good when it was looked at. */
static void a_file_that_changes_meanwhile_is_not_trusted(void **state)
{
	struct tree_result res;
	struct tree *t;
	uint32_t pos = 0;
	struct crop c;

	job(&c);
	put_all(out);
	t = open_tree(&c);
	assert_int_equal(look(t, &c, false), c.m.content_size);
	crop_write(out, "big", changed, BIG);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_true(tree_bad(t, &pos));
	assert_int_equal(pos, 2);
	tree_discard(t, pos);
	assert_int_equal(tree_write(t, c.m.chunks[2].content_off,
				    c.content + c.m.chunks[2].content_off, MANIFEST_CHUNK),
			 0);
	res = finish(t, &c);
	assert_int_equal(res.kept, 4);
	crop_fini(&c);
}

static void what_is_no_file_is_passed_over(void **state)
{
	struct tree *t;
	struct crop c;

	job(&c);
	assert_int_equal(mkfifoat(out, "big", 0600), 0);
	crop_write(from, "target", big, BIG);
	assert_int_equal(symlinkat("../from/target", out, "copy"), 0);
	assert_int_equal(mkfifoat(from, "big", 0600), 0);
	unlinkat(from, "target", 0);
	t = open_tree(&c);
	assert_int_equal(look(t, &c, true), 0);
	finish(t, &c);
	crop_fini(&c);
}

/* What came by network is not put again, and a file that is being written is not kept. */
static void what_is_here_by_now_is_left(void **state)
{
	struct tree_result res;
	struct tree *t;
	struct crop c;

	job(&c);
	put_all(out);
	t = open_tree(&c);
	assert_int_equal(tree_write(t, 0, c.content, MANIFEST_CHUNK + 10), 0);
	assert_int_equal(look(t, &c, false), c.m.content_size - MANIFEST_CHUNK);
	res = finish(t, &c);
	assert_int_equal(res.kept, 4);
	crop_fini(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, clear)
	const struct CMUnitTest tests[] = {
		TEST(a_tree_that_did_not_change_stays),
		TEST(of_a_file_that_changed_its_other_chunks_are_used),
		TEST(a_copy_gives_what_the_first_file_lacks),
		TEST(what_shall_be_a_hole_must_be_zeros),
		TEST(other_places_are_searched_by_path_and_by_content),
		TEST(a_chunk_that_moved_is_found),
		TEST(stages_are_searched),
		TEST(a_file_that_changes_meanwhile_is_not_trusted),
		TEST(what_is_no_file_is_passed_over),
		TEST(what_is_here_by_now_is_left),
	};

	return cmocka_run_group_tests_name("have", tests, make_dir, remove_dir);
}
