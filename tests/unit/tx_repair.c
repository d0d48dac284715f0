/* tx_repair.c - tests of proto/tx: what NACKs bring about in our profile. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#define NODE  5
#define OTHER 6

/* Everything was sent once and heard by two receivers, longer ago than a round trip. */
static void all_sent(struct tx_rig *r, const struct tx_conf *conf, uint64_t blocks)
{
	rig_init(r, conf);
	rig_add(r, blocks * RIG_BLOCK);
	rig_announce(r, NODE);
	rig_announce(r, OTHER);
	tx_start(r->tx, r->now);
	r->show = 0;
	rig_see(r, 0);
	rig_run(r, 2 * r->grtt);
	r->show = SHOW_OBJECT | SHOW_SQUELCH;
	assert_int_equal(tx_counters(r->tx)->parity + tx_counters(r->tx)->again, 0);
}

static const char *asked(struct tx_rig *r, uint32_t node, struct request q)
{
	assert_int_equal(rig_nack(r, node, &q, 1), 0);
	return rig_see(r, r->show);
}

static void parity_is_fresh_and_no_more_than_asked_for(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf, 3);
	assert_string_equal(asked(&r, NODE, rig_segments(0, 1, 8, 9)), "R0.1.8/2 R0.1.9/2 ");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 1, 10, 10)), "R0.1.10/3 ");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 2, 8, 8)), "R0.2.8/1 ");
	assert_int_equal(tx_counters(r.tx)->parity, 4);
	assert_int_equal(tx_counters(r.tx)->nacks, 3);
	rig_fini(&r);
}

static void equal_requests_are_served_once(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request two = rig_segments(0, 1, 8, 9), three = rig_segments(0, 1, 8, 10);
	struct tx_rig r;

	all_sent(&r, &conf, 3);
	rig_nack(&r, NODE, &two, 1);
	rig_nack(&r, OTHER, &three, 1);
	rig_nack(&r, NODE, &two, 1);
	assert_string_equal(rig_see(&r, r.show), "R0.1.8/3 R0.1.9/3 R0.1.10/3 ");
	rig_fini(&r);
}

static void stale_requests_are_ignored_and_lost_repairs_replaced(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf, 3);
	asked(&r, NODE, rig_segments(0, 1, 8, 9));
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 1, 8, 8)), "");
	rig_run(&r, r.grtt - 1);
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 1, 8, 9)), "");
	rig_run(&r, 1);
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 1, 8, 9)), "R0.1.10/4 R0.1.11/4 ");

	/* as long as the repair is not over nothing of it counts as lost */
	rig_nack(&r, NODE, (struct request[]){ rig_segments(0, 2, 8, 10) }, 1);
	assert_true(rig_next(&r));
	assert_true(rig_next(&r));
	r.now += 2 * r.grtt;
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 2, 8, 9)), "R0.2.10/3 ");
	rig_fini(&r);
}

static void what_was_just_sent_first_is_not_sent_again(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, RIG_BLOCK);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	rig_see(&r, 0);
	r.show = SHOW_OBJECT;
	assert_string_equal(asked(&r, NODE, rig_blocks(0, 0, 0)), "");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 2, 2)), "");
	assert_string_equal(asked(&r, NODE, rig_info(0)), "");
	rig_run(&r, 2 * r.grtt);
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 2, 2)), "R0.0.2!/0 ");
	assert_string_equal(asked(&r, NODE, rig_info(0)), "I0 ");
	rig_fini(&r);
}

/* A receiver that heard none of a block's repair knows no better than to ask from the start. */
static void used_up_parity_is_sent_again_by_name(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct request q[2];

	all_sent(&r, &conf, 2);
	asked(&r, NODE, rig_segments(0, 0, 8, 11));
	rig_run(&r, r.grtt);
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 0, 8, 9)), "R0.0.8!/4 R0.0.9!/4 ");
	rig_run(&r, r.grtt);
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 0, 8, 9)), "R0.0.8!/4 R0.0.9!/4 ");
	/* who knows the target asks for source symbols */
	rig_run(&r, r.grtt);
	q[0] = rig_segments(0, 0, 3, 3);
	q[1] = rig_segments(0, 0, 5, 7);
	rig_nack(&r, NODE, q, 2);
	assert_string_equal(rig_see(&r, r.show), "R0.0.3!/4 R0.0.5!/4 R0.0.6!/4 R0.0.7!/4 ");
	assert_int_equal(tx_counters(r.tx)->again, 8);
	rig_fini(&r);
}

