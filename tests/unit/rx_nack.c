/* rx_nack.c - tests of proto/rx: what is asked for again, and when. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rx_rig.h"

static void begin(struct rx_rig *r, uint64_t blocks)
{
	struct rx_conf conf = rig_conf();

	rig_init(r, &conf);
	for (size_t i = 0; i < RIG_OBJECTS; i++)
		r->size[i] = blocks * RIG_BLOCK;
}

/* A session with a sender of ours, with object 0 offered and accepted. */
static void begin_ours(struct rx_rig *r, uint64_t blocks)
{
	begin(r, blocks);
	rig_join(r);
	rig_info(r, 0, "info");
	assert_string_equal(rig_events(r), "O0 ");
	assert_string_equal(rig_see(r), "");
}

static void a_later_block_shows_what_is_missing(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 4);
	rig_block_without(&r, 0, 0, 1 << 3);
	assert_string_equal(rig_see(&r), ""); /* the last symbol may be under way */
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8) ");
	rig_block_without(&r, 0, 1, 1 << 0);
	rig_block_without(&r, 0, 2, 1 << 1 | 1 << 6);
	assert_string_equal(rig_run(&r, 2 * r.grtt - 1), ""); /* held off */
	rig_data(&r, 0, 3, 0);
	assert_string_equal(rig_see(&r), "");
	r.now++;
	rig_data(&r, 0, 3, 1); /* nothing new is known: nothing is asked */
	assert_string_equal(rig_see(&r), "");
	rig_run(&r, 1);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8 0.2.8 0.2.9 0.3.6 0.3.7 0.3.8-11) ");
	assert_int_equal(rx_counters(r.rx)->nacks, 2);
	rig_fini(&r);
}

static void what_nothing_was_heard_of(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 6);
	rig_block_without(&r, 0, 2, 0xf);
	assert_string_equal(rig_see(&r), "N(b0.0-1) ");
	rig_run(&r, 2 * r.grtt);
	rig_block_without(&r, 0, 4, 0xf);
	assert_string_equal(rig_see(&r), "N(b0.0-1 0.2.8-11 b0.3) ");
	rig_run(&r, 2 * r.grtt);
	rig_info(&r, 2, "info");
	assert_string_equal(rig_see(&r), "N(b0.0-1 0.2.8-11 b0.3 0.4.8-11 b0.5 o1) ");
	rig_run(&r, 2 * r.grtt);
	r.size[6] = 0;
	rig_info(&r, 6, "info");
	rig_flush(&r, 6, 0);
	assert_string_equal(rig_see(&r),
			    "N(b0.0-1 0.2.8-11 b0.3 0.4.8-11 b0.5 o1) N(b2.0-5 o3-5) ");
	rig_fini(&r);
}

static void info_that_is_missing(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 1);
	rig_block_without(&r, 0, 0, 0);
	rig_data(&r, 1, 0, 3);
	assert_string_equal(rig_see(&r), "");
	rig_data(&r, 2, 0, 0);
	assert_string_equal(rig_see(&r), "N(i1) ");
	rig_info(&r, 1, "info");
	rig_run(&r, 2 * r.grtt);
	rig_flush(&r, 2, 0);
	assert_string_equal(rig_see(&r), "N(b1.0 i2) ");
	rig_fini(&r);
}

static void parity_is_asked_for_behind_what_was_promised(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 2);
	rig_block_without(&r, 0, 0, 1 << 0 | 1 << 5);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8 0.0.9) ");
	rig_repair(&r, 0, 0, 9, 2); /* the last one of its round, 8 was lost */
	assert_string_equal(rig_run(&r, 2 * r.grtt), "");
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0.10 0.1.5-7 0.1.8-11) ");
	rig_repair(&r, 0, 0, 10, 3);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "");
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.1.5-7 0.1.8-11) ");
	rig_fini(&r);
}

