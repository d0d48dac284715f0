/* tx_flush.c - tests of proto/tx: who is there, who has everything, and how it ends. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "proto/quant.h"

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

	all_sent(&r, &conf);
	rig_run(&r, 3 * r.grtt);
	r.hold_reads = true;
	conf = rig_conf(TX_SOW);
	rig_nack(&r, NODE, &q, 1);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_FLUSH), "R0.0.8/1 ");
	assert_string_equal(rig_run(&r, r.grtt), "F0.1.7[5,6] ");
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
	assert_string_equal(echoes(&r, 100 * MS, true), "6 6 ");
	assert_true(tx_done(r.tx));
	rig_fini(&r);
}

/* --- PROBE --- */

static struct probe next_probe(struct tx_rig *r)
{
	struct probe p;

	for (;;) {
		if (!rig_next(r)) {
			r->now = tx_deadline(r->tx, r->now);
			continue;
		}
		if (r->m.type == NORM_CMD && r->m.cmd == CMD_APPLICATION)
			break;
	}
	assert_int_equal(probe_decode(&p, r->m.payload, r->m.payload_len), 0);
	return p;
}

static void probes_tell_where_the_sender_is(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct probe p;

	conf.memory = 1;
	conf.rate = 100000;
	rig_init(&r, &conf);
	p = next_probe(&r);
	assert_int_equal(p.phase, PHASE_WAIT);
	assert_int_equal(p.end_object, 0);
	assert_false(p.end_known);
	rig_add(&r, 100 * RIG_BLOCK);
	rig_add(&r, 100 * RIG_BLOCK);
	p = next_probe(&r);
	assert_int_equal(p.end_object, 2);
	tx_finish(r.tx, r.now);
	tx_start(r.tx, r.now);
	p = next_probe(&r);
	assert_int_equal(p.phase, PHASE_RUN);
	assert_true(p.end_known);
	r.show = 0;
	rig_run(&r, NSEC_PER_SEC); /* both half-way: 83 blocks and the first burst */
	p = next_probe(&r);
	assert_int_equal(p.first_object, 0);
	assert_int_equal(p.floor_object, 1);
	assert_in_range(p.floor_sbn, 70, 95);
	rig_run(&r, NSEC_PER_SEC);
	assert_int_equal(next_probe(&r).phase, PHASE_CATCHUP);
	rig_fini(&r);
}

static void few_receivers_need_little_patience(void **state)
{
	static const struct {
		unsigned n;
		uint8_t backoff;
		double gsize;
	} v[] = { { 0, 0, 10 }, { 1, 0, 10 },   { 2, 1, 10 },   { 8, 1, 10 },
		  { 9, 2, 10 }, { 64, 2, 100 }, { 65, 4, 100 }, { 600, 4, 1000 } };
	struct tx_conf conf = rig_conf(TX_SOW);

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct tx_rig r;

		rig_init(&r, &conf);
		next_probe(&r);
		assert_int_equal(r.m.backoff, 4); /* nobody knows how many there will be */
		for (uint32_t n = 0; n < v[i].n; n++)
			rig_announce(&r, 100 + n);
		tx_start(r.tx, r.now);
		next_probe(&r);
		assert_int_equal(r.m.backoff, v[i].backoff);
		assert_true(quant_gsize_decode(r.m.gsize) == v[i].gsize);
		rig_fini(&r);
	}
}

/* --- feedback --- */

