/* gather.c - tests of sender/gather. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "sender/gather.h"

#define MS   NSEC_PER_MSEC
#define S    NSEC_PER_SEC
#define LONG (30 * S)

static const nsec_t start = 1000;

static struct gather begin(void)
{
	struct gather g;

	gather_init(&g, start, LONG);
	return g;
}

static nsec_t look_at(const struct gather *g, nsec_t now)
{
	nsec_t at;

	assert_false(gather_enough(g, now, &at));
	assert_true(at > now || gather_in_vain(g, now));
	return at;
}

static void assert_enough(const struct gather *g, nsec_t now)
{
	nsec_t at;

	assert_true(gather_enough(g, now, &at));
	assert_false(gather_in_vain(g, now));
}

static void it_starts_when_no_more_come(void **state)
{
	struct gather g = begin();

	assert_int_equal(look_at(&g, start), start + LONG);
	assert_int_equal(look_at(&g, start + 10 * S), start + LONG);
	gather_count(&g, start + 10 * S, 1);
	assert_int_equal(look_at(&g, start + 10 * S), start + 10 * S + 300 * MS);
	gather_count(&g, start + 10 * S + 200 * MS, 2);
	gather_count(&g, start + 10 * S + 400 * MS, 2);
	assert_int_equal(look_at(&g, start + 10 * S + 400 * MS), start + 10 * S + 500 * MS);
	assert_enough(&g, start + 10 * S + 500 * MS);

	g = begin();
	gather_count(&g, start + LONG - 1, 1); /* not beyond the wait */
	assert_int_equal(look_at(&g, start + LONG - 1), start + LONG);
	assert_enough(&g, start + LONG);
}

static void it_starts_when_so_many_are_there(void **state)
{
	struct gather g = begin();

	g.receivers = 2;
	gather_count(&g, start, 1);
	assert_int_equal(look_at(&g, start + 10 * S), start + LONG);
	gather_count(&g, start + 11 * S, 2);
	assert_enough(&g, start + 11 * S);
	gather_count(&g, start + 12 * S, 1); /* one was dropped */
	assert_int_equal(look_at(&g, start + 12 * S), start + LONG);
	assert_enough(&g, start + LONG);
}

static void it_starts_when_all_that_were_named_are_there(void **state)
{
	struct gather g = begin();

	g.named = true;
	g.absent = 2;
	gather_count(&g, start, 1);
	assert_int_equal(look_at(&g, start + 10 * S), start + LONG);
	assert_enough(&g, start + LONG);
	g.absent = 0;
	assert_enough(&g, start + 10 * S);
	gather_count(&g, start, 0);
	assert_true(gather_in_vain(&g, start + LONG));
	assert_false(gather_in_vain(&g, start + LONG - 1));
}

static void nobody_is_counted_before_a_plain_session(void **state)
{
	struct gather g = begin();

	g.plain = true;
	assert_int_equal(look_at(&g, start), start + S);
	assert_enough(&g, start + S);
	g.receivers = 1;
	assert_int_equal(look_at(&g, start + S), start + LONG);
	assert_true(gather_in_vain(&g, start + LONG));
}

static void the_user_may_start_it_or_wait_longer(void **state)
{
	struct gather g = begin();

	g.receivers = 3;
	g.now = true;
	look_at(&g, start); /* for nobody it does not */
	gather_count(&g, start, 1);
	assert_enough(&g, start);
	g.now = false;
	gather_wait(&g, 60 * S);
	assert_int_equal(look_at(&g, start + LONG), start + LONG + 60 * S);
	gather_wait(&g, -LONG);
	assert_enough(&g, start + 60 * S);
	gather_wait(&g, -1000 * S);
	assert_int_equal(g.wait_at, start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_when_no_more_come),
		cmocka_unit_test(it_starts_when_so_many_are_there),
		cmocka_unit_test(it_starts_when_all_that_were_named_are_there),
		cmocka_unit_test(nobody_is_counted_before_a_plain_session),
		cmocka_unit_test(the_user_may_start_it_or_wait_longer),
	};

	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