static void too_little_parity_leaves_source_symbols(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 2);
	rig_block_without(&r, 0, 0, 0x3f);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.4 0.0.5 0.0.8-11) ");
	rig_repair(&r, 0, 0, 0, 4); /* somebody used up all parity */
	rig_run(&r, 2 * r.grtt);
	rig_data(&r, 0, 1, 1);
	rig_data(&r, 0, 1, 2);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0.1-5 0.1.7 0.1.8-11) ");
	rig_fini(&r);
}

/* Parity that nobody asked for promises nothing, but it was sent. */
static void parity_without_a_promise_counts(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 2);
	rig_block_without(&r, 0, 0, 7);
	rig_data(&r, 0, 0, 9);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.10 0.0.11) ");
	rig_fini(&r);
}

static void a_promise_beyond_all_parity_is_no_promise(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 2);
	rig_block_without(&r, 0, 0, 1);
	rig_repair(&r, 0, 0, 3, 60000);
	rig_run(&r, 2 * r.grtt);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0.0) ");
	rig_fini(&r);
}

static void repair_under_way_is_waited_for(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 3);
	rig_block_without(&r, 0, 0, 7);
	rig_repair(&r, 0, 0, 8, 2); /* there is one more */
	rig_block_without(&r, 0, 1, 0xf);
	rig_data(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.1.8-11) ");
	assert_string_equal(rig_run(&r, 2 * r.grtt), "");
	rig_data(&r, 0, 2, 1);
	rig_flush(&r, 0, 0); /* it did not come */
	assert_string_equal(rig_see(&r), "N(0.0.10 0.0.11 0.1.8-11 0.2.6 0.2.7 0.2.8-11) ");
	rig_fini(&r);
}

static void repair_for_others_ends_a_backoff(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 2);
	r.backoff = 4;
	rig_block_without(&r, 0, 0, 1);
	rig_data(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "");
	rig_repair(&r, 0, 0, 8, 1);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "");
	assert_int_equal(rx_counters(r.rx)->suppressed, 1);
	assert_int_equal(rx_counters(r.rx)->nacks, 0);
	rig_fini(&r);
}

static void the_floor_holds_while_new_data_flows(void **state)
{
	struct probe p = { .phase = PHASE_RUN, .end_object = 2, .floor_sbn = 2 };
	struct rx_rig r;

	begin_ours(&r, 4);
	rig_block_without(&r, 0, 1, 1);
	rig_block_without(&r, 0, 3, 0xf);
	rig_run(&r, 2 * r.grtt);
	rig_probe(&r, p, true, false);
	rig_data(&r, 2, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.3.8-11) "); /* whole blocks, objects have time */
	rig_run(&r, 2 * r.grtt);
	p.floor_object = 2;
	p.floor_sbn = 0;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_run(&r, 10 * r.grtt), "");
	p.phase = PHASE_CATCHUP;
	p.end_object = 3;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "N(b0.0 0.1.8 b0.2 0.3.8-11 o1 i2) ");
	rig_fini(&r);
}

/* FLUSHes while repairs for others come: how long until we ask again. */
static nsec_t patience(struct rx_rig *r, unsigned n_repairs)
{
	nsec_t begin = r->now;

	for (unsigned i = 0; r->now - begin < NSEC_PER_SEC; i++) {
		if (i < n_repairs)
			rig_data(r, 0, 0, 1);
		rig_flush(r, 0, 0);
		if (*rig_run(r, r->grtt))
			break;
	}
	return r->now - begin;
}

static void a_sender_that_repairs_is_left_to_it(void **state)
{
	struct probe p = { .phase = PHASE_CATCHUP, .end_object = 1 };
	struct rx_rig r;

	begin_ours(&r, 2);
	rig_block_without(&r, 0, 0, 1);
	rig_block_without(&r, 0, 1, 1);
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "N(0.0.8 0.1.8) ");
	assert_in_range(patience(&r, 10), 11 * r.grtt, 13 * r.grtt);
	assert_in_range(patience(&r, 100), 250 * MS, 250 * MS + 2 * r.grtt);
	rig_fini(&r);
}

