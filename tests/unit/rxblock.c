/* rxblock.c - tests of proto/rxblock. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/nomem.h"

#include "proto/rxblock.h"

#define K   4
#define LEN 3

/* Room for `bufs` blocks with their states. */
static struct rxblocks blocks_of(uint32_t bufs)
{
	struct rxblocks s = { 0 };
	size_t memory = 1;

	while (s.n_bufs < bufs) {
		rxblocks_fini(&s);
		memory += K * LEN;
		if (rxblocks_init(&s, memory, K, LEN) < 0)
			s.n_bufs = 0;
	}
	assert_int_equal(s.n_bufs, bufs);
	return s;
}

static struct rxblock *block(struct rxblocks *s, uint64_t key, nsec_t heard_at)
{
	struct rxblock *b = rxblocks_get(s, key, K, LEN);

	assert_non_null(b);
	b->heard_at = heard_at;
	return b;
}

static bool store(const struct rxblocks *s, struct rxblock *b, uint32_t esi)
{
	uint8_t data[LEN];

	memset(data, (int)esi + 1, sizeof(data));
	return rxblock_store(s, b, esi, data, sizeof(data));
}

/* What lies in the slots: "0 5 - 3 ", and whether each holds its symbol's bytes. */
static const char *slots(const struct rxblocks *s, const struct rxblock *b)
{
	static char text[64];
	size_t len = 0;

	for (uint32_t i = 0; i < b->k; i++) {
		bool none = b->esi[i] == RXBLOCK_NO_SYMBOL;

		len += (size_t)snprintf(text + len, sizeof(text) - len, none ? "- " : "%u ",
					b->esi[i]);
		if (!none && !bitmap_has(&b->disk, i))
			assert_int_equal(rxblock_data(s, b)[i * LEN + LEN - 1], b->esi[i] + 1);
	}
	return text;
}

static void init_refuses(void **state)
{
	struct rxblocks s = { 0 };

	assert_int_equal(rxblocks_init(&s, 2 * K * LEN - 1, K, LEN), -EFBIG);
	assert_int_equal(rxblocks_init(&s, 0, K, LEN), -EFBIG);
	assert_false(rxblocks_fit(&s, 1, 1));
	for (unsigned n = 1; n <= 7; n++) {
		nomem_in = n;
		assert_int_equal(rxblocks_init(&s, 100000, K, LEN), -ENOMEM);
		assert_false(rxblocks_fit(&s, 1, 1));
	}
	nomem_in = 0;
}

/* Whatever the shape that a sender announces, memory for symbols and all states stays within
 * the bound. */
static void memory_is_bounded(void **state)
{
	static const struct {
		uint32_t k;
		size_t len;
	} v[] = {
		{ 1, 1 }, { 64, 1400 }, { 255, 1 }, { 32768, 1 }, { 1, 65000 }, { 32768, 100 },
	};
	static const size_t bound = 10000000;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct rxblocks s = { 0 };

		nomem_bytes = 0;
		assert_int_equal(rxblocks_init(&s, bound, v[i].k, v[i].len), 0);
		assert_true(s.n_bufs >= 2 && s.cap <= UINT16_MAX + 1);
		assert_in_range(nomem_bytes, 1, bound);
		rxblocks_fini(&s);
	}
}

static void only_shapes_that_fit_get_a_block(void **state)
{
	static const struct {
		uint32_t k, len;
		bool fits;
	} v[] = {
		{ K, LEN, true },    { 1, LEN, true },      { 1, K * LEN, true },
		{ K + 1, 1, false }, { K, LEN + 1, false }, { 1, K * LEN + 1, false },
	};
	struct rxblocks s = blocks_of(8);

	for (uint32_t i = 0; i < ARRAY_LEN(v); i++) {
		assert_int_equal(rxblocks_fit(&s, v[i].k, v[i].len), v[i].fits);
		assert_int_equal(rxblocks_get(&s, i, v[i].k, v[i].len) != NULL, v[i].fits);
	}
	rxblocks_fini(&s);
}

static void blocks_are_walked_by_key(void **state)
{
	static const uint64_t keys[] = { 50, 10, 90, 30, 70 };
	struct rxblocks s = blocks_of(5);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(block(&s, keys[i], 0)->key, keys[i]);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(rxblocks_at(&s, i)->key, 10 + 20 * i);
	assert_int_equal(rxblocks_lower_bound(&s, 30), 1);
	assert_int_equal(rxblocks_lower_bound(&s, 31), 2);
	assert_null(rxblocks_find(&s, 31));
	assert_ptr_equal(rxblocks_get(&s, 30, K, LEN), rxblocks_find(&s, 30));
	assert_null(rxblocks_get(&s, 31, K, LEN)); /* no buffer is free */
	rxblocks_drop(&s, rxblocks_find(&s, 50));
	assert_null(rxblocks_find(&s, 50));
	assert_int_equal(rxblocks_at(&s, 2)->key, 70);
	assert_non_null(rxblocks_get(&s, 31, K, LEN));
	rxblocks_fini(&s);
}

