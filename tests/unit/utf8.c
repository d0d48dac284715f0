/* utf8.c - tests of common/utf8. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/utf8.h"

static const struct {
	const char *bytes;
	size_t len, want;
} cases[] = {
	{ "a", 1, 1 },
	{ "\0", 1, 1 },
	{ "\x7f", 1, 1 },
	{ "\xc2\x80", 2, 2 },
	{ "\xdf\xbf", 2, 2 },
	{ "\xe0\xa0\x80", 3, 3 },
	{ "\xed\x9f\xbf", 3, 3 },
	{ "\xef\xbf\xbf", 3, 3 },
	{ "\xf0\x90\x80\x80", 4, 4 },
	{ "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "", 0, 0 },
	{ "\x80", 1, 0 },     /* in the middle of a character */
	{ "\xc0\x80", 2, 0 }, /* overlong */
	{ "\xc1\xbf", 2, 0 },
	{ "\xe0\x9f\xbf", 3, 0 },
	{ "\xf0\x8f\xbf\xbf", 4, 0 },
	{ "\xed\xa0\x80", 3, 0 }, /* surrogates */
	{ "\xed\xbf\xbf", 3, 0 },
	{ "\xf4\x90\x80\x80", 4, 0 }, /* above U+10FFFF */
	{ "\xf8\x88\x80\x80\x80", 5, 0 },
	{ "\xff", 1, 0 },
	{ "\xc2", 1, 0 }, /* cut */
	{ "\xe2\x82", 2, 0 },
	{ "\xf0\x9f\x98", 3, 0 },
	{ "\xc2\x41", 2, 0 },
	{ "\xe2\x82\x41", 3, 0 },
};

static void one_character(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *exact = malloc(cases[i].len ? cases[i].len : 1);

		memcpy(exact, cases[i].bytes, cases[i].len);
		assert_int_equal(utf8_char(exact, cases[i].len), cases[i].want);
		free(exact);
	}
}

static void no_bytes_control_a_terminal(void **state)
{
	static const struct {
		const char *text, *want;
	} lines[] = {
		{ "host", "host" },
		{ "", "" },
		{ "a\x1b[\n\x7f", "a\\x1b[\\x0a\\x7f" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		/* CSI in UTF-8, and as one byte */
		{ "\xc2\x9b\xc2\xa0", "\\xc2\\x9b\xc2\xa0" },
		{ "\x9b"
		  "1m\xff",
		  "\\x9b1m\\xff" },
		{ "0123456789abcdef", "0123456789abcde" },
		/* nothing is cut in its middle */
		{ "0123456789ab\n", "0123456789ab" },
		{ "0123456789abcd\xc3\xbc", "0123456789abcd" },
	};
	char buf[16];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = utf8_escape(buf, sizeof(buf), lines[i].text, strlen(lines[i].text));

		assert_string_equal(buf, lines[i].want);
		assert_int_equal(n, strlen(buf));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_character),
		cmocka_unit_test(no_bytes_control_a_terminal),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
