/* tx_settle.c - tests of proto/tx: a catch-up pass in the middle, and what receivers hold. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#define NODE  5
#define OTHER 6

static struct tx_receiver of(const struct tx_rig *r, uint32_t node)
{
	for (unsigned i = 0; i < tx_n_receivers(r->tx); i++)
		if (tx_receiver(r->tx, i).node_id == node)
			return tx_receiver(r->tx, i);
	fail_msg("node %u is not known", node);
	return (struct tx_receiver){ 0 };
}

/* An ACK(FLUSH) of object 0's last symbol, with holdings. */
static void ack(struct tx_rig *r, uint32_t node, struct ext_holdings holdings)
{
	struct msg m = rig_feedback(r, NORM_ACK, node);
	struct watermark wm = { r->fec_id, 0, { .sbn = 0, .esi = RIG_B - 1 } };
	uint8_t buf[16];

	m.ack_type = ACK_FLUSH;
	m.ext.present = EXT_HAS_HOLDINGS;
	m.ext.holdings = holdings;
	m.payload = buf;
	m.payload_len = (size_t)watermark_encode(&wm, buf, sizeof(buf));
	assert_int_equal(rig_input(r, &m), 0);
}

/* One block for two receivers, sent and settling. */
static void begin(struct tx_rig *r, const struct tx_conf *conf)
{
	rig_init(r, conf);
	rig_add(r, RIG_BLOCK);
	rig_announce(r, NODE);
	rig_announce(r, OTHER);
	tx_start(r->tx, r->now);
	assert_false(tx_settled(r->tx));
	tx_settle(r->tx, r->now);
	assert_false(tx_settled(r->tx));
	assert_string_equal(rig_see(r, SHOW_FLUSH), "F0.0.7[5,6] ");
	assert_int_equal(tx_status(r->tx).phase, PHASE_CATCHUP);
	assert_false(tx_settled(r->tx));
}

static void settled_when_all_have_confirmed(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request q = rig_segments(0, 0, 8, 8);
	struct tx_rig r;

	begin(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 0, 7);
	assert_false(tx_settled(r.tx));
	rig_nack(&r, OTHER, &q, 1);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "R0.0.8/1 ");
	rig_flush_ack(&r, OTHER, 0, 0, 7);
	assert_true(tx_settled(r.tx));

	/* new data, in phase RUN, and told at once */
	rig_add(&r, RIG_BLOCK);
	assert_false(tx_settled(r.tx));
	assert_int_equal(tx_status(r.tx).phase, PHASE_RUN);
	assert_string_equal(rig_see(&r, SHOW_PROBE | SHOW_OBJECT | SHOW_FLUSH),
			    "P2 I1 I1 D1.0.0 D1.0.1 D1.0.2 D1.0.3 D1.0.4 D1.0.5 D1.0.6 D1.0.7 "
			    "F1.0.7[5,6] P3 ");
	rig_flush_ack(&r, NODE, 1, 0, 7);
	rig_flush_ack(&r, OTHER, 1, 0, 7);
	assert_false(tx_settled(r.tx)); /* nobody wanted it */
	tx_settle(r.tx, r.now);
	assert_true(tx_settled(r.tx));
	tx_finish(r.tx, r.now);
	rig_receipt(&r, NODE, 0);
	rig_receipt(&r, OTHER, 0);
	rig_run(&r, 100 * MS);
	assert_true(tx_done(r.tx));
	assert_false(tx_settled(r.tx));
	rig_fini(&r);
}

static void the_busy_are_waited_for(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.drop_after = 150 * MS;
	begin(&r, &conf);
	r.show = SHOW_FLUSH;
	ack(&r, NODE, (struct ext_holdings){ .holds = true });
	for (unsigned i = 0; i < 20; i++) {
		ack(&r, OTHER, (struct ext_holdings){ .busy = true, .lacks = 77 });
		assert_string_equal(rig_run(&r, i ? 100 * MS : 2 * r.grtt), "F0.0.7[6] ");
		assert_false(tx_settled(r.tx));
	}
	assert_int_equal(of(&r, NODE).state, TX_RX_ACKED);
	assert_true(of(&r, NODE).holds && !of(&r, NODE).busy);
	assert_int_equal(of(&r, OTHER).state, TX_RX_ACTIVE);
	assert_true(!of(&r, OTHER).holds && of(&r, OTHER).busy);
	assert_int_equal(of(&r, OTHER).lacks, 77);
	ack(&r, OTHER, (struct ext_holdings){ 0 });
	assert_true(tx_settled(r.tx));
	assert_false(of(&r, OTHER).busy);
	rig_fini(&r);
}

/* It is waited for until it has what it asks for. */
static void other_asks(struct tx_rig *r)
{
	const struct request q = rig_segments(0, 0, 3, 3);

	rig_nack(r, OTHER, &q, 1);
	assert_false(tx_settled(r->tx));
	assert_int_equal(of(r, OTHER).state, TX_RX_ACTIVE);
	rig_see(r, 0);
	rig_flush_ack(r, OTHER, 0, 0, 7);
	assert_true(tx_settled(r->tx));
}

/* Whatever else it says meanwhile; it is back when it asks. */
static void but_not_for_ever(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	nsec_t end;

	begin(&r, &conf);
	end = r.now + 600 * NSEC_PER_SEC;
	rig_flush_ack(&r, NODE, 0, 0, 7);
	while (r.now < end) {
		assert_false(tx_settled(r.tx));
		ack(&r, OTHER, (struct ext_holdings){ .busy = true });
		rig_run(&r, NSEC_PER_SEC);
	}
	assert_true(tx_settled(r.tx));
	assert_int_equal(of(&r, OTHER).state, TX_RX_DROPPED);
	ack(&r, OTHER, (struct ext_holdings){ .busy = true });
	rig_announce(&r, OTHER);
	assert_true(tx_settled(r.tx));
	other_asks(&r);
	rig_fini(&r);
}

