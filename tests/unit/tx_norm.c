/* tx_norm.c - tests of proto/tx: repair in the order and time of RFC 5740 (TX_NORM). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "proto/quant.h"

#define NODE  5
#define OTHER 6
#define K     4

/* Sends until symbol 0 of block `sbn` of object 0 has left. */
static void until_block(struct tx_rig *r, uint32_t sbn)
{
	do
		assert_true(rig_next(r));
	while (r->m.type != NORM_DATA || r->m.fpi.sbn != sbn);
}

static void begin(struct tx_rig *r, const struct tx_conf *conf, uint64_t blocks)
{
	rig_init(r, conf);
	rig_add(r, blocks * RIG_BLOCK);
	tx_start(r->tx, r->now);
	r->show = SHOW_OBJECT | SHOW_SQUELCH | SHOW_ADV;
}

static void all_sent(struct tx_rig *r, const struct tx_conf *conf, uint64_t blocks)
{
	begin(r, conf, blocks);
	rig_see(r, 0);
	r->now += 2 * r->grtt;
}

static void nack(struct tx_rig *r, uint32_t node, struct request q)
{
	assert_int_equal(rig_nack(r, node, &q, 1), 0);
}

static void requests_are_gathered_then_served_then_not_heard(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	all_sent(&r, &conf, 3);
	nack(&r, NODE, rig_segments(0, 1, 8, 8));
	assert_string_equal(rig_run(&r, K * r.grtt), "");
	nack(&r, OTHER, rig_segments(0, 0, 8, 9));
	assert_string_equal(rig_run(&r, r.grtt - 1), "");
	assert_string_equal(rig_run(&r, 1), "R0.0.8 R0.0.9 R0.1.8 ");

	nack(&r, NODE, rig_segments(0, 1, 8, 8));
	nack(&r, NODE, rig_blocks(0, 2, 2));
	assert_string_equal(rig_run(&r, r.grtt - 1), "");
	nack(&r, NODE, rig_segments(0, 1, 8, 8));
	assert_string_equal(rig_run(&r, 1), "");
	assert_string_equal(rig_run(&r, 2 * K * r.grtt), "");

	nack(&r, NODE, rig_segments(0, 1, 8, 8));
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R0.1.9 ");
	rig_fini(&r);
}

static void new_data_flows_until_repair_goes_before_it(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	begin(&r, &conf, 4);
	until_block(&r, 2);
	nack(&r, NODE, rig_segments(0, 1, 0, 0));
	assert_true(rig_next(&r));
	assert_int_equal(r.m.fpi.sbn, 2);
	assert_int_equal(r.m.fpi.esi, 1);
	r.now += (K + 1) * r.grtt;
	assert_string_equal(rig_see(&r, SHOW_OBJECT),
			    "R0.1.8 D0.2.2 D0.2.3 D0.2.4 D0.2.5 D0.2.6 D0.2.7 "
			    "D0.3.0 D0.3.1 D0.3.2 D0.3.3 D0.3.4 D0.3.5 D0.3.6 D0.3.7 ");
	rig_fini(&r);
}

static void blocks_that_left_the_memory_go_first_too(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	conf.memory = 1; /* four blocks */
	begin(&r, &conf, 7);
	until_block(&r, 6);
	nack(&r, NODE, rig_segments(0, 0, 3, 3));
	nack(&r, NODE, rig_blocks(0, 1, 1));
	rig_work(&r);
	r.now += (K + 1) * r.grtt;
	assert_string_equal(rig_see(&r, SHOW_OBJECT),
			    "R0.0.8 R0.1.0! R0.1.1! R0.1.2! R0.1.3! R0.1.4! R0.1.5! R0.1.6! "
			    "R0.1.7! D0.6.1 D0.6.2 D0.6.3 D0.6.4 D0.6.5 D0.6.6 D0.6.7 ");
	rig_fini(&r);
}

static void the_worst_of_a_round_decides(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	all_sent(&r, &conf, 1);
	nack(&r, NODE, rig_segments(0, 0, 3, 3));
	nack(&r, OTHER, rig_segments(0, 0, 0, 1));
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R0.0.8 R0.0.9 ");
	rig_fini(&r);
}

static void all_requests_for_a_block_in_one_nack_count_together(void **state)
{
	struct request q[] = { rig_segments(0, 0, 3, 3), rig_segments(0, 0, 5, 5),
			       rig_segments(0, 0, 8, 8), rig_segments(0, 1, 0, 0) };
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	all_sent(&r, &conf, 2);
	rig_nack(&r, NODE, q, 4);
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R0.0.8 R0.0.9 R0.0.10 R0.1.8 ");
	rig_fini(&r);
}

static void more_than_the_parity_left_is_sent_by_name(void **state)
{
	struct request q[] = { rig_segments(0, 0, 3, 4), rig_segments(0, 0, 9, 9) };
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	all_sent(&r, &conf, 1);
	nack(&r, NODE, rig_segments(0, 0, 8, 9));
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R0.0.8 R0.0.9 ");
	rig_run(&r, 2 * r.grtt);
	rig_nack(&r, NODE, q, 2);
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R0.0.3! R0.0.4! R0.0.9! ");
	rig_fini(&r);
}

static void symbols_that_do_not_exist_change_nothing(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	conf.memory = 1;
	all_sent(&r, &conf, 1000);
	for (uint32_t sbn = 0; sbn < 990; sbn++)
		nack(&r, NODE, rig_segments(0, sbn, 240, 255));
	assert_string_equal(rig_run(&r, (K + 2) * r.grtt), "");
	nack(&r, NODE, rig_segments(0, 700, 3, 3));
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R0.700.8 ");
	rig_fini(&r);
}

