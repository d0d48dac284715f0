/* tx.c - tests of proto/tx: life of a session, objects, order, rate, deadlines. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/nomem.h"
#include "tests/unit/tx_rig.h"

static void conf_contradictions_are_refused(void **state)
{
	const struct tx_conf good = rig_conf(TX_SOW);
	struct tx_conf bad[12];
	struct tx *tx;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		bad[i] = good;
	bad[n++].node_id = NORM_NODE_NONE;
	bad[n++].node_id = NORM_NODE_ANY;
	bad[n++].segment_size = 63;
	bad[n++].segment_size = SEGMENT_SIZE_MAX + 1;
	bad[n++].fec_id = FEC_RS;
	bad[n++].fec_id = 0;
	bad[n++].block_len = 0;
	bad[n++].n_parity = RS8_MAX - RIG_B + 1;
	bad[n++].backoff = 16;
	bad[n++].max_objects = 32768;
	bad[n++].max_receivers = UINT32_MAX;
	bad[n].grtt_min = 2 * NSEC_PER_SEC;
	bad[n++].grtt_max = NSEC_PER_SEC;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(tx_new(&tx, &bad[i], 0), -EINVAL);
	tx_free(NULL);
}

static void every_allocation_may_fail(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx *tx;
	unsigned n = 1;
	int r;

	for (;; n++) {
		nomem_in = n;
		r = tx_new(&tx, &conf, 0);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
	}
	assert_true(n > 10);
	nomem_in = 0;
	tx_free(tx);
}

static void info_then_data_in_order(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 3 * RIG_E - 1);
	rig_add(&r, 11 * RIG_E); /* blocks of 6 and 5 */
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT),
			    "I0 I0 D0.0.0 D0.0.1 D0.0.2 "
			    "I1 I1 D1.0.0 D1.0.1 D1.0.2 D1.0.3 D1.0.4 D1.0.5 "
			    "D1.1.0 D1.1.1 D1.1.2 D1.1.3 D1.1.4 ");
	assert_int_equal(tx_status(r.tx).sent, 14 * RIG_E - 1);
	assert_int_equal(tx_status(r.tx).total, 14 * RIG_E - 1);
	assert_int_equal(tx_counters(r.tx)->source, 14);
	assert_int_equal(tx_counters(r.tx)->info, 4);
	assert_int_equal(tx_counters(r.tx)->bytes, r.bytes);
	rig_fini(&r);
}

static void info_tells_all_that_a_receiver_needs(void **state)
{
	static const uint8_t fec_ids[] = { FEC_RS8, FEC_SB_SYST };

	for (size_t i = 0; i < ARRAY_LEN(fec_ids); i++) {
		struct tx_conf conf = rig_conf(TX_NORM);
		struct tx_rig r;

		conf.fec_id = fec_ids[i];
		rig_init(&r, &conf);
		rig_add(&r, 1000);
		while (rig_next(&r) && r.m.type != NORM_INFO)
			;
		assert_int_equal(r.m.type, NORM_INFO);
		assert_int_equal(r.m.flags, NORM_FLAG_INFO | NORM_FLAG_FILE);
		assert_int_equal(r.m.ext.fti.object_size, 1000);
		assert_int_equal(r.m.ext.fti.segment_size, RIG_E);
		assert_int_equal(r.m.ext.fti.max_block_len, RIG_B);
		assert_int_equal(r.m.ext.fti.num_parity, RIG_PARITY);
		assert_int_equal(r.m.ext.fti.fec_instance_id, 0);
		assert_int_equal(r.m.payload_len, 1);
		assert_int_equal(r.m.payload[0], 'i');
		assert_int_equal(r.m.backoff, 4);
		tx_start(r.tx, r.now); /* DATA has what fec_id says: checked by the rig */
		assert_string_equal(rig_see(&r, SHOW_OBJECT),
				    "I0 I0 D0.0.0 D0.0.1 D0.0.2 D0.0.3 D0.0.4 "
				    "D0.1.0 D0.1.1 D0.1.2 D0.1.3 D0.1.4 ");
		rig_fini(&r);
	}
}

