/* txblock.c - tests of proto/txblock. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/nomem.h"

#include "proto/txblock.h"

#define K      8
#define PARITY 4
#define LEN    10
#define BUFFER ((size_t)(K + PARITY) * LEN)

static struct txblocks blocks_of(uint32_t bufs)
{
	struct txblocks s = { 0 };

	assert_int_equal(txblocks_init(&s, bufs * BUFFER, K, K + PARITY, LEN), 0);
	assert_int_equal(s.n_bufs, bufs);
	return s;
}

/* A block whose first transmission ended at `at`. */
static struct txblock *sent_block(struct txblocks *s, uint64_t key, nsec_t at)
{
	struct txblock *b = txblocks_get(s, key, K);

	assert_non_null(b);
	assert_true(txblocks_attach(s, b));
	b->state = TXBLOCK_READY;
	b->sent_at = at;
	return b;
}

static void init_refuses(void **state)
{
	struct txblocks s = { 0 };

	assert_int_equal(txblocks_init(&s, 1000, 0, 4, LEN), -EINVAL);
	assert_int_equal(txblocks_init(&s, 1000, 5, 4, LEN), -EINVAL);
	assert_int_equal(txblocks_init(&s, 1000, K, K + PARITY, 0), -EINVAL);
	for (unsigned n = 1; n <= 6; n++) {
		nomem_in = n;
		assert_int_equal(txblocks_init(&s, 1000, K, K + PARITY, LEN), -ENOMEM);
	}
	nomem_in = 0;
}

