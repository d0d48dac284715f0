/* tree_spool.c - tests of receiver/tree with a spool: a content in zlib form becomes files. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/tree_spool.h"
#include "tests/unit/crop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK MANIFEST_CHUNK
#define SIZE  (3 * CHUNK + 1000)

static char dir[sizeof("/tmp/sow-spool-XXXXXX")];
static int out;
static uint8_t text[SIZE], noise[CHUNK + 500], small[2000], thin[CHUNK];
static const atomic_bool go_on;

static int make_dir(void **state)
{
	struct rng rng = rng_init(2);

	umask(022);
	memcpy(dir, "/tmp/sow-spool-XXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	out = open(dir, O_RDONLY | O_DIRECTORY);
	crop_text(text, sizeof(text), 1);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)rng_u64(&rng);
	crop_text(small, sizeof(small), 3);
	memset(thin, 'x', sizeof(thin));
	return out < 0;
}

static int remove_dir(void **state)
{
	close_fd(&out);
	return rmdir(dir);
}

/* Chunks 0 small, 1 .. 4 text, 5 and 6 noise, 7 thin. */
static void all_kinds(struct crop *c)
{
	crop_init(c);
	crop_add_file(c, "a", small, sizeof(small));
	crop_add_file(c, "d/text", text, SIZE);
	crop_add_file(c, "d/text again", text, SIZE);
	crop_add_file(c, "e", noise, sizeof(noise));
	crop_add_file(c, "f", thin, sizeof(thin));
	crop_squeeze(c);
	crop_seal(c);
	assert_int_equal(c->m.n_chunks, 8);
}

static struct tree *open_tree(const struct crop *c)
{
	struct tree_conf conf = { .dirfd = out, .manifest = &c->m, .job = c->job };
	struct tree_refusal why;
	struct tree *t = NULL;

	assert_int_equal(tree_new(&t, &conf, &why), 0);
	return t;
}

static struct tree *open_expecting(const struct crop *c)
{
	struct tree *t = open_tree(c);

	assert_int_equal(tree_expect(t, (const void *)c->digests), 0);
	return t;
}

static void put(struct tree *t, const struct crop *c, uint64_t from, uint64_t to, size_t piece)
{
	for (uint64_t off = from; off < to; off += piece)
		assert_int_equal(
			tree_write(t, off, c->object + off, (size_t)MIN(piece, to - off)), 0);
}

/* What came goes to its place. */
static void take_all(struct tree *t)
{
	while (tree_spool_ready(t))
		tree_spool_step(t);
}

static uint64_t size_of(const struct crop *c)
{
	return manifest_object_size(&c->m);
}

static void reap(struct tree *t, const struct crop *c)
{
	struct tree_result res;
	uint32_t pos = 0;

	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_false(tree_bad(t, &pos));
	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.n_failures, 0);
	assert_int_equal(res.delivered, res.files);
	tree_free(t);
	crop_assert_delivered(c, out);
}

static void it_is_shorter_and_arrives(void **state)
{
	static const size_t pieces[] = { 700, 1400 * 64, 1400 * 128, 1 << 22 };
	struct crop c;

	all_kinds(&c);
	assert_true(size_of(&c) < c.m.content_size * 3 / 4);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct tree *t = open_expecting(&c);

		put(t, &c, 0, size_of(&c), pieces[i]);
		take_all(t);
		assert_true(tree_has_all(t));
		reap(t, &c);
		assert_int_equal(crop_count(out), 4); /* nothing else is left */
		crop_clear(out);
	}
	crop_fini(&c);
}

