/* rx_hold.c - tests of proto/rx: bytes that the store has already, and what is stored. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/hold_rig.h"

#include "proto/piece.h"

static void assert_next(const struct rx_rig *r, uint64_t from, uint64_t pos, uint64_t len)
{
	uint64_t n;

	assert_true(rx_stored_next(r->rx, 0, &from, &n));
	assert_int_equal(from, pos);
	assert_int_equal(n, len);
}

/* "0-100 300-400 ": what is stored, as rx_stored_next() tells, from wherever it begins. */
static const char *stored(struct rx_rig *r)
{
	static char text[1024];
	uint64_t pos = 0, len = 0, before = 0;
	size_t n = 0;

	text[0] = '\0';
	while (rx_stored_next(r->rx, 0, &pos, &len)) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u-%u ", (unsigned)pos,
				      (unsigned)(pos + len));
		assert_true(len > 0 && n < sizeof(text));
		if (pos > before)
			assert_next(r, pos - 1, pos, len);
		assert_next(r, pos + len / 2, pos + len / 2, len - len / 2);
		assert_next(r, pos + len - 1, pos + len - 1, 1);
		pos += len;
		before = pos;
	}
	return text;
}

/* --- what counts as received --- */

static void an_object_that_is_held_is_complete(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;

		begin(&r, large, 3);
		rig_hold(&r, 0, 0, r.size[0] / 2);
		assert_string_equal(rig_events(&r), "");
		rig_hold(&r, 0, r.size[0] / 2 - RIG_E, r.size[0]);
		assert_string_equal(rig_events(&r), "C0 F ");
		assert_int_equal(rx_status(r.rx).received, r.size[0]);
		assert_int_equal(rx_front(r.rx, 0), r.size[0]);
		assert_int_equal(r.n_written, 0);
		assert_next(&r, 0, 0, r.size[0]);
		rig_fini(&r);
	}
}

static void only_whole_symbols_are_held(void **state)
{
	static const struct {
		unsigned off, len;
		const char *stored;
	} v[] = {
		{ 0, 0, "" },
		{ 0, 99, "" },
		{ 0, 100, "0-100 " },
		{ 1, 199, "100-200 " },
		{ 1, 198, "" },
		{ 1500, 50, "1500-1550 " }, /* the last one is short */
		{ 1501, 49, "" },
		{ 1450, 5000, "1500-1550 " },
		{ 1550, 1, "" },
		{ 9999, 1, "" },
		{ 250, 1000, "300-1200 " },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct rx_rig r;

		begin(&r, false, 2);
		rig_hold(&r, 0, v[i].off, v[i].len);
		assert_string_equal(stored(&r), v[i].stored);
		assert_string_equal(rig_events(&r), "");
		rig_fini(&r);
	}
}

static void bytes_count_once(void **state)
{
	struct rx_rig r;

	begin(&r, false, 3);
	rig_hold(&r, 0, 100, 900);
	assert_int_equal(rx_status(r.rx).received, 900);
	rig_hold(&r, 0, 200, 900);
	assert_int_equal(rx_status(r.rx).received, 1000);
	rig_data(&r, 0, 0, 0);
	assert_int_equal(rx_status(r.rx).received, 1100);
	assert_int_equal(rx_front(r.rx, 0), RIG_BLOCK);
	rig_hold(&r, 0, 0, 1100);
	assert_int_equal(rx_status(r.rx).received, 1100);
	rig_block_without(&r, 0, 1, 7);
	assert_int_equal(rx_status(r.rx).received, 1600);
	assert_string_equal(stored(&r), "0-1600 ");
	rig_block_without(&r, 0, 2, 0);
	assert_int_equal(rx_status(r.rx).received, r.size[0]);
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

static void who_is_not_in_progress_holds_nothing(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;
	uint64_t pos = 0, len;

	rig_init(&r, &conf);
	r.size[0] = RIG_BLOCK;
	r.ignore = true;
	rig_hold(&r, 0, 0, RIG_BLOCK);
	rig_info(&r, 0, "info");
	rig_hold(&r, 0, 0, RIG_BLOCK);
	assert_false(rx_stored_next(r.rx, 0, &pos, &len));
	assert_string_equal(rig_events(&r), "O0 ");
	rx_accept(r.rx, r.now, 0);
	assert_false(rx_stored_next(r.rx, 0, &pos, &len));
	pos = UINT64_MAX;
	assert_false(rx_stored_next(r.rx, 0, &pos, &len));
	rig_fini(&r);
}

/* The set is full: what does not fit is received. */
static void what_cannot_be_remembered_is_received(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.max_held = 2;
	rig_init(&r, &conf);
	r.size[0] = 2 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	rig_hold(&r, 0, 0, 100);
	rig_hold(&r, 0, 200, 100);
	rig_hold(&r, 0, 400, 100);
	rig_hold(&r, 0, 300, 100);
	assert_int_equal(rx_status(r.rx).received, 300);
	rig_blocks(&r, 0, 0, 2);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	assert_int_equal(rx_status(r.rx).received, r.size[0]);
	rig_fini(&r);
}

/* --- with what comes --- */

static void what_is_held_is_not_written(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;

		begin(&r, large, 2);
		rig_hold(&r, 0, 200, 300);
		rig_data(&r, 0, 0, 2); /* begins no block */
		assert_int_equal(rx_counters(r.rx)->duplicate, 1);
		rig_block_without(&r, 0, 0, 0);
		assert_int_equal(rx_counters(r.rx)->duplicate, 1 + 3);
		rig_block_without(&r, 0, 1, 0);
		assert_string_equal(rig_events(&r), "C0 F ");
		assert_int_equal(r.n_written, r.size[0] - 300);
		assert_int_equal(rx_counters(r.rx)->recovered, 0);
		rig_fini(&r);
	}
}

