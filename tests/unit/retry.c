/* retry.c - tests of sender/retry. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/log.h"
#include "sender/conf.h"
#include "sender/retry.h"

#include <unistd.h>

#define ONE(host, addr, ok)                                                                    \
	"{\"event\":\"receiver\",\"node\":\"0\",\"status\":\"x\",\"ok\":" ok                   \
	",\"host\":\"" host "\",\"address\":\"" addr "\"}\n"
#define DONE(exit) "{\"event\":\"done\",\"receivers\":1,\"exit\":" exit "}\n"

/* What comes of a report: "NAME NAME " or, < 0, nothing. */
static int names(const char *text, size_t len, char *ret, size_t cap)
{
	char path[] = "/tmp/sow-retry-XXXXXX";
	int fd = mkstemp(path), r;
	struct expected *e;
	const char *name;
	size_t used = 0;

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, len), 0);
	close(fd);
	assert_int_equal(expected_new(&e), 0);
	r = retry_read(e, path);
	ret[0] = '\0';
	for (unsigned i = 0; (name = expected_absent(e, &i)) && r >= 0;)
		used += (size_t)snprintf(ret + used, cap - used, "%s ", name);
	expected_free(e);
	unlink(path);
	return r;
}

static void those_that_failed_are_named(void **state)
{
	static const struct {
		const char *report;
		int r;
		const char *names;
	} v[] = {
		{ ONE("a", "10.0.0.1", "true") DONE("0"), 0, "" },
		{ DONE("0"), 0, "" },
		{ "{\"event\":\"start\",\"files\":1}\n" ONE("a", "10.0.0.1", "false")
			  ONE("b", "10.0.0.2", "true") ONE("c", "10.0.0.3", "false") DONE("4"),
		  2, "a c " },
		/* clones, no name, and a name that is an address of somebody else */
		{ ONE("x", "10.0.0.1", "false") ONE("X", "10.0.0.2", "true") DONE("4"), 1,
		  "10.0.0.1 " },
		{ ONE("", "10.0.0.1", "false") DONE("4"), 1, "10.0.0.1 " },
		{ ONE("10.0.0.9", "10.0.0.1", "false") DONE("4"), 1, "10.0.0.1 " },
		/* absent ones have the name that they were given */
		{ "{\"event\":\"receiver\",\"host\":\"pc9\",\"status\":\"absent\",\"ok\":false}"
		  "\n"
		  "{\"event\":\"receiver\",\"host\":\"10.0.0.7\",\"status\":\"absent\",\"ok\":"
		  "false}\n" DONE("5"),
		  2, "pc9 10.0.0.7 " },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(names(v[i].report, strlen(v[i].report), text, sizeof(text)),
				 v[i].r);
		assert_string_equal(text, v[i].names);
	}
}

static void what_is_no_report_is_refused(void **state)
{
	static const char *const v[] = {
		"",
		"hello\n",
		"{\"event\":\"receiver\"",
		ONE("a", "10.0.0.1", "false"),          /* it has no end */
		ONE("a", "10.0.0.1", "true") DONE("4"), /* failed, but who? */
		DONE("5"),
		DONE("0") "trailing\n",
	};
	struct expected *e;
	char text[256];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(names(v[i], strlen(v[i]), text, sizeof(text)), -EINVAL);
	assert_int_equal(expected_new(&e), 0);
	assert_int_equal(retry_read(e, "/no/such/report"), -EINVAL);
	expected_free(e);
}

static int quiet(void **state)
{
	log_set_level(LOG_LEVEL_ERR);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_failed_are_named),
		cmocka_unit_test(what_is_no_report_is_refused),
	};

	return cmocka_run_group_tests_name("retry", tests, quiet, NULL);
}
