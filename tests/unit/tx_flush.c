/* tx_flush.c - tests of proto/tx: who is there, who has everything, and how it ends. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#define NODE  5
#define OTHER 6

static enum tx_rx_state state_of(const struct tx_rig *r, uint32_t node)
{
	for (unsigned i = 0; i < tx_n_receivers(r->tx); i++)
		if (tx_receiver(r->tx, i).node_id == node)
			return tx_receiver(r->tx, i).state;
	fail_msg("node %u is not known", node);
	return TX_RX_DROPPED;
}

/* Two blocks, all sent to two receivers. */
static void all_sent(struct tx_rig *r, const struct tx_conf *conf)
{
	rig_init(r, conf);
	rig_add(r, 2 * RIG_BLOCK);
	rig_announce(r, NODE);
	rig_announce(r, OTHER);
	tx_start(r->tx, r->now);
	assert_string_equal(rig_see(r, SHOW_FLUSH), "F0.1.7[5,6] ");
	r->show = SHOW_FLUSH | SHOW_EOT;
}

/* --- FLUSH --- */

static void flush_is_repeated_until_all_have_confirmed(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	assert_string_equal(rig_run(&r, 2 * r.grtt - 1), "");
	assert_string_equal(rig_run(&r, 1), "F0.1.7[5,6] ");
	assert_int_equal(rig_flush_ack(&r, NODE, 0, 1, 7), 0);
	assert_int_equal(r.event.kind, TX_EV_FEEDBACK);
	assert_int_equal(r.event.node_id, NODE);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACKED);
	assert_int_equal(state_of(&r, OTHER), TX_RX_ACTIVE);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F0.1.7[6] ");
	rig_flush_ack(&r, OTHER, 0, 1, 7);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F0.1.7 ");
	/* nobody is asked any more: there may be more objects */
	assert_string_equal(rig_run(&r, 99 * MS), "");
	assert_string_equal(rig_run(&r, 1 * MS), "F0.1.7 ");
	assert_int_equal(tx_counters(r.tx)->acks, 2 + 2);
	rig_fini(&r);
}

static void another_watermark_confirms_nothing(void **state)
{
	static const struct {
		uint16_t object;
		uint32_t sbn;
		uint16_t esi;
	} wrong[] = { { 0, 1, 6 }, { 0, 0, 7 }, { 0, 2, 7 }, { 1, 1, 7 }, { 0xffff, 1, 7 } };
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	uint64_t n;

	conf.max_objects = 1;
	all_sent(&r, &conf);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		rig_flush_ack(&r, NODE, wrong[i].object, wrong[i].sbn, wrong[i].esi);
		rig_flush_ack(&r, OTHER, wrong[i].object, wrong[i].sbn, wrong[i].esi);
	}
	rig_flush_ack(&r, 99, 0, 1, 7); /* a stranger */
	assert_int_equal(tx_n_receivers(r.tx), 2);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACTIVE);
	assert_int_equal(state_of(&r, OTHER), TX_RX_ACTIVE);
	/* neither is the window moved by it */
	assert_int_equal(tx_add(r.tx, r.now, 1, (const uint8_t *)"i", 1, &n), -EAGAIN);
	rig_fini(&r);
}

/* An answer to an earlier FLUSH confirms what that one named. */
static void a_late_ack_confirms_what_it_names(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.max_objects = 2;
	all_sent(&r, &conf);
	rig_add(&r, RIG_E);
	rig_see(&r, 0);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	rig_flush_ack(&r, OTHER, 0, 1, 7);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACTIVE);
	assert_int_equal(rig_add(&r, RIG_E), 2); /* object 0 made room for it */
	rig_see(&r, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F2.0.0[5,6] ");
	rig_fini(&r);
}

