/* rx_answer.c - tests of proto/rx: announce, confirm, receipt, and the sender's end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rx_rig.h"

static const struct probe wait_probe = { .phase = PHASE_WAIT };

static void begin(struct rx_rig *r)
{
	struct rx_conf conf = rig_conf();

	rig_init(r, &conf);
	for (size_t i = 0; i < RIG_OBJECTS; i++)
		r->size[i] = 2 * RIG_BLOCK;
}

/* --- ANNOUNCE --- */

static void announce_until_the_sender_has_heard(void **state)
{
	struct rx_rig r;

	begin(&r);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), ""); /* nobody asked */
	assert_false(rx_status(r.rx).announced);
	r.sow = true;
	rig_probe(&r, wait_probe, false, false);
	assert_string_equal(rig_see(&r), "AA ");
	rig_probe(&r, wait_probe, false, true);
	assert_string_equal(rig_see(&r), "");
	assert_string_equal(rig_run(&r, 99 * MS), "");
	assert_string_equal(rig_run(&r, 1 * MS), "AA ");
	assert_string_equal(rig_run(&r, 600 * MS), "AA AA "); /* more and more rarely */
	assert_false(rx_status(r.rx).joined);
	assert_true(rx_status(r.rx).announced);
	assert_string_equal(rig_events(&r), "");
	rig_probe(&r, wait_probe, true, false);
	assert_string_equal(rig_events(&r), "J ");
	assert_true(rx_status(r.rx).joined);
	rig_probe(&r, wait_probe, true, false);
	rig_probe(&r, wait_probe, false, false); /* once is enough */
	assert_string_equal(rig_run(&r, 3 * NSEC_PER_SEC), "");
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

static void announce_before_asking(void **state)
{
	struct probe p = { .phase = PHASE_CATCHUP, .end_object = 1 };
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	r.backoff = 4;
	rig_probe(&r, p, false, false);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "AA N(o0) ");
	rig_fini(&r);
}

static void probes_that_make_no_sense(void **state)
{
	struct probe p = { .phase = PHASE_CATCHUP, .first_object = 5, .end_object = 4 };
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	p.end_known = true;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC / 2), "");
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

static void announces_are_spread(void **state)
{
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	r.backoff = 4;
	rig_probe(&r, wait_probe, false, false);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "AA ");
	rig_fini(&r);
}

/* The sender says over what time; a timer that runs keeps its place when it says otherwise. */
static void announces_are_spread_as_the_sender_wants(void **state)
{
	struct probe wide = { .phase = PHASE_WAIT, .spread = 250 };
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	rig_probe(&r, wide, false, false);
	assert_string_equal(rig_see(&r), "");
	assert_string_equal(rig_run(&r, 2500 * MS), "AA ");
	wide.spread = 25;
	rig_probe(&r, wide, false, false);
	assert_string_equal(rig_run(&r, 100 * MS + 250 * MS), "AA ");
	rig_fini(&r);

	begin(&r);
	r.sow = true;
	wide.spread = 250;
	rig_probe(&r, wide, false, false);
	wide.spread = 0;
	rig_probe(&r, wide, false, false);
	assert_string_equal(rig_see(&r), "AA ");
	rig_fini(&r);
}

/* How many ms pass until the next ANNOUNCE. */
static unsigned ms_to_announce(struct rx_rig *r)
{
	for (unsigned ms = 1; ms < 10000; ms++)
		if (strcmp(rig_run(r, MS), "AA ") == 0)
			return ms;
	fail_msg("no ANNOUNCE");
	return 0;
}

/* Only what is random of the time to a repetition follows the window. */
static void the_wait_between_announces_stays(void **state)
{
	struct probe p = { .phase = PHASE_WAIT };
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	rig_probe(&r, p, false, false);
	assert_string_equal(rig_see(&r), "AA ");
	p.spread = 100; /* from nothing */
	rig_probe(&r, p, false, false);
	assert_in_range(ms_to_announce(&r), 101, 1100);
	p.spread = 0;
	rig_probe(&r, p, false, false);
	assert_in_range(ms_to_announce(&r), 199, 200);
	p.spread = 1;
	rig_probe(&r, p, false, false);
	assert_in_range(ms_to_announce(&r), 299, 310);
	rig_fini(&r);
}

