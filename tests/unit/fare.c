/* fare.c - tests of proto/fare: what reports tell of a stretch of time. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/fare.h"

#define MS_US 1000u

static struct rx_report at(uint32_t ms, uint32_t heard, uint32_t missed)
{
	return (struct rx_report){ .time_us = ms * MS_US,
				   .heard = heard,
				   .missed = missed,
				   .bytes = heard * 1000ull };
}

static bool hear(struct fare *f, uint32_t ms, uint32_t heard, uint32_t missed)
{
	struct rx_report rp = at(ms, heard, missed);

	return fare_report(f, &rp);
}

static void a_stretch_has_time_and_messages(void **state)
{
	struct fare f = { 0 };

	assert_false(hear(&f, 0, 50, 0));
	assert_false(f.known);
	assert_true(hear(&f, 10, 80, 20)); /* all since the beginning */
	assert_true(f.known && f.loss == 0.2 && f.got == 0);
	assert_false(hear(&f, 109, 1000, 20)); /* too short */
	assert_false(hear(&f, 120, 120, 20));  /* too little */
	assert_true(f.loss == 0.2);
	assert_true(hear(&f, 210, 380, 120));
	assert_true(f.loss == 0.25 && f.got == 300 * 1000 * 5);
	assert_true(hear(&f, 310, 480, 120));
	assert_true(f.loss == 0 && f.got == 100 * 1000 * 10);
}

static void objections_do_not_count(void **state)
{
	struct rx_report rp = at(1000, 1000, 1000);
	struct fare f = { 0 };

	rp.objection = true;
	assert_false(fare_report(&f, &rp));
	rp.objection = false;
	assert_true(fare_report(&f, &rp));
}

static void counters_wrap(void **state)
{
	struct fare f = { 0 };

	f.known = true;
	f.from = (struct rx_report){ .time_us = UINT32_MAX - 49999,
				     .heard = UINT32_MAX - 99,
				     .missed = UINT32_MAX - 9 };
	assert_true(fare_report(
		&f, &(struct rx_report){
			    .time_us = 50000, .heard = 50, .missed = 40, .bytes = 1000 }));
	assert_true(f.loss == 0.25 && f.got == 10000);
}

/* A late report, or a lie, begins a stretch and tells nothing. */
static void what_runs_backwards_is_no_stretch(void **state)
{
	static const struct {
		uint32_t ms, heard, missed;
	} v[] = { { 900, 2000, 100 }, { 2000, 900, 100 }, { 2000, 2000, 50 } };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct fare f = { 0 };

		assert_true(hear(&f, 1000, 1000, 100));
		assert_false(hear(&f, v[i].ms, v[i].heard, v[i].missed));
		assert_true(hear(&f, v[i].ms + 100, v[i].heard + 150, v[i].missed + 50));
		assert_true(f.loss == 0.25);
	}
}

static void far_worse(void **state)
{
	assert_false(fare_is_worse(0.05, 0));
	assert_true(fare_is_worse(0.06, 0));
	assert_false(fare_is_worse(0.2, 0.1));
	assert_true(fare_is_worse(0.3, 0.1));
	assert_false(fare_is_worse(0.9, 0.5));
	assert_false(fare_is_worse(0, 0.5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stretch_has_time_and_messages),
		cmocka_unit_test(objections_do_not_count),
		cmocka_unit_test(counters_wrap),
		cmocka_unit_test(what_runs_backwards_is_no_stretch),
		cmocka_unit_test(far_worse),
	};

	return cmocka_run_group_tests_name("fare", tests, NULL, NULL);
}
