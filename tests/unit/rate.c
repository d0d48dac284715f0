/* rate.c - tests of proto/rate: closed loops with modelled links. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rate_model.h"

#include "proto/types.h"

#define MIN_RATE (0.1 * MBIT)
#define MAX_RATE (10000 * MBIT)
#define MS_QUEUE 0.012 /* of a 1000 packets at 1 Gbit/s */

static struct model m;

static void begin(double start)
{
	model_init(&m, MIN_RATE, start, MAX_RATE);
}

/* --- one path --- */

static void nobody_objects_full_rate_in_200_ms(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 0, 0);
	model_run(&m, 0.2);
	assert_true(m.rate.value >= MAX_RATE);
	assert_int_equal(m.rate.reason, RATE_MAX);
}

static void a_bottleneck_is_filled_and_not_more(void **state)
{
	static const struct {
		double rate, queue;
		unsigned n;
		double jitter, least;
	} v[] = {
		{ 1000, MS_QUEUE, 1, 0.0004, 0.97 }, { 1000, MS_QUEUE, 4, 0.0004, 0.97 },
		{ 100, 0.12, 1, 0.0004, 0.97 },      { 100, MS_QUEUE, 4, 0.0004, 0.97 },
		{ 1000, 0.001, 1, 0.0004, 0.97 },   /* a cheap switch */
		{ 1000, MS_QUEUE, 4, 0.004, 0.92 }, /* receivers that have other things to do */
		{ 20, 0.1, 2, 0.0004, 0.97 },        { 9000, 0.001, 1, 0.0004, 0.96 },
	};

	for (size_t i = 0; i < 3 * ARRAY_LEN(v); i++) {
		size_t k = i % ARRAY_LEN(v);
		struct model_result is;

		begin(200 * MBIT);
		m.rng = rng_init(i);
		m.jitter = v[k].jitter;
		for (unsigned n = 0; n < v[k].n; n++)
			model_add(&m, v[k].rate * MBIT, v[k].queue);
		model_run(&m, v[k].rate < 50 ? 6 : 2);
		is = model_measure(&m, 10, 0);
		assert_true(is.rate >= v[k].least * v[k].rate * MBIT);
		assert_true(is.loss <= 0.005);
	}
}

/* Receivers that are kept from reading now and then, by up to 30 ms, look like queues. */
static void hiccups_are_no_queues(void **state)
{
	static const struct {
		double rate, queue, hiccup;
		unsigned n;
	} v[] = {
		{ 100, 0.06, 0.01, 4 },
		{ 100, 0.06, 0.03, 4 },
		{ 1000, MS_QUEUE, 0.03, 4 },
		{ 300, 0.05, 0.03, 1 },
	};

	for (size_t i = 0; i < 3 * ARRAY_LEN(v); i++) {
		size_t k = i % ARRAY_LEN(v);
		struct model_result is;

		begin(200 * MBIT);
		m.rng = rng_init(i);
		m.hiccup = v[k].hiccup;
		for (unsigned n = 0; n < v[k].n; n++)
			model_add(&m, v[k].rate * MBIT, v[k].queue);
		model_run(&m, 2);
		is = model_measure(&m, 10, 0);
		assert_true(is.rate >= 0.9 * v[k].rate * MBIT);
		assert_true(is.loss <= 0.05);
	}
}

/* Even at one hundredth of the first rate. */
static void a_narrow_path_is_found_in_the_end(void **state)
{
	struct model_result is;

	begin(200 * MBIT);
	model_add(&m, 2 * MBIT, 0.2);
	model_run(&m, 10);
	is = model_measure(&m, 20, 0);
	assert_true(is.rate >= 0.9 * 2 * MBIT);
	assert_true(is.loss <= 0.01);
}

static void loss_that_was_always_there_slows_nothing(void **state)
{
	static const double loss[] = { 0.001, 0.01, 0.1, 0.3 };

	for (size_t i = 0; i < ARRAY_LEN(loss); i++) {
		for (unsigned burst = 0; burst <= 10; burst += 10) {
			struct model_result is;

			model_init(&m, MIN_RATE, 20 * MBIT, 1000 * MBIT);
			for (unsigned k = 0; k < 3; k++) {
				struct model_path *p = model_add(&m, 0, 0);

				p->loss = loss[i];
				p->burst = burst;
			}
			model_run(&m, 2);
			is = model_measure(&m, 10, 0);
			assert_true(is.sent >= (loss[i] < 0.2 ? 0.95 : 0.9) * 1000 * MBIT);
		}
	}
}

