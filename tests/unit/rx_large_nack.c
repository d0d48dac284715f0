/* rx_large_nack.c - tests of proto/rx: when and how large blocks are asked for. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/large_rig.h"

#include "proto/rxlarge.h"

/* How often the states of blocks were looked at; so often at most, 0: as often as one likes. */
static uint64_t looks, looks_max;

struct rxlarge *__real_rxlarges_at(const struct rxlarges *s, uint32_t i);
struct rxlarge *__wrap_rxlarges_at(const struct rxlarges *s, uint32_t i);
uint32_t __real_rxlarges_lower_bound(const struct rxlarges *s, uint64_t key);
uint32_t __wrap_rxlarges_lower_bound(const struct rxlarges *s, uint64_t key);

static void look(void)
{
	bool many = ++looks > looks_max && looks_max;

	if (many)
		looks_max = 0; /* other tests follow */
	assert_false(many);
}

struct rxlarge *__wrap_rxlarges_at(const struct rxlarges *s, uint32_t i)
{
	look();
	return __real_rxlarges_at(s, i);
}

uint32_t __wrap_rxlarges_lower_bound(const struct rxlarges *s, uint64_t key)
{
	look();
	return __real_rxlarges_lower_bound(s, key);
}

/* --- when to ask --- */

static void a_poll_asks_for_the_parity_that_is_lacking(void **state)
{
	struct rx_rig r;

	begin(&r, 3);
	block_without(&r, 0, 3);
	block_without(&r, 1, 0);
	block_without(&r, 2, 7);
	assert_string_equal(rig_see(&r), ""); /* all may be on their way */
	send_poll(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.0+3) ");
	send_poll(&r, 2, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.2+7) ");
	parity(&r, 0, 0, 3, 3);
	parity(&r, 2, 0, 7, 7);
	assert_string_equal(rig_see(&r), "");
	assert_string_equal(rig_events(&r), "C0 F ");
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	assert_int_equal(rx_counters(r.rx)->nacks, 2);
	rig_fini(&r);
}

static void one_message_asks_for_all_blocks(void **state)
{
	struct rx_rig r;

	begin(&r, 6);
	for (uint32_t sbn = 0; sbn < 6; sbn++)
		block_without(&r, sbn, sbn);
	send_poll(&r, 0, 6, 0);
	assert_string_equal(rig_see(&r), "N(0.1+1 0.2+2 0.3+3 0.4+4 0.5+5) ");
	rig_fini(&r);
}