static void many_receivers_are_asked_in_turns(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	unsigned asked[60] = { 0 };

	rig_init(&r, &conf);
	rig_add(&r, RIG_E);
	for (uint32_t i = 0; i < 60; i++)
		rig_announce(&r, 100 + i);
	tx_start(r.tx, r.now);
	for (unsigned n = 0; n < 5;) {
		while (rig_next(&r)) {
			struct rd ids = rd_init(r.m.payload, r.m.payload_len);

			if (r.m.type != NORM_CMD || r.m.cmd != CMD_FLUSH)
				continue;
			assert_int_equal(r.m.payload_len, RIG_E);
			while (rd_left(&ids))
				asked[rd_u32(&ids) - 100]++;
			n++;
		}
		r.now = tx_deadline(r.tx, r.now);
	}
	for (uint32_t i = 0; i < 60; i++) /* five times 25 */
		assert_in_range(asked[i], 2, 3);
	rig_fini(&r);
}

static void flush_waits_for_repair(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request q = rig_segments(0, 0, 8, 8);
	struct tx_rig r;

	conf.memory = 1; /* four blocks */
	rig_init(&r, &conf);
	rig_add(&r, 8 * RIG_BLOCK);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	rig_see(&r, 0);
	r.hold_reads = true;
	rig_nack(&r, NODE, &q, 1);
	r.show = SHOW_OBJECT | SHOW_FLUSH;
	assert_string_equal(rig_run(&r, 10 * r.grtt), "");
	r.hold_reads = false;
	assert_string_equal(rig_run(&r, MS), "R0.0.8/1 F0.7.7[5] ");
	rig_fini(&r);
}

static void what_was_not_sent_cannot_be_confirmed(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 2 * RIG_BLOCK);
	rig_announce(&r, NODE);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACTIVE);
	rig_fini(&r);
}

static void a_new_object_reopens(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACKED);
	rig_add(&r, RIG_E);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACTIVE);
	rig_see(&r, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F1.0.0[5,6] ");
	rig_fini(&r);
}

static void the_flush_stands_before_withdrawn_objects(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	rig_add(&r, RIG_E);
	rig_see(&r, 0);
	tx_withdraw(r.tx, r.now, 1);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "F0.1.7[5,6] ");
	rig_flush_ack(&r, NODE, 0, 1, 7);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACKED);
	rig_fini(&r);
}

/* --- silence --- */

static void the_silent_are_dropped_and_come_back(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct request q = rig_segments(0, 0, 8, 8);

	conf.drop_after = NSEC_PER_SEC;
	all_sent(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	r.show = 0;
	rig_run(&r, NSEC_PER_SEC - MS);
	assert_int_equal(state_of(&r, OTHER), TX_RX_ACTIVE);
	rig_run(&r, 3 * r.grtt);
	assert_int_equal(state_of(&r, OTHER), TX_RX_DROPPED);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACKED);
	rig_nack(&r, OTHER, &q, 1);
	assert_int_equal(state_of(&r, OTHER), TX_RX_ACTIVE);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "R0.0.8/1 ");
	r.show = SHOW_FLUSH;
	assert_string_equal(rig_run(&r, 100 * MS), "F0.1.7[6] ");
	rig_fini(&r);
}

/* It has everything, but never says how it ended. */
static void a_missing_receipt_is_not_waited_for_for_ever(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	nsec_t begin;

	conf.drop_after = 2 * NSEC_PER_SEC;
	all_sent(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	tx_finish(r.tx, r.now);
	begin = r.now;
	r.show = SHOW_EOT;
	assert_string_equal(rig_run(&r, 1900 * MS), "");
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "E E E ");
	assert_true(tx_done(r.tx));
	assert_int_equal(state_of(&r, NODE), TX_RX_DROPPED);
	assert_int_equal(state_of(&r, OTHER), TX_RX_FINISHED);
	assert_true(r.now >= begin + 2 * NSEC_PER_SEC);
	rig_fini(&r);
}

static void all_dropped_is_the_end(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	tx_finish(r.tx, r.now);
	r.show = SHOW_EOT;
	assert_string_equal(rig_run(&r, 9900 * MS), "");
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "E E E ");
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

/* --- receipts and the end --- */