/* Held symbols are read back for the decoder. */
static void parity_stands_in_for_what_is_neither_held_nor_heard(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;
		uint16_t k;

		begin(&r, large, 1);
		k = r.block_len;
		rig_hold(&r, 0, 100, 200);
		rig_hold(&r, 0, (k - 2u) * RIG_E, 2 * RIG_E);
		for (uint16_t i = 4; i < k; i++)
			rig_data(&r, 0, 0, i);
		rig_repair(&r, 0, 0, k + 1, 2);
		assert_string_equal(rig_events(&r), "");
		rig_repair(&r, 0, 0, k + 2, 2);
		assert_string_equal(rig_events(&r), "C0 F ");
		assert_int_equal(rx_counters(r.rx)->recovered, 2);
		assert_int_equal(r.n_written, r.size[0] - 400 + RIG_E / 2);
		rig_fini(&r);
	}
}

/* Held when packets of the block have come already. */
static void holding_what_is_on_its_way(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;
		uint16_t k;

		begin(&r, large, 1);
		k = r.block_len;
		rig_data(&r, 0, 0, 0);
		rig_data(&r, 0, 0, 3);
		rig_repair(&r, 0, 0, k, 1);
		rig_hold(&r, 0, 200, 500);
		assert_string_equal(rig_events(&r), "");
		rig_hold(&r, 0, 0, r.size[0]);
		assert_string_equal(rig_events(&r), "C0 F ");
		assert_int_equal(rx_status(r.rx).received, r.size[0]);
		rig_fini(&r);
	}
}

static void a_spilled_block_holds(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.memory = 2 * RIG_BLOCK;
	rig_init(&r, &conf);
	r.size[0] = 6 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	for (uint32_t sbn = 0; sbn < 6; sbn++)
		rig_data(&r, 0, sbn, 3);
	for (uint32_t sbn = 0; sbn < 6; sbn++)
		rig_hold(&r, 0, sbn * RIG_BLOCK, 200);
	assert_int_equal(rx_status(r.rx).received, 1200);
	for (uint32_t sbn = 0; sbn < 6; sbn++) {
		rig_hold(&r, 0, sbn * RIG_BLOCK + 400, 400);
		rig_data(&r, 0, sbn, 2);
	}
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_fini(&r);
}

/* Whichever block it is of, what was written of it is stored, though the block is not done. */
static void a_part_of_any_block_is_stored(void **state)
{
	struct rx_conf conf = rig_conf();

	conf.memory = 32 * PIECE_SYMBOLS_MIN * RIG_E;
	for (uint32_t sbn = 0; sbn < 3; sbn++) {
		unsigned first = (sbn * K + 1) * RIG_E;
		struct rx_rig r;
		char want[40];

		rig_init_large(&r, &conf, K, PARITY);
		r.size[0] = 3 * K * RIG_E;
		r.keep = true;
		rig_info(&r, 0, "info");
		for (uint16_t i = 1; i < K; i++)
			rig_data(&r, 0, sbn, i);
		assert_true(r.n_written > PIECE_SYMBOLS_MIN * RIG_E);
		snprintf(want, sizeof(want), "%u-%u ", first, first + (unsigned)r.n_written);
		assert_string_equal(stored(&r), want);
		rig_fini(&r);
	}
}