/* A segment of 100 bytes has room for eight counts. */
static void what_does_not_fit_is_asked_for_in_the_next_message(void **state)
{
	struct rx_rig r;

	begin(&r, 12);
	for (uint32_t sbn = 0; sbn < 12; sbn++)
		block_without(&r, sbn, 2);
	send_poll(&r, 0, 12, 0);
	assert_string_equal(rig_see(&r), "N(0.0+2 0.1+2 0.2+2 0.3+2 0.4+2 0.5+2 0.6+2 0.7+2) "
					 "N(0.8+2 0.9+2 0.10+2 0.11+2) ");
	rig_fini(&r);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void no_more_than_four_messages_leave_at_once(void **state)
{
	const char *text;
	struct rx_rig r;

	begin(&r, 40);
	for (uint32_t sbn = 0; sbn < 40; sbn++)
		block_without(&r, sbn, 2);
	send_poll(&r, 0, 40, 0);
	text = rig_see(&r);
	assert_int_equal(count(text, "N("), 4);
	assert_int_equal(count(text, "+2"), 32);
	assert_string_equal(rig_run(&r, r.grtt), "N(0.32+2 0.33+2 0.34+2 0.35+2 0.36+2 0.37+2 "
						 "0.38+2 0.39+2) ");
	rig_fini(&r);
}

static void parity_that_comes_unasked_silences(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	block_without(&r, 0, 4);
	send_poll(&r, 0, 1, 4);
	assert_string_equal(rig_run(&r, r.grtt), "");
	parity(&r, 0, 0, 2, 4);
	assert_string_equal(rig_run(&r, 2 * r.grtt - 1), "");
	assert_string_equal(rig_run(&r, 1), "N(0.0+2) "); /* two are late, or lost */
	parity(&r, 0, 4, 6, 6);
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

static void what_unasked_parity_does_not_cover_is_asked_for(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	block_without(&r, 0, 6);
	send_poll(&r, 0, 1, 4);
	assert_string_equal(rig_see(&r), "N(0.0+6) ");
	rig_fini(&r);
}

/* The last symbol of a repair shows what was lost of it. */
static void lost_parity_is_asked_for_when_the_repair_has_passed(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	block_without(&r, 0, 4);
	send_poll(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0+4) ");
	parity(&r, 0, 0, 1, 4);
	parity(&r, 0, 3, 4, 4);
	assert_string_equal(rig_see(&r), "N(0.0+6) ");
	parity(&r, 0, 4, 6, 6);
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

static void what_nobody_answers_is_asked_for_again(void **state)
{
	struct rx_rig r;

	begin(&r, 1);
	block_without(&r, 0, 4);
	send_poll(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0+4) ");
	assert_string_equal(rig_run(&r, 2 * r.grtt - 1), "");
	assert_string_equal(rig_run(&r, 1), "N(0.0+4) ");
	assert_string_equal(rig_run(&r, 4 * r.grtt - 1), ""); /* twice as long each time */
	assert_string_equal(rig_run(&r, 1), "N(0.0+4) ");
	rig_run(&r, 10 * NSEC_PER_SEC - 1);
	rig_fini(&r);
}

/* As long as the sender repairs others, it may come to this block yet. */
static void whoever_hears_other_repair_waits_for_his_turn(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	block_without(&r, 0, 10);
	block_without(&r, 1, 4);
	send_poll(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.0+10 0.1+4) ");
	for (uint32_t p = 0; p < 9; p++) {
		assert_string_equal(rig_run(&r, r.grtt), "");
		parity(&r, 0, p, p + 1, 10);
	}
	assert_string_equal(rig_run(&r, 2 * r.grtt - 1), "");
	assert_string_equal(rig_run(&r, 1), "N(0.0+1 0.1+4) ");
	rig_fini(&r);

	begin(&r, 2); /* but not for ever */
	block_without(&r, 0, 0);
	block_without(&r, 1, 4);
	send_poll(&r, 0, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.1+4) ");
	for (unsigned i = 0; i < 24; i++) {
		assert_string_equal(rig_run(&r, 10 * MS), "");
		parity(&r, 0, 0, 1, 1);
	}
	assert_string_equal(rig_run(&r, 10 * MS), "N(0.1+4) ");
	rig_fini(&r);
}

/* Who lacks most speaks first, the others later, and somebody else's repair silences them. */
static void a_threshold_lets_the_worst_speak_first(void **state)
{
	static const struct {
		uint16_t threshold, step;
		uint32_t lost;
		unsigned slot;
	} cases[] = {
		{ 0, 1, 1, 0 }, { 5, 1, 5, 0 },   { 5, 1, 9, 0 },
		{ 5, 1, 4, 1 }, { 5, 1, 3, 2 },   { 9, 3, 6, 1 },
		{ 9, 3, 5, 2 }, { 19, 1, 10, 6 }, { 19, 2, 10, 5 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct poll p = poll_of(0, 1, 0);
		struct rx_rig r;
		nsec_t slot;

		begin(&r, 1);
		r.backoff = 4;
		slot = 4 * r.grtt;
		block_without(&r, 0, cases[i].lost);
		p.threshold = cases[i].threshold;
		p.step = cases[i].step;
		rig_poll(&r, &p);
		if (cases[i].slot)
			assert_string_equal(rig_run(&r, cases[i].slot * slot - 1), "");
		assert_true(strlen(rig_run(&r, slot + 1)) > 0);
		rig_fini(&r);

		begin(&r, 1);
		r.backoff = 4;
		r.gsize = 0x7; /* of many: hardly anybody speaks at once */
		block_without(&r, 0, cases[i].lost);
		rig_poll(&r, &p);
		parity(&r, 0, 0, 1, 15);
		assert_string_equal(rig_run(&r, 2 * r.grtt - 1), "");
		rig_fini(&r);
	}
}

/* A block whose own time has not come goes along. */
static void a_request_takes_along_what_would_follow(void **state)
{
	struct poll p = poll_of(0, 2, 0);
	struct rx_rig r;

	begin(&r, 2);
	r.backoff = 4;
	block_without(&r, 0, 2);
	block_without(&r, 1, 7);
	p.threshold = 7;
	rig_poll(&r, &p);
	assert_string_equal(rig_run(&r, 4 * r.grtt), "N(0.0+2 0.1+7) ");
	rig_fini(&r);
}

static void data_of_later_blocks_tells_nothing(void **state)
{
	struct rx_rig r;

	begin(&r, 3);
	block_without(&r, 0, 2);
	block_without(&r, 1, 0);
	rig_data(&r, 0, 2, K - 1);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC / 2), "");
	in_phase(&r, PHASE_RUN, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0+2) ");
	rig_fini(&r);

	begin(&r, 3); /* a POLL that tells of more */
	block_without(&r, 0, 2);
	block_without(&r, 1, 1);
	send_poll(&r, 1, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0+2 0.1+1) ");
	rig_fini(&r);

	begin(&r, 3); /* a repair */
	block_without(&r, 0, 2);
	block_without(&r, 1, 2);
	parity(&r, 1, 0, 1, 2);
	assert_string_equal(rig_see(&r), "N(0.0+2) ");
	rig_fini(&r);

	begin(&r, 3); /* the end of all */
	block_without(&r, 0, 2);
	rig_flush(&r, 0, 0);
	assert_string_equal(rig_see(&r), "N(0.0+2) ");
	rig_fini(&r);
}

/* --- what is not asked for, or otherwise --- */

static void below_the_floor_requests_wait_for_the_catch_up(void **state)
{
	struct rx_rig r;

	begin(&r, 4);
	block_without(&r, 0, 2);
	block_without(&r, 1, 3);
	block_without(&r, 2, 0);
	in_phase(&r, PHASE_RUN, 3, 1);
	assert_string_equal(rig_see(&r), "N(0.1+3) ");
	in_phase(&r, PHASE_RUN, 3, 2); /* it rises while an answer is expected */
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	in_phase(&r, PHASE_CATCHUP, 4, 2);
	assert_string_equal(rig_run(&r, r.grtt), "N(0.0+2 0.1+3) N(b0.3) ");
	rig_fini(&r);
}

static void beyond_the_parity_there_are_names(void **state)
{
	struct rx_rig r;

	begin(&r, 2);
	block_without(&r, 0, PARITY + 3);
	block_without(&r, 1, 1);
	send_poll(&r, 0, 1, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC / 2), "");
	in_phase(&r, PHASE_CATCHUP, 2, 0);
	assert_string_equal(rig_see(&r), "N(0.0+20 0.0.20-22 0.1+1) ");
	for (uint16_t i = 20; i < 23; i++)
		rig_repair(&r, 0, 0, i, PARITY);
	parity(&r, 0, 0, 18, PARITY);
	parity(&r, 0, 19, 20, PARITY); /* one is lost, and there is no other */
	assert_string_equal(rig_see(&r), "N(0.0.19) ");
	rig_repair(&r, 0, 0, 19, PARITY);
	parity(&r, 1, 0, 1, 1);
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

/* What the memory cannot keep is no use. */
static void beyond_the_memory_there_are_names(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.memory = 4 * 16 * RIG_E; /* 16 parity symbols */
	begin_conf(&r, &conf, 1);
	block_without(&r, 0, 18);
	send_poll(&r, 0, 1, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC / 2), "");
	in_phase(&r, PHASE_CATCHUP, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0+16 0.0.16 0.0.17) ");
	rig_repair(&r, 0, 0, 16, 16);
	rig_repair(&r, 0, 0, 17, 16);
	parity(&r, 0, 0, 16, 16);
	assert_string_equal(rig_events(&r), "O0 C0 F ");
	rig_fini(&r);
}

/* Parity for all blocks at once would be thrown away again. */
static void what_the_memory_cannot_keep_waits(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.memory = 6 * 16 * RIG_E; /* three slots of parity */
	begin_conf(&r, &conf, 3);
	for (uint32_t sbn = 0; sbn < 3; sbn++)
		block_without(&r, sbn, 17);
	send_poll(&r, 0, 3, 0);
	assert_string_equal(rig_see(&r), "N(0.0+17) ");
	parity(&r, 0, 0, 16, 17);
	assert_string_equal(rig_run(&r, r.grtt), "");
	parity(&r, 0, 16, 17, 17);
	assert_string_equal(rig_see(&r), "N(0.1+17) ");
	parity(&r, 1, 0, 17, 17);
	assert_string_equal(rig_see(&r), "N(0.2+17) ");
	parity(&r, 2, 0, 17, 17);
	assert_string_equal(rig_events(&r), "O0 C0 F ");
	rig_fini(&r);
}

/* The sender was held up, and took that for a long way. */
static void a_grtt_that_falls_hastens_requests(void **state)
{
	struct rx_rig r;
	nsec_t grtt;

	begin(&r, 1);
	grtt = r.grtt;
	block_without(&r, 0, 4);
	r.grtt = NSEC_PER_SEC;
	send_poll(&r, 0, 1, 0);
	assert_string_equal(rig_see(&r), "N(0.0+4) ");
	assert_string_equal(rig_run(&r, grtt), "");
	r.grtt = grtt;
	in_phase(&r, PHASE_CATCHUP, 1, 0);
	assert_string_equal(rig_run(&r, 2 * grtt), "N(0.0+4) ");
	rig_fini(&r);
}

static void whole_blocks_are_asked_for_in_the_catch_up(void **state)
{
	struct rx_rig r;

	begin(&r, 6);
	block_without(&r, 2, 1);
	send_poll(&r, 0, 6, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC / 2),
			    "N(0.2+1) N(0.2+1) N(0.2+1) N(0.2+1) N(0.2+1) ");
	in_phase(&r, PHASE_CATCHUP, 6, 0);
	parity(&r, 3, 0, 5, 5); /* somebody else's repair */
	assert_non_null(strstr(rig_run(&r, r.grtt), "N(b0.0-1 b0.3-5) "));
	assert_int_equal(rx_counters(r.rx)->not_wanted, 5);
	for (uint32_t sbn = 0; sbn < 6; sbn++)
		for (uint16_t i = 0; i < K; i++)
			rig_repair(&r, 0, sbn, i, 0);
	assert_string_equal(rig_events(&r), "C0 F ");
	rig_fini(&r);
}