static void loss_on_the_way_hides_no_bottleneck(void **state)
{
	static const double loss[] = { 0.001, 0.01, 0.05, 0.1 };

	for (size_t i = 0; i < ARRAY_LEN(loss); i++) {
		struct model_result is;

		begin(200 * MBIT);
		for (unsigned k = 0; k < 2; k++)
			model_add(&m, 500 * MBIT, MS_QUEUE)->loss = loss[i];
		model_run(&m, 3);
		is = model_measure(&m, 10, 0);
		assert_true(is.rate >= 0.94 * 500 * MBIT);
		assert_true(is.loss <= loss[i] + 0.005);
	}
}

/* Another one's traffic comes into the same queue, and goes. */
static void a_shared_queue_is_shared(void **state)
{
	struct model_result is;

	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_run(&m, 3);
	m.path[0].link.rate = 400 * MBIT;
	model_run(&m, 1);
	is = model_measure(&m, 5, 0);
	assert_true(is.rate >= 0.94 * 400 * MBIT);
	assert_true(is.loss <= 0.005);
	m.path[0].link.rate = 1000 * MBIT;
	model_run(&m, 10); /* the longest pause between two attempts, and the climb */
	is = model_measure(&m, 5, 0);
	assert_true(is.rate >= 0.95 * 1000 * MBIT);
}

/* --- receivers --- */

static void a_socket_that_overflows_slows_down(void **state)
{
	struct model_result is;

	begin(200 * MBIT);
	model_add(&m, 0, 0);
	m.path[0].socket = (struct model_stage){ .rate = 700 * MBIT, .room = 4e6 };
	model_run(&m, 3);
	is = model_measure(&m, 10, 0);
	assert_true(is.rate >= 0.94 * 700 * MBIT);
	assert_true(is.loss <= 0.005);
}

/* A session that waits for something sends little; afterwards it goes on as if it had not. */
static void pauses_do_not_slow_down(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	m.host = MBIT;
	m.idles = true;
	model_run(&m, 3);
	assert_true(m.rate.value >= 200 * MBIT);
	m.host = 0;
	model_run(&m, 1);
	assert_true(model_measure(&m, 5, 0).rate >= 0.95 * 1000 * MBIT);
	m.host = MBIT;
	model_run(&m, 3);
	m.host = 0;
	assert_true(model_measure(&m, 1, 0).rate >= 0.9 * 1000 * MBIT);
}

static void a_slow_disk_slows_down(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 0, 0);
	m.path[0].disk = 300 * MBIT;
	model_run(&m, 3);
	for (unsigned i = 0; i < 10; i++) {
		struct model_result is = model_measure(&m, 2, 0);

		assert_true(is.rate <= 1.1 * 300 * MBIT);
		assert_true(is.rate >= 0.7 * 300 * MBIT);
		assert_true(m.path[0].backlog < 256e6);
	}
}

static void clocks_that_drift_are_no_queues(void **state)
{
	for (int sign = -1; sign <= 1; sign += 2) {
		begin(200 * MBIT);
		model_add(&m, 0, 0)->clock = sign * 0.00008;
		model_run(&m, 20);
		assert_true(m.rate.value >= MAX_RATE);
	}
}

static void stragglers_do_not_count(void **state)
{
	struct model_result is;

	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 100 * MBIT, 0.1);
	model_run(&m, 4);
	is = model_measure(&m, 10, 0);
	assert_true(is.rate >= 0.94 * 1000 * MBIT);
	assert_true(is.loss <= 0.005);
	assert_true(rate_straggles(&m.rate, rate_peer(&m.rate, 1002)));
	assert_false(rate_straggles(&m.rate, rate_peer(&m.rate, 1000)));

	/* Who is left is served at the pace of who is left. */
	rate_forget(&m.rate, 1000);
	rate_forget(&m.rate, 1001);
	m.path[0] = m.path[2];
	m.n = 1;
	model_run(&m, 3);
	is = model_measure(&m, 5, 0);
	assert_true(is.rate >= 0.9 * 100 * MBIT);
	assert_true(is.loss <= 0.005);
}