static void a_census_is_told_from_a_job(void **state)
{
	struct probe p = { .phase = PHASE_WAIT, .census = true };
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	rig_probe(&r, p, false, false);
	assert_true(rx_status(r.rx).census);
	assert_string_equal(rig_see(&r), "AA ");
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	p.census = false;
	rig_probe(&r, p, true, false);
	assert_false(rx_status(r.rx).census);
	rig_fini(&r);
}

static void nobody_announces_at_the_end(void **state)
{
	struct probe p = { .phase = PHASE_END };
	struct msg eot = rig_cmd(CMD_EOT);
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	rig_probe(&r, p, false, false);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_probe(&r, wait_probe, false, false);
	rig_send(&r, &eot);
	rig_probe(&r, wait_probe, false, false);
	assert_string_equal(rig_run(&r, 5 * NSEC_PER_SEC), "");
	rig_fini(&r);
}

static void commands_of_other_applications_mean_nothing(void **state)
{
	static const char *const payloads[] = { "", "APPCMD", "SOW", "SOW\2" };
	struct rx_rig r;

	begin(&r);
	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		struct msg m = rig_cmd(CMD_APPLICATION);

		m.payload = (const uint8_t *)payloads[i];
		m.payload_len = strlen(payloads[i]);
		assert_int_equal(rig_send(&r, &m), 0);
	}
	assert_false(rx_status(r.rx).sow);
	assert_string_equal(rig_run(&r, 2 * NSEC_PER_SEC), "");
	rig_fini(&r);
}

/* --- ACK(FLUSH) --- */

static void a_flush_is_confirmed_by_who_is_named_and_has_all(void **state)
{
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 0);
	rig_block_without(&r, 0, 1, 1);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(0.1.8) ");
	rig_data(&r, 0, 1, 8);
	assert_string_equal(rig_see(&r), "AF0.1.7 "); /* as soon as it has */
	rig_flush(&r, 0, 0);
	rig_flush(&r, 0, 98);
	assert_string_equal(rig_see(&r), "");
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.1.7 ");
	rig_flush(&r, 0, RIG_NODE); /* it may have been lost */
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.1.7 ");
	rig_flush(&r, 1, RIG_NODE);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "");
	rig_flush(&r, 1, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(o1) ");
	rig_fini(&r);
}

/* What was to be confirmed in a moment was less. */
static void a_later_flush_is_not_confirmed_before_its_time(void **state)
{
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	r.backoff = 4;
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 0);
	rig_block_without(&r, 0, 1, 0);
	rig_flush(&r, 0, RIG_NODE);
	rig_info(&r, 1, "info");
	rig_block_without(&r, 1, 0, 1);
	rig_block_without(&r, 1, 1, 0);
	rig_flush(&r, 1, RIG_NODE);
	assert_string_equal(rig_run(&r, 8 * r.grtt), "N(1.0.8) ");
	rig_data(&r, 1, 0, 8);
	assert_string_equal(rig_run(&r, r.grtt), "AF1.1.7 ");
	rig_fini(&r);
}

/* What it had not heard of when it was asked turns out to have more than one block. */
static void an_unknown_object_is_confirmed_as_a_whole(void **state)
{
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "N(o0) ");
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 0);
	assert_string_equal(rig_see(&r), "");
	rig_block_without(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "AF0.1.7 ");
	rig_fini(&r);
}

/* It is asked while busy, and when it no longer is it knows that it lacks something. */
static void who_was_busy_confirms_no_more_than_it_has(void **state)
{
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	r.backoff = 4;
	rig_info(&r, 0, "info");
	rig_block_without(&r, 0, 0, 1);
	rig_block_without(&r, 0, 1, 0);
	rx_set_busy(r.rx, r.now, true);
	rig_flush(&r, 0, RIG_NODE);
	rx_set_busy(r.rx, r.now, false);
	assert_string_equal(rig_run(&r, 8 * r.grtt), "N(0.0.8) ");
	rig_fini(&r);
}