static void in_any_order_and_read_back(void **state)
{
	struct rng rng = rng_init(7);
	struct crop c;

	all_kinds(&c);
	for (int run = 0; run < 20; run++) {
		size_t piece = 500 + (size_t)rng_below(&rng, 200000);
		uint64_t n = (size_of(&c) + piece - 1) / piece;
		uint8_t *back = malloc(size_of(&c));
		struct tree *t = run % 2 ? open_expecting(&c) : open_tree(&c);
		uint64_t *order = calloc(n, sizeof(*order));

		for (uint64_t i = 0; i < n; i++)
			order[i] = i;
		for (uint64_t i = n; i-- > 1;) {
			uint64_t k = rng_below(&rng, i + 1), o = order[i];

			order[i] = order[k];
			order[k] = o;
		}
		for (uint64_t i = 0; i < n; i++)
			put(t, &c, order[i] * piece, MIN((order[i] + 1) * piece, size_of(&c)),
			    piece);
		assert_int_equal(tree_read(t, 0, back, size_of(&c)), 0);
		assert_memory_equal(back, c.object, size_of(&c));
		if (run % 2 == 0) /* it comes late, which our sender does not do */
			assert_int_equal(tree_expect(t, (const void *)c.digests), 0);
		if (run % 4 < 2)
			take_all(t);
		assert_int_equal(tree_has_all(t), run % 4 < 2);
		reap(t, &c);
		crop_clear(out);
		free(order);
		free(back);
	}
	crop_fini(&c);
}

static void beyond_the_object_is_refused(void **state)
{
	uint8_t b[16] = { 0 };
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_tree(&c);
	assert_int_equal(tree_write(t, size_of(&c) - 8, b, 9), -EINVAL);
	assert_int_equal(tree_write(t, UINT64_MAX, b, 2), -EINVAL);
	assert_int_equal(tree_read(t, size_of(&c), b, 1), -EINVAL);
	assert_int_equal(tree_write(t, size_of(&c), b, 0), 0);
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	assert_int_equal(crop_count(out), 0);
	crop_fini(&c);
}

/* --- what is wrong --- */

/* Bytes of a chunk that come first, then the right ones. */
static void check_wrong(const struct crop *c, uint32_t chunk, const uint8_t *wrong)
{
	struct tree *t = open_expecting(c);
	uint64_t from = c->m.stored[chunk], to = c->m.stored[chunk + 1], off, len;
	uint32_t pos = 0;

	put(t, c, 0, from, 90000);
	assert_int_equal(tree_write(t, from, wrong, (size_t)(to - from)), 0);
	put(t, c, to, size_of(c), 90000);
	take_all(t);
	assert_false(tree_has(t, chunk));
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_true(tree_bad(t, &pos));
	assert_int_equal(pos, chunk);
	pos++;
	assert_false(tree_bad(t, &pos));
	off = tree_object_range(t, chunk, &len);
	assert_int_equal(off, from);
	assert_int_equal(len, to - from);
	tree_discard(t, chunk);
	put(t, c, from, to, 5000);
	reap(t, c);
	crop_clear(out);
}

static void what_is_no_zlib_form_is_asked_for_again(void **state)
{
	static uint8_t wrong[2 * CHUNK], bytes[2 * CHUNK];
	struct crop c;
	uLongf n;

	all_kinds(&c);
	for (uint32_t chunk = 0; chunk < c.m.n_chunks; chunk++) {
		size_t len = (size_t)(c.m.stored[chunk + 1] - c.m.stored[chunk]);
		const uint8_t *right = c.object + c.m.stored[chunk];

		crop_noise(wrong, len, 9);
		check_wrong(&c, chunk, wrong);
		memcpy(wrong, right, len);
		wrong[len / 2] ^= 4;
		check_wrong(&c, chunk, wrong);
		memcpy(wrong, right, len);
		wrong[len - 1] ^= 1; /* in the checksum */
		check_wrong(&c, chunk, wrong);
		/* bytes that are not its own, or more, or less of them, and any behind it */
		for (size_t made = c.m.chunks[chunk].len / 2; made <= sizeof(bytes);
		     made *= 2) {
			memset(bytes, 'b', sizeof(bytes));
			n = sizeof(wrong);
			assert_int_equal(compress2(wrong, &n, bytes, made, 9), Z_OK);
			check_wrong(&c, chunk, wrong);
		}
	}
	crop_fini(&c);
}

/* Until it is as it shall be nothing of it is in a file. */
static void nothing_unverified_is_written(void **state)
{
	static uint8_t wrong[CHUNK];
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_expecting(&c);
	assert_int_equal(tree_write(t, c.m.stored[5], wrong, CHUNK), 0); /* as it is */
	assert_int_equal(
		tree_write(t, c.m.stored[1], wrong, (size_t)(c.m.stored[2] - c.m.stored[1])),
		0);
	take_all(t);
	assert_int_equal(crop_count(tree_stage_tree(t)), 0);
	assert_int_equal(tree_drop(t), 0);
	tree_free(t);
	crop_fini(&c);
}