/* Only some parity lies in memory at a time. */
static void parity_is_computed_again(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.n_parity = 40;
	all_sent(&r, &conf, 1);
	r.show = 0;
	asked(&r, NODE, rig_segments(0, 0, 8, 47));
	assert_int_equal(tx_counters(r.tx)->parity, 40);
	rig_run(&r, r.grtt);
	r.show = SHOW_OBJECT;
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 0, 9, 10)),
			    "R0.0.9!/40 R0.0.10!/40 ");
	rig_fini(&r);
}

static void symbols_that_do_not_exist_change_nothing(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf, 2);
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 12, 12)), "");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 255, 255)), "");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 0, 255)), "");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 2, 0, 0)), "");
	assert_string_equal(asked(&r, NODE, rig_blocks(0, 2, 99)), "");
	assert_int_equal(tx_counters(r.tx)->refused, 3);
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 8, 8)), "R0.0.8/1 ");
	rig_run(&r, r.grtt);
	asked(&r, NODE, rig_segments(0, 0, 255, 255));
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 8, 8)), "R0.0.9/2 ");
	rig_fini(&r);
}

static void blocks_objects_and_info(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 6 * RIG_E);
	rig_add(&r, 10 * RIG_E);
	rig_add(&r, 0);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	rig_see(&r, 0);
	r.show = 0;
	rig_run(&r, 2 * r.grtt);
	r.show = SHOW_OBJECT | SHOW_SQUELCH;
	assert_string_equal(asked(&r, NODE, rig_blocks(1, 1, 1)),
			    "R1.1.0!/0 R1.1.1!/0 R1.1.2!/0 R1.1.3!/0 R1.1.4!/0 ");
	rig_run(&r, 2 * r.grtt);
	assert_string_equal(asked(&r, NODE, rig_objects(0, 0)),
			    "I0 R0.0.0!/0 R0.0.1!/0 R0.0.2!/0 R0.0.3!/0 R0.0.4!/0 R0.0.5!/0 ");
	assert_string_equal(asked(&r, NODE, rig_info(2)), "I2 ");
	assert_string_equal(asked(&r, NODE, rig_info(2)), "");
	rig_run(&r, 2 * r.grtt);
	assert_string_equal(asked(&r, NODE, rig_objects(2, 2)), "I2 ");
	rig_fini(&r);
}

static void info_beside_segments(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request q = rig_segments(0, 0, 8, 8);
	struct tx_rig r;

	all_sent(&r, &conf, 1);
	q.flags |= NACK_INFO;
	assert_string_equal(asked(&r, NODE, q), "I0 R0.0.8/1 ");
	rig_fini(&r);
}

static void what_was_not_sent_yet_is_not_repaired(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 2 * RIG_BLOCK);
	rig_add(&r, RIG_BLOCK);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	while (rig_next(&r) && (r.m.type != NORM_DATA || r.m.fpi.sbn == 0))
		;
	assert_int_equal(r.m.fpi.sbn, 1); /* in the middle of the second block */
	r.now += 2 * r.grtt;
	assert_int_equal(rig_nack(&r, NODE, (struct request[]){ rig_segments(0, 1, 0, 0) }, 1),
			 0);
	rig_nack(&r, NODE, (struct request[]){ rig_blocks(0, 1, 1), rig_segments(0, 1, 8, 9) },
		 2);
	rig_nack(&r, NODE, (struct request[]){ rig_blocks(1, 0, 0), rig_info(1) }, 2);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_SQUELCH),
			    "D0.1.1 D0.1.2 D0.1.3 D0.1.4 D0.1.5 D0.1.6 D0.1.7 I1 I1 "
			    "D1.0.0 D1.0.1 D1.0.2 D1.0.3 D1.0.4 D1.0.5 D1.0.6 D1.0.7 ");
	rig_fini(&r);
}