static void the_watermark_is_echoed_as_it_is(void **state)
{
	struct msg m = rig_cmd(CMD_FLUSH);
	static const uint8_t me[] = { 0, 0, 0, RIG_NODE };
	struct rx_rig r;

	begin(&r);
	r.fec_id = FEC_RS8;
	r.size[0] = 0;
	rig_info(&r, 0, "info");
	m.fec_id = FEC_RS8; /* of an empty object, by a sender that counts below 0 */
	m.fpi = (struct fpi){ .sbn = 0xffffff, .esi = 0xff };
	m.payload = me;
	m.payload_len = sizeof(me);
	rig_send(&r, &m);
	assert_string_equal(rig_see(&r), "AF0.16777215.255 ");
	rig_fini(&r);
}

static void confirmations_are_spread(void **state)
{
	nsec_t most = 0;

	for (unsigned seed = 0; seed < 20; seed++) {
		struct rx_conf conf = rig_conf();
		struct rx_rig r;
		nsec_t t0;

		conf.seed = seed;
		rig_init(&r, &conf);
		r.backoff = 4;
		rig_info(&r, 0, "info");
		rig_flush(&r, 0, RIG_NODE);
		t0 = r.now;
		while (*rig_see(&r) == '\0')
			r.now = rx_deadline(r.rx, r.now);
		assert_true(r.now - t0 <= r.grtt);
		most = MAX(most, r.now - t0);
		rig_fini(&r);
	}
	assert_true(most > 5 * MS);
}

static void what_was_refused_is_confirmed(void **state)
{
	struct rx_rig r;

	begin(&r);
	r.refuse = true;
	rig_info(&r, 0, "info");
	assert_string_equal(rig_events(&r), "O0 X0:0 ");
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.1.7 ");
	rig_fini(&r);
}

/* --- the end --- */

static void finished_when_all_objects_are_done(void **state)
{
	struct probe p = { .phase = PHASE_RUN, .end_object = 2 };
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_blocks(&r, 0, 0, 2);
	rig_blocks(&r, 1, 0, 2);
	assert_string_equal(rig_events(&r), "O0 C0 O1 C1 ");
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_events(&r), ""); /* more may be queued */
	p.end_known = true;
	rig_probe(&r, p, true, false);
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_events(&r), "F ");
	assert_int_equal(rx_status(r.rx).objects, 2);
	assert_true(rx_status(r.rx).end_known);
	rig_fini(&r);
}

/* The sender's window moved on; what we have is still ours. */
static void a_first_object_that_rises(void **state)
{
	struct probe p = { .phase = PHASE_RUN, .first_object = 1, .end_object = 2 };
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_info(&r, 0, "info");
	rig_probe(&r, p, true, false);
	rig_blocks(&r, 0, 0, 2);
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_fini(&r);
}

static void a_session_without_objects_is_finished(void **state)
{
	struct probe p = { .phase = PHASE_RUN, .end_known = true };
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_events(&r), "F ");
	rig_fini(&r);
}

static void a_squelch_may_be_the_last_thing_missing(void **state)
{
	struct probe p = { .phase = PHASE_CATCHUP, .end_object = 2, .end_known = true };
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_blocks(&r, 1, 0, 2);
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "N(o0) ");
	rig_squelch(&r, 1, NULL, 0);
	assert_string_equal(rig_events(&r), "O1 C1 F ");
	assert_true(rx_status(r.rx).lost);
	rig_fini(&r);
}

