/* spread.c - tests of proto/spread. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/spread.h"

#define MS NSEC_PER_MSEC

/* So many answers, evenly, in that time; what the PROBE after them says. */
static uint8_t hear(struct spread *s, nsec_t *now, unsigned n, nsec_t time)
{
	for (unsigned i = 0; i < n; i++) {
		spread_heard(s, *now);
		*now += time / n;
	}
	return spread_next(s, *now, 0);
}

static void it_begins_with_what_is_expected(void **state)
{
	static const struct {
		uint32_t expected;
		uint8_t units;
	} v[] = {
		{ 0, 10 },
		{ 1, 0 },
		{ 39, 0 },
		{ 40, 1 },
		{ 1000, 25 },
		{ 10000, 250 },
		{ 1000000, UINT8_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct spread s;

		spread_init(&s, 5, v[i].expected);
		assert_int_equal(spread_next(&s, 5, 0), v[i].units);
		assert_int_equal(spread_next(&s, 60 * NSEC_PER_SEC, 0), v[i].units);
	}
	assert_int_equal(spread_units(NSEC_PER_SEC), 100);
	assert_int_equal(spread_units(10 * NSEC_PER_SEC), UINT8_MAX);
	assert_int_equal(spread_for(4000), NSEC_PER_SEC);
	assert_int_equal(spread_for(UINT32_MAX), SPREAD_MAX);
}

static void it_grows_with_the_rate_of_answers(void **state)
{
	struct spread s;
	nsec_t now = 77;

	spread_init(&s, now, 0);
	now += NSEC_PER_SEC;                          /* nobody for long: that does not count */
	assert_int_equal(hear(&s, &now, 15, MS), 10); /* few could be chance */
	assert_int_equal(hear(&s, &now, 25, 3 * MS), 25);   /* ten in a ms: a thousand in 100 */
	assert_int_equal(hear(&s, &now, 40, 10 * MS), 25);  /* as they should */
	assert_int_equal(hear(&s, &now, 200, 10 * MS), 75); /* 240 in 20 ms: three times that */
	assert_int_equal(hear(&s, &now, 400, 10 * MS), UINT8_MAX); /* cannot be wider */
}

/* Who takes no less than K GRTT was not spread by our window. */
static void it_grows_from_what_receivers_take(void **state)
{
	struct spread s;
	nsec_t now = 0;

	spread_init(&s, now, 8);
	for (unsigned i = 0; i < 80; i++)
		spread_heard(&s, now);
	now += 10 * MS;
	assert_int_equal(spread_next(&s, now, 40 * MS), 8);
}

static void it_falls_when_few_answer(void **state)
{
	struct spread s;
	nsec_t now = 0;
	uint8_t last;

	spread_init(&s, now, 0);
	assert_int_equal(hear(&s, &now, 100, 5 * MS), 50);
	last = 50;
	for (int i = 0; i < 40; i++) {
		uint8_t is = hear(&s, &now, 10, 100 * MS);

		assert_true(is == last || is == MAX(last / 2, 10));
		last = is;
	}
	assert_int_equal(last, 10);
	/* but not while as many come as are welcome */
	assert_int_equal(hear(&s, &now, 100, 5 * MS), 50);
	for (int i = 0; i < 20; i++)
		assert_int_equal(hear(&s, &now, 400, 100 * MS), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_with_what_is_expected),
		cmocka_unit_test(it_grows_with_the_rate_of_answers),
		cmocka_unit_test(it_grows_from_what_receivers_take),
		cmocka_unit_test(it_falls_when_few_answer),
	};

	return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}