static void only_receivers_that_are_known_are_served(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf, 1);
	assert_string_equal(asked(&r, 99, rig_segments(0, 0, 8, 8)), "");
	assert_string_equal(asked(&r, 99, rig_info(7)), "");
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	assert_string_equal(asked(&r, OTHER, rig_segments(0, 0, 8, 8)), "");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 8, 8)), "R0.0.8/1 ");
	rig_fini(&r);
}

static void a_withdrawn_object_is_repaired_no_further(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request q = rig_segments(0, 0, 8, 10);
	struct tx_rig r;

	all_sent(&r, &conf, 2);
	rig_nack(&r, NODE, &q, 1);
	assert_true(rig_next(&r));
	assert_int_equal(r.m.fpi.esi, 8);
	tx_withdraw(r.tx, r.now, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "S0[0] ");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 1, 8, 8)), "S0[0] ");
	rig_fini(&r);
}

/* --- SQUELCH --- */

static void unknown_objects_are_squelched_not_too_often(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	unsigned n = 0;

	all_sent(&r, &conf, 1);
	assert_string_equal(asked(&r, NODE, rig_info(40)), "S0 ");
	assert_string_equal(asked(&r, NODE, rig_info(40)), "");
	rig_run(&r, 2 * r.grtt - 1);
	assert_string_equal(asked(&r, NODE, rig_segments(0xffff, 0, 0, 0)), "");
	assert_string_equal(rig_run(&r, 1), "S0 "); /* the one that was due */
	for (int i = 0; i < 100; i++) {
		n += strcmp(asked(&r, NODE, rig_objects(30, 200)), "") != 0;
		r.now += r.grtt / 10;
	}
	assert_in_range(n, 4, 6);
	assert_true(tx_counters(r.tx)->refused > 100);
	rig_fini(&r);
}

/* Whoever asks for the object after the last must not make others give it up. */
static void an_object_to_come_is_not_squelched(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf, 1);
	assert_string_equal(asked(&r, NODE, rig_objects(1, 1)), "S0 ");
	r.size[1] = RIG_E;
	assert_int_equal(rig_add(&r, RIG_E), 1);
	assert_string_equal(rig_see(&r, r.show), "I1 I1 D1.0.0 ");
	rig_fini(&r);
}

/* --- bodies --- */

static void forms_and_codes_of_others_are_skipped(void **state)
{
	static const uint8_t bodies[][20] = {
		{ 3, 1, 0, 8, FEC_RS8, 0, 0, 0, 0, 0, 0, 2 },  /* ERASURES */
		{ 1, 1, 0, 8, FEC_RS, 0, 0, 0, 0, 0, 0, 8 },   /* another code */
		{ 1, 1, 0, 12, FEC_RS8, 0, 0, 0, 0, 0, 0, 0 }, /* longer than it is */
		{ 9, 1, 0, 8, FEC_RS8, 0, 0, 0, 0, 0, 0, 8 },  /* another form */
		{ 2, 1, 0, 8, FEC_RS8, 0, 0, 0, 0, 0, 0, 8 },  /* half a range */
		{ 2, 1, 0, 16, FEC_RS8, 0, 0, 0, 0, 0, 0, 9, FEC_RS8, 0, 0, 0, 0, 0, 0, 8 },
	};
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct msg m;

	all_sent(&r, &conf, 2);
	m = rig_feedback(&r, NORM_NACK, NODE);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		m.payload = bodies[i];
		m.payload_len = bodies[i][3] > 12 ? 20 : 12;
		assert_int_equal(rig_input(&r, &m), 0);
		assert_string_equal(rig_see(&r, r.show), "");
	}
	rig_fini(&r);
}

/* --- order --- */

/* Sends until symbol 0 of block `sbn` of object 0 has left. */
static void until_block(struct tx_rig *r, uint32_t sbn)
{
	do
		assert_true(rig_next(r));
	while (r->m.type != NORM_DATA || r->m.fpi.sbn != sbn);
}