/* Any order of holding, hearing and asking ends with the object's bytes. */
static void any_order(void **state)
{
	for (unsigned seed = 0; seed < 300; seed++) {
		struct rng rng = rng_init(seed);
		bool large = seed & 1;
		unsigned blocks = 1 + (unsigned)rng_below(&rng, 5);
		struct rx_conf conf = rig_conf();
		struct rx_rig r;
		struct layout l;

		if (large)
			rig_init_large(&r, &conf, K, PARITY);
		conf.memory = (seed & 2) ? 2 * RIG_BLOCK : 0;
		if (!large)
			rig_init(&r, &conf);
		r.size[0] = (uint64_t)blocks * r.block_len * RIG_E - 1;
		r.keep = true;
		rig_info(&r, 0, "info");
		l = rig_layout(&r, 0);
		for (unsigned i = 0; i < 20000 && !rx_status(r.rx).complete; i++) {
			uint32_t sbn = (uint32_t)rng_below(&rng, l.n_blocks);
			uint32_t k = layout_k(&l, sbn);

			if (rng_below(&rng, 4 * k) == 0)
				rig_hold(&r, 0, rng_below(&rng, r.size[0]),
					 rng_below(&rng, 5 * RIG_E));
			else if (rng_below(&rng, 10) == 0)
				rig_repair(&r, 0, sbn, (uint16_t)(k + rng_below(&rng, 4)), 4);
			else
				rig_data(&r, 0, sbn, (uint16_t)rng_below(&rng, k));
			if (i % 32 == 0)
				stored(&r);
		}
		assert_string_equal(rig_events(&r), "O0 C0 ");
		assert_int_equal(rx_status(r.rx).received, r.size[0]);
		rig_fini(&r);
	}
}

/* --- what proves wrong --- */

static void a_complete_object_is_asked_for_again(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;

		begin(&r, large, 3);
		rig_blocks(&r, 0, 0, 3);
		assert_string_equal(rig_events(&r), "C0 F ");
		rx_discard(r.rx, r.now, 0, 250, 100);
		rx_discard(r.rx, r.now, 0, r.size[0] - 1, 1);
		rx_discard(r.rx, r.now, 0, r.size[0], 1);
		rx_discard(r.rx, r.now, 0, 3, 0);
		assert_int_equal(rx_status(r.rx).received, r.size[0] - 250);
		assert_int_equal(rx_status(r.rx).complete, 0);
		assert_int_equal(rx_front(r.rx, 0), 0);
		assert_string_equal(stored(&r), large ? "0-200 400-11900 " : "0-200 400-2300 ");
		rig_flush(&r, 0, RIG_NODE);
		assert_string_equal(rig_see(&r),
				    large ? "N(0.0.2 0.0.3 0.2.39) " : "N(0.0.2 0.0.3 0.2.7) ");
		rig_repair(&r, 0, 0, 2, 0);
		rig_repair(&r, 0, 0, 3, 0);
		assert_string_equal(rig_events(&r), "");
		rig_repair(&r, 0, 2, r.block_len - 1, 0);
		assert_string_equal(rig_events(&r), "C0 F ");
		assert_string_equal(rig_see(&r), large ? "AF0.2.39 " : "AF0.2.7 ");
		rig_fini(&r);
	}
}

/* In progress: what is in memory only cannot have been seen. */
static void stored_symbols_are_lacking_again(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;

		begin(&r, large, 2);
		rig_hold(&r, 0, 100, 400);
		rig_data(&r, 0, 0, 5);
		rx_discard(r.rx, r.now, 0, 350, 1000);
		assert_int_equal(rx_status(r.rx).received, 200);
		assert_string_equal(stored(&r), "100-300 ");
		rig_block_without(&r, 0, 0, 0);
		rig_block_without(&r, 0, 1, 0);
		assert_string_equal(rig_events(&r), "C0 F ");
		assert_int_equal(r.n_written, r.size[0] - 200);
		rig_fini(&r);
	}
}

