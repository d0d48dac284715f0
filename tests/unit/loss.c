/* loss.c - tests of proto/loss. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/loss.h"

#define MS  NSEC_PER_MSEC
#define RTT (10 * MS)

/* The sender sends message n at n ms. */
static bool hear(struct loss *l, uint32_t n)
{
	return loss_heard(l, n * MS, (uint16_t)n, RTT);
}

/* All of first .. last but those in `lost`. */
static void hear_all(struct loss *l, uint32_t first, uint32_t last, const uint32_t *lost,
		     size_t n)
{
	for (uint32_t i = first; i <= last; i++) {
		bool gone = false;

		for (size_t j = 0; j < n; j++)
			gone |= lost[j] == i;
		if (!gone)
			assert_true(hear(l, i));
	}
}

static void nothing_lost_over_the_wrap(void **state)
{
	struct loss l;

	loss_init(&l);
	hear_all(&l, 65000, 200000, NULL, 0);
	assert_int_equal(l.heard, 200000 - 65000 + 1);
	assert_int_equal(l.missed, 0);
	assert_true(loss_event_fraction(&l) == 0);
}

static void final_after_three_later(void **state)
{
	struct loss l;

	loss_init(&l);
	hear_all(&l, 0, 12, (const uint32_t[]){ 10 }, 1);
	assert_int_equal(l.missed, 0);
	hear(&l, 13);
	assert_int_equal(l.missed, 1);
	assert_int_equal(l.heard, 13);
}

/* What comes late but before three others was never missed; after that it is taken off again.
 */
static void reordering_is_not_loss(void **state)
{
	struct loss l;

	loss_init(&l);
	hear_all(&l, 0, 12, (const uint32_t[]){ 10 }, 1);
	assert_true(hear(&l, 10));
	assert_false(hear(&l, 10));
	hear_all(&l, 13, 23, (const uint32_t[]){ 20 }, 1);
	assert_int_equal(l.missed, 1);
	assert_true(hear(&l, 20));
	assert_int_equal(l.missed, 0);
	assert_int_equal(l.heard, 24);
	assert_false(hear(&l, 20));
	assert_false(hear(&l, 23));
	assert_int_equal(l.heard, 24);
}

static void too_old_is_not_counted(void **state)
{
	struct loss l;

	loss_init(&l);
	assert_true(hear(&l, 1000));
	assert_false(hear(&l, 999)); /* from before the start */
	hear_all(&l, 1001, 1100, (const uint32_t[]){ 1030, 1094 }, 2);
	assert_false(hear(&l, 1030)); /* 70 behind; 6 behind is another gap */
	assert_int_equal(l.heard, 99);
	assert_int_equal(l.missed, 2);
}

/* One message a ms, RTT 10 ms: 10 and 20 are one event, 21 is the next. */
static void losses_within_an_rtt_are_one_event(void **state)
{
	struct loss l;

	loss_init(&l);
	hear_all(&l, 0, 40, (const uint32_t[]){ 10, 15, 20 }, 3);
	assert_int_equal(l.missed, 3);
	assert_int_equal(l.n_intervals, 1);
	assert_int_equal(l.interval[0], 31); /* 10 .. 40 */

	loss_init(&l);
	hear_all(&l, 0, 40, (const uint32_t[]){ 10, 21 }, 2);
	assert_int_equal(l.n_intervals, 2);
	assert_int_equal(l.interval[0], 20);
	assert_int_equal(l.interval[1], 11);
	assert_true(l.event_at == 21 * MS);
}

/*
 * Before the first loss there were 10 messages in an RTT: I_2 = 10^2 / 1.5 = 66. The losses are
 * at 50 and 150: I_1 = 100. The open interval counts only when it makes the mean larger.
 */
static void weighted_mean_of_intervals(void **state)
{
	const uint32_t lost[] = { 50, 150 };
	struct loss l;

	loss_init(&l);
	hear_all(&l, 0, 100, lost, 2);
	assert_true(loss_event_fraction(&l) == 1.0 / 66);
	hear_all(&l, 101, 160, lost, 2);
	assert_true(loss_event_fraction(&l) == 2.0 / (100 + 66));
	hear_all(&l, 161, 350, lost, 2);
	assert_true(loss_event_fraction(&l) == 2.0 / (201 + 100));
}

/* Intervals 10, 20 .. 90, oldest first; the weights are 1 1 1 1 .8 .6 .4 .2, in all 6. */
static void eight_intervals_count(void **state)
{
	uint32_t lost[10] = { 100 };
	struct loss l;
	double mean;

	for (uint32_t i = 1; i < 10; i++)
		lost[i] = lost[i - 1] + 20 * i;
	loss_init(&l);
	hear_all(&l, 0, lost[9] + 3, lost, 10);
	assert_int_equal(l.n_intervals, 8);
	mean = (180 + 160 + 140 + 120 + 0.8 * 100 + 0.6 * 80 + 0.4 * 60 + 0.2 * 40) / 6;
	assert_true(fabs(loss_event_fraction(&l) - 1 / mean) < 1e-12);
}