/* A late comer asks for what it has room for, and for more when that has come. */
static void no_more_blocks_are_asked_for_than_there_is_room(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	conf.memory = 4 * 16 * RIG_E; /* 8 states, the least there are */
	begin_conf(&r, &conf, 30);
	in_phase(&r, PHASE_CATCHUP, 30, 0);
	assert_string_equal(rig_see(&r), "N(b0.0-7) ");
	for (uint32_t sbn = 0; sbn < 8; sbn++)
		for (uint16_t i = sbn == 5; i < K; i++)
			rig_repair(&r, 0, sbn, i, 0);
	assert_string_equal(rig_run(&r, 2 * r.grtt), "N(0.5+1) ");
	in_phase(&r, PHASE_CATCHUP, 30, 0);
	assert_string_equal(rig_see(&r), "N(b0.8-14) ");
	rig_fini(&r);
}

/* A block of which little came takes a state, and what came is not kept anywhere. */
static void begin_block(struct rx_rig *r, uint32_t sbn)
{
	struct work w;

	rig_data(r, 0, sbn, 0);
	while (rx_work(r->rx, &w))
		rx_work_done(r->rx, r->now, &w, 0);
}

/* All states are taken, and as much is missing as an object can have. */
static void what_there_is_no_room_for_is_passed_over(void **state)
{
	struct rx_conf conf = rig_conf();
	struct rx_rig r;

	for (unsigned large = 0; large < 2; large++) {
		conf.memory = large ? 4 * 16 * RIG_E : 2 * RIG_BLOCK; /* 8 states */
		rig_init_large(&r, &conf, K, PARITY);
		r.large = large;
		r.fec_id = large ? FEC_SB_SYST : FEC_RS8;
		r.block_len = large ? K : RIG_B;
		r.n_parity = large ? PARITY : RIG_PARITY;
		r.size[0] = (uint64_t)UINT32_MAX * r.block_len * RIG_E;
		rig_join(&r);
		rig_info(&r, 0, "info");
		r.asleep = true;
		in_phase(&r, PHASE_RUN, 0, 0);
		for (uint32_t sbn = 0; sbn < 8; sbn++)
			begin_block(&r, 2 * sbn);
		rig_run(&r, 2 * r.grtt);
		in_phase(&r, PHASE_CATCHUP, 0, 0);
		looks = 0;
		looks_max = 1000; /* and not 2^32, nor 2^10 */
		assert_null(strstr(rig_see(&r), "b0."));
		assert_in_range(looks, 8, 100);
		looks_max = 0;
		assert_true(rx_counters(r.rx)->nacks > 0);
		rig_fini(&r);
	}
}