/* A symbol proves wrong while the block is being decoded with it. */
static void a_decoder_at_work_begins_anew(void **state)
{
	for (unsigned served = 0; served < 5; served++) {
		for (int large = 0; large < 2; large++) {
			struct rx_rig r;
			uint16_t k;

			begin(&r, large, 2);
			k = r.block_len;
			rig_hold(&r, 0, 0, (k - 2u) * RIG_E);
			rig_data(&r, 0, 0, k - 1);
			r.hold = true;
			rig_repair(&r, 0, 0, k, 1);
			for (unsigned i = 0; i < served && r.n_held; i++) {
				r.hold = false;
				rig_serve_one(&r);
				r.hold = true;
				rig_work(&r);
			}
			rx_discard(r.rx, r.now, 0, 0, 2 * RIG_E);
			r.hold = false;
			rig_work(&r);
			rig_repair(&r, 0, 0, 0, 0);
			rig_repair(&r, 0, 0, 1, 0);
			rig_repair(&r, 0, 0, k - 2, 0);
			rig_repair(&r, 0, 0, k - 1, 0);
			rig_block_without(&r, 0, 1, 0);
			assert_string_equal(rig_events(&r), "C0 F ");
			assert_int_equal(rx_status(r.rx).received, r.size[0]);
			rig_fini(&r);
		}
	}
}

/* Any bytes at any time; in the end the object is right. */
static void discarding_in_any_order(void **state)
{
	for (unsigned seed = 0; seed < 200; seed++) {
		struct rng rng = rng_init(seed);
		struct rx_rig r;
		struct layout l;
		unsigned times = 20;

		begin(&r, seed & 1, 1 + (unsigned)rng_below(&rng, 3));
		l = rig_layout(&r, 0);
		while (times || !rx_status(r.rx).complete) {
			uint32_t sbn = (uint32_t)rng_below(&rng, l.n_blocks);
			uint32_t k = layout_k(&l, sbn);

			r.hold = rng_below(&rng, 2) && r.n_held < 10;
			if (times && rng_below(&rng, 20) == 0) {
				rx_discard(r.rx, r.now, 0, rng_below(&rng, r.size[0]),
					   rng_below(&rng, 10 * RIG_E));
				times--;
			} else if (rng_below(&rng, 10) == 0) {
				rig_repair(&r, 0, sbn, (uint16_t)(k + rng_below(&rng, 4)), 4);
			} else {
				rig_data(&r, 0, sbn, (uint16_t)rng_below(&rng, k));
			}
		}
		r.hold = false;
		rig_work(&r);
		assert_int_equal(rx_status(r.rx).received, r.size[0]);
		assert_int_equal(rx_status(r.rx).complete, 1);
		assert_next(&r, 0, 0, r.size[0]);
		rig_fini(&r);
	}
}

static void what_was_released_stays_as_it_is(void **state)
{
	struct rx_rig r;

	begin(&r, false, 1);
	r.keep = false;
	rig_blocks(&r, 0, 0, 1);
	assert_string_equal(rig_events(&r), "C0 F ");
	rx_discard(r.rx, r.now, 0, 0, 100);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.0.7 ");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_that_is_held_is_complete),
		cmocka_unit_test(only_whole_symbols_are_held),
		cmocka_unit_test(bytes_count_once),
		cmocka_unit_test(who_is_not_in_progress_holds_nothing),
		cmocka_unit_test(what_cannot_be_remembered_is_received),
		cmocka_unit_test(what_is_held_is_not_written),
		cmocka_unit_test(parity_stands_in_for_what_is_neither_held_nor_heard),
		cmocka_unit_test(holding_what_is_on_its_way),
		cmocka_unit_test(a_spilled_block_holds),
		cmocka_unit_test(a_part_of_any_block_is_stored),
		cmocka_unit_test(any_order),
		cmocka_unit_test(a_complete_object_is_asked_for_again),
		cmocka_unit_test(stored_symbols_are_lacking_again),
		cmocka_unit_test(a_decoder_at_work_begins_anew),
		cmocka_unit_test(discarding_in_any_order),
		cmocka_unit_test(what_was_released_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("rx_hold", tests, NULL, NULL);
}