static void before_the_start_only_commands_and_info(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	assert_string_equal(rig_run(&r, 10 * MS), "");
	rig_add(&r, 2 * RIG_E);
	rig_add(&r, 2 * RIG_E);
	r.show = SHOW_ALL & ~SHOW_CC;
	assert_string_equal(rig_run(&r, 70 * MS), "I0 I0 ");
	assert_string_equal(rig_run(&r, 300 * MS), "P1 I0 P1 I0 P1 I0 ");
	assert_int_equal(tx_status(r.tx).phase, PHASE_WAIT);
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, r.show), "P2 I0 I0 D0.0.0 D0.0.1 I1 I1 D1.0.0 "
						 "D1.0.1 F1.0.1 P3 ");
	tx_start(r.tx, r.now); /* once is enough */
	assert_string_equal(rig_see(&r, r.show), "");
	rig_fini(&r);
}

static void a_long_object_repeats_its_info(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	unsigned info = 0;
	nsec_t end;

	conf.rate = 100000;
	rig_init(&r, &conf);
	rig_add(&r, 400000);
	r.show = 0;
	tx_start(r.tx, r.now);
	rig_run(&r, NSEC_PER_SEC);
	end = r.now + NSEC_PER_SEC;
	for (; r.now < end; r.now = tx_deadline(r.tx, r.now))
		while (rig_next(&r))
			info += r.m.type == NORM_INFO;
	assert_in_range(info, 3, 4);
	rig_fini(&r);
}

static void new_info_is_sent_again(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	uint8_t info[RIG_E + 1] = { 'n', 'e', 'w' };
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, RIG_E);
	rig_add(&r, RIG_E);
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I0 I0 D0.0.0 I1 I1 D1.0.0 ");
	assert_int_equal(tx_set_info(r.tx, r.now, 0, info, RIG_E + 1), -EINVAL);
	assert_int_equal(tx_set_info(r.tx, r.now, 0, info, 0), -EINVAL);
	assert_int_equal(tx_set_info(r.tx, r.now, 2, info, RIG_E), -ENOENT);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "");
	assert_int_equal(tx_set_info(r.tx, r.now, 0, info, RIG_E), 0);
	assert_true(tx_deadline(r.tx, r.now) <= r.now);
	assert_true(rig_next(&r));
	assert_int_equal(r.m.type, NORM_INFO);
	assert_int_equal(r.m.payload_len, RIG_E);
	assert_memory_equal(r.m.payload, info, RIG_E);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I0 ");

	/* before its turn it just changes */
	rig_add(&r, RIG_E);
	rig_add(&r, RIG_E);
	assert_int_equal(tx_set_info(r.tx, r.now, 3, info, 2), 0);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I2 I2 D2.0.0 I3 I3 D3.0.0 ");

	/* nobody wants to know about what was withdrawn */
	tx_withdraw(r.tx, r.now, 3);
	assert_int_equal(tx_set_info(r.tx, r.now, 3, info, 2), -ENOENT);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "");
	rig_fini(&r);
}

static void an_empty_object_is_only_info(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 0);
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_FLUSH), "I0 I0 F0.0.0 ");
	rig_add(&r, RIG_E);
	rig_add(&r, 0);
	rig_add(&r, 0);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I1 I1 D1.0.0 I2 I2 I3 I3 ");
	rig_fini(&r);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	const uint8_t info[RIG_E + 1] = { 0 };
	static const uint64_t largest = ((uint64_t)1 << 24) * RIG_BLOCK;
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	uint64_t n;

	rig_init(&r, &conf);
	assert_int_equal(tx_add(r.tx, r.now, 1, info, RIG_E + 1, &n), -EINVAL);
	/* without INFO nobody would learn its size */
	assert_int_equal(tx_add(r.tx, r.now, 1, info, 0, &n), -EINVAL);
	assert_int_equal(tx_add(r.tx, r.now, largest + 1, info, 1, &n), -EINVAL);
	assert_int_equal(tx_add(r.tx, r.now, NORM_OBJECT_MAX + 1, info, 1, &n), -EINVAL);
	assert_int_equal(tx_add(r.tx, r.now, largest, info, RIG_E, &n), 0);
	assert_int_equal(n, 0);
	tx_finish(r.tx, r.now);
	assert_int_equal(tx_add(r.tx, r.now, 1, info, 1, &n), -EINVAL);
	rig_fini(&r);

	conf.fec_id = FEC_SB_SYST; /* 32 bits for the block number */
	rig_init(&r, &conf);
	assert_int_equal(tx_add(r.tx, r.now, largest + 1, info, 1, &n), 0);
	rig_fini(&r);
}

