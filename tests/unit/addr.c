/* addr.c - tests of common/addr and common/cidr. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/cidr.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct addr address(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text, 0) < 0)
		fail_msg("%s is an address", text);
	return a;
}

static void texts_are_read_and_written(void **state)
{
	static const struct {
		const char *in, *out;
		uint16_t port;
	} cases[] = {
		{ "239.255.83.87", "239.255.83.87:8387", 8387 },
		{ "239.255.83.87:9", "239.255.83.87:9", 9 },
		{ "0.0.0.0:65535", "0.0.0.0:65535", 65535 },
		{ "ff15::8387", "[ff15::8387]:8387", 8387 },
		{ "[ff15::8387]", "[ff15::8387]:8387", 8387 },
		{ "[ff15:0::8387]:1", "[ff15::8387]:1", 1 },
		{ "fe80::1%lo", "[fe80::1%lo]:8387", 8387 },
		{ "[fe80::1%1]:2", "[fe80::1%lo]:2", 2 },
		{ "fe80::1%4000000000", "[fe80::1%4000000000]:8387", 8387 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888",
		  "[1111:2222:3333:4444:5555:6666:7777:8888]:8387", 8387 },
	};
	char text[ADDR_TEXT];
	struct addr a, b;

	for (size_t i = 0; i < LEN(cases); i++) {
		assert_int_equal(addr_parse(&a, cases[i].in, 8387), 0);
		assert_int_equal(addr_port(&a), cases[i].port);
		assert_string_equal(addr_format(&a, text), cases[i].out);
		assert_int_equal(addr_parse(&b, text, 0), 0);
		assert_true(addr_equal(&a, &b));
	}
}

static void other_texts_are_refused(void **state)
{
	static const char *const cases[] = {
		"", ":", ":80", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4:", "1.2.3.4:0",
		"1.2.3.4:65536", "1.2.3.4:+1", "1.2.3.4: 1", "1.2.3.4:1x", "1.2.3.4 ",
		"1.2.3.4:99999999999999999999", "1.2.3.4/8", "localhost", "[", "[]", "[]:1",
		"[::1", "[::1]x", "[::1]:", "[::1]:0", "[::1]:65536", "[1.2.3.4]:5", "::1]",
		":::", "1::2::3", "fffff::", "fe80::1%", "fe80::1%nosuchif", "fe80::1%0",
		"fe80::1%4294967296", "1.2.3.4%lo",
		/* longer than any address */
		"1.1111111111111111111111111111111111111111111111111111111111111111111111111111"
	};
	struct addr a = { 0 };

	for (size_t i = 0; i < LEN(cases); i++) {
		if (addr_parse(&a, cases[i], 1) >= 0)
			fail_msg("accepted '%s'", cases[i]);
		assert_int_equal(addr_family(&a), AF_UNSPEC);
	}
}

static void none_has_a_text(void **state)
{
	struct addr none = { 0 };
	char text[ADDR_TEXT];

	assert_string_equal(addr_format(&none, text), "none");
	assert_int_equal(addr_len(&none), 0);
	assert_int_equal(addr_port(&none), 0);
	assert_false(addr_is_multicast(&none));
}

static void kinds(void **state)
{
	static const struct {
		const char *text;
		bool multicast, ssm, broadcast;
	} cases[] = {
		{ "223.255.255.255", false, false, false },
		{ "224.0.0.0", true, false, false },
		{ "224.0.0.255", true, false, false },
		{ "224.0.1.0", true, false, false },
		{ "231.255.255.255", true, false, false },
		{ "232.0.0.0", true, true, false },
		{ "232.255.255.255", true, true, false },
		{ "233.0.0.0", true, false, false },
		{ "239.0.0.1", true, false, false },
		{ "239.192.0.0", true, false, false },
		{ "239.195.255.255", true, false, false },
		{ "239.252.255.255", true, false, false },
		{ "239.253.0.0", true, false, false },
		{ "239.255.83.87", true, false, false },
		{ "240.0.0.0", false, false, false },
		{ "255.255.255.255", false, false, true },
		{ "192.0.2.255", false, false, false },
		{ "ff01::1", true, false, false },
		{ "ff02::1", true, false, false },
		{ "ff03::1", true, false, false },
		{ "ff14::1", true, false, false },
		{ "ff15::8387", true, false, false },
		{ "ff18::1", true, false, false },
		{ "ff1e::1", true, false, false },
		{ "ff32::1", true, true, false },
		{ "ff3e::8387", true, true, false },
		{ "ff3e:1::8387", true, false, false },
		{ "ff2e::1", true, false, false },
		{ "fe80::1", false, false, false },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct addr a = address(cases[i].text);

		if (addr_is_multicast(&a) != cases[i].multicast ||
		    addr_is_ssm(&a) != cases[i].ssm ||
		    addr_is_broadcast(&a) != cases[i].broadcast)
			fail_msg("%s", cases[i].text);
	}
}