/* Whom the PROBEs of the next `time` name: "5 6 ", announced or with a receipt. */
static const char *echoes(struct tx_rig *r, nsec_t time, bool receipts)
{
	static char text[256];
	nsec_t end = r->now + time;
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		while (rig_next(r)) {
			struct probe p;
			struct rd ids;

			if (r->m.type != NORM_CMD || r->m.cmd != CMD_APPLICATION)
				continue;
			assert_int_equal(probe_decode(&p, r->m.payload, r->m.payload_len), 0);
			ids = receipts ? rd_init(p.receipts, p.n_receipts * 4)
				       : rd_init(p.announced, p.n_announced * 4);
			while (rd_left(&ids))
				len += (size_t)snprintf(text + len, sizeof(text) - len, "%u ",
							rd_u32(&ids));
		}
		if (tx_deadline(r->tx, r->now) > end)
			break;
		r->now = tx_deadline(r->tx, r->now);
	}
	r->now = end;
	return text;
}

static void announces_are_events_and_echoed(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_see(&r, 0);
	assert_int_equal(rig_announce(&r, NODE), 0);
	assert_int_equal(r.event.kind, TX_EV_ANNOUNCE);
	assert_int_equal(r.event.node_id, NODE);
	assert_true(r.event.fresh);
	assert_int_equal(r.event.announce.host_len, 4);
	assert_string_equal(echoes(&r, 20 * MS, false), "5 5 ");
	assert_int_equal(rig_announce(&r, NODE), 0);
	assert_false(r.event.fresh);
	assert_int_equal(rig_announce(&r, OTHER), 0);
	assert_string_equal(echoes(&r, 20 * MS, false), "5 6 5 6 ");
	assert_string_equal(echoes(&r, NSEC_PER_SEC, false), "");
	assert_int_equal(tx_n_receivers(r.tx), 2);
	assert_int_equal(tx_counters(r.tx)->announces, 3);
	rig_fini(&r);
}

static void receipts_are_events_and_echoed(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	assert_int_equal(rig_receipt(&r, NODE, RECEIPT_CORRUPT), 0);
	assert_int_equal(r.event.kind, TX_EV_RECEIPT);
	assert_true(r.event.fresh);
	assert_int_equal(r.event.receipt.status, RECEIPT_CORRUPT);
	assert_int_equal(tx_receiver(r.tx, 0).state, TX_RX_FINISHED);
	assert_int_equal(tx_receiver(r.tx, 0).receipt_status, RECEIPT_CORRUPT);
	assert_string_equal(echoes(&r, 20 * MS, true), "5 5 ");
	assert_int_equal(rig_receipt(&r, NODE, RECEIPT_COMPLETE), 0); /* the first counts */
	assert_false(r.event.fresh);
	assert_int_equal(tx_receiver(r.tx, 0).receipt_status, RECEIPT_CORRUPT);
	assert_string_equal(echoes(&r, 20 * MS, true), "5 5 ");
	/* from somebody whose ANNOUNCE was lost */
	assert_int_equal(rig_receipt(&r, 9, RECEIPT_COMPLETE), 0);
	assert_true(r.event.fresh);
	assert_int_equal(tx_n_receivers(r.tx), 3);
	rig_fini(&r);
}

/* A thousand receipts must not make a thousand FLUSHes, which all the others would answer. */
static void a_receipt_makes_no_flush(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	tx_finish(r.tx, r.now);
	rig_run(&r, 3 * r.grtt);
	rig_receipt(&r, NODE, RECEIPT_COMPLETE);
	assert_string_equal(rig_see(&r, SHOW_FLUSH), "");
	rig_fini(&r);
}

static void it_ends_with_the_last_receipt_heard_and_echoed(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	tx_finish(r.tx, r.now);
	rig_flush_ack(&r, NODE, 0, 1, 7);
	rig_flush_ack(&r, OTHER, 0, 1, 7);
	rig_see(&r, 0);
	/* they verify, and are asked now and then whether they still live */
	assert_string_equal(rig_run(&r, 250 * MS), "F0.1.7[5,6] F0.1.7[5,6] F0.1.7[5,6] ");
	rig_receipt(&r, NODE, RECEIPT_COMPLETE);
	assert_string_equal(rig_run(&r, 100 * MS), "F0.1.7[6] ");
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	assert_false(tx_done(r.tx));
	assert_string_equal(echoes(&r, 100 * MS, true), "6 6 ");
	assert_true(tx_done(r.tx));
	assert_int_equal(tx_status(r.tx).phase, PHASE_END);
	rig_fini(&r);
}