static void the_receipt_is_repeated_until_it_is_echoed(void **state)
{
	char text[] = "a reason that is copied";
	struct receipt rc = { .status = RECEIPT_IO, .text = text, .text_len = strlen(text) };
	struct receipt back;
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rig_probe(&r, wait_probe, true, true); /* an echo of nothing */
	rx_set_receipt(r.rx, r.now, &rc);
	memset(text, 'x', sizeof(text));
	assert_string_equal(rig_see(&r), "AR4 ");
	assert_int_equal(receipt_decode(&back, r.m.payload, r.m.payload_len), 0);
	assert_memory_equal(back.text, "a reason", 8);
	assert_string_equal(rig_run(&r, 50 * MS), "AR4 ");
	assert_string_equal(rig_run(&r, 100 * MS), "AR4 ");
	assert_string_equal(rig_run(&r, 200 * MS), "AR4 ");
	assert_string_equal(rig_run(&r, 1200 * MS), "AR4 AR4 AR4 ");
	rig_probe(&r, wait_probe, true, false);
	assert_string_equal(rig_events(&r), "");
	rig_probe(&r, wait_probe, true, true);
	rig_probe(&r, wait_probe, true, true);
	assert_string_equal(rig_events(&r), "R ");
	assert_string_equal(rig_run(&r, 5 * NSEC_PER_SEC), "");
	rig_fini(&r);
}

static void a_receipt_lingers_for_two_seconds(void **state)
{
	const struct receipt rc = { .status = RECEIPT_COMPLETE };
	struct msg eot = rig_cmd(CMD_EOT);
	struct rx_rig r;

	begin(&r);
	rig_join(&r);
	rx_set_receipt(r.rx, r.now, &rc);
	rig_send(&r, &eot);
	rig_send(&r, &eot);
	assert_string_equal(rig_events(&r), "E ");
	assert_true(strlen(rig_run(&r, 2 * NSEC_PER_SEC)) > 4 * 6);
	assert_string_equal(rig_run(&r, 10 * NSEC_PER_SEC), "");
	assert_int_equal(rx_deadline(r.rx, r.now), NSEC_NEVER);
	rig_fini(&r);
}

static void a_sender_that_falls_silent_is_gone(void **state)
{
	static const nsec_t bounds[] = { 0, 3 * NSEC_PER_SEC };

	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		struct rx_conf conf = rig_conf();
		nsec_t bound = bounds[i] ? bounds[i] : 10 * NSEC_PER_SEC;
		struct rx_rig r;

		conf.inactivity = bounds[i];
		rig_init(&r, &conf);
		rig_join(&r);
		rig_run(&r, bound - MS);
		assert_string_equal(rig_events(&r), "");
		rig_run(&r, NSEC_PER_SEC + MS);
		assert_string_equal(rig_events(&r), "G ");
		rig_run(&r, 3 * bound);
		assert_string_equal(rig_events(&r), "");
		rig_probe(&r, wait_probe, true, false); /* it is back */
		rig_run(&r, bound + NSEC_PER_SEC);
		assert_string_equal(rig_events(&r), "G ");
		rig_fini(&r);
	}
}

/* Whatever round-trip time a sender claimed before it died. */
static void a_foreign_sender_is_gone_in_bounded_time(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	rig_init(&r, &conf);
	r.grtt = 1000 * NSEC_PER_SEC;
	rig_info(&r, 0, "name");
	assert_string_equal(rig_events(&r), "O0 C0 ");
	rig_run(&r, 3600 * NSEC_PER_SEC);
	assert_string_equal(rig_events(&r), "G ");
	rig_fini(&r);
}

/* --- strangers --- */

static void packets_of_others_are_refused(void **state)
{
	struct msg m[] = {
		{ .type = NORM_CMD, .cmd = CMD_EOT, .source_id = 9, .instance_id = 7 },
		{ .type = NORM_CMD, .cmd = CMD_EOT, .source_id = RIG_SENDER, .instance_id = 8 },
		{ .type = NORM_ACK, .source_id = 9, .server_id = RIG_SENDER, .instance_id = 8 },
		{ .type = NORM_ACK, .source_id = RIG_SENDER, .server_id = 9, .instance_id = 7 },
	};
	static const uint8_t broken[] = { 0x13, 4, 0, 0, 0, 0, 0, 1, 0, 7 };
	uint8_t buf[64];
	struct rx_rig r;

	begin(&r);
	for (size_t i = 0; i < ARRAY_LEN(m); i++) {
		int len = msg_encode(&m[i], buf, sizeof(buf));

		assert_int_equal(rx_input(r.rx, r.now, buf, (size_t)len), -ENOENT);
	}
	assert_int_equal(rx_counters(r.rx)->foreign, ARRAY_LEN(m));
	assert_int_equal(rx_input(r.rx, r.now, broken, sizeof(broken)), -EBADMSG);
	assert_int_equal(rx_input(r.rx, r.now, broken, 0), -EBADMSG);
	assert_int_equal(rx_counters(r.rx)->malformed, 2);
	assert_int_equal(rx_counters(r.rx)->packets, 0);
	assert_string_equal(rig_events(&r), "");
	rig_fini(&r);
}

