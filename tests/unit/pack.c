/* pack.c - tests of sender/pack, sums and source_tree: random trees, planned, read and put
 * together again. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "tests/unit/nomem.h"
#include "tests/unit/pack_rig.h"

#include <sys/stat.h>
#include <unistd.h>

/* In pieces of any size, interleaved as large blocks read them, or all in order. */
static uint8_t *read_content(struct work *w, struct rng *rng, bool in_turns)
{
	uint64_t size = w->pack->m.content_size, part = in_turns ? size / 4 + 1 : size;
	uint64_t done[4] = { 0 };
	uint8_t *content = malloc(size + 1);

	assert_non_null(content);
	for (uint64_t left = size, turn = 0; left > 0; turn++) {
		unsigned i = in_turns ? turn % 4 : 0;
		uint64_t start = MIN(i * part + done[i], size);
		uint64_t end = MIN((i + 1) * part, size);
		uint64_t most = 1 + rng_below(rng, 200000);
		size_t len = (size_t)MIN(end - start, most);

		assert_int_equal(
			source_tree_read(w->tree, start, content + start, len, &w->losses), 0);
		done[i] += len;
		left -= len;
	}
	return content;
}

static void check_work(struct work *w, struct rng *rng, bool in_turns)
{
	uint8_t *content = read_content(w, rng, in_turns);
	struct manifest m;

	hash_all(w);
	check_sums(w, content);
	decode(w, &m);
	check_files(&m, content);
	assert_null(w->losses);
	manifest_fini(&m);
	free(content);
}

static void random_trees(void **state)
{
	struct rng rng = rng_init(1);
	uint64_t plain_size = 0, small_size = 0;
	char root[32];

	for (unsigned i = 0; i < TREES; i++) {
		struct work w;

		snprintf(root, sizeof(root), "tree%u", i);
		write_tree(&rng, root);
		work_init(&w, root);
		check_work(&w, &rng, i % 2);
		plain_size += w.pack->m.content_size;
		dedup(&w);
		check_work(&w, &rng, i % 2);
		small_size += w.pack->m.content_size;
		work_fini(&w);
	}
	/* what repeats was found */
	assert_true(small_size > 0 && small_size < plain_size / 4 * 3);
}

static void digests_first(void **state)
{
	struct rng rng = rng_init(2);
	struct work w;

	write_tree(&rng, "tree");
	work_init(&w, "tree");
	hash_all(&w);
	check_work(&w, &rng, true);
	work_fini(&w);
}

static void nothing_to_send(void **state)
{
	struct manifest m;
	struct work w;

	assert_int_equal(mkdir("none", 0700), 0);
	assert_int_equal(file_replace("none/empty", 0600, "", 0), 0);
	work_init(&w, "none");
	assert_int_equal(w.pack->m.content_size, 0);
	hash_all(&w);
	dedup(&w);
	decode(&w, &m);
	assert_int_equal(m.n_entries, 2);
	manifest_fini(&m);
	assert_int_equal(source_tree_read(w.tree, 0, NULL, 0, &w.losses), 0);
	assert_int_equal(source_tree_read(w.tree, 1, NULL, 0, &w.losses), -EINVAL);
	work_fini(&w);
}

static void zeros_take_no_content(void **state)
{
	static uint8_t data[3 * CHUNK];
	struct work w;

	data[CHUNK] = 1;
	assert_int_equal(file_replace("zeros", 0600, data, sizeof(data)), 0);
	work_init(&w, "zeros");
	assert_int_equal(w.pack->m.content_size, 3 * CHUNK);
	hash_all(&w);
	dedup(&w);
	assert_int_equal(w.pack->m.content_size, CHUNK);
	assert_int_equal(w.pack->m.runs[0].file_off, CHUNK);
	work_fini(&w);
}

/* --- files that change --- */

static void a_changed_file_is_lost_alone(void **state)
{
	static uint8_t content[4 * CHUNK + 10];
	struct work w;

	put_three();
	work_init(&w, "three");
	/* the first part of b is good when it is read */
	assert_int_equal(source_tree_read(w.tree, 0, content, 5 + CHUNK, &w.losses), 0);
	assert_null(w.losses);
	assert_int_equal(truncate("three/b", 3 * CHUNK), 0);
	assert_int_equal(source_tree_read(w.tree, 0, content, sizeof(content), &w.losses), 0);
	hash_all(&w);
	assert_int_equal(count_losses(&w, -ESTALE), 1);
	assert_string_equal(w.scan->entries[w.losses->entry].path, "three/b");
	assert_int_equal(w.sums.state[0], SUM_KNOWN);
	assert_int_equal(w.sums.state[4], SUM_SPOILED);
	assert_int_equal(w.sums.state[5], SUM_KNOWN);
	assert_memory_equal(content + 4 * CHUNK + 5, "third", 5);
	work_fini(&w);
}