/* Four buffers: two for what is sent next, two for what was sent. */
static void live_repair_then_new_data_then_older_repair(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct request q[] = { rig_segments(0, 0, 8, 8), rig_segments(0, 4, 8, 8),
			       rig_info(0) };

	conf.memory = 1;
	rig_init(&r, &conf);
	rig_add(&r, 7 * RIG_BLOCK);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	until_block(&r, 6);
	r.now += 2 * r.grtt;
	rig_nack(&r, NODE, q, 3);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_FLUSH),
			    "I0 R0.4.8/1 D0.6.1 D0.6.2 D0.6.3 D0.6.4 D0.6.5 D0.6.6 D0.6.7 "
			    "R0.0.8/1 F0.6.7[5] ");
	/* all of it once more, with four buffers */
	r.now += 2 * r.grtt;
	rig_nack(&r, NODE, (struct request[]){ rig_blocks(0, 0, 6) }, 1);
	rig_see(&r, 0);
	assert_int_equal(tx_counters(r.tx)->again, 7 * RIG_B);
	rig_fini(&r);
}

static void a_forgotten_block_goes_on_where_the_receiver_stands(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.memory = 1;
	all_sent(&r, &conf, 8);
	assert_string_equal(asked(&r, NODE, rig_segments(0, 0, 9, 10)), "R0.0.9/3 R0.0.10/3 ");
	rig_fini(&r);
}

/* Its buffer held another block before. */
static void a_short_last_symbol_is_padded(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.memory = 1;
	rig_init(&r, &conf);
	rig_add(&r, 9 * RIG_BLOCK - 50);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	rig_see(&r, 0);
	r.now += 2 * r.grtt;
	r.show = SHOW_OBJECT;
	assert_string_equal(asked(&r, NODE, rig_segments(0, 8, 8, 8)), "R0.8.8/1 ");
	rig_fini(&r);
}

/* Requests that come to nothing leave no trace behind them. */
static void senseless_requests_do_not_fill_the_memory(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.n_parity = 0;
	conf.memory = 1;
	all_sent(&r, &conf, 1000);
	for (uint32_t sbn = 0; sbn < 999; sbn++)
		assert_string_equal(asked(&r, NODE, rig_segments(0, sbn, 8, 8)), "");
	assert_string_equal(asked(&r, NODE, rig_segments(0, 990, 1, 1)), "R0.990.1!/0 ");
	rig_fini(&r);
}

static void a_flood_of_requests_is_served_in_turns(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.memory = 1;
	all_sent(&r, &conf, 1000);
	for (uint32_t sbn = 0; sbn < 1000; sbn++) {
		struct request q = rig_segments(0, sbn, 8, 8);

		rig_nack(&r, NODE, &q, 1);
	}
	rig_see(&r, 0);
	assert_in_range(tx_counters(r.tx)->parity, 500, 999);
	for (uint32_t sbn = 0; sbn < 1000; sbn++)
		asked(&r, NODE, rig_segments(0, sbn, 8, 8));
	rig_see(&r, 0);
	assert_true(tx_counters(r.tx)->parity >= 1000);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parity_is_fresh_and_no_more_than_asked_for),
		cmocka_unit_test(equal_requests_are_served_once),
		cmocka_unit_test(stale_requests_are_ignored_and_lost_repairs_replaced),
		cmocka_unit_test(what_was_just_sent_first_is_not_sent_again),
		cmocka_unit_test(used_up_parity_is_sent_again_by_name),
		cmocka_unit_test(parity_is_computed_again),
		cmocka_unit_test(symbols_that_do_not_exist_change_nothing),
		cmocka_unit_test(blocks_objects_and_info),
		cmocka_unit_test(info_beside_segments),
		cmocka_unit_test(what_was_not_sent_yet_is_not_repaired),
		cmocka_unit_test(only_receivers_that_are_known_are_served),
		cmocka_unit_test(a_withdrawn_object_is_repaired_no_further),
		cmocka_unit_test(unknown_objects_are_squelched_not_too_often),
		cmocka_unit_test(an_object_to_come_is_not_squelched),
		cmocka_unit_test(forms_and_codes_of_others_are_skipped),
		cmocka_unit_test(live_repair_then_new_data_then_older_repair),
		cmocka_unit_test(a_forgotten_block_goes_on_where_the_receiver_stands),
		cmocka_unit_test(a_short_last_symbol_is_padded),
		cmocka_unit_test(senseless_requests_do_not_fill_the_memory),
		cmocka_unit_test(a_flood_of_requests_is_served_in_turns),
	};

	return cmocka_run_group_tests_name("tx_repair", tests, NULL, NULL);
}
