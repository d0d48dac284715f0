/* table.c - tests of common/table and common/human. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/human.h"
#include "common/table.h"

static const struct table_column columns[] = { { "NAME", false },
					       { "FREE", true },
					       { "IS", false } };

static void assert_written(struct table *t, const char *text)
{
	char buf[4096] = "";
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	assert_non_null(out);
	assert_int_equal(table_write(t, out), 0);
	fclose(out);
	assert_string_equal(buf, text);
}

static void columns_are_as_wide_as_they_need(void **state)
{
	struct table t = { .columns = columns, .n_columns = 3 };

	assert_written(&t, "NAME  FREE  IS\n");
	table_add(&t, "a");
	table_add(&t, "12.5 MB");
	table_add(&t, "idle");
	table_add(&t, "m\xc3\xbcnchen"); /* seven characters */
	table_add(&t, "1 B");
	table_add(&t, "");
	assert_written(&t, "NAME        FREE  IS\n"
			   "a        12.5 MB  idle\n"
			   "m\xc3\xbcnchen      1 B  \n");
	assert_written(&t, "NAME  FREE  IS\n"); /* it is empty again */
}

static void many_rows(void **state)
{
	struct table t = { .columns = columns, .n_columns = 1 };
	char *buf = NULL, cell[16];
	size_t len;
	FILE *out = open_memstream(&buf, &len);

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(cell, sizeof(cell), "row %04u", i);
		table_add(&t, cell);
	}
	assert_int_equal(table_write(&t, out), 0);
	fclose(out);
	assert_int_equal(len, strlen("NAME\n") + 5000 * strlen("row 0000\n"));
	assert_non_null(strstr(buf, "\nrow 4999\n"));
	free(buf);
}

static void numbers_have_three_digits(void **state)
{
	static const struct {
		double v;
		const char *text;
	} v[] = {
		{ 0, "0 B" },          { 999, "999 B" },       { 999.6, "1.00 kB" },
		{ 12345, "12.3 kB" },  { 1e9, "1.00 GB" },     { 999.4e9, "999 GB" },
		{ 1.5e18, "1.50 EB" }, { 1.8e22, "18000 EB" },
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_string_equal(human_number(buf, sizeof(buf), v[i].v, "B"), v[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_they_need),
		cmocka_unit_test(many_rows),
		cmocka_unit_test(numbers_have_three_digits),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