static void files_that_go_are_named_once(void **state)
{
	struct work w;
	uint8_t byte;

	put_three();
	work_init(&w, "three");
	unlink("three/a");
	unlink("three/c");
	for (unsigned i = 0; i < 3; i++) {
		hash_all(&w);
		assert_int_equal(source_tree_read(w.tree, 0, &byte, 1, &w.losses), 0);
		assert_int_equal(byte, 0);
		assert_int_equal(count_losses(&w, -ENOENT), 2);
	}
	work_fini(&w);
}

/* With digests that are known it is they that tell. */
static void a_late_change_does_not_alter_digests(void **state)
{
	uint8_t before[SHA256_LEN], buf[5];
	struct work w;

	put_three();
	work_init(&w, "three");
	hash_all(&w);
	memcpy(before, w.sums.sum[5], SHA256_LEN);
	assert_int_equal(file_replace("three/c", 0600, "other", 5), 0);
	assert_int_equal(source_tree_read(w.tree, 4 * CHUNK + 5, buf, 5, &w.losses), 0);
	assert_memory_equal(buf, "third", 5); /* of a window */
	dedup(&w);
	assert_int_equal(
		source_tree_read(w.tree, w.pack->m.content_size - 5, buf, 5, &w.losses), 0);
	assert_memory_equal(buf, "\0\0\0\0\0", 5);
	assert_int_equal(count_losses(&w, -ESTALE), 1);
	assert_memory_equal(w.sums.sum[w.sums.n - 1], before, SHA256_LEN);
	work_fini(&w);
}

static void many_open_files(void **state)
{
	static uint8_t data[CHUNK + 1];
	struct rng rng = rng_init(3);
	struct work w;
	char path[32];

	assert_int_equal(mkdir("wide", 0700), 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "wide/%u", i);
		data[CHUNK] = data[0] = (uint8_t)i;
		assert_int_equal(file_replace(path, 0600, data, sizeof(data)), 0);
	}
	work_init(&w, "wide");
	check_work(&w, &rng, true);
	dedup(&w);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t off = rng_below(&rng, w.pack->m.content_size);
		uint8_t byte;

		assert_int_equal(source_tree_read(w.tree, off, &byte, 1, &w.losses), 0);
	}
	assert_null(w.losses);
	work_fini(&w);
}

static void without_memory(void **state)
{
	struct source_tree *tree = NULL;
	struct pack *pack = NULL;
	struct work w;
	unsigned n = 1;
	int r;

	put_three();
	work_init(&w, "three");
	hash_all(&w);
	do {
		nomem_in = n++;
		r = pack_new(&pack, w.scan);
		assert_true(r == 0 || (r == -ENOMEM && !pack));
	} while (r < 0);
	assert_in_range(n, 4, 10);
	pack_free(pack);
	for (n = 1, r = -1; r < 0; n++) {
		nomem_in = n;
		r = source_tree_new(&tree, w.pack, &w.sums);
		assert_true(r == 0 || (r == -ENOMEM && !tree));
	}
	source_tree_free(tree);
	for (n = 1, r = -1; r < 0; n++) {
		nomem_in = n;
		r = pack_dedup(w.pack, &w.sums);
		nomem_in = 0;
		assert_true(r == 0 || r == -ENOMEM);
		if (r == 0) /* two small ones, and one of the equal ones */
			assert_int_equal(w.sums.n, 3);
		work_fini(&w);
		work_init(&w, "three");
		hash_all(&w);
	}
	work_fini(&w);
	pack_free(NULL);
	source_tree_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees),
		cmocka_unit_test(digests_first),
		cmocka_unit_test(nothing_to_send),
		cmocka_unit_test(zeros_take_no_content),
		cmocka_unit_test(a_changed_file_is_lost_alone),
		cmocka_unit_test(files_that_go_are_named_once),
		cmocka_unit_test(a_late_change_does_not_alter_digests),
		cmocka_unit_test(many_open_files),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests_name("pack", tests, pack_rig_make, pack_rig_remove);
}