/* Of two, neither is slower than most; three slow ones are no stragglers for a fast one. */
static void there_is_no_median_of_two(void **state)
{
	struct model_result is;

	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 100 * MBIT, 0.1);
	model_run(&m, 9); /* nine PROBEs of ten are lost there, and the answers are late */
	is = model_measure(&m, 10, 1);
	assert_true(is.rate >= 0.94 * 100 * MBIT);
	assert_true(is.loss <= 0.005);

	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	for (int i = 0; i < 3; i++)
		model_add(&m, 200 * MBIT, 0.1);
	model_run(&m, 4);
	is = model_measure(&m, 10, 1);
	assert_true(is.rate >= 0.94 * 200 * MBIT);
	assert_true(is.loss <= 0.005);
}

/* When the others become fewer it does not begin to count. */
static void a_straggler_waits_for_the_last(void **state)
{
	begin(200 * MBIT);
	for (int i = 0; i < 3; i++)
		model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 50 * MBIT, 0.1);
	model_run(&m, 4);
	rate_forget(&m.rate, 1000);
	rate_forget(&m.rate, 1001);
	m.path[0] = m.path[2];
	m.path[1] = m.path[3];
	m.n = 2;
	model_run(&m, 1);
	assert_true(model_measure(&m, 3, 0).rate >= 0.94 * 1000 * MBIT);
	rate_forget(&m.rate, 1002);
	m.path[0] = m.path[1];
	m.n = 1;
	model_run(&m, 3);
	assert_true(model_measure(&m, 5, 0).rate >= 0.9 * 50 * MBIT);
	assert_true(model_measure(&m, 5, 0).loss <= 0.005);
}

/* All had the same trouble, and one of them still has: what the others can do is found out. */
static void few_do_not_hold_back_most_for_ever(void **state)
{
	begin(200 * MBIT);
	for (int i = 0; i < 3; i++)
		model_add(&m, 45 * MBIT, 0.05);
	model_add(&m, 50 * MBIT, 0.05);
	model_run(&m, 4);
	assert_true(m.rate.value < 50 * MBIT);
	for (int i = 0; i < 3; i++)
		m.path[i].link.rate = 1000 * MBIT;
	model_run(&m, 10);
	assert_true(model_measure(&m, 3, 0).rate >= 0.94 * 1000 * MBIT);
	assert_true(rate_straggles(&m.rate, rate_peer(&m.rate, 1003)));
}

/* They lose four PROBEs of five, so that hardly anything is heard of them. */
static void most_are_heard_though_they_are_deaf(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	for (int i = 0; i < 3; i++)
		model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_run(&m, 4);
	assert_true(m.rate.value >= 0.9 * 1000 * MBIT);
	for (int i = 1; i < 4; i++)
		m.path[i].link.rate = 150 * MBIT;
	model_run(&m, 4);
	assert_true(model_measure(&m, 3, 1).loss <= 0.01);
	assert_true(m.rate.value >= 0.9 * 150 * MBIT);
}

static void half_as_fast_is_waited_for(void **state)
{
	struct model_result is;

	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 600 * MBIT, MS_QUEUE);
	model_run(&m, 4);
	is = model_measure(&m, 10, 2);
	assert_true(is.rate >= 0.94 * 600 * MBIT);
	assert_true(is.loss <= 0.005);
	rate_forget(&m.rate, 1002); /* it has everything */
	m.n = 2;
	model_run(&m, 10);
	assert_true(model_measure(&m, 5, 0).rate >= 0.95 * 1000 * MBIT);
}

static void min_rate_makes_stragglers(void **state)
{
	struct model_result is;

	model_init(&m, 300 * MBIT, 300 * MBIT, 1000 * MBIT);
	model_add(&m, 500 * MBIT, MS_QUEUE);
	model_add(&m, 280 * MBIT, MS_QUEUE);
	model_run(&m, 4);
	is = model_measure(&m, 5, 0);
	assert_true(is.rate >= 0.94 * 500 * MBIT);
	assert_true(rate_straggles(&m.rate, rate_peer(&m.rate, 1001)));
}

/* Eight of eighty are asked at a time; one of them cannot keep up. */
static void one_among_many_is_found(void **state)
{
	begin(20 * MBIT);
	for (unsigned i = 0; i < MODEL_PATHS; i++)
		model_add(&m, 200 * MBIT, MS_QUEUE);
	m.path[37].link.rate = 120 * MBIT;
	m.every = 10;
	model_run(&m, 15);
	assert_true(model_measure(&m, 5, 37).loss <= 0.01);
	assert_true(m.rate.value >= 0.9 * 120 * MBIT);
	assert_int_equal(m.rate.focus, 1037);
}

