/* reserved.c - tests of receiver/reserved. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/types.h"
#include "receiver/reserved.h"

#include <stdbool.h>

#define STAGE ".sow-" HEX64
#define PART  ".x.0123456789abcdef.reap-part"

static void names(void **state)
{
	static const struct {
		const char *path;
		bool reserved;
	} cases[] = {
		{ STAGE, true },
		{ STAGE "/tree/d/a", true },
		{ ".SOW-" HEX16 HEX16 HEX16 "0123456789ABCDEF/tree/a", true },
		{ "d/" STAGE, false }, /* stages are at the top */
		{ STAGE "0", false },
		{ ".sow-" HEX16 HEX16 HEX16 "0123456789abcdeg", false },
		{ ".sow", false },
		{ PART, true },
		{ "a/b/" PART, true },
		{ "a/.X.0123456789abcdef.Reap-Part", true },
		{ PART "/a", false },
		{ "x.0123456789abcdef.reap-part", false },
		{ "a", false },
	};
	char longest[256];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(reserved_check(cases[i].path),
				 cases[i].reserved ? RESERVED_NAME : 0);
	memset(longest, 'a', 255);
	longest[255] = '\0';
	assert_int_equal(reserved_check(longest), 0);
	longest[0] = '.';
	memcpy(longest + 255 - strlen(PART) + 2, &PART[2], strlen(PART) - 2);
	assert_int_equal(reserved_check(longest), RESERVED_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("reserved", tests, NULL, NULL);
}
