/* tx_feedback.c - tests of proto/tx: PROBEs, feedback that is refused, round trips. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "proto/quant.h"

#define NODE  5
#define OTHER 6

/* Two receivers and an object, all sent. */
static void all_sent(struct tx_rig *r, const struct tx_conf *conf)
{
	rig_init(r, conf);
	rig_add(r, RIG_BLOCK);
	rig_announce(r, NODE);
	rig_announce(r, OTHER);
	tx_start(r->tx, r->now);
	rig_see(r, 0);
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

static void expected_receivers_count_before_they_come(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.expected = 1;
	rig_init(&r, &conf);
	next_probe(&r);
	assert_int_equal(r.m.backoff, 0);
	rig_fini(&r);
	conf.expected = 9;
	rig_init(&r, &conf);
	next_probe(&r);
	assert_int_equal(r.m.backoff, 2);
	rig_fini(&r);
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
	assert_int_equal(tx_receiver(r.tx, 0).state, TX_RX_ACTIVE);
	rig_fini(&r);
}

static void a_full_roster_refuses(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.max_receivers = 2;
	all_sent(&r, &conf);
	assert_int_equal(rig_announce(&r, 9), -ENOSPC);
	assert_int_equal(rig_receipt(&r, 9, RECEIPT_COMPLETE), -ENOSPC);
	assert_int_equal(r.event.kind, TX_EV_NONE);
	assert_int_equal(rig_announce(&r, NODE), 0);
	assert_int_equal(tx_counters(r.tx)->refused, 2);
	assert_int_equal(tx_counters(r.tx)->malformed, 0);
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
	while (!rig_next(&r) || r.m.type != NORM_CMD || r.m.cmd != CMD_CC)
		r.now = MAX(r.now, tx_deadline(r.tx, r.now));
	m.grtt_response = (struct norm_time){ r.m.send_time.sec - 3, 2000000 };
	rig_input(&r, &m);
	assert_int_equal(tx_status(r.tx).grtt, MS);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_tell_where_the_sender_is),
		cmocka_unit_test(few_receivers_need_little_patience),
		cmocka_unit_test(expected_receivers_count_before_they_come),
		cmocka_unit_test(feedback_of_others_is_refused),
		cmocka_unit_test(broken_content_is_counted),
		cmocka_unit_test(a_full_roster_refuses),
		cmocka_unit_test(round_trips_are_measured),
	};

	return cmocka_run_group_tests_name("tx_feedback", tests, NULL, NULL);
}
