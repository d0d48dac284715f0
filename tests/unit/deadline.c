/* deadline.c - tests of sender/deadline. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "sender/deadline.h"

#include <time.h>

#define S 1000000000ll

static const struct opt row = { "deadline", 0, "TIME", &opt_deadline };

static void it_reads_durations_and_times_of_the_day(void **state)
{
	static const struct {
		const char *text;
		int r;
		struct deadline d;
		const char *printed;
	} v[] = {
		{ "90", 0, { .after = 90 * S }, "90s" },
		{ "2h", 0, { .after = 7200 * S }, "7200s" },
		{ "06:30", 0, { true, 6, 30, 0 }, "06:30" },
		{ "00:00", 0, { true, 0, 0, 0 }, "00:00" },
		{ "23:59", 0, { true, 23, 59, 0 }, "23:59" },
		{ "24:00", -ERANGE, { 0 }, NULL },
		{ "12:60", -ERANGE, { 0 }, NULL },
		{ "0", -ERANGE, { 0 }, NULL },
		{ "6:30", -EINVAL, { 0 }, NULL },
		{ "06:30:00", -EINVAL, { 0 }, NULL },
		{ "0x:30", -EINVAL, { 0 }, NULL },
		{ "-1", -EINVAL, { 0 }, NULL },
		{ "soon", -EINVAL, { 0 }, NULL },
		{ "", -EINVAL, { 0 }, NULL },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct deadline d = { .after = 77 };
		char text[32];

		assert_int_equal(opt_deadline.parse(&row, v[i].text, &d), v[i].r);
		if (v[i].r < 0) {
			assert_int_equal(d.after, 77);
			continue;
		}
		assert_int_equal(d.of_day, v[i].d.of_day);
		assert_int_equal(d.hour, v[i].d.hour);
		assert_int_equal(d.minute, v[i].d.minute);
		assert_int_equal(d.after, v[i].d.after);
		opt_deadline.print(&row, &d, text, sizeof(text));
		assert_string_equal(text, v[i].printed);
	}
}

/* Central Europe: 2026-03-29 02:00 became 03:00, 2026-10-25 03:00 became 02:00. */
static void the_next_time_of_the_day_counts(void **state)
{
	static const struct {
		int64_t wall;
		unsigned hour, minute;
		int64_t in; /* s */
	} v[] = {
		{ 1773046800, 11, 0, 3600 }, /* 2026-03-09 10:00 */
		{ 1773046800, 10, 1, 60 },
		{ 1773046800, 10, 0, 86400 }, /* now is not to come */
		{ 1773046800, 9, 59, 86340 },
		{ 1774738800, 4, 0, 3 * 3600 }, /* 03-29 00:00: an hour less */
		{ 1774738800, 0, 0, 23 * 3600 },
		{ 1792879200, 4, 0, 5 * 3600 }, /* 10-25 00:00: an hour more */
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct deadline d = { true, v[i].hour, v[i].minute, 0 };

		assert_int_equal(deadline_in(&d, v[i].wall), v[i].in * S);
	}
	assert_int_equal(deadline_in(&(struct deadline){ .after = 5 }, 1773046800), 5);
	assert_true(deadline_in(&(struct deadline){ 0 }, 1773046800) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_durations_and_times_of_the_day),
		cmocka_unit_test(the_next_time_of_the_day_counts),
	};

	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