/* Nothing but PROBEs got through. */
static void catching_up_begins_with_the_first_object(void **state)
{
	struct probe p = { .phase = PHASE_CATCHUP, .first_object = 0, .end_object = 3 };
	struct rx_rig r;

	begin(&r, 1);
	rig_join(&r);
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "N(o0-2) ");
	rig_fini(&r);

	begin(&r, 1);
	r.sow = true;
	p.first_object = 65530; /* ids go round */
	p.floor_object = 65530;
	p.end_object = 2;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "N(o65530-1) ");
	rig_fini(&r);
}

/* We came in late, in the middle, and learn of the beginning afterwards. */
static void a_late_receiver_asks_from_the_first_object(void **state)
{
	struct probe p = { .phase = PHASE_CATCHUP, .first_object = 298, .end_object = 301 };
	struct rx_rig r;

	begin(&r, 1);
	r.sow = true;
	rig_blocks(&r, 300, 0, 1);
	assert_string_equal(rig_events(&r), "O300 C300 ");
	p.floor_object = 298;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "N(o298-299) ");
	rig_fini(&r);
}

static void what_is_being_decoded_is_not_asked_for(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 3);
	r.hold = true;
	rig_block_without(&r, 0, 0, 1);
	rig_data(&r, 0, 0, 8);
	rig_block_without(&r, 0, 1, 0);
	rig_data(&r, 0, 2, 0);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.2.5-7 0.2.8-11) ");
	r.hold = false;
	rig_run(&r, 2 * r.grtt);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.2.5-7 0.2.8-11) ");
	rig_fini(&r);
}

static void waiting_times_have_their_bounds(void **state)
{
	nsec_t least = NSEC_NEVER, most = 0;

	for (unsigned seed = 0; seed < 50; seed++) {
		struct rx_conf conf = rig_conf();
		struct rx_rig r;
		nsec_t t0;

		conf.seed = seed;
		rig_init(&r, &conf);
		r.size[0] = 4 * RIG_BLOCK;
		rig_join(&r);
		rig_info(&r, 0, "info");
		r.backoff = 4;
		rig_block_without(&r, 0, 2, 0xf);
		t0 = r.now;
		while (*rig_see(&r) == '\0')
			r.now = rx_deadline(r.rx, r.now);
		assert_true(r.now - t0 <= 4 * r.grtt);
		least = MIN(least, r.now - t0);
		most = MAX(most, r.now - t0);

		rig_run(&r, 6 * r.grtt - 1); /* (K + 2) GRTT */
		r.backoff = 0;
		rig_block_without(&r, 0, 3, 0xf);
		assert_string_equal(rig_see(&r), "");
		rig_run(&r, 1);
		rig_flush(&r, 0, 0);
		assert_string_equal(rig_see(&r), "N(b0.0-1 0.2.8-11 0.3.8-11) ");
		rig_fini(&r);
	}
	assert_true(least < 3 * 10 * MS && most > 35 * MS);
}

static void repair_of_another_block_is_a_reason_to_ask(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 3);
	rig_block_without(&r, 0, 0, 1);
	rig_block_without(&r, 0, 1, 0);
	rig_data(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8) ");
	assert_string_equal(rig_run(&r, 2 * r.grtt), "");
	rig_repair(&r, 0, 1, 8, 1);
	assert_string_equal(rig_see(&r), "N(0.0.8) ");
	rig_fini(&r);
}

static void silence_is_a_reason_to_ask(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 4);
	rig_data(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(b0.0-1) ");
	assert_string_equal(rig_run(&r, 900 * MS), "");
	assert_string_equal(rig_run(&r, 200 * MS), "N(b0.0-1) ");
	assert_string_equal(rig_run(&r, 3 * NSEC_PER_SEC), "N(b0.0-1) N(b0.0-1) N(b0.0-1) ");
	rig_fini(&r);
}

