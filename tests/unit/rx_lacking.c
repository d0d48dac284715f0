/* rx_lacking.c - tests of proto/rx: what is asked for of objects that are here in part. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/hold_rig.h"

/* --- what is asked for --- */

static void what_was_lacking_is_asked_for_by_name(void **state)
{
	struct rx_rig r;

	begin(&r, false, 5);
	rig_hold(&r, 0, 0, 200);
	rig_hold(&r, 0, 300, 600);           /* block 0 but 2, block 1 but 1-7 */
	rig_hold(&r, 0, 4 * RIG_BLOCK, 300); /* block 4 but 3-7 */
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(0.0.2 0.1.1-7 b0.2-3 0.4.3-7) ");
	rig_data(&r, 0, 0, 2);
	for (uint16_t i = 1; i < 6; i++)
		rig_repair(&r, 0, 1, i, 0);
	rig_repair(&r, 0, 4, 3, 0);
	rig_repair(&r, 0, 4, 4, 0);
	/* what was lost of it: by parity */
	assert_string_equal(rig_run(&r, 250 * MS), "");
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(0.1.8 0.1.9 b0.2-3 0.4.8-10) ");
	rig_fini(&r);
}

static void large_blocks_are_asked_for_by_name(void **state)
{
	struct rx_rig r;

	begin(&r, true, 3);
	rig_hold(&r, 0, 0, 30 * RIG_E);
	rig_hold(&r, 0, 35 * RIG_E, 30 * RIG_E); /* 25 of block 1 */
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(0.0.30-34 0.1.25-39 b0.2) ");
	for (uint16_t i = 30; i < 34; i++)
		rig_repair(&r, 0, 0, i, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "N(0.0+1) ");
	rig_repair(&r, 0, 0, K, 1);
	assert_int_equal(rx_front(r.rx, 0), (uint64_t)K * RIG_E);
	rig_fini(&r);
}

/* What of it is here takes none of the memory yet, and what comes will. */
static void no_more_large_blocks_are_named_than_there_is_room(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.memory = 4 * 16 * RIG_E; /* 8 states */
	begin_conf(&r, &conf, PHASE_CATCHUP, true, 30);
	for (uint64_t sbn = 0; sbn < 3; sbn++)
		rig_hold(&r, 0, sbn * K * RIG_E, 39 * RIG_E);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(0.0.39 0.1.39 0.2.39 b0.3-7) ");
	rig_fini(&r);
}

/* Another receiver's repair began the block. */
static void what_others_asked_for_does_not_end_it(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;

		begin(&r, large, 2);
		rig_hold(&r, 0, 0, 500);
		rig_repair(&r, 0, 0, 6, 0);
		rig_flush(&r, 0, RIG_NODE);
		assert_string_equal(rig_see(&r),
				    large ? "N(0.0.5 0.0.7-39 b0.1) " : "N(0.0.5 0.0.7 b0.1) ");
		rig_fini(&r);
	}
}

/* The sender repairs for others what it will come to for us, too. */
static void what_was_not_served_yet_is_named_again(void **state)
{
	for (int large = 0; large < 2; large++) {
		struct rx_rig r;

		begin(&r, large, 3);
		rig_flush(&r, 0, RIG_NODE);
		assert_string_equal(rig_see(&r), "N(b0.0-2) ");
		rig_repair(&r, 0, 1, 2, 0);
		assert_string_equal(rig_run(&r, 2 * r.grtt),
				    large ? "N(0.1.0 0.1.1 0.1.3-39) " : "");
		r.now += large ? 0 : 250 * MS;
		rig_flush(&r, 0, RIG_NODE);
		assert_string_equal(rig_see(&r), large ? "N(b0.0 b0.2) "
						       : "N(b0.0 0.1.0 0.1.1 0.1.3-7 b0.2) ");
		rig_fini(&r);
	}
}

/* The end of a large block is not lost, though little is lacking by then; what is behind it
 * was. */
