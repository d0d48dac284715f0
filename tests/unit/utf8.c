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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_character),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
