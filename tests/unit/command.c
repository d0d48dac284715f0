/* command.c - tests of sender/command. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "sender/command.h"

static int parse(struct command *ret, const char *line)
{
	const char *error = NULL;
	int r = command_parse(ret, line, strlen(line), &error);

	assert_int_equal(r < 0, error != NULL);
	return r;
}

static void commands_are_read(void **state)
{
	static const struct {
		const char *line;
		enum command_verb verb;
		int64_t more; /* s */
		const char *who;
	} v[] = {
		{ "start", COMMAND_START, 0, "" },
		{ "  start \r", COMMAND_START, 0, "" },
		{ "pause", COMMAND_PAUSE, 0, "" },
		{ "resume", COMMAND_RESUME, 0, "" },
		{ "status", COMMAND_STATUS, 0, "" },
		{ "quit", COMMAND_QUIT, 0, "" },
		{ "wait +60", COMMAND_WAIT, 60, "" },
		{ "wait\t60", COMMAND_WAIT, 60, "" },
		{ "wait -5", COMMAND_WAIT, -5, "" },
		{ "wait +1000000", COMMAND_WAIT, 1000000, "" },
		{ "drop pc1.example.org", COMMAND_DROP, 0, "pc1.example.org" },
		{ "drop fe80::1%eth0 ", COMMAND_DROP, 0, "fe80::1%eth0" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct command c;

		assert_int_equal(parse(&c, v[i].line), 0);
		assert_int_equal(c.verb, v[i].verb);
		assert_int_equal(c.more, v[i].more * 1000000000);
		assert_int_equal(c.who_len, strlen(v[i].who));
		if (c.who_len)
			assert_memory_equal(c.who, v[i].who, c.who_len);
		assert_true(strncmp(v[i].line + strspn(v[i].line, " "), command_name(c.verb),
				    strlen(command_name(c.verb))) == 0);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const v[] = {
		"",           " ",         "star",          "startle",
		"START",      "start now", "drop",          "drop a b",
		"wait",       "wait +",    "wait -",        "wait +-5",
		"wait 5s",    "wait 1.5",  "wait +1000001", "wait 0x10",
		"wait 60 60", "pause now", "quit quit",     "wait 99999999999999999999999",
	};
	struct command c = { .who_len = 77 };
	const char *error;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(parse(&c, v[i]), -EINVAL);
	assert_int_equal(command_parse(&c, "drop a\0b", 8, &error), -EINVAL);
	assert_int_equal(command_parse(&c, "start\0", 6, &error), -EINVAL);
	assert_int_equal(c.who_len, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_read),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