/* Feedback by unicast: others hear of it from us. */
static void requests_are_advertised_at_once(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct request q[] = { rig_segments(0, 0, 8, 10), rig_segments(0, 1, 3, 3),
			       rig_segments(0, 1, 5, 5), rig_segments(0, 1, 6, 8),
			       rig_segments(0, 2, 1, 1) };
	struct tx_rig r;

	conf.repair_adv = true;
	all_sent(&r, &conf, 3);
	rig_nack(&r, NODE, q, 5);
	assert_string_equal(rig_see(&r, r.show),
			    "A(0.0.8-10 0.1.3 0.1.5 0.1.6 0.1.7 0.1.8 0.2.8) ");
	assert_string_equal(rig_run(&r, K * r.grtt), "");
	rig_fini(&r);

	conf.backoff = 0; /* nobody waits: nothing to suppress */
	all_sent(&r, &conf, 3);
	rig_nack(&r, NODE, q, 1);
	assert_string_equal(rig_see(&r, r.show), "");
	assert_string_equal(rig_run(&r, r.grtt), "R0.0.8 R0.0.9 R0.0.10 ");
	rig_fini(&r);
}

static void an_advertisement_that_is_cut_says_so(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	conf.repair_adv = true;
	all_sent(&r, &conf, 40);
	for (uint32_t sbn = 0; sbn < 40; sbn++)
		nack(&r, NODE, rig_segments(0, sbn, 8, 8));
	assert_string_equal(rig_see(&r, r.show), "A+(0.0.8 0.1.8 0.2.8 0.3.8 0.4.8) ");
	rig_fini(&r);
}

static void a_withdrawn_object_ends_its_round(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	all_sent(&r, &conf, 2);
	nack(&r, NODE, rig_segments(0, 0, 8, 8));
	nack(&r, NODE, rig_blocks(0, 1, 1));
	tx_withdraw(r.tx, r.now, 0);
	assert_string_equal(rig_run(&r, 10 * r.grtt), "S0[0] ");
	rig_add(&r, RIG_E);
	assert_string_equal(rig_see(&r, r.show), "I1 I1 D1.0.0 ");
	rig_run(&r, r.grtt);
	nack(&r, NODE, rig_segments(1, 0, 0, 0));
	assert_string_equal(rig_run(&r, (K + 1) * r.grtt), "R1.0.1 ");
	rig_fini(&r);
}

/* --- commands --- */

static void probes_of_time_grow_rare_and_ask_for_the_rate(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;
	nsec_t at[8];
	unsigned n = 0;

	conf.rate = 1000000;
	rig_init(&r, &conf);
	while (n < ARRAY_LEN(at)) {
		while (rig_next(&r)) {
			if (r.m.type != NORM_CMD || r.m.cmd != CMD_CC)
				continue;
			assert_int_equal(r.m.cc_sequence, n);
			assert_int_equal(r.m.ext.present, EXT_HAS_RATE);
			assert_int_equal(r.m.ext.send_rate, quant_rate_encode(1000000));
			at[n++] = r.now;
		}
		r.now = tx_deadline(r.tx, r.now);
	}
	for (unsigned i = 2; i < n; i++)
		assert_int_equal(at[i] - at[i - 1], 2 * (at[i - 1] - at[i - 2]));
	rig_run(&r, 300 * NSEC_PER_SEC);
	n = (unsigned)tx_counters(r.tx)->cmds;
	rig_run(&r, 300 * NSEC_PER_SEC); /* 30 s is the longest pause */
	assert_int_equal(tx_counters(r.tx)->cmds - n, 10);
	rig_fini(&r);
}

static void our_own_commands_are_not_for_others(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, RIG_E);
	rig_announce(&r, NODE);
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	tx_start(r.tx, r.now);
	tx_finish(r.tx, r.now);
	r.show = SHOW_PROBE | SHOW_EOT;
	assert_string_equal(rig_run(&r, 20 * NSEC_PER_SEC), "E E E ");
	assert_true(tx_done(r.tx)); /* though nobody was told that it was heard */
	rig_fini(&r);
}

static void a_flush_names_whoever_was_heard(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;

	conf.robust = 4;
	all_sent(&r, &conf, 2);
	nack(&r, NODE, rig_segments(0, 0, 8, 8));
	rig_run(&r, (K + 1) * r.grtt);
	r.show = SHOW_FLUSH | SHOW_EOT;
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F0.1.7[5] ");
	rig_flush_ack(&r, NODE, 0, 1, 7);
	assert_int_equal(tx_receiver(r.tx, 0).state, TX_RX_ACKED);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F0.1.7 ");
	tx_finish(r.tx, r.now);
	/* others may be there that never had a reason to speak */
	assert_string_equal(rig_run(&r, 10 * r.grtt), "F0.1.7 E E E ");
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_gathered_then_served_then_not_heard),
		cmocka_unit_test(new_data_flows_until_repair_goes_before_it),
		cmocka_unit_test(blocks_that_left_the_memory_go_first_too),
		cmocka_unit_test(the_worst_of_a_round_decides),
		cmocka_unit_test(all_requests_for_a_block_in_one_nack_count_together),
		cmocka_unit_test(more_than_the_parity_left_is_sent_by_name),
		cmocka_unit_test(symbols_that_do_not_exist_change_nothing),
		cmocka_unit_test(requests_are_advertised_at_once),
		cmocka_unit_test(an_advertisement_that_is_cut_says_so),
		cmocka_unit_test(a_withdrawn_object_ends_its_round),
		cmocka_unit_test(probes_of_time_grow_rare_and_ask_for_the_rate),
		cmocka_unit_test(our_own_commands_are_not_for_others),
		cmocka_unit_test(a_flush_names_whoever_was_heard),
	};

	return cmocka_run_group_tests_name("tx_norm", tests, NULL, NULL);
}