static void more_states_than_buffers_but_not_without_end(void **state)
{
	struct rxblocks s = blocks_of(2);
	uint64_t key = 0;

	for (; key < s.cap; key++) {
		struct rxblock *b = block(&s, key, 0);

		assert_true(store(&s, b, 0));
		rxblocks_spilled(&s, b);
	}
	assert_true(s.cap > s.n_bufs);
	assert_int_equal(s.n_free_bufs, 2);
	assert_null(rxblocks_get(&s, key, K, LEN));
	rxblocks_drop(&s, rxblocks_find(&s, 0));
	assert_non_null(rxblocks_get(&s, key, K, LEN));
	rxblocks_fini(&s);
}

static void source_symbols_have_their_places(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 0);
	const uint8_t zeros[LEN] = { 0 };

	memset(rxblock_data(&s, b), 0xff, K * LEN);
	assert_true(store(&s, b, 2));
	assert_true(store(&s, b, 0));
	assert_string_equal(slots(&s, b), "0 - 2 - ");
	assert_int_equal(rxblock_deficit(b), 2);
	assert_false(store(&s, b, 2)); /* again */
	assert_false(rxblock_store(&s, b, 3, zeros, LEN + 1));
	assert_true(rxblock_store(&s, b, 3, (const uint8_t *)"\4", 1)); /* zero-padded */
	assert_memory_equal(rxblock_data(&s, b) + 3 * LEN, "\4\0\0", LEN);
	assert_int_equal(rxblock_sources(b), 3);
	assert_true(store(&s, b, 1));
	assert_int_equal(rxblock_sources(b), K);
	assert_int_equal(rxblock_deficit(b), 0);
	assert_false(store(&s, b, K)); /* parity is of no use any more */
	rxblocks_fini(&s);
}

static void parity_stands_in_for_what_is_missing(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 0);

	assert_true(store(&s, b, K + 1));
	assert_string_equal(slots(&s, b), "- - - 5 ");
	assert_true(store(&s, b, 3)); /* its place is taken: the parity moves */
	assert_string_equal(slots(&s, b), "- - 5 3 ");
	assert_false(store(&s, b, K + 1));
	assert_true(store(&s, b, K));
	assert_string_equal(slots(&s, b), "- 4 5 3 ");
	assert_true(store(&s, b, 2));
	assert_string_equal(slots(&s, b), "5 4 2 3 ");
	assert_int_equal(rxblock_deficit(b), 0);
	assert_int_equal(rxblock_sources(b), 2);
	assert_false(store(&s, b, 0)); /* decoding will find it */
	rxblocks_fini(&s);
}

static void a_number_out_of_bounds_is_refused(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = rxblocks_get(&s, 1, 2, LEN); /* shorter than the largest */

	assert_true(store(&s, b, 2 + 253));
	assert_false(store(&s, b, 2 + 256));
	assert_false(store(&s, b, UINT32_MAX));
	rxblocks_fini(&s);
}

static void the_one_heard_longest_ago_spills(void **state)
{
	struct rxblocks s = blocks_of(6);
	struct rxblock *keep = block(&s, 1, 100);

	block(&s, 2, 200)->busy = true;
	block(&s, 3, 300)->state = RXBLOCK_DECODING;
	block(&s, 4, 400)->dead = true;
	block(&s, 5, 600);
	block(&s, 6, 500);
	assert_true(rxblocks_spill(&s, keep));
	assert_int_equal(rxblocks_find(&s, 6)->state, RXBLOCK_SPILLING);
	assert_true(rxblocks_spill(&s, keep));
	assert_int_equal(rxblocks_find(&s, 5)->state, RXBLOCK_SPILLING);
	assert_false(rxblocks_spill(&s, keep));
	assert_int_equal(keep->state, RXBLOCK_FILLING);
	assert_true(rxblocks_spill(&s, NULL));
	assert_int_equal(keep->state, RXBLOCK_SPILLING);
	rxblocks_fini(&s);
}

static void what_holds_parity_spills_last(void **state)
{
	struct rxblocks s = blocks_of(3);
	struct rxblock *old = block(&s, 1, 100);

	assert_true(store(&s, old, old->k));
	block(&s, 2, 200);
	block(&s, 3, 300);
	assert_true(rxblocks_spill(&s, NULL));
	assert_int_equal(rxblocks_find(&s, 2)->state, RXBLOCK_SPILLING);
	assert_true(rxblocks_spill(&s, NULL));
	assert_int_equal(rxblocks_find(&s, 3)->state, RXBLOCK_SPILLING);
	assert_true(rxblocks_spill(&s, NULL));
	assert_int_equal(old->state, RXBLOCK_SPILLING);
	rxblocks_fini(&s);
}