static void equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool host, equal;
	} cases[] = {
		{ "1.2.3.4:5", "1.2.3.4:5", true, true },
		{ "1.2.3.4:5", "1.2.3.4:6", true, false },
		{ "1.2.3.4:5", "1.2.3.5:5", false, false },
		{ "[::1]:5", "[::1]:5", true, true },
		{ "1.2.3.4:5", "[::1]:5", false, false },
		{ "fe80::1%1", "fe80::1%2", false, false },
		{ "fe80::1%1", "fe80::1", true, true },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct addr a = address(cases[i].a), b = address(cases[i].b);

		assert_int_equal(addr_same_host(&a, &b), cases[i].host);
		assert_int_equal(addr_equal(&a, &b), cases[i].equal);
		assert_int_equal(addr_equal(&b, &a), cases[i].equal);
	}
}

static void ranges(void **state)
{
	static const struct {
		const char *range, *in, *out;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255:7", "11.0.0.0" },
		{ "10.1.2.3/8", "10.9.9.9", "9.255.255.255" },
		{ "192.0.2.128/25", "192.0.2.255", "192.0.2.127" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "192.0.2.7/32", "192.0.2.7", "192.0.2.6" },
		{ "0.0.0.0/0", "255.255.255.255", "::" },
		{ "::/0", "ffff::", "0.0.0.0" },
		{ "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "2001:db8::1", "2001:db8::1", "2001:db8::" },
	};
	struct cidr c;

	for (size_t i = 0; i < LEN(cases); i++) {
		struct addr in = address(cases[i].in), out = address(cases[i].out);

		assert_int_equal(cidr_parse(&c, cases[i].range), 0);
		if (!cidr_has(&c, &in) || cidr_has(&c, &out))
			fail_msg("%s", cases[i].range);
	}
}

static void other_ranges_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/ 8",
		"10.0.0.0/8/8",
		"10.0.0.0/0008",
		"10.0.0.0:1/8",
		"[::]/0",
		"[::]:1",
		"::/129",
		"net",
	};
	struct cidr c;

	for (size_t i = 0; i < LEN(cases); i++)
		if (cidr_parse(&c, cases[i]) != -EINVAL)
			fail_msg("accepted '%s'", cases[i]);
}

static void an_empty_list_allows_all(void **state)
{
	struct addr a = address("192.0.2.1"), b = address("198.51.100.1");
	struct addr c = address("203.0.113.1"), none = { 0 };
	struct cidr list[2];

	assert_int_equal(cidr_parse(&list[0], "192.0.2.0/24"), 0);
	assert_int_equal(cidr_parse(&list[1], "198.51.100.0/24"), 0);
	assert_true(cidr_allows(list, 2, &a));
	assert_true(cidr_allows(list, 2, &b));
	assert_false(cidr_allows(list, 2, &c));
	assert_false(cidr_allows(list, 2, &none));
	assert_true(cidr_allows(NULL, 0, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read_and_written),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(none_has_a_text),
		cmocka_unit_test(kinds),
		cmocka_unit_test(equality),
		cmocka_unit_test(ranges),
		cmocka_unit_test(other_ranges_are_refused),
		cmocka_unit_test(an_empty_list_allows_all),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