static void nothing_is_asked_after_the_end(void **state)
{
	struct msg eot = rig_cmd(CMD_EOT);
	struct rx_rig r;

	begin_ours(&r, 4);
	r.backoff = 4;
	rig_data(&r, 0, 2, 0);
	rig_send(&r, &eot);
	rig_data(&r, 0, 3, 0);
	assert_string_equal(rig_run(&r, 20 * NSEC_PER_SEC), "");
	assert_string_equal(rig_events(&r), "E ");
	rig_fini(&r);
}

/* --- much to ask for --- */

static void a_cycle_has_four_messages_of_a_segment(void **state)
{
	struct rx_rig r;
	uint32_t sbn = 0;

	begin_ours(&r, 200);
	rx_want_info(r.rx, r.now, 0);
	for (uint32_t i = 0; i < 200; i += 2)
		rig_block_without(&r, 0, i, 1 << 2); /* every other block is lost */
	for (int n = 0; n < 4; n++) {
		struct request_reader reader;
		struct request q;
		int len = rx_output(r.rx, r.now, r.pkt, sizeof(r.pkt));

		assert_true(len > 0);
		assert_int_equal(msg_decode(&r.m, r.pkt, (size_t)len), 0);
		assert_in_range(r.m.payload_len, RIG_E - 16, RIG_E);
		request_reader_init(&reader, r.m.payload, r.m.payload_len);
		if (n == 0) {
			assert_int_equal(request_next(&reader, &q), 1);
			assert_int_equal(q.flags, NACK_INFO);
		}
		while (request_next(&reader, &q) > 0) {
			assert_int_equal(q.flags, sbn & 1 ? NACK_BLOCK : NACK_SEGMENT);
			assert_int_equal(q.first.sbn, sbn++);
		}
	}
	assert_in_range(sbn, 20, 50);
	assert_int_equal(rx_output(r.rx, r.now, r.pkt, sizeof(r.pkt)), 0);
	assert_true(rx_deadline(r.rx, r.now) > r.now);
	rig_fini(&r);
}

/* What does not fit with the rest of its block is left to the next cycle. */
static void a_block_has_one_turn_in_a_cycle(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 6);
	for (uint32_t sbn = 0; sbn < 6; sbn++) {
		rig_block_without(&r, 0, sbn, 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5);
		rig_repair(&r, 0, sbn, 0, RIG_PARITY); /* no parity is left */
	}
	rx_want_info(r.rx, r.now, 0);
	rig_run(&r, 2 * r.grtt);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r),
			    "N(i0 0.0.1 0.0.3 0.0.5 0.1.1 0.1.3 0.1.5 0.2.1 0.2.3 0.2.5 0.3.1) "
			    "N(0.4.1 0.4.3 0.4.5 0.5.1 0.5.3 0.5.5) ");
	rig_fini(&r);
}

static void what_there_is_no_room_for_is_not_asked_for(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.memory = 2 * RIG_BLOCK; /* and states of eight blocks */
	rig_init(&r, &conf);
	r.size[0] = 20 * RIG_BLOCK;
	rig_info(&r, 0, "info");
	for (uint32_t sbn = 0; sbn < 20; sbn++)
		rig_block_without(&r, 0, sbn, 1);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0.8 0.1.8 0.2.8 0.3.8 0.4.8 0.5.8 0.6.8 0.7.8) ");
	rig_fini(&r);

	conf = rig_conf();
	conf.max_objects = 4;
	rig_init(&r, &conf);
	r.size[2] = r.size[10] = RIG_BLOCK;
	rig_blocks(&r, 2, 0, 1);
	rig_see(&r);
	rig_run(&r, 2 * r.grtt);
	rig_info(&r, 10, "info");
	assert_string_equal(rig_events(&r), "O2 C2 O10 ");
	assert_string_equal(rig_see(&r), "N(o0-1 o3) ");
	rig_fini(&r);
}