static void a_spilled_block_keeps_its_source_symbols(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 100);

	assert_true(store(&s, b, 1));
	assert_true(store(&s, b, K));
	assert_true(store(&s, b, K + 7));
	bitmap_set(&b->disk, 1); /* it was written */
	rxblocks_spilled(&s, b);
	assert_int_equal(b->state, RXBLOCK_SPILLED);
	assert_int_equal(b->buf, -1);
	assert_int_equal(rxblock_deficit(b), 3);
	assert_true(bitmap_has(&b->have, 1));

	block(&s, 2, 0);
	block(&s, 3, 0);
	assert_false(rxblocks_attach(&s, b));
	rxblocks_drop(&s, rxblocks_find(&s, 2));
	b = rxblocks_find(&s, 1);
	assert_true(rxblocks_attach(&s, b));
	assert_int_equal(b->state, RXBLOCK_FILLING);
	assert_false(store(&s, b, 1));
	for (uint32_t esi = 0; esi < K; esi++)
		assert_int_equal(store(&s, b, esi), esi != 1);
	assert_int_equal(rxblock_deficit(b), 0);
	assert_int_equal(rxblock_sources(b), K);
	assert_int_equal(b->disk.count, 1); /* that one is not in memory */
	rxblocks_fini(&s);
}

static void what_is_on_disk_needs_no_slot(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 0);

	assert_true(store(&s, b, K)); /* lies in slot 3, */
	rxblock_hold(&s, b, 3);       /* makes way, */
	assert_string_equal(slots(&s, b), "- - 4 3 ");
	rxblock_hold(&s, b, 0);
	rxblock_hold(&s, b, 0);
	assert_int_equal(rxblock_deficit(b), 1);
	assert_true(store(&s, b, 1));
	assert_int_equal(rxblock_deficit(b), 0);
	rxblock_hold(&s, b, 2); /* and goes when nothing is lacking */
	assert_string_equal(slots(&s, b), "0 1 2 3 ");
	assert_int_equal(b->have.count, K);
	assert_int_equal(rxblock_sources(b), K);
	rxblock_hold(&s, b, 1); /* it need not be written */
	assert_int_equal(b->disk.count, K);
	rxblocks_fini(&s);
}

static void a_spilled_block_gives_parity_up_for_what_is_on_disk(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 0);

	store(&s, b, 0);
	store(&s, b, K);
	assert_true(rxblocks_spill(&s, NULL));
	rxblock_hold(&s, b, 3);
	assert_string_equal(slots(&s, b), "0 - - 3 ");
	assert_int_equal(rxblock_deficit(b), 2);
	bitmap_set(&b->disk, 0); /* it was written */
	rxblocks_spilled(&s, b);
	rxblock_hold(&s, b, 1);
	assert_int_equal(rxblock_deficit(b), 1);
	assert_int_equal(b->disk.count, 3);
	rxblocks_fini(&s);
}

static void what_proved_wrong_is_lacking(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 0);

	store(&s, b, 0);
	rxblock_hold(&s, b, 1);
	rxblock_unhold(b, 0); /* not on disk: nobody can have seen it */
	rxblock_unhold(b, 1);
	rxblock_unhold(b, 2);
	assert_string_equal(slots(&s, b), "0 - - - ");
	assert_int_equal(rxblock_deficit(b), K - 1);
	assert_int_equal(b->disk.count, 0);
	assert_true(store(&s, b, 1));
	rxblocks_fini(&s);
}

static void a_used_state_is_new_again(void **state)
{
	struct rxblocks s = blocks_of(2);
	struct rxblock *b = block(&s, 1, 100);

	store(&s, b, 0);
	store(&s, b, K + 200);
	bitmap_set(&b->disk, 0);
	b->parity_target = 9;
	b->dead = b->busy = true;
	rxblocks_drop(&s, b);
	assert_int_equal(s.n_free_bufs, 2);
	b = rxblocks_get(&s, 2, 3, 4);
	assert_int_equal(b->state, RXBLOCK_FILLING);
	assert_int_equal(b->symbol_len, 4);
	assert_int_equal(rxblock_deficit(b), 3);
	assert_int_equal(rxblock_sources(b), 0);
	assert_int_equal(b->disk.count, 0);
	assert_int_equal(b->parity_target, 0);
	assert_false(b->dead || b->busy);
	rxblocks_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_refuses),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(only_shapes_that_fit_get_a_block),
		cmocka_unit_test(blocks_are_walked_by_key),
		cmocka_unit_test(more_states_than_buffers_but_not_without_end),
		cmocka_unit_test(source_symbols_have_their_places),
		cmocka_unit_test(parity_stands_in_for_what_is_missing),
		cmocka_unit_test(a_number_out_of_bounds_is_refused),
		cmocka_unit_test(the_one_heard_longest_ago_spills),
		cmocka_unit_test(what_holds_parity_spills_last),
		cmocka_unit_test(a_spilled_block_keeps_its_source_symbols),
		cmocka_unit_test(what_is_on_disk_needs_no_slot),
		cmocka_unit_test(a_spilled_block_gives_parity_up_for_what_is_on_disk),
		cmocka_unit_test(what_proved_wrong_is_lacking),
		cmocka_unit_test(a_used_state_is_new_again),
	};

	return cmocka_run_group_tests_name("rxblock", tests, NULL, NULL);
}
