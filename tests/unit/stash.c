/* stash.c - tests of sender/stash and distinct: random trees in zlib form. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/expand.h"
#include "sender/stash.h"
#include "tests/unit/nomem.h"
#include "tests/unit/pack_rig.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static struct stash *stash_it(struct work *w, unsigned threads)
{
	struct stash_conf sc = { .pack = w->pack, .sums = &w->sums, .threads = threads };
	struct stash *stash;
	uint32_t n;

	assert_int_equal(stash_new(&stash, &sc, &w->losses), 0);
	assert_true(sums_complete(&w->sums));
	dedup(w);
	w->pack->m.stored = stash_offsets(stash, &n);
	assert_int_equal(n, w->pack->m.n_chunks);
	return stash;
}

/* What a receiver makes of it. */
static uint8_t *expanded(const struct manifest *m, const struct stash *stash)
{
	static uint8_t data[CHUNK];
	uint8_t *content = malloc(m->content_size + 1);
	struct expand *ex;

	assert_non_null(content);
	assert_int_equal(expand_new(&ex), 0);
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		const struct manifest_chunk *c = &m->chunks[i];
		size_t len = (size_t)(m->stored[i + 1] - m->stored[i]);
		uint8_t *to = content + c->content_off;

		assert_int_equal(stash_read(stash, m->stored[i], data, len), 0);
		if (len < c->len)
			assert_int_equal(expand_piece(ex, data, len, to, c->len), 0);
		else
			memcpy(to, data, len);
	}
	expand_free(ex);
	return content;
}

static void check_stash(struct work *w, const struct stash *stash)
{
	struct manifest m;
	uint8_t *content, byte;

	decode(w, &m);
	content = expanded(&m, stash);
	check_sums(w, content);
	check_files(&m, content);
	assert_int_equal(stash_read(stash, manifest_object_size(&m), &byte, 1), -EIO);
	manifest_fini(&m);
	free(content);
}

static void random_trees(void **state)
{
	struct rng rng = rng_init(4);
	uint64_t content = 0, stored = 0, known = 0;
	char root[32];

	for (unsigned i = 0; i < TREES; i++) {
		uint8_t id[SHA256_LEN];

		snprintf(root, sizeof(root), "zlib%u", i);
		write_tree(&rng, root);
		for (unsigned threads = 0; threads < 4; threads++) {
			struct pack_wire wire;
			struct stash *stash;
			struct work w;

			work_init(&w, root);
			/* some digests are known, of a run before */
			if (i % 3 && w.pack->m.n_chunks)
				source_tree_hash(w.tree, rng_below(&rng, 3000000), &w.losses);
			known += w.sums.n - w.sums.n_unknown;
			stash = stash_it(&w, threads);
			check_stash(&w, stash);
			content += w.pack->m.content_size;
			stored += manifest_object_size(&w.pack->m);
			assert_int_equal(pack_encode(w.pack, &wire), 0);
			if (threads > 0) /* what it comes to is always the same */
				assert_memory_equal(wire.id, id, SHA256_LEN);
			memcpy(id, wire.id, SHA256_LEN);
			free(wire.data);
			assert_null(w.losses);
			work_fini(&w);
			stash_free(stash);
		}
	}
	assert_in_range(stored, content / 10, content / 10 * 9);
	assert_true(known > 100);
}

static void files_that_go(void **state)
{
	static uint8_t data[4 * CHUNK + 10];
	struct stash *stash;
	struct work w;

	put_three();
	work_init(&w, "three");
	assert_int_equal(source_tree_hash(w.tree, 1, &w.losses), CHUNK + 5);
	assert_int_equal(truncate("three/b", 3 * CHUNK), 0); /* its digest is known in part */
	stash = stash_it(&w, 2);
	assert_int_equal(count_losses(&w, -ESTALE), 1);
	assert_string_equal(w.scan->entries[w.losses->entry].path, "three/b");
	assert_int_equal(w.sums.n, 3); /* the first, what b might have been, the third */
	assert_int_equal(w.sums.state[0], SUM_KNOWN);
	assert_int_equal(w.sums.state[1], SUM_SPOILED);
	assert_true(manifest_lost(w.sums.sum[1]));
	assert_int_equal(w.sums.state[2], SUM_KNOWN);
	/* nothing of it is read any more */
	unlink("three/c");
	assert_int_equal(stash_read(stash, w.pack->m.stored[2], data, 5), 0);
	assert_memory_equal(data, "third", 5);
	work_fini(&w);
	stash_free(stash);
}

static void no_place_for_it(void **state)
{
	struct stash *stash = NULL;
	struct rlimit none = { 1000, RLIM_INFINITY }, before;
	struct rng rng = rng_init(5);
	struct work w;

	write_tree(&rng, "much");
	work_init(&w, "much");
	assert_int_equal(setenv("TMPDIR", "/nowhere", 1), 0);
	for (unsigned threads = 0; threads < 3; threads += 2) {
		struct stash_conf sc = { .pack = w.pack, .sums = &w.sums, .threads = threads };

		assert_int_equal(stash_new(&stash, &sc, &w.losses), -ENOENT);
		assert_null(stash);
	}
	assert_int_equal(setenv("TMPDIR", pack_rig_dir, 1), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (unsigned threads = 0; threads < 4; threads++) {
		struct stash_conf sc = { .sums = &w.sums, .threads = threads };

		work_fini(&w);
		work_init(&w, "much");
		sc.pack = w.pack;
		assert_int_equal(stash_new(&stash, &sc, &w.losses), -EFBIG);
		assert_null(stash);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	unsetenv("TMPDIR");
	work_fini(&w);
	stash_free(NULL);
}

static void without_memory(void **state)
{
	struct work w;
	unsigned n;
	int r;

	put_three();
	work_init(&w, "three");
	hash_all(&w);
	for (n = 1, r = -1; r < 0; n++) {
		struct stash_conf sc = { .pack = w.pack, .sums = &w.sums, .threads = n % 3 };
		struct stash *stash = NULL;

		nomem_in = n;
		r = stash_new(&stash, &sc, &w.losses);
		nomem_in = 0;
		assert_true(r == 0 || (r == -ENOMEM && !stash));
		stash_free(stash);
	}
	assert_in_range(n, 8, 40);
	work_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees),
		cmocka_unit_test(files_that_go),
		cmocka_unit_test(no_place_for_it),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests_name("stash", tests, pack_rig_make, pack_rig_remove);
}
