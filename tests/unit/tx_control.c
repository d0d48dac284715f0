/* tx_control.c - tests of proto/tx: what the user does while it runs. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#define NODE  5
#define OTHER 6

static struct tx_receiver receiver(const struct tx_rig *r, uint32_t node)
{
	for (unsigned i = 0; i < tx_n_receivers(r->tx); i++)
		if (tx_receiver(r->tx, i).node_id == node)
			return tx_receiver(r->tx, i);
	fail_msg("node %u is not known", node);
	return (struct tx_receiver){ 0 };
}

/* Two blocks for two receivers. */
static void begin(struct tx_rig *r)
{
	struct tx_conf conf = rig_conf(TX_SOW);

	rig_init(r, &conf);
	rig_add(r, 2 * RIG_BLOCK);
	rig_announce(r, NODE);
	rig_announce(r, OTHER);
	tx_start(r->tx, r->now);
	r->show = SHOW_FLUSH | SHOW_EOT | SHOW_OBJECT;
}

/* --- drop --- */

static void the_dropped_are_asked_and_served_no_more(void **state)
{
	struct request q = rig_segments(0, 0, 1, 1);
	struct tx_rig r;

	begin(&r);
	rig_see(&r, 0);
	assert_int_equal(tx_drop(r.tx, r.now, 99), -ENOENT);
	assert_int_equal(tx_drop(r.tx, r.now, NODE), 0);
	assert_int_equal(receiver(&r, NODE).state, TX_RX_DROPPED);
	assert_true(receiver(&r, NODE).barred);
	assert_false(receiver(&r, OTHER).barred);
	r.show = SHOW_FLUSH;
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F0.1.7[6] ");

	assert_int_equal(rig_nack(&r, NODE, &q, 1), 0);
	rig_announce(&r, NODE);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	assert_int_equal(receiver(&r, NODE).state, TX_RX_DROPPED);
	r.show = SHOW_OBJECT;
	assert_string_equal(rig_run(&r, 100 * MS), "");
	assert_int_equal(rig_nack(&r, OTHER, &q, 1), 0);
	assert_string_not_equal(rig_run(&r, 100 * MS), "");
	rig_fini(&r);
}

static void the_last_one_that_is_dropped_ends_it(void **state)
{
	struct tx_rig r;

	begin(&r);
	tx_finish(r.tx, r.now);
	rig_see(&r, 0);
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	assert_int_equal(tx_drop(r.tx, r.now, OTHER), -EALREADY);
	assert_int_equal(receiver(&r, OTHER).state, TX_RX_FINISHED);
	assert_int_equal(tx_drop(r.tx, r.now, NODE), 0);
	r.show = SHOW_EOT;
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "E E E ");
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

/* What a receiver says of itself is the truth, whatever we wanted. */
static void a_receipt_of_the_dropped_counts(void **state)
{
	struct tx_rig r;

	begin(&r);
	assert_int_equal(tx_drop(r.tx, r.now, NODE), 0);
	rig_receipt(&r, NODE, RECEIPT_COMPLETE);
	assert_int_equal(r.event.kind, TX_EV_RECEIPT);
	assert_int_equal(receiver(&r, NODE).state, TX_RX_FINISHED);
	assert_true(receiver(&r, NODE).barred);
	rig_fini(&r);
}

/* --- pause --- */

static void a_pause_holds_back_all_but_commands(void **state)
{
	struct request q = rig_segments(0, 0, 1, 1);
	struct tx_rig r;

	begin(&r);
	tx_pause(r.tx, r.now, true);
	r.show = SHOW_OBJECT | SHOW_FLUSH;
	assert_string_equal(rig_run(&r, 0), "I0 I0 ");
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	assert_int_equal(tx_status(r.tx).sent, 0);
	r.show = SHOW_PROBE;
	assert_string_not_equal(rig_run(&r, 200 * MS), "");

	tx_pause(r.tx, r.now, false);
	assert_non_null(strstr(rig_see(&r, SHOW_OBJECT), "D0.0.0 D0.0.1 "));
	assert_int_equal(tx_status(r.tx).sent, 2 * RIG_BLOCK);

	tx_pause(r.tx, r.now, true);
	assert_int_equal(rig_nack(&r, NODE, &q, 1), 0);
	r.show = SHOW_OBJECT | SHOW_FLUSH;
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	tx_pause(r.tx, r.now, false);
	assert_string_not_equal(rig_run(&r, 0), "");
	rig_fini(&r);
}