static void a_buffer_too_small_is_no_reason_to_hurry(void **state)
{
	struct rx_rig r;
	uint8_t buf[24];

	begin_ours(&r, 4);
	rig_data(&r, 0, 2, 0);
	for (size_t cap = 0; cap <= sizeof(buf); cap += 8) {
		assert_int_equal(rx_output(r.rx, r.now, buf, cap), 0);
		assert_true(rx_deadline(r.rx, r.now) > r.now);
	}
	rig_fini(&r);
}

/* --- INFO that lacks something --- */

static void wanted_info_is_asked_for_until_it_changes(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 1);
	r.keep = true;
	rig_blocks(&r, 0, 0, 1);
	assert_string_equal(rig_events(&r), "C0 ");
	rx_want_info(r.rx, r.now, 0);
	rx_want_info(r.rx, r.now, 0);
	rx_want_info(r.rx, r.now, 9);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(i0) ");
	rig_info(&r, 0, "info");
	rig_run(&r, 2 * r.grtt);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(i0) ");
	rig_info(&r, 0, "more");
	assert_string_equal(rig_events(&r), "I0 ");
	rig_run(&r, 2 * r.grtt);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "");
	rx_want_info(r.rx, r.now, 0);
	rx_release(r.rx, 0);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "");
	assert_int_equal(rx_counters(r.rx)->suppressed, 0);
	rig_fini(&r);
}

static void an_aborted_object_wants_no_info(void **state)
{
	struct rx_rig r;

	begin_ours(&r, 1);
	rx_want_info(r.rx, r.now, 0);
	rx_refuse(r.rx, r.now, 0);
	rx_want_info(r.rx, r.now, 0);
	assert_string_equal(rig_events(&r), "X0:0 ");
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "");
	assert_int_equal(rx_counters(r.rx)->suppressed, 0); /* not even a cycle */
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_block_shows_what_is_missing),
		cmocka_unit_test(what_nothing_was_heard_of),
		cmocka_unit_test(info_that_is_missing),
		cmocka_unit_test(parity_is_asked_for_behind_what_was_promised),
		cmocka_unit_test(too_little_parity_leaves_source_symbols),
		cmocka_unit_test(parity_without_a_promise_counts),
		cmocka_unit_test(a_promise_beyond_all_parity_is_no_promise),
		cmocka_unit_test(repair_under_way_is_waited_for),
		cmocka_unit_test(repair_for_others_ends_a_backoff),
		cmocka_unit_test(the_floor_holds_while_new_data_flows),
		cmocka_unit_test(a_sender_that_repairs_is_left_to_it),
		cmocka_unit_test(catching_up_begins_with_the_first_object),
		cmocka_unit_test(a_late_receiver_asks_from_the_first_object),
		cmocka_unit_test(what_is_being_decoded_is_not_asked_for),
		cmocka_unit_test(waiting_times_have_their_bounds),
		cmocka_unit_test(repair_of_another_block_is_a_reason_to_ask),
		cmocka_unit_test(silence_is_a_reason_to_ask),
		cmocka_unit_test(nothing_is_asked_after_the_end),
		cmocka_unit_test(a_cycle_has_four_messages_of_a_segment),
		cmocka_unit_test(a_block_has_one_turn_in_a_cycle),
		cmocka_unit_test(what_there_is_no_room_for_is_not_asked_for),
		cmocka_unit_test(a_buffer_too_small_is_no_reason_to_hurry),
		cmocka_unit_test(wanted_info_is_asked_for_until_it_changes),
		cmocka_unit_test(an_aborted_object_wants_no_info),
	};

	return cmocka_run_group_tests_name("rx_nack", tests, NULL, NULL);
}