/* 101 ms of silence are ten events, for the times of the losses are interpolated. */
static void an_outage_is_an_event_an_rtt(void **state)
{
	struct loss l;

	loss_init(&l);
	hear_all(&l, 0, 9, NULL, 0);
	hear_all(&l, 110, 113, NULL, 0);
	assert_int_equal(l.missed, 100);
	assert_true(l.event_at == 109 * MS);
	assert_int_equal(l.interval[0], 5);
	for (unsigned i = 1; i <= 8; i++)
		assert_int_equal(l.interval[i], 11);
	assert_true(fabs(loss_event_fraction(&l) - 1.0 / 11) < 1e-12);
}

static void a_jump_restarts(void **state)
{
	struct loss l;

	loss_init(&l);
	hear(&l, 100);
	hear(&l, 100 + LOSS_JUMP + 1);
	assert_int_equal(l.missed, 0);
	hear(&l, 5);
	assert_int_equal(l.missed, 0);
	hear_all(&l, 5 + LOSS_JUMP, 5 + LOSS_JUMP + 3, NULL, 0);
	assert_int_equal(l.missed, LOSS_JUMP - 1);
	assert_int_equal(l.heard, 7);
}

/* A message not yet decided on when a long gap pushes it out of the window is still heard. */
static void a_gap_forgets_nobody(void **state)
{
	struct loss l;

	for (uint32_t gap = 50; gap < 80; gap++) {
		loss_init(&l);
		hear(&l, 0);
		hear(&l, 2);
		hear_all(&l, 2 + gap, 5 + gap, NULL, 0);
		assert_int_equal(l.heard, 6);
		assert_int_equal(l.missed, gap);
	}
}

/* Loss, reordering and duplicates at random: in the end the counts are those of the sender. */
static void counts_are_exact(void **state)
{
	struct rng rng = rng_init(8);

	for (unsigned run = 0; run < 100; run++) {
		uint32_t n = 3000, lost = 0, heard = 0, order[3000];
		struct loss l;

		for (uint32_t i = 0; i < n; i++)
			order[i] = i;
		for (uint32_t i = 100; i + 30 < n; i += 1 + (uint32_t)rng_below(&rng, 40)) {
			uint32_t j = i + (uint32_t)rng_below(&rng, 20), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		loss_init(&l);
		for (uint32_t i = 0; i < n; i++) {
			bool lose = i >= 100 && i + 10 < n && rng_below(&rng, 20) == 0;

			lost += lose;
			if (lose)
				continue;
			heard++;
			assert_true(loss_heard(&l, i * MS, (uint16_t)(order[i] + 65000), RTT));
			if (rng_below(&rng, 10) == 0)
				assert_false(loss_heard(&l, i * MS,
							(uint16_t)(order[i] + 65000), RTT));
		}
		assert_int_equal(l.heard, heard);
		assert_int_equal(l.missed, lost);
	}
}

/* Independent loss of 2 %: with a short RTT each is an event. */
static void fraction_is_that_of_the_path(void **state)
{
	struct rng rng = rng_init(10);
	double sum = 0;
	unsigned n = 0;
	struct loss l;

	loss_init(&l);
	for (uint32_t i = 0; i < 400000; i++) {
		if (rng_below(&rng, 50))
			loss_heard(&l, i * MS, (uint16_t)i, MS / 2);
		if (i >= 20000 && i % 100 == 0) {
			sum += 1 / loss_event_fraction(&l);
			n++;
		}
	}
	assert_true(fabs((double)l.missed / (double)(l.heard + l.missed) - 0.02) < 0.001);
	assert_true(sum / n > 48 &&
		    sum / n < 60); /* max() with the open interval: a bit over */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_over_the_wrap),
		cmocka_unit_test(final_after_three_later),
		cmocka_unit_test(reordering_is_not_loss),
		cmocka_unit_test(too_old_is_not_counted),
		cmocka_unit_test(losses_within_an_rtt_are_one_event),
		cmocka_unit_test(weighted_mean_of_intervals),
		cmocka_unit_test(eight_intervals_count),
		cmocka_unit_test(an_outage_is_an_event_an_rtt),
		cmocka_unit_test(a_jump_restarts),
		cmocka_unit_test(a_gap_forgets_nobody),
		cmocka_unit_test(counts_are_exact),
		cmocka_unit_test(fraction_is_that_of_the_path),
	};

	return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