/* Each POLL looks at each block a few times, not at all for each. */
static void a_poll_of_many_blocks_costs_little(void **state)
{
	const unsigned n = 100;
	struct rx_conf conf = rig_conf();
	struct poll p = poll_of(0, n, 0);
	struct rx_rig r;

	conf.counting = true;
	begin_conf(&r, &conf, n + 1);
	r.asleep = true;
	for (uint32_t sbn = 0; sbn < n; sbn++)
		block_without(&r, sbn, 2);
	r.backoff = 4;
	in_phase(&r, PHASE_RUN, n, 0);
	p.threshold = 9; /* later than the PROBE had it */
	looks = 0;
	rig_poll(&r, &p);
	assert_in_range(looks, n, 8 * n);
	rig_fini(&r);
}

static void each_object_is_asked_for_in_its_code(void **state)
{
	struct rx_conf conf = rig_conf();
	struct request_reader reader;
	struct request q;
	struct rx_rig r;
	unsigned n = 0;
	int len;

	rig_init_large(&r, &conf, K, PARITY);
	r.size[0] = 2 * L_BLOCK;
	r.size[1] = RIG_BLOCK;
	rig_join(&r);
	rig_info(&r, 0, "info");
	r.large = false;
	r.fec_id = FEC_RS8;
	r.block_len = RIG_B;
	r.n_parity = RIG_PARITY;
	rig_info(&r, 1, "info");
	rig_data(&r, 1, 0, 3);
	rig_probe(&r,
		  (struct probe){ .phase = PHASE_CATCHUP, .end_known = true, .end_object = 2 },
		  true, false);
	len = rx_output(r.rx, r.now, r.pkt, sizeof(r.pkt));
	assert_true(len > 0);
	assert_int_equal(msg_decode(&r.m, r.pkt, (size_t)len), 0);
	request_reader_init(&reader, r.m.payload, r.m.payload_len);
	while (n < 2 && request_next(&reader, &q) > 0) {
		assert_int_equal(q.fec_id, q.object_first == 0 ? FEC_SB_SYST : FEC_RS8);
		assert_int_equal(q.flags, q.object_first == 0 ? NACK_BLOCK : NACK_SEGMENT);
		n++;
	}
	assert_int_equal(n, 2);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_poll_asks_for_the_parity_that_is_lacking),
		cmocka_unit_test(one_message_asks_for_all_blocks),
		cmocka_unit_test(what_does_not_fit_is_asked_for_in_the_next_message),
		cmocka_unit_test(no_more_than_four_messages_leave_at_once),
		cmocka_unit_test(parity_that_comes_unasked_silences),
		cmocka_unit_test(what_unasked_parity_does_not_cover_is_asked_for),
		cmocka_unit_test(lost_parity_is_asked_for_when_the_repair_has_passed),
		cmocka_unit_test(what_nobody_answers_is_asked_for_again),
		cmocka_unit_test(whoever_hears_other_repair_waits_for_his_turn),
		cmocka_unit_test(a_threshold_lets_the_worst_speak_first),
		cmocka_unit_test(a_request_takes_along_what_would_follow),
		cmocka_unit_test(data_of_later_blocks_tells_nothing),
		cmocka_unit_test(below_the_floor_requests_wait_for_the_catch_up),
		cmocka_unit_test(beyond_the_parity_there_are_names),
		cmocka_unit_test(beyond_the_memory_there_are_names),
		cmocka_unit_test(what_the_memory_cannot_keep_waits),
		cmocka_unit_test(a_grtt_that_falls_hastens_requests),
		cmocka_unit_test(whole_blocks_are_asked_for_in_the_catch_up),
		cmocka_unit_test(no_more_blocks_are_asked_for_than_there_is_room),
		cmocka_unit_test(what_there_is_no_room_for_is_passed_over),
		cmocka_unit_test(a_poll_of_many_blocks_costs_little),
		cmocka_unit_test(each_object_is_asked_for_in_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