static void some_are_delivered_without_the_others(void **state)
{
	struct tree_result res;
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	t = open_expecting(&c);
	put(t, &c, 0, c.m.stored[2], 90000);
	put(t, &c, c.m.stored[3], size_of(&c), 90000);
	assert_int_equal(tree_verify(t, &go_on), 0);
	assert_int_equal(tree_switch(t, &res), 0);
	assert_int_equal(res.delivered, 3);
	assert_int_equal(res.n_failures, 2);
	assert_true(crop_is(out, "a", small, sizeof(small)));
	assert_true(crop_is(out, "f", thin, sizeof(thin)));
	assert_int_equal(faccessat(out, "d/text", F_OK, 0), -1);
	tree_free(t);
	crop_clear(out);
	crop_fini(&c);
}

/* --- another run --- */

static void the_next_run_finds_whole_chunks(void **state)
{
	struct crop c;
	uint64_t pos = 0, len;
	struct tree *t;

	all_kinds(&c);
	t = open_expecting(&c);
	assert_true(tree_is_empty(t));
	put(t, &c, 0, c.m.stored[4] - 1, 90000); /* and a part of chunk 3 */
	put(t, &c, c.m.stored[5], c.m.stored[6], 90000);
	assert_false(tree_is_empty(t));
	tree_free(t);

	t = open_expecting(&c);
	assert_true(tree_resumed(t));
	assert_true(tree_in_stage(t, 77, &len)); /* what the map has of it counts */
	assert_int_equal(len, size_of(&c) - 77);
	assert_false(tree_held_next(t, &pos, &len));
	while (tree_spool_look(t))
		;
	assert_true(tree_held_next(t, &pos, &len));
	assert_int_equal(pos, 0);
	assert_int_equal(len, c.m.stored[3]);
	pos += len;
	assert_true(tree_held_next(t, &pos, &len));
	assert_int_equal(pos, c.m.stored[5]);
	assert_int_equal(len, c.m.stored[6] - c.m.stored[5]);
	pos += len;
	assert_false(tree_held_next(t, &pos, &len));
	put(t, &c, c.m.stored[3], c.m.stored[5], 90000);
	put(t, &c, c.m.stored[6], size_of(&c), 90000);
	reap(t, &c);
	crop_clear(out);
	crop_fini(&c);
}

/* It may be anything: another's file, or one that is shorter. */
static void a_spool_that_is_none_begins_anew(void **state)
{
	struct crop c;

	all_kinds(&c);
	for (int kind = 0; kind < 3; kind++) {
		struct tree_conf conf = { .dirfd = out, .manifest = &c.m, .job = c.job };
		struct tree_refusal why;
		struct tree *t = open_expecting(&c);
		uint64_t pos = 0, len;
		int stage = openat(tree_stage_dir(t), ".", O_RDONLY | O_DIRECTORY);

		put(t, &c, 0, size_of(&c), 90000);
		tree_free(t);
		assert_int_equal(unlinkat(stage, "spool", 0), 0);
		if (kind == 0)
			crop_write(stage, "spool", noise, 1000);
		else if (kind == 1)
			assert_int_equal(mkfifoat(stage, "spool", 0600), 0);
		else
			assert_int_equal(symlinkat("/etc/passwd", stage, "spool"), 0);
		if (kind > 0) {
			assert_true(tree_new(&t, &conf, &why) < 0);
			assert_int_equal(unlinkat(stage, "spool", 0), 0);
		}
		t = open_expecting(&c);
		assert_false(tree_spool_look(t));
		assert_false(tree_held_next(t, &pos, &len));
		assert_false(tree_in_stage(t, 0, &len));
		put(t, &c, 0, size_of(&c), 90000);
		reap(t, &c);
		close_fd(&stage);
		crop_clear(out);
	}
	crop_fini(&c);
}

/* --- what is here already --- */