/* Who was asked before it could not answer: that is no silence. */
static void nobody_is_dropped_for_a_pause(void **state)
{
	struct tx_rig r;

	begin(&r);
	tx_finish(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_FLUSH), "F0.1.7[5,6] ");
	tx_pause(r.tx, r.now, true);
	rig_run(&r, 60 * NSEC_PER_SEC);
	tx_pause(r.tx, r.now, false);
	rig_see(&r, 0);
	assert_int_equal(receiver(&r, NODE).state, TX_RX_ACTIVE);
	rig_run(&r, 10 * NSEC_PER_SEC + 100 * MS);
	assert_int_equal(receiver(&r, NODE).state, TX_RX_DROPPED);
	rig_fini(&r);
}

/* Good-bye is said in a pause, too. */
static void an_end_does_not_wait_for_the_pause(void **state)
{
	struct tx_rig r;

	begin(&r);
	tx_pause(r.tx, r.now, true);
	rig_run(&r, NSEC_PER_SEC);
	tx_abort(r.tx, r.now);
	r.show = SHOW_EOT;
	assert_string_equal(rig_run(&r, 10 * MS), "E E E ");
	rig_fini(&r);
}

/* Receivers send their receipts after a random time: so long somebody has to be there. */
static void an_early_end_waits_for_receipts(void **state)
{
	struct tx_rig r;
	nsec_t began_at;

	begin(&r);
	rig_see(&r, 0);
	tx_abort(r.tx, r.now);
	rig_run(&r, 100 * MS);
	assert_false(tx_done(r.tx));
	rig_receipt(&r, NODE, RECEIPT_PARTIAL);
	rig_run(&r, 10 * MS);
	assert_false(tx_done(r.tx));
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	rig_run(&r, 15 * MS); /* its echoes */
	assert_true(tx_done(r.tx));
	assert_int_equal(receiver(&r, NODE).receipt_status, RECEIPT_PARTIAL);
	assert_int_equal(receiver(&r, OTHER).state, TX_RX_FINISHED);
	rig_fini(&r);

	begin(&r); /* but not longer than they may take */
	rig_see(&r, 0);
	tx_abort(r.tx, r.now);
	began_at = r.now;
	rig_run(&r, 200 * MS);
	assert_true(tx_done(r.tx));
	assert_true(r.now - began_at <= 200 * MS);
	rig_fini(&r);
}

/* --- census --- */

static void a_census_asks_and_sends_nothing(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct probe p;

	conf.census = true;
	rig_init(&r, &conf);
	while (rig_next(&r) && r.m.cmd != CMD_APPLICATION)
		;
	assert_int_equal(probe_decode(&p, r.m.payload, r.m.payload_len), 0);
	assert_true(p.census);
	assert_int_equal(p.phase, PHASE_WAIT);
	assert_int_equal(p.spread, 10);
	rig_announce(&r, NODE);
	assert_true(r.event.fresh);
	r.show = SHOW_ALL & ~(SHOW_PROBE | SHOW_CC);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	tx_abort(r.tx, r.now);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "E E E ");
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

/* So many names that their answers, within a GRTT, are no more than are welcome. */
static void a_flush_asks_no_more_than_may_answer(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct probe p;

	conf.grtt_initial = 2 * MS;
	rig_init(&r, &conf);
	rig_add(&r, RIG_E);
	for (uint32_t i = 0; i < 1000; i++) {
		rig_announce(&r, 100 + i);
		rig_run(&r, MS / 4);
	}
	tx_start(r.tx, r.now);
	for (bool asked = false, told = false; !asked || !told;) {
		assert_true(rig_next(&r));
		if (r.m.type != NORM_CMD)
			continue;
		if (r.m.cmd == CMD_FLUSH) {
			assert_int_equal(r.m.payload_len, 4 * (2 * r.grtt * 4 / MS));
			asked = true;
		}
		if (r.m.cmd == CMD_APPLICATION) {
			assert_int_equal(probe_decode(&p, r.m.payload, r.m.payload_len), 0);
			assert_int_equal(p.spread, 25); /* receipts of 1000 */
			told = true;
		}
	}
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dropped_are_asked_and_served_no_more),
		cmocka_unit_test(the_last_one_that_is_dropped_ends_it),
		cmocka_unit_test(a_receipt_of_the_dropped_counts),
		cmocka_unit_test(a_pause_holds_back_all_but_commands),
		cmocka_unit_test(nobody_is_dropped_for_a_pause),
		cmocka_unit_test(an_end_does_not_wait_for_the_pause),
		cmocka_unit_test(an_early_end_waits_for_receipts),
		cmocka_unit_test(a_census_asks_and_sends_nothing),
		cmocka_unit_test(a_flush_asks_no_more_than_may_answer),
	};

	return cmocka_run_group_tests_name("tx_control", tests, NULL, NULL);
}