/* --- the window of objects --- */

static int add(struct tx_rig *r)
{
	uint64_t object;
	int err = tx_add(r->tx, r->now, RIG_E, (const uint8_t *)"i", 1, &object);

	if (!err)
		r->size[object % ARRAY_LEN(r->size)] = RIG_E;
	return err;
}

static void the_window_moves_when_everybody_has_it(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct request gone = rig_info(0);

	conf.max_objects = 2;
	rig_init(&r, &conf);
	rig_announce(&r, 5);
	rig_announce(&r, 6);
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), -EAGAIN);
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_FLUSH),
			    "I0 I0 D0.0.0 I1 I1 D1.0.0 F1.0.0[5,6] ");
	assert_int_equal(add(&r), -EAGAIN);
	rig_flush_ack(&r, 5, 1, 0, 0);
	assert_int_equal(add(&r), -EAGAIN);
	rig_flush_ack(&r, 6, 1, 0, 0);
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), -EAGAIN);
	rig_nack(&r, 5, &gone, 1);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_SQUELCH),
			    "S2 I2 I2 D2.0.0 I3 I3 D3.0.0 ");
	rig_fini(&r);
}

static void without_acks_the_window_moves_with_time(void **state)
{
	struct tx_conf conf = rig_conf(TX_NORM);
	struct tx_rig r;
	struct request info = rig_info(0);
	nsec_t quiet;

	conf.max_objects = 1;
	rig_init(&r, &conf);
	assert_int_equal(add(&r), 0);
	tx_start(r.tx, r.now);
	rig_see(&r, 0);
	quiet = 4 * (4 + 2) * r.grtt;
	rig_run(&r, quiet - MS);
	assert_int_equal(add(&r), -EAGAIN);
	rig_run(&r, 2 * MS);
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), -EAGAIN);
	rig_see(&r, 0);
	rig_run(&r, quiet / 2);
	info = rig_info(1);
	rig_nack(&r, 5, &info, 1); /* it is there, and asks, but never acknowledges */
	rig_run(&r, quiet);
	assert_int_equal(add(&r), -EAGAIN);
	rig_fini(&r);
}

static void a_withdrawn_object_is_not_sent_and_squelched(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct request q[2];

	rig_init(&r, &conf);
	for (int i = 0; i < 3; i++)
		rig_add(&r, 2 * RIG_E);
	rig_announce(&r, 5);
	tx_start(r.tx, r.now);
	while (rig_next(&r) && r.m.type != NORM_DATA)
		;
	tx_withdraw(r.tx, r.now, 0);
	tx_withdraw(r.tx, r.now, 2);
	tx_withdraw(r.tx, r.now, 9);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_FLUSH | SHOW_SQUELCH),
			    "S0[0,2] I1 I1 D1.0.0 D1.0.1 F1.0.1[5] ");
	rig_run(&r, 5 * r.grtt);
	q[0] = rig_segments(0, 0, 0, 1);
	q[1] = rig_objects(2, 2);
	rig_nack(&r, 5, q, 2);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_SQUELCH), "S0[0,2] ");
	rig_fini(&r);
}