static void chunks_that_are_here_are_no_symbols(void **state)
{
	struct crop c;
	struct tree *t;
	uint64_t pos = 0, len;

	all_kinds(&c);
	t = open_expecting(&c);
	for (uint32_t i = 0; i + 1 < c.m.n_chunks; i++)
		assert_int_equal(tree_put(t, i, c.content + c.m.chunks[i].content_off), 0);
	assert_false(tree_held_next(t, &pos, &len));
	tree_skip(t);
	assert_false(tree_skipped(t));
	assert_int_equal(tree_put(t, 7, thin), 0);
	tree_skip(t);
	assert_true(tree_skipped(t));
	assert_true(tree_held_next(t, &pos, &len)); /* nothing of it is needed */
	assert_int_equal(pos, 0);
	assert_int_equal(len, size_of(&c));
	pos += len;
	assert_false(tree_held_next(t, &pos, &len));
	/* but all of it when one of them is needed after all */
	assert_int_equal(tree_object_range(t, 2, &len), 0);
	assert_int_equal(len, size_of(&c));
	tree_discard(t, 2);
	assert_false(tree_skipped(t));
	put(t, &c, 0, size_of(&c), 90000);
	reap(t, &c);
	crop_clear(out);
	crop_fini(&c);
}

/* A file that was left where it is changes: what the spool has of it takes its place. */
static void what_changes_meanwhile_is_taken_from_the_spool(void **state)
{
	struct stat st;
	struct crop c;
	struct tree *t;

	all_kinds(&c);
	crop_write(out, "e", noise, sizeof(noise));
	t = open_expecting(&c);
	assert_int_equal(fstatat(out, "e", &st, 0), 0);
	assert_int_equal(tree_keep(t, 3, &st), 0);
	put(t, &c, 0, size_of(&c), 90000);
	crop_write(out, "e", text, sizeof(noise));
	reap(t, &c);
	crop_clear(out);
	crop_fini(&c);
}

static void room_for_both_is_asked_for(void **state)
{
	struct tree_conf conf = { .dirfd = out };
	struct tree_refusal why;
	struct manifest_entry *e;
	struct manifest *m;
	struct tree *t = NULL;
	struct crop c;

	crop_init(&c);
	m = &c.draft;
	e = crop_add(&c, MANIFEST_FILE, "huge");
	e->size = (uint64_t)CHUNK << 18; /* 64 GiB, of which half is left when they are sent */
	e->n_runs = m->n_runs = 1;
	m->runs[0] = (struct manifest_run){ 0, e->size, 0 };
	m->content_size = e->size;
	m->stored = calloc((1 << 18) + 1, sizeof(*m->stored));
	for (uint32_t i = 0; i < 1 << 18; i++) {
		m->chunks[i] = (struct manifest_chunk){ (uint64_t)i * CHUNK, CHUNK };
		m->stored[i + 1] = m->stored[i] + CHUNK / 2;
	}
	m->n_chunks = 1 << 18;
	crop_seal(&c);
	conf.manifest = &c.m;
	conf.job = c.job;
	/* where there is room for it all nothing can be seen */
	if (tree_new(&t, &conf, &why) < 0) {
		assert_int_equal(why.error, -ENOSPC);
		assert_int_equal(why.spool, (uint64_t)CHUNK << 17);
		assert_int_equal(why.needs, 3 * why.spool);
		assert_true(why.left < why.needs);
		assert_int_equal(crop_count(out), 0);
	} else {
		assert_int_equal(tree_drop(t), 0);
		tree_free(t);
	}
	crop_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_shorter_and_arrives),
		cmocka_unit_test(in_any_order_and_read_back),
		cmocka_unit_test(beyond_the_object_is_refused),
		cmocka_unit_test(what_is_no_zlib_form_is_asked_for_again),
		cmocka_unit_test(nothing_unverified_is_written),
		cmocka_unit_test(some_are_delivered_without_the_others),
		cmocka_unit_test(the_next_run_finds_whole_chunks),
		cmocka_unit_test(a_spool_that_is_none_begins_anew),
		cmocka_unit_test(chunks_that_are_here_are_no_symbols),
		cmocka_unit_test(what_changes_meanwhile_is_taken_from_the_spool),
		cmocka_unit_test(room_for_both_is_asked_for),
	};

	return cmocka_run_group_tests_name("tree_spool", tests, make_dir, remove_dir);
}