/* Its objection is heard at once, though it was not asked. */
static void who_is_not_asked_objects(void **state)
{
	struct rx_report rp = { .objection = true, .dropped = 10 };
	double before;

	begin(20 * MBIT);
	for (unsigned i = 0; i < 20; i++)
		model_add(&m, 0, 0);
	m.every = 10;
	model_run(&m, 1);
	before = m.rate.value;
	rp.sequence = m.sequence;
	rate_on_report(&m.rate, (nsec_t)(m.now * 1e9), 1019, &rp);
	model_run(&m, 0.001);
	assert_true(m.rate.value < 0.95 * before);
	assert_int_equal(m.rate.reason, RATE_DROPS);
	before = m.rate.value;
	rate_on_report(&m.rate, (nsec_t)(m.now * 1e9), 1018, &rp); /* at most every 100 ms */
	model_run(&m, 0.001);
	assert_true(m.rate.value == before);
}

/* --- the sender --- */

static void our_own_interface_sets_the_pace(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 0, 0);
	m.host = 940 * MBIT;
	m.blocks = true;
	model_run(&m, 3);
	assert_true(model_measure(&m, 5, 0).rate >= 0.96 * 940 * MBIT);
	assert_true(m.rate.value <= 1.2 * 940 * MBIT);
}

/* A rate that is not used up proves nothing. */
static void a_slow_source_does_not_raise_the_rate(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 0, 0);
	m.host = 300 * MBIT;
	model_run(&m, 5);
	assert_true(m.rate.value <= 2 * 400 * MBIT);
}

/* Before a transfer, and in its pauses: the rate is not found yet. */
static void nothing_to_send_does_not_end_the_start(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	m.host = 5 * MBIT;
	m.idles = true;
	model_run(&m, 1);
	assert_int_equal(m.rate.state, RATE_START);
	assert_true(m.rate.value >= 200 * MBIT);
	m.host = 0;
	m.idles = false;
	model_run(&m, 1);
	assert_true(m.rate.value >= 0.9 * 1000 * MBIT);
}

/* One that has all there is for now leaves the others, of whom no more is known. */
static void who_got_little_is_not_slow_where_there_was_little(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	model_add(&m, 1000 * MBIT, MS_QUEUE);
	m.host = 5 * MBIT;
	m.idles = true;
	model_run(&m, 0.5);
	m.rate.state = RATE_HOLD;
	rate_forget(&m.rate, 1000);
	model_run(&m, 0.1);
	assert_true(m.rate.value >= 200 * MBIT);
}

static void a_pause_long_before_a_report_is_one(void **state)
{
	begin(200 * MBIT);
	for (uint16_t i = 1; i <= 3; i++) {
		struct rate_mark mark = { i, i * 20 * NSEC_PER_MSEC, i, 1000 * i, 1, true };
		struct rx_report rp = { .sequence = i, .time_us = i * 20000, .heard = i };

		rp.bytes = mark.bytes;
		if (i == 2)
			rate_on_idle(&m.rate);
		rate_on_mark(&m.rate, &mark);
		if (i != 2)
			rate_on_report(&m.rate, mark.at, 7, &rp);
	}
	assert_int_equal(m.rate.state, RATE_START);
}

static void what_leaves_late_is_no_queue(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 0, 0);
	m.rate.conf.max = 400 * MBIT;
	m.reads = 0.04;
	assert_true(model_measure(&m, 10, 0).rate >= 0.9 * 400 * MBIT);
}

static void silence_slows_down(void **state)
{
	begin(200 * MBIT);
	model_add(&m, 0, 0);
	model_run(&m, 1);
	assert_true(m.rate.value >= MAX_RATE);
	m.path[0].silent = true;
	model_run(&m, 1.2);
	assert_true(m.rate.value <= MAX_RATE / 4);
	assert_int_equal(m.rate.reason, RATE_SILENCE);
	model_run(&m, 4);
	assert_true(m.rate.value <= MAX_RATE / 64);
	m.path[0].silent = false;
	model_run(&m, 5);
	assert_true(m.rate.value >= MAX_RATE);
}

/* --- lies --- */

static void lie_of_chance(struct rx_report *rp, struct rng *rng)
{
	rp->time_us = (uint32_t)rng_u64(rng);
	rp->heard = (uint32_t)rng_u64(rng);
	rp->missed = (uint32_t)rng_u64(rng);
	rp->dropped = (uint32_t)rng_u64(rng);
	rp->backlog = (uint32_t)rng_u64(rng);
	rp->bytes = rng_u64(rng);
	rp->complete = rng_u64(rng);
}