static void memory_is_bounded(void **state)
{
	static const struct {
		size_t memory;
		uint32_t bufs;
	} v[] = {
		{ 0, 4 },
		{ 5 * BUFFER - 1, 4 },
		{ 5 * BUFFER, 5 },
		{ SIZE_MAX, 8192 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct txblocks s = { 0 };

		assert_int_equal(txblocks_init(&s, v[i].memory, K, K + PARITY, LEN), 0);
		assert_int_equal(s.n_bufs, v[i].bufs);
		assert_int_equal(s.n_free_bufs, v[i].bufs);
		assert_true(s.cap >= 4 * s.n_bufs && s.cap <= UINT16_MAX + 1);
		txblocks_fini(&s);
	}
}

static void the_parity_in_memory_is_bounded(void **state)
{
	struct txblocks s = { 0 };

	assert_int_equal(txblocks_init(&s, 0, 64, 64 + 100, LEN), 0);
	assert_int_equal(s.parity_cap, TXBLOCK_PARITY_CAP);
	txblocks_fini(&s);
	assert_int_equal(txblocks_init(&s, 0, 64, 64, LEN), 0);
	assert_int_equal(s.parity_cap, 0);
	txblocks_fini(&s);
}

static void blocks_are_walked_by_key(void **state)
{
	static const uint64_t keys[] = { 50, 10, 90, 30, 70 };
	struct txblocks s = blocks_of(4);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(txblocks_get(&s, keys[i], K)->key, keys[i]);
	assert_int_equal(s.n, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(txblocks_at(&s, i)->key, 10 + 20 * i);
	assert_int_equal(txblocks_lower_bound(&s, 0), 0);
	assert_int_equal(txblocks_lower_bound(&s, 30), 1);
	assert_int_equal(txblocks_lower_bound(&s, 31), 2);
	assert_int_equal(txblocks_lower_bound(&s, 91), 5);
	assert_null(txblocks_find(&s, 31));
	assert_null(txblocks_find(&s, 91));
	assert_ptr_equal(txblocks_get(&s, 30, K), txblocks_find(&s, 30));
	assert_int_equal(s.n, 5);

	txblocks_drop(&s, txblocks_find(&s, 50));
	assert_null(txblocks_find(&s, 50));
	assert_int_equal(txblocks_at(&s, 2)->key, 70);
	assert_int_equal(s.n, 4);
	txblocks_fini(&s);
}

static void every_state_is_used_and_no_more(void **state)
{
	struct txblocks s = blocks_of(4);

	for (uint32_t i = 0; i < s.cap; i++)
		assert_non_null(txblocks_get(&s, 2 * i, K));
	assert_null(txblocks_get(&s, 1, K));
	assert_non_null(txblocks_get(&s, 2, K));
	txblocks_drop(&s, txblocks_find(&s, 100));
	assert_non_null(txblocks_get(&s, 1, K));
	assert_null(txblocks_get(&s, 3, K));
	txblocks_fini(&s);
}

static void a_used_state_is_new_again(void **state)
{
	struct txblocks s = blocks_of(4);
	struct txblock *b = sent_block(&s, 5, 1000);

	b->parity_sent = b->parity_target = 3;
	bitmap_set(&b->want, K + PARITY - 1);
	txblocks_drop(&s, b);
	assert_int_equal(s.n_free_bufs, 4);
	b = txblocks_get(&s, 6, 2);
	assert_int_equal(b->state, TXBLOCK_IDLE);
	assert_int_equal(b->buf, -1);
	assert_int_equal(b->k, 2);
	assert_int_equal(b->parity_target, 0);
	assert_int_equal(b->want.count, 0);
	assert_int_equal(b->want.n, K + PARITY);
	assert_false(bitmap_has(&b->want, K + PARITY - 1));
	assert_false(txblock_pending(b));
	txblocks_fini(&s);
}

static void pending_is_a_wish_or_parity_below_the_target(void **state)
{
	struct txblocks s = blocks_of(4);
	struct txblock *b = txblocks_get(&s, 5, K);

	assert_false(txblock_pending(b));
	bitmap_set(&b->want, 0);
	assert_true(txblock_pending(b));
	bitmap_clear(&b->want, 0);
	b->parity_target = 1;
	assert_true(txblock_pending(b));
	b->parity_sent = 1;
	assert_false(txblock_pending(b));
	txblocks_fini(&s);
}

static void a_buffer_comes_from_the_block_sent_longest_ago(void **state)
{
	struct txblocks s = blocks_of(6);
	struct txblock *b;

	bitmap_set(&sent_block(&s, 1, 100)->want, 0);    /* owes something */
	sent_block(&s, 2, 200)->encoding = true;         /* work is out */
	sent_block(&s, 3, 300)->fresh = true;            /* not all sent yet */
	sent_block(&s, 4, 400)->state = TXBLOCK_READING; /* work is out */
	sent_block(&s, 5, 600);
	sent_block(&s, 6, 500);
	assert_int_equal(s.n_free_bufs, 0);

	b = txblocks_get(&s, 10, K);
	assert_true(txblocks_attach(&s, b));
	assert_int_equal(b->state, TXBLOCK_EMPTY);
	assert_null(txblocks_find(&s, 6));
	b = txblocks_get(&s, 11, K);
	assert_true(txblocks_attach(&s, b));
	assert_null(txblocks_find(&s, 5));
	b = txblocks_get(&s, 12, K);
	assert_false(txblocks_attach(&s, b));
	assert_int_equal(b->state, TXBLOCK_IDLE);
	assert_int_equal(b->buf, -1);
	for (uint64_t key = 1; key <= 4; key++)
		assert_non_null(txblocks_find(&s, key));
	txblocks_fini(&s);
}

static void memories_do_not_overlap(void **state)
{
	struct txblocks s = blocks_of(4);
	const struct txblock *b[4];

	for (uint64_t i = 0; i < 4; i++) {
		b[i] = sent_block(&s, i, 1);
		memset(txblock_source(&s, b[i]), (int)(2 * i), K * LEN);
		memset(txblock_parity(&s, b[i]), (int)(2 * i + 1), PARITY * LEN);
	}
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(txblock_source(&s, b[i])[0], 2 * i);
		assert_int_equal(txblock_source(&s, b[i])[K * LEN - 1], 2 * i);
		assert_int_equal(txblock_parity(&s, b[i])[PARITY * LEN - 1], 2 * i + 1);
	}
	txblocks_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_refuses),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(the_parity_in_memory_is_bounded),
		cmocka_unit_test(blocks_are_walked_by_key),
		cmocka_unit_test(every_state_is_used_and_no_more),
		cmocka_unit_test(a_used_state_is_new_again),
		cmocka_unit_test(pending_is_a_wish_or_parity_below_the_target),
		cmocka_unit_test(a_buffer_comes_from_the_block_sent_longest_ago),
		cmocka_unit_test(memories_do_not_overlap),
	};

	return cmocka_run_group_tests_name("txblock", tests, NULL, NULL);
}
