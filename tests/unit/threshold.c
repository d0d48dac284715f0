/* threshold.c - tests of proto/threshold. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/threshold.h"

static void knows_nothing_at_first(void **state)
{
	struct threshold t = { 0 };
	struct threshold_hint h;

	h = threshold_hint(&t, 8000);
	assert_int_equal(h.threshold, 0);
	assert_int_equal(h.step, 1);
	assert_int_equal(h.unasked, 0);
	assert_true(h.plan >= 100 && h.plan <= 200);
}

/* The largest of n binomial deficits, as 1000 receivers with 1 % loss have them. */
static uint32_t draw(struct rng *rng)
{
	double x = 0;

	for (int i = 0; i < 12; i++)
		x += rng_unit(rng);
	return (uint32_t)(109 + (x - 6) * 3);
}

static void settles_a_little_below_the_usual_maximum(void **state)
{
	struct rng rng = rng_init(1);
	struct threshold t = { 0 };
	unsigned reached = 0;

	for (unsigned i = 0; i < 1000; i++) {
		uint32_t largest = draw(&rng);
		struct threshold_hint h = threshold_hint(&t, 8000);

		if (i > 10) {
			reached += largest >= h.threshold;
			assert_in_range(h.threshold, 95, 115);
			assert_in_range(h.step, 1, 6);
			assert_true(h.unasked < largest);
			assert_in_range(h.plan, largest - 10, 150);
		}
		threshold_learn(&t, 8000, largest, h.unasked);
	}
	assert_in_range(reached, 650, 950);
}

static void follows_when_the_loss_goes(void **state)
{
	struct threshold t = { 0 };

	for (unsigned i = 0; i < 20; i++) {
		threshold_learn(&t, 8000, 100, 0);
		assert_int_equal(threshold_hint(&t, 8000).unasked, 20 * MIN(i + 1, 4));
	}
	assert_int_equal(threshold_hint(&t, 8000).unasked, 80);
	assert_true(threshold_hint(&t, 8000).threshold >= 98);
	threshold_learn(&t, 8000, 0, 80);
	for (unsigned i = 0; i < 40; i++)
		threshold_learn(&t, 8000, 0, threshold_hint(&t, 8000).unasked);
	assert_int_equal(threshold_hint(&t, 8000).unasked, 0);
	assert_int_equal(threshold_hint(&t, 8000).plan, 0);
}

/* What a long file's blocks lacked says about a short file's only what share it was. */
static void blocks_may_differ_in_size(void **state)
{
	struct threshold t = { 0 };

	for (unsigned i = 0; i < 8; i++)
		threshold_learn(&t, 8000, 240, 0);
	assert_int_equal(threshold_hint(&t, 8000).unasked, 192);
	assert_true(threshold_hint(&t, 65).unasked <= 1);
	assert_in_range(threshold_hint(&t, 357).plan, 10, 14);
	assert_in_range(threshold_hint(&t, 32000).threshold, 900, 960);
}

/* Losses that come in bursts make blocks differ; a steady share of losses does not. */
static void tells_bursts_from_chance(void **state)
{
	struct rng rng = { .state = 3 };
	struct threshold t = { 0 };

	assert_false(threshold_hint(&t, 8000).bursts);
	for (unsigned i = 0; i < 1000; i++) {
		threshold_learn(&t, 8000, draw(&rng), 0);
		assert_false(threshold_hint(&t, 8000).bursts);
	}
	for (unsigned i = 0; i < 40; i++)
		threshold_learn(&t, 8000, i % 4 ? 0 : 400, 0);
	assert_true(threshold_hint(&t, 8000).bursts);
	for (unsigned i = 0; i < 40; i++)
		threshold_learn(&t, 8000, 90 + i % 2 * 20, 0);
	assert_true(threshold_hint(&t, 8000).bursts);
	for (unsigned i = 0; i < 40; i++)
		threshold_learn(&t, 8000, 100, 0);
	assert_false(threshold_hint(&t, 8000).bursts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_nothing_at_first),
		cmocka_unit_test(settles_a_little_below_the_usual_maximum),
		cmocka_unit_test(follows_when_the_loss_goes),
		cmocka_unit_test(blocks_may_differ_in_size),
		cmocka_unit_test(tells_bursts_from_chance),
	};

	return cmocka_run_group_tests_name("threshold", tests, NULL, NULL);
}
