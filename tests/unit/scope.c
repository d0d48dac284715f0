/* scope.c - tests of common/scope. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/scope.h"

static void groups_have_scopes(void **state)
{
	static const struct {
		const char *text;
		enum scope scope;
	} cases[] = {
		{ "223.255.255.255", SCOPE_GLOBAL },
		{ "224.0.0.0", SCOPE_LINK },
		{ "224.0.0.255", SCOPE_LINK },
		{ "224.0.1.0", SCOPE_GLOBAL },
		{ "231.255.255.255", SCOPE_GLOBAL },
		{ "232.0.0.0", SCOPE_GLOBAL },
		{ "232.255.255.255", SCOPE_GLOBAL },
		{ "233.0.0.0", SCOPE_GLOBAL },
		{ "239.0.0.1", SCOPE_ORGANIZATION },
		{ "239.192.0.0", SCOPE_ORGANIZATION },
		{ "239.195.255.255", SCOPE_ORGANIZATION },
		{ "239.252.255.255", SCOPE_ORGANIZATION },
		{ "239.253.0.0", SCOPE_SITE },
		{ "239.255.83.87", SCOPE_SITE },
		{ "240.0.0.0", SCOPE_GLOBAL },
		{ "255.255.255.255", SCOPE_LINK },
		{ "192.0.2.255", SCOPE_GLOBAL },
		{ "ff01::1", SCOPE_HOST },
		{ "ff02::1", SCOPE_LINK },
		{ "ff03::1", SCOPE_SITE },
		{ "ff14::1", SCOPE_SITE },
		{ "ff15::8387", SCOPE_SITE },
		{ "ff18::1", SCOPE_ORGANIZATION },
		{ "ff1e::1", SCOPE_GLOBAL },
		{ "ff32::1", SCOPE_LINK },
		{ "ff3e::8387", SCOPE_GLOBAL },
		{ "ff3e:1::8387", SCOPE_GLOBAL },
		{ "ff2e::1", SCOPE_GLOBAL },
		{ "fe80::1", SCOPE_GLOBAL },
	};
	struct addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(addr_parse(&a, cases[i].text, 0), 0);
		if (scope_of(&a) != cases[i].scope)
			fail_msg("%s: %s", cases[i].text, scope_name(scope_of(&a)));
	}
}

static void scopes_have_names_and_ttls(void **state)
{
	static const struct {
		const char *name;
		int ttl;
	} cases[SCOPE_COUNT] = {
		{ "host", 0 },          { "link", 1 },     { "site", 31 },
		{ "organization", 63 }, { "global", 255 },
	};

	for (unsigned i = 0; i < SCOPE_COUNT; i++) {
		assert_string_equal(scope_name((enum scope)i), cases[i].name);
		assert_int_equal(scope_ttl((enum scope)i), cases[i].ttl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_have_scopes),
		cmocka_unit_test(scopes_have_names_and_ttls),
	};

	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