static void whoever_did_not_hear_the_echo_is_told_at_the_end(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	all_sent(&r, &conf);
	tx_finish(r.tx, r.now);
	rig_receipt(&r, NODE, RECEIPT_COMPLETE);
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	while (r.m.type != NORM_CMD || r.m.cmd != CMD_EOT) {
		if (!rig_next(&r))
			r.now = tx_deadline(r.tx, r.now);
	}
	rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	assert_string_equal(echoes(&r, 100 * MS, true), "5 6 6 ");
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

static void pass(struct tx_rig *r, nsec_t time)
{
	for (nsec_t end = r->now + time; r->now < end; r->now += MS)
		rig_see(r, 0);
}

/* The only receiver has no space: a large file is not sent to its end for nobody. */
static void nothing_is_sent_for_nobody(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.rate = 1000000;
	rig_init(&r, &conf);
	rig_add(&r, 5000 * RIG_BLOCK);
	rig_announce(&r, NODE);
	rig_announce(&r, OTHER);
	tx_start(r.tx, r.now);
	tx_finish(r.tx, r.now);
	pass(&r, 10 * MS);
	rig_receipt(&r, NODE, RECEIPT_REFUSED);
	pass(&r, 10 * MS);
	assert_int_equal(tx_status(r.tx).phase, PHASE_RUN); /* the other one wants it */
	rig_receipt(&r, OTHER, RECEIPT_REFUSED);
	pass(&r, 100 * MS);
	assert_true(tx_done(r.tx));
	assert_true(tx_status(r.tx).sent < tx_status(r.tx).total);
	rig_fini(&r);
}

/* It was refused before the sender knew that there is no more. */
static void nothing_is_sent_for_who_left_before_the_end_was_known(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.rate = 1000000;
	rig_init(&r, &conf);
	rig_add(&r, RIG_BLOCK);
	rig_announce(&r, NODE);
	tx_start(r.tx, r.now);
	pass(&r, 10 * MS);
	rig_receipt(&r, NODE, RECEIPT_REFUSED);
	rig_add(&r, 5000 * RIG_BLOCK);
	tx_finish(r.tx, r.now);
	pass(&r, 100 * MS);
	assert_true(tx_done(r.tx));
	assert_int_equal(tx_status(r.tx).sent, RIG_BLOCK);
	rig_fini(&r);
}

static void nobody_can_keep_it_from_ending(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	nsec_t end;

	rig_init(&r, &conf);
	rig_add(&r, RIG_E);
	tx_abort(r.tx, r.now);
	for (end = r.now + 5 * NSEC_PER_SEC; r.now < end && !tx_done(r.tx); r.now += MS) {
		rig_see(&r, 0);
		rig_announce(&r, NODE);
		rig_receipt(&r, OTHER, RECEIPT_COMPLETE);
	}
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flush_is_repeated_until_all_have_confirmed),
		cmocka_unit_test(another_watermark_confirms_nothing),
		cmocka_unit_test(a_late_ack_confirms_what_it_names),
		cmocka_unit_test(many_receivers_are_asked_in_turns),
		cmocka_unit_test(flush_waits_for_repair),
		cmocka_unit_test(what_was_not_sent_cannot_be_confirmed),
		cmocka_unit_test(a_new_object_reopens),
		cmocka_unit_test(the_flush_stands_before_withdrawn_objects),
		cmocka_unit_test(the_silent_are_dropped_and_come_back),
		cmocka_unit_test(a_missing_receipt_is_not_waited_for_for_ever),
		cmocka_unit_test(all_dropped_is_the_end),
		cmocka_unit_test(announces_are_events_and_echoed),
		cmocka_unit_test(receipts_are_events_and_echoed),
		cmocka_unit_test(a_receipt_makes_no_flush),
		cmocka_unit_test(it_ends_with_the_last_receipt_heard_and_echoed),
		cmocka_unit_test(whoever_did_not_hear_the_echo_is_told_at_the_end),
		cmocka_unit_test(nothing_is_sent_for_nobody),
		cmocka_unit_test(nothing_is_sent_for_who_left_before_the_end_was_known),
		cmocka_unit_test(nobody_can_keep_it_from_ending),
	};

	return cmocka_run_group_tests_name("tx_flush", tests, NULL, NULL);
}