static void lie_of_heaven(struct rx_report *rp, struct rng *rng)
{
	rp->heard += (uint32_t)(rng_below(rng, 1000000));
	rp->bytes = UINT64_MAX - rp->sequence;
	rp->dropped = rp->backlog = 0;
}

static void lie_of_doom(struct rx_report *rp, struct rng *rng)
{
	rp->heard = 0;
	rp->bytes = 0;
	rp->dropped = UINT32_MAX - (uint32_t)rng_below(rng, 1000);
	rp->backlog = UINT32_MAX;
}

/* The model asserts that the rate stays within its bounds. */
static void lies_do_not_lead_astray(void **state)
{
	static void (*const lies[])(struct rx_report *, struct rng *) = { lie_of_chance,
									  lie_of_heaven,
									  lie_of_doom };

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		for (unsigned n = 1; n <= 5; n++) {
			struct model_result is;

			begin(200 * MBIT);
			for (unsigned k = 0; k < n; k++)
				model_add(&m, 500 * MBIT, MS_QUEUE);
			m.path[n - 1].lie = lies[i];
			model_run(&m, 5);
			if (n <= 2) /* no median: it may be as slow as it says */
				continue;
			is = model_measure(&m, 5, 0);
			assert_true(is.rate >= 0.4 * 500 * MBIT);
			assert_true(is.loss <= 0.02);
		}
	}
}

static void reports_of_nowhere(void **state)
{
	struct rx_report rp = { .sequence = 7 };
	struct rate before;

	begin(200 * MBIT);
	before = m.rate;
	rate_on_report(&m.rate, NSEC_PER_SEC, 5, &rp); /* nothing was asked yet */
	assert_memory_equal(&m.rate, &before, sizeof(before));
	assert_true(rate_mark_at(&m.rate) == NSEC_NEVER);
	model_add(&m, 0, 0);
	model_run(&m, 1);
	rp.sequence = (uint16_t)(m.sequence + 100);
	rate_on_report(&m.rate, 2 * NSEC_PER_SEC, 5, &rp);
	assert_null(rate_peer(&m.rate, 5));
}

static void reasons_have_names(void **state)
{
	assert_string_equal(rate_reason_name(RATE_FIXED), "fixed");
	assert_string_equal(rate_reason_name(RATE_SILENCE), "no reports");
	assert_string_equal(rate_reason_name((enum rate_reason)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_objects_full_rate_in_200_ms),
		cmocka_unit_test(a_bottleneck_is_filled_and_not_more),
		cmocka_unit_test(hiccups_are_no_queues),
		cmocka_unit_test(a_narrow_path_is_found_in_the_end),
		cmocka_unit_test(loss_that_was_always_there_slows_nothing),
		cmocka_unit_test(loss_on_the_way_hides_no_bottleneck),
		cmocka_unit_test(a_shared_queue_is_shared),
		cmocka_unit_test(a_socket_that_overflows_slows_down),
		cmocka_unit_test(a_slow_disk_slows_down),
		cmocka_unit_test(pauses_do_not_slow_down),
		cmocka_unit_test(clocks_that_drift_are_no_queues),
		cmocka_unit_test(stragglers_do_not_count),
		cmocka_unit_test(there_is_no_median_of_two),
		cmocka_unit_test(a_straggler_waits_for_the_last),
		cmocka_unit_test(few_do_not_hold_back_most_for_ever),
		cmocka_unit_test(most_are_heard_though_they_are_deaf),
		cmocka_unit_test(half_as_fast_is_waited_for),
		cmocka_unit_test(min_rate_makes_stragglers),
		cmocka_unit_test(one_among_many_is_found),
		cmocka_unit_test(who_is_not_asked_objects),
		cmocka_unit_test(our_own_interface_sets_the_pace),
		cmocka_unit_test(a_slow_source_does_not_raise_the_rate),
		cmocka_unit_test(nothing_to_send_does_not_end_the_start),
		cmocka_unit_test(who_got_little_is_not_slow_where_there_was_little),
		cmocka_unit_test(a_pause_long_before_a_report_is_one),
		cmocka_unit_test(what_leaves_late_is_no_queue),
		cmocka_unit_test(silence_slows_down),
		cmocka_unit_test(lies_do_not_lead_astray),
		cmocka_unit_test(reports_of_nowhere),
		cmocka_unit_test(reasons_have_names),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