static void the_end_of_what_is_served_is_named_again(void **state)
{
	static const struct {
		uint16_t came;
		const char *asked;
	} v[] = { { 30, "N(0.0.3 0.0.30-39) " },
		  { 31, "N(0.0.3 0.0.31-39) " },
		  { 32, "N(0.0+9) " } };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct rx_rig r;

		begin(&r, true, 1);
		rig_flush(&r, 0, RIG_NODE);
		assert_string_equal(rig_see(&r), "N(b0.0) ");
		for (uint16_t esi = 0; esi < v[i].came; esi++)
			if (esi != 3)
				rig_repair(&r, 0, 0, esi, 0);
		assert_string_equal(rig_run(&r, 2 * r.grtt), v[i].asked);
		rig_fini(&r);
	}
}

/* Four messages tell 25 ranges each; the next ones leave as what the third asked for comes. */
static void more_is_asked_for_as_it_comes(void **state)
{
	struct rx_rig r;
	unsigned n = 0;

	begin(&r, false, 100);
	for (uint32_t i = 0; i < 100; i++)
		rig_hold(&r, 0, i * RIG_BLOCK + 100, 300);
	rig_flush(&r, 0, RIG_NODE);
	for (const char *s = rig_see(&r); *s; s++)
		n += *s == 'N';
	assert_int_equal(n, 4);
	rig_repair(&r, 0, 0, 0, 0);
	assert_string_equal(rig_see(&r), "");
	for (uint32_t sbn = 1; !*rig_see(&r); sbn++) {
		assert_in_range(sbn, 1, 40);
		rig_repair(&r, 0, sbn, 0, 0);
	}
	n = 0;
	for (const char *s = r.text; *s; s++)
		n += *s == 'N';
	assert_int_equal(n, 4);
	rig_fini(&r);
}

/* What is lost of the first transmission is replaced by parity, held or not. */
static void losses_of_new_data_are_not_named(void **state)
{
	struct rx_rig r;

	begin_in(&r, PHASE_RUN, false, 2);
	rig_hold(&r, 0, 0, 300);
	rig_block_without(&r, 0, 0, 0xf0 & ~0x80);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8-10) ");
	rig_fini(&r);

	/* nothing of it came: later, by name */
	begin_in(&r, PHASE_RUN, false, 3);
	rig_hold(&r, 0, 0, 300);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_run(&r, 100 * MS), "");
	in_phase(&r, PHASE_CATCHUP);
	assert_string_equal(rig_see(&r), "N(0.0.3-7 0.1.5-7 0.1.8-11 b0.2) ");
	rig_fini(&r);
}

/* --- early objects --- */

static void in_run(struct rx_rig *r, uint8_t n_early, uint16_t object)
{
	rig_probe(r,
		  (struct probe){ .phase = PHASE_RUN,
				  .n_early = n_early,
				  .end_object = 3,
				  .position_object = object,
				  .floor_object = object },
		  true, false);
}

/* Who comes late needs the first objects to make use of the last. */
static void early_objects_are_asked_for_at_once(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.size[0] = 2 * RIG_BLOCK;
	r.size[1] = r.size[2] = 3 * RIG_BLOCK;
	rig_join(&r);
	in_run(&r, 0, 2);
	assert_string_equal(rig_run(&r, 100 * MS), "");
	in_run(&r, 1, 2);
	assert_string_equal(rig_see(&r), "N(o0) ");
	rig_info(&r, 0, "info");
	assert_string_equal(rig_run(&r, 2 * r.grtt), "");
	in_run(&r, 1, 2);
	assert_string_equal(rig_see(&r), "N(b0.0-1) ");
	assert_string_equal(rig_run(&r, r.grtt), "");
	rig_repair(&r, 0, 0, 3, 0);
	assert_string_equal(rig_run(&r, 3 * r.grtt / 2), "");
	in_run(&r, 1, 2); /* it is being served */
	assert_string_equal(rig_run(&r, r.grtt / 2), "");
	in_run(&r, 1, 2);
	assert_string_equal(rig_see(&r), "N(0.0.0-2 0.0.4-7 b0.1) ");
	in_run(&r, 2, 2);
	rig_blocks(&r, 0, 0, 2);
	assert_string_equal(rig_run(&r, 100 * MS), "");
	in_run(&r, 2, 2); /* one more was settled */
	assert_string_equal(rig_see(&r), "N(o1) ");
	rig_blocks(&r, 1, 0, 3);
	rig_info(&r, 2, "info");
	rig_data(&r, 2, 2, 0); /* what was missed of the last one can wait */
	in_run(&r, 2, 2);
	assert_string_equal(rig_run(&r, 300 * MS), "");
	rig_fini(&r);
}