static void feedback_of_others_is_refused(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct msg m[5];
	uint8_t bytes[] = { 0x14, 6, 0 };

	all_sent(&r, &conf);
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		m[i] = rig_feedback(&r, NORM_NACK, NODE);
	m[0].server_id++;
	m[1].instance_id++;
	m[2].source_id = RIG_SENDER;
	m[3] = (struct msg){ .type = NORM_CMD, .cmd = CMD_EOT, .source_id = NODE };
	m[4].type = NORM_ACK;
	m[4].server_id++;
	for (size_t i = 0; i < ARRAY_LEN(m); i++) {
		assert_int_equal(rig_input(&r, &m[i]), -ENOENT);
		assert_int_equal(r.event.kind, TX_EV_NONE);
	}
	assert_int_equal(tx_counters(r.tx)->foreign, ARRAY_LEN(m));
	assert_int_equal(tx_input(r.tx, r.now, bytes, sizeof(bytes), &r.event), -EBADMSG);
	assert_int_equal(tx_input(r.tx, r.now, bytes, 0, &r.event), -EBADMSG);
	assert_int_equal(tx_counters(r.tx)->malformed, 2);
	rig_fini(&r);
}

static void broken_content_is_counted(void **state)
{
	static const uint8_t types[] = { ACK_ANNOUNCE, ACK_RECEIPT };
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct msg m;

	all_sent(&r, &conf);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		m = rig_feedback(&r, NORM_ACK, 77);
		m.ack_type = types[i];
		m.payload = (const uint8_t *)"\1\0\0\7";
		m.payload_len = 4;
		assert_int_equal(rig_input(&r, &m), -EBADMSG);
		assert_int_equal(r.event.kind, TX_EV_NONE);
	}
	assert_int_equal(tx_counters(r.tx)->malformed, 2);
	assert_int_equal(tx_n_receivers(r.tx), 2);
	m = rig_feedback(&r, NORM_ACK,
			 NODE); /* a FLUSH that says nothing, types we do not know */
	m.ack_type = ACK_FLUSH;
	assert_int_equal(rig_input(&r, &m), 0);
	m.ack_type = 99;
	assert_int_equal(rig_input(&r, &m), 0);
	assert_int_equal(state_of(&r, NODE), TX_RX_ACTIVE);
	rig_fini(&r);
}

/* --- GRTT --- */

/* An answer to the last CMD(CC) that comes `rtt` after it. */
static void answer(struct tx_rig *r, nsec_t rtt)
{
	struct msg m = rig_feedback(r, NORM_ACK, NODE);

	while (!rig_next(r) || r->m.type != NORM_CMD || r->m.cmd != CMD_CC)
		r->now = MAX(r->now, tx_deadline(r->tx, r->now));
	m.ack_type = ACK_CC;
	m.grtt_response = r->m.send_time;
	r->now += rtt;
	assert_int_equal(rig_input(r, &m), 0);
}

static void round_trips_are_measured(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct msg m;

	rig_init(&r, &conf);
	answer(&r, 30 * MS);
	assert_in_range(tx_status(r.tx).grtt, 30 * MS, 30 * MS + 2000);
	next_probe(&r);
	assert_in_range(r.grtt, 30 * MS, 33 * MS);
	for (int i = 0; i < 100; i++)
		answer(&r, 2 * MS);
	assert_in_range(tx_status(r.tx).grtt, 2 * MS, 2 * MS + 2000);
	for (int i = 0; i < 100; i++)
		answer(&r, MS / 100);
	assert_int_equal(tx_status(r.tx).grtt, MS); /* the least */

	m = rig_feedback(&r, NORM_ACK, NODE); /* none, the future, the far past, nonsense */
	rig_input(&r, &m);
	m.grtt_response = (struct norm_time){ 0xffffffff, 0 };
	rig_input(&r, &m);
	m.grtt_response = (struct norm_time){ 0, 1 };
	rig_input(&r, &m);
	m.grtt_response = (struct norm_time){ r.m.send_time.sec, 1000001 };
	rig_input(&r, &m);
	assert_int_equal(tx_status(r.tx).grtt, MS);
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
		cmocka_unit_test(probes_tell_where_the_sender_is),
		cmocka_unit_test(few_receivers_need_little_patience),
		cmocka_unit_test(feedback_of_others_is_refused),
		cmocka_unit_test(broken_content_is_counted),
		cmocka_unit_test(round_trips_are_measured),
	};

	return cmocka_run_group_tests_name("tx_flush", tests, NULL, NULL);
}