/* --- left behind --- */

static void who_is_left_behind_waits_for_its_turn(void **state)
{
	static const uint8_t us[] = { 0, 0, 0, 77, 0, 0, 0, RIG_NODE };
	struct probe p = { .phase = PHASE_CATCHUP, .end_known = true, .end_object = 1 };
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	rig_join(&r);
	p.behind = us;
	p.n_behind = 2;
	rig_probe(&r, p, true, false);
	rig_info(&r, 0, "i");
	rig_block_without(&r, 0, 0, 1 << 3);
	rig_block_without(&r, 0, 1, 1 << 5);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_run(&r, 2 * NSEC_PER_SEC), "");
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_run(&r, 2 * NSEC_PER_SEC), "");
	p.n_behind = 1; /* another one still is */
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_run(&r, 30 * MS), "N(0.0.8 0.1.8) ");
	rig_fini(&r);
}

/* It may have got everything all the same. */
static void who_is_left_behind_confirms(void **state)
{
	static const uint8_t us[] = { 0, 0, 0, RIG_NODE };
	struct probe p = {
		.phase = PHASE_CATCHUP, .end_object = 1, .behind = us, .n_behind = 1
	};
	struct rx_rig r;

	begin(&r);
	r.sow = true;
	rig_join(&r);
	rig_probe(&r, p, true, false);
	rig_blocks(&r, 0, 0, 2);
	rig_flush(&r, 0, RIG_NODE);
	assert_string_equal(rig_see(&r), "AF0.1.7 ");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announce_until_the_sender_has_heard),
		cmocka_unit_test(announce_before_asking),
		cmocka_unit_test(announces_are_spread),
		cmocka_unit_test(announces_are_spread_as_the_sender_wants),
		cmocka_unit_test(the_wait_between_announces_stays),
		cmocka_unit_test(a_census_is_told_from_a_job),
		cmocka_unit_test(probes_that_make_no_sense),
		cmocka_unit_test(nobody_announces_at_the_end),
		cmocka_unit_test(commands_of_other_applications_mean_nothing),
		cmocka_unit_test(a_flush_is_confirmed_by_who_is_named_and_has_all),
		cmocka_unit_test(a_later_flush_is_not_confirmed_before_its_time),
		cmocka_unit_test(an_unknown_object_is_confirmed_as_a_whole),
		cmocka_unit_test(who_was_busy_confirms_no_more_than_it_has),
		cmocka_unit_test(the_watermark_is_echoed_as_it_is),
		cmocka_unit_test(confirmations_are_spread),
		cmocka_unit_test(what_was_refused_is_confirmed),
		cmocka_unit_test(finished_when_all_objects_are_done),
		cmocka_unit_test(a_first_object_that_rises),
		cmocka_unit_test(a_session_without_objects_is_finished),
		cmocka_unit_test(a_squelch_may_be_the_last_thing_missing),
		cmocka_unit_test(the_receipt_is_repeated_until_it_is_echoed),
		cmocka_unit_test(a_receipt_lingers_for_two_seconds),
		cmocka_unit_test(a_sender_that_falls_silent_is_gone),
		cmocka_unit_test(a_foreign_sender_is_gone_in_bounded_time),
		cmocka_unit_test(packets_of_others_are_refused),
		cmocka_unit_test(who_is_left_behind_waits_for_its_turn),
		cmocka_unit_test(who_is_left_behind_confirms),
	};

	return cmocka_run_group_tests_name("rx_answer", tests, NULL, NULL);
}