static void the_silent_are_not_waited_for(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.drop_after = 100 * MS;
	begin(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 0, 7);
	rig_run(&r, 99 * MS);
	assert_false(tx_settled(r.tx));
	rig_run(&r, 30 * MS);
	assert_int_equal(of(&r, OTHER).state, TX_RX_DROPPED);
	assert_true(tx_settled(r.tx));
	rig_announce(&r, 7); /* one who comes late is */
	assert_false(tx_settled(r.tx));
	rig_flush_ack(&r, 7, 0, 0, 7);
	assert_true(tx_settled(r.tx));
	rig_fini(&r);
}

/* All repetitions of FLUSH are for those that nobody has heard of. */
static void nobody_is_waited_for_in_bounded_time(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	tx_settle(r.tx, r.now);
	tx_start(r.tx, r.now);
	assert_true(tx_settled(r.tx)); /* there is nothing */
	rig_add(&r, RIG_BLOCK);
	tx_settle(r.tx, r.now);
	rig_run(&r, 100 * MS);
	assert_false(tx_settled(r.tx));
	rig_run(&r, 20 * 100 * MS);
	assert_true(tx_settled(r.tx));
	rig_fini(&r);
}

/* It had everything, and then some of it proved wrong. */
static void who_asks_again_is_waited_for_again(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request i = rig_info(0);
	struct tx_rig r;

	begin(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 0, 7);
	rig_flush_ack(&r, OTHER, 0, 0, 7);
	assert_true(tx_settled(r.tx));
	r.now += 100 * MS;
	rig_nack(&r, OTHER, &i, 1); /* that alone does not tell */
	assert_true(tx_settled(r.tx));
	other_asks(&r);
	rig_fini(&r);
}

/* A late receiver gets what was settled while new data flows; the rest has to wait. */
static void what_was_settled_is_repaired_at_once(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct request early = rig_blocks(0, 0, 0), later = rig_blocks(1, 0, 1);
	struct request named = rig_segments(0, 0, 2, 3);
	struct tx_rig r;

	conf.memory = 1; /* four blocks */
	begin(&r, &conf);
	rig_flush_ack(&r, NODE, 0, 0, 7);
	rig_flush_ack(&r, OTHER, 0, 0, 7);
	rig_add(&r, 20 * RIG_BLOCK);
	while (rig_next(&r) && !(r.m.type == NORM_DATA && r.m.fpi.sbn == 10))
		;
	r.now += 100 * MS;
	assert_int_equal(rig_nack(&r, NODE, (struct request[]){ early, later }, 2), 0);
	for (unsigned i = 0; i < 8; i++) {
		do
			assert_true(rig_next(&r));
		while (r.m.type != NORM_DATA);
		assert_int_equal(r.m.object_id, 0);
		assert_int_equal(r.m.fpi.esi, i);
		assert_true(r.m.flags & NORM_FLAG_REPAIR);
	}
	assert_true(rig_next(&r));
	assert_int_equal(r.m.object_id, 1);
	r.now += 100 * MS;
	rig_nack(&r, NODE, &named, 1);
	do
		assert_true(rig_next(&r));
	while (r.m.type != NORM_DATA);
	assert_int_equal(r.m.object_id, 0);
	assert_int_equal(r.m.fpi.esi, 2);
	while (rig_next(&r) && tx_status(r.tx).phase == PHASE_RUN)
		assert_false(r.m.type == NORM_DATA && r.m.object_id == 1 &&
			     (r.m.flags & NORM_FLAG_REPAIR));
	assert_string_equal(rig_see(&r, 0), "");
	assert_int_equal(tx_counters(r.tx)->again, 8 + 2 + 2 * 8);
	rig_fini(&r);
}

/* What is in memory of it does not let others ask for all that lies between. */
static void the_floor_is_above_what_was_settled(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct probe p;

	conf.memory = 1;
	conf.rate = 100000;
	begin(&r, &conf);
	rig_add(&r, 200 * RIG_BLOCK);
	for (unsigned seen = 0; seen < 3;) {
		assert_int_equal(tx_status(r.tx).phase, PHASE_RUN);
		if (!rig_next(&r))
			r.now = tx_deadline(r.tx, r.now);
		else if (r.m.type == NORM_CMD && r.m.cmd == CMD_APPLICATION) {
			assert_int_equal(probe_decode(&p, r.m.payload, r.m.payload_len), 0);
			assert_int_equal(p.n_early, 1);
			assert_int_equal(p.floor_object, 1);
			seen++;
		}
	}
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settled_when_all_have_confirmed),
		cmocka_unit_test(the_busy_are_waited_for),
		cmocka_unit_test(but_not_for_ever),
		cmocka_unit_test(the_silent_are_not_waited_for),
		cmocka_unit_test(nobody_is_waited_for_in_bounded_time),
		cmocka_unit_test(who_asks_again_is_waited_for_again),
		cmocka_unit_test(what_was_settled_is_repaired_at_once),
		cmocka_unit_test(the_floor_is_above_what_was_settled),
	};

	return cmocka_run_group_tests_name("tx_settle", tests, NULL, NULL);
}
