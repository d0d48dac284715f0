/* json.c - tests of common/json. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/json.h"

#include <math.h>
#include <unistd.h>

static void assert_line(struct json *j, const char *want)
{
	const char *line;
	size_t len;

	assert_int_equal(json_end(j, &line, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void every_kind_of_value(void **state)
{
	struct json j;

	json_begin(&j, "complete");
	json_string(&j, "name", "image.iso");
	json_string(&j, "host", NULL);
	json_u64(&j, "max", UINT64_MAX);
	json_i64(&j, "min", INT64_MIN);
	json_real(&j, "rate", 0.25);
	json_real(&j, "nan", NAN);
	json_real(&j, "inf", -INFINITY);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	assert_line(&j, "{\"event\":\"complete\",\"name\":\"image.iso\",\"host\":null,"
			"\"max\":18446744073709551615,\"min\":-9223372036854775808,"
			"\"rate\":0.25,\"nan\":null,\"inf\":null,\"yes\":true,\"no\":false}\n");
}

static void any_bytes_become_valid_text(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *want;
	} cases[] = {
		{ "", 0, "" },
		{ "a\"b\\c/d", 7, "a\\\"b\\\\c/d" },
		{ "\n\t\x1b\x7f\0", 5, "\\u000a\\u0009\\u001b\\u007f\\u0000" },
		{ "\xc2\x9b\xc2\xa0", 4, "\\u009b\xc2\xa0" },
		{ "\xc3\xa4\xe2\x82\xac", 5, "\xc3\xa4\xe2\x82\xac" },
		{ "a\xff"
		  "b\xc3",
		  4, "a\\ufffdb\\ufffd" },
		{ "\xed\xa0\x80", 3, "\\ufffd\\ufffd\\ufffd" },
	};
	char want[128];
	struct json j;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_begin(&j, "x");
		json_text(&j, "t", cases[i].bytes, cases[i].len);
		snprintf(want, sizeof(want), "{\"event\":\"x\",\"t\":\"%s\"}\n", cases[i].want);
		assert_line(&j, want);
	}
}

/* All of it or nothing: no script ever reads half a line. */
static void too_long_is_refused_as_a_whole(void **state)
{
	static char text[JSON_LINE_MAX];
	const size_t frame = strlen("{\"event\":\"x\",\"t\":\"\"}\n");
	size_t fits = JSON_LINE_MAX - 1 - frame, len;
	const char *line;
	struct json j;

	memset(text, 'a', sizeof(text));
	json_begin(&j, "x");
	json_text(&j, "t", text, fits);
	assert_int_equal(json_end(&j, &line, &len), 0);
	assert_int_equal(len, JSON_LINE_MAX - 1);
	json_begin(&j, "x");
	json_text(&j, "t", text, fits + 1);
	assert_int_equal(json_end(&j, &line, &len), -ENOSPC);
	json_begin(&j, "x");
	json_text(&j, "t", text, sizeof(text));
	json_u64(&j, "n", 1);
	assert_int_equal(json_write(&j, STDOUT_FILENO), -ENOSPC);
}

static void write_sends_the_line(void **state)
{
	char got[64] = "";
	struct json j;
	int p[2];

	assert_int_equal(pipe(p), 0);
	json_begin(&j, "x");
	assert_int_equal(json_write(&j, p[1]), 0);
	assert_int_equal(read(p[0], got, sizeof(got)), 14);
	assert_string_equal(got, "{\"event\":\"x\"}\n");
	close(p[0]);
	close(p[1]);
	json_begin(&j, "x");
	assert_int_equal(json_write(&j, -1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value),
		cmocka_unit_test(any_bytes_become_valid_text),
		cmocka_unit_test(too_long_is_refused_as_a_whole),
		cmocka_unit_test(write_sends_the_line),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
