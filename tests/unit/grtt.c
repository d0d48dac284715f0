/* grtt.c - tests of proto/grtt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/grtt.h"
#include "proto/quant.h"

#define MS NSEC_PER_MSEC

/* One probe interval a line: up to two samples (-1: none), then the estimate. */
static const struct {
	nsec_t sample[2], value;
} intervals[] = {
	{ { -1, -1 }, 10 * MS },          /* silence changes nothing */
	{ { 20 * MS, 1 * MS }, 20 * MS }, /* up at once, and no decay in that interval */
	{ { 19 * MS, 3 * MS }, 19 * MS }, /* down to the peak */
	{ { 1 * MS, 2 * MS }, 17100000 }, /* by a tenth at most */
	{ { -1, -1 }, 17100000 },         /* the peak was of the interval before */
	{ { 0, -1 }, 15390000 },          /* 0 is a sample */
	{ { 101 * MS, -1 }, 15390000 },   /* beyond max: ignored */
	{ { 100 * MS, -2 }, 100 * MS },   { { 100 * MS, -1 }, 100 * MS },
};

static void up_at_once_and_down_slowly(void **state)
{
	struct grtt g;

	grtt_init(&g, 10 * MS, 1 * MS, 100 * MS);
	for (size_t i = 0; i < ARRAY_LEN(intervals); i++) {
		for (unsigned s = 0; s < 2; s++) {
			grtt_sample(&g, intervals[i].sample[s]);
			if (intervals[i].sample[s] <= g.max)
				assert_true(g.value >= intervals[i].sample[s]);
		}
		grtt_interval(&g);
		assert_true(g.value == intervals[i].value);
	}
}

static void falls_fast_where_all_are_near(void **state)
{
	struct grtt g;

	grtt_init(&g, 10 * MS, 1 * MS, 100 * MS);
	g.near = true;
	for (unsigned i = 0; i < 4; i++) {
		grtt_sample(&g, 100);
		grtt_interval(&g);
	}
	assert_true(g.value == 1 * MS);
}

static void stays_within_bounds(void **state)
{
	struct grtt g;

	grtt_init(&g, 1, 1 * MS, 100 * MS);
	assert_true(g.value == 1 * MS);
	grtt_init(&g, NSEC_PER_SEC, 1 * MS, 100 * MS);
	assert_true(g.value == 100 * MS);
	for (unsigned i = 0; i < 60; i++) {
		grtt_sample(&g, 100);
		grtt_interval(&g);
	}
	assert_true(g.value == 1 * MS);
}

/* 1400 bytes at 100 kB/s take 14 ms, more than the estimate. */
static void one_packet_fits(void **state)
{
	struct grtt g;

	grtt_init(&g, 10 * MS, 1 * MS, 100 * MS);
	assert_int_equal(grtt_advertise(&g, 0, 1400), quant_rtt_encode(10 * MS));
	assert_int_equal(grtt_advertise(&g, 1000 * 1000, 1400), quant_rtt_encode(10 * MS));
	assert_int_equal(grtt_advertise(&g, 100 * 1000, 1400), quant_rtt_encode(14 * MS));
	assert_int_equal(grtt_advertise(&g, 1, 65507), 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_at_once_and_down_slowly),
		cmocka_unit_test(falls_fast_where_all_are_near),
		cmocka_unit_test(stays_within_bounds),
		cmocka_unit_test(one_packet_fits),
	};

	return cmocka_run_group_tests_name("grtt", tests, NULL, NULL);
}