static void large_early_objects_are_asked_for_at_once(void **state)
{
	struct rx_rig r;

	begin_in(&r, PHASE_RUN, true, 2);
	in_run(&r, 1, 1);
	assert_string_equal(rig_see(&r), "N(b0.0-1) ");
	for (uint16_t i = 0; i < K - 1; i++)
		rig_repair(&r, 0, 0, i, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "N(0.0+1) ");
	rig_fini(&r);
}

/* --- busy --- */

static void who_is_busy_asks_for_nothing(void **state)
{
	struct rx_rig r;

	begin(&r, false, 3);
	rx_set_busy(r.rx, r.now, true);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.2.7b ");
	assert_int_equal(r.m.ext.holdings.lacks, UINT16_MAX);
	rx_set_holds(r.rx, true);
	rig_data(&r, 0, 0, 0);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_run(&r, 500 * MS), "");
	rig_hold(&r, 0, 0, r.size[0] - 100);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.2.7hb ");
	/* the last two symbols, the second of half length: 150 of 2350 bytes, rounded up */
	assert_int_equal(r.m.ext.holdings.lacks, (150 * 65535 + 2349) / 2350);
	rx_set_busy(r.rx, r.now, false);
	assert_string_equal(rig_see(&r), "N(0.2.6 0.2.7) ");
	rig_repair(&r, 0, 2, 6, 0);
	rig_repair(&r, 0, 2, 7, 0);
	assert_string_equal(rig_see(&r), "AF0.2.7h ");
	assert_int_equal(r.m.ext.holdings.lacks, 0);
	rig_fini(&r);
}

static void large_blocks_wait_for_who_is_busy(void **state)
{
	struct rx_rig r;

	begin(&r, true, 2);
	for (uint16_t i = 0; i < K - 2; i++)
		rig_repair(&r, 0, 0, i, 0);
	rx_set_busy(r.rx, r.now, true);
	assert_string_equal(rig_run(&r, 900 * MS), "");
	rx_set_busy(r.rx, r.now, false);
	assert_string_equal(rig_see(&r), "N(0.0+2) N(b0.1) ");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_lacking_is_asked_for_by_name),
		cmocka_unit_test(large_blocks_are_asked_for_by_name),
		cmocka_unit_test(no_more_large_blocks_are_named_than_there_is_room),
		cmocka_unit_test(what_others_asked_for_does_not_end_it),
		cmocka_unit_test(what_was_not_served_yet_is_named_again),
		cmocka_unit_test(the_end_of_what_is_served_is_named_again),
		cmocka_unit_test(more_is_asked_for_as_it_comes),
		cmocka_unit_test(losses_of_new_data_are_not_named),
		cmocka_unit_test(early_objects_are_asked_for_at_once),
		cmocka_unit_test(large_early_objects_are_asked_for_at_once),
		cmocka_unit_test(who_is_busy_asks_for_nothing),
		cmocka_unit_test(large_blocks_wait_for_who_is_busy),
	};

	return cmocka_run_group_tests_name("rx_lacking", tests, NULL, NULL);
}