static void a_withdrawn_object_makes_room(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	conf.max_objects = 2;
	rig_init(&r, &conf);
	rig_announce(&r, 5);
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), 0);
	tx_withdraw(r.tx, r.now, 0);
	assert_int_equal(add(&r), -EAGAIN); /* its turn has not come */
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT), "I1 I1 D1.0.0 ");
	assert_int_equal(add(&r), 0);
	assert_int_equal(add(&r), -EAGAIN);
	rig_fini(&r);
}

static void a_read_error_withdraws(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 3 * RIG_BLOCK);
	rig_add(&r, RIG_E);
	r.fail_object = 0;
	tx_start(r.tx, r.now);
	assert_string_equal(rig_see(&r, SHOW_OBJECT | SHOW_SQUELCH), "S0[0] I1 I1 D1.0.0 ");
	rig_fini(&r);
}

/* --- rate --- */

static void the_rate_bounds_every_interval(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	nsec_t begin;

	conf.rate = 1000000;
	rig_init(&r, &conf);
	rig_add(&r, 3000000);
	rig_announce(&r, 5);
	r.show = 0;
	tx_start(r.tx, r.now);
	begin = r.now;
	rig_run(&r, NSEC_PER_SEC);
	/* the burst of the beginning, the rate, and a packet */
	assert_in_range(r.bytes, 1000000, 1000000 + 65536 + 1000);
	assert_int_equal(tx_status(r.tx).rate, 1000000);
	assert_int_equal(tx_status(r.tx).phase, PHASE_RUN);

	tx_set_rate(r.tx, r.now, 200000);
	r.bytes = 0;
	rig_run(&r, NSEC_PER_SEC);
	assert_in_range(r.bytes, 190000, 200000 + 65536 + 1000);
	assert_true(r.now == begin + 2 * NSEC_PER_SEC);
	tx_set_rate(r.tx, r.now, 0);
	rig_run(&r, MS);
	assert_int_equal(tx_status(r.tx).sent, 3000000);
	rig_fini(&r);
}

/* --- deadlines --- */

static void unserved_work_leaves_only_timers(void **state)
{
	static const enum tx_profile profiles[] = { TX_SOW, TX_NORM };

	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		struct tx_conf conf = rig_conf(profiles[i]);
		struct tx_rig r;

		rig_init(&r, &conf);
		rig_add(&r, 2 * RIG_E);
		r.hold_reads = true;
		tx_start(r.tx, r.now);
		tx_finish(r.tx, r.now);
		/* no FLUSH; the rig checks that the deadline is later than now */
		assert_string_equal(rig_run(&r, 100 * MS), "I0 I0 ");
		assert_true(r.n_held > 0);
		r.hold_reads = false;
		rig_work(&r);
		assert_true(tx_deadline(r.tx, r.now) <= r.now);
		assert_string_equal(rig_see(&r, SHOW_OBJECT), "D0.0.0 D0.0.1 ");
		rig_fini(&r);
	}
}

static void withdrawn_while_it_is_read(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;

	rig_init(&r, &conf);
	rig_add(&r, 2 * RIG_E);
	r.hold_reads = true;
	tx_start(r.tx, r.now);
	assert_string_equal(rig_run(&r, 10 * MS), "I0 I0 ");
	tx_withdraw(r.tx, r.now, 0);
	assert_string_equal(rig_run(&r, 10 * MS), "S0[0] F0.0.1 ");
	r.hold_reads = false;
	rig_add(&r, RIG_E);
	assert_string_equal(rig_see(&r, r.show), "I1 I1 D1.0.0 F1.0.0 ");
	rig_fini(&r);
}

/* Each of these sits through five seconds; the rig sees that no deadline has passed. */
static void nothing_to_do_is_no_reason_to_hurry(void **state)
{
	for (unsigned i = 0; i < 32; i++) {
		bool norm = i & 1, add_one = i & 2, withdraw = i & 4, start = i & 8;
		struct tx_conf conf = rig_conf(norm ? TX_NORM : TX_SOW);
		struct tx_rig r;
		unsigned packets;

		conf.rate = i & 16 ? 20000 : 0;
		rig_init(&r, &conf);
		r.show = 0;
		if (add_one)
			rig_add(&r, 3 * RIG_BLOCK);
		if (add_one && withdraw)
			tx_withdraw(r.tx, r.now, 0);
		if (start)
			tx_start(r.tx, r.now);
		rig_run(&r, NSEC_PER_SEC);
		packets = (unsigned)tx_counters(r.tx)->packets;
		rig_run(&r, 4 * NSEC_PER_SEC);
		assert_in_range(tx_counters(r.tx)->packets - packets, 1, 400);
		assert_false(tx_done(r.tx));
		rig_fini(&r);
	}
}

/* --- the end --- */

static void nobody_is_there(void **state)
{
	static const enum tx_profile profiles[] = { TX_SOW, TX_NORM };

	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		struct tx_conf conf = rig_conf(profiles[i]);
		struct tx_rig r;

		conf.robust = 3;
		rig_init(&r, &conf);
		rig_add(&r, RIG_E);
		tx_finish(r.tx, r.now);
		rig_run(&r, 5 * NSEC_PER_SEC);
		assert_false(tx_done(r.tx)); /* not before it was started */
		tx_start(r.tx, r.now);
		r.show = SHOW_FLUSH | SHOW_EOT;
		assert_string_equal(rig_run(&r, 5 * NSEC_PER_SEC),
				    "F0.0.0 F0.0.0 F0.0.0 E E E ");
		assert_true(tx_done(r.tx));
		assert_int_equal(tx_deadline(r.tx, r.now), NSEC_NEVER);
		tx_abort(r.tx, r.now);
		assert_true(tx_done(r.tx));
		rig_fini(&r);
	}
}

static void a_session_without_objects_ends(void **state)
{
	static const enum tx_profile profiles[] = { TX_SOW, TX_NORM };

	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		struct tx_conf conf = rig_conf(profiles[i]);
		struct tx_rig r;

		rig_init(&r, &conf);
		tx_start(r.tx, r.now);
		assert_string_equal(rig_run(&r, 100 * MS), "");
		tx_finish(r.tx, r.now);
		assert_string_equal(rig_run(&r, 100 * MS), "E E E ");
		assert_true(tx_done(r.tx));
		rig_fini(&r);
	}
}

static void abort_says_goodbye_at_once(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct tx_conf conf = rig_conf(i & 1 ? TX_NORM : TX_SOW);
		struct tx_rig r;

		rig_init(&r, &conf);
		rig_add(&r, 100 * RIG_BLOCK);
		if (i & 2)
			tx_start(r.tx, r.now);
		for (int n = 0; n < 20; n++)
			rig_next(&r);
		tx_abort(r.tx, r.now);
		r.show |= SHOW_PROBE;
		assert_string_equal(rig_run(&r, 20 * MS), i & 1 ? "E E E " : "P4 E P4 E P4 E ");
		assert_true(tx_done(r.tx));
		rig_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_contradictions_are_refused),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(info_then_data_in_order),
		cmocka_unit_test(info_tells_all_that_a_receiver_needs),
		cmocka_unit_test(before_the_start_only_commands_and_info),
		cmocka_unit_test(a_long_object_repeats_its_info),
		cmocka_unit_test(new_info_is_sent_again),
		cmocka_unit_test(an_empty_object_is_only_info),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
		cmocka_unit_test(the_window_moves_when_everybody_has_it),
		cmocka_unit_test(without_acks_the_window_moves_with_time),
		cmocka_unit_test(a_withdrawn_object_is_not_sent_and_squelched),
		cmocka_unit_test(a_withdrawn_object_makes_room),
		cmocka_unit_test(a_read_error_withdraws),
		cmocka_unit_test(the_rate_bounds_every_interval),
		cmocka_unit_test(unserved_work_leaves_only_timers),
		cmocka_unit_test(withdrawn_while_it_is_read),
		cmocka_unit_test(nothing_to_do_is_no_reason_to_hurry),
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(a_session_without_objects_ends),
		cmocka_unit_test(abort_says_goodbye_at_once),
	};

	return cmocka_run_group_tests_name("tx", tests, NULL, NULL);
}
