/* reap_conf.c - tests of receiver/conf: what reap's command line may say. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/log.h"
#include "receiver/conf.h"

#define ARGS_MAX 9

static int read_args(struct conf *c, const char *const *args)
{
	char *argv[ARGS_MAX + 2] = { (char *)"reap" };
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	return conf_read(c, argc, argv);
}

static void standard_output_takes_nothing_beside(void **state)
{
	static const char *const alone[] = { "--output", "-", NULL };
	static const char *const bad[][5] = {
		{ "-o", "-", "--json" },    { "-o", "-", "--exec", "true" },
		{ "-o", "-", "--inplace" }, { "-o", "-", "--from", "/" },
		{ "-o", "-", "--delete" },
	};
	struct conf c;

	assert_int_equal(read_args(&c, alone), 0);
	assert_true(c.once);
	conf_fini(&c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_args(&c, bad[i]), -EINVAL);
		conf_fini(&c);
	}
}

static void defaults(void **state)
{
	static const char *const none[] = { NULL };
	struct conf c;

	assert_int_equal(read_args(&c, none), 0);
	assert_string_equal(c.output, ".");
	assert_false(c.once || c.allow_unverified || c.owner || c.json || c.quiet);
	assert_int_equal(c.wait, 0);
	assert_int_equal(c.inactivity, 10000000000);
	assert_int_equal(c.memory, 24 << 20);
	assert_int_equal(c.progress_mode, PROGRESS_AUTO);
	assert_null(c.metrics);
	assert_null(c.exec);
	assert_int_equal(c.exec_parallel, 1);
	assert_int_equal(c.exec_timeout, 300000000000);
	assert_int_equal(c.max_size, 0);
	assert_int_equal(c.allow_names.n, 0);
	assert_null(c.job);
	conf_fini(&c);
}

static void every_option(void **state)
{
	static const char *const args[] = {
		"-1o", "/srv", "--wait=1.5", "--memory=2M", "--inactivity=3m", "-j", "-q", NULL
	};
	struct conf c;

	assert_int_equal(read_args(&c, args), 0);
	assert_string_equal(c.output, "/srv");
	assert_true(c.once && c.json && c.quiet);
	assert_int_equal(c.wait, 1500000000);
	assert_int_equal(c.inactivity, 180000000000);
	assert_int_equal(c.memory, 2 << 20);
	assert_int_equal(c.progress_mode, PROGRESS_NEVER);
	conf_fini(&c);
}

static void hook_and_limits(void **state)
{
	static const char *const args[] = {
		"--exec=sh -c 'true'", "--exec-parallel=4",  "--exec-timeout=1.5",
		"--max-size=2G",       "--allow-name=*.img", "--owner",
		"--allow-name=feed/*", "--job=feed",         NULL
	};
	struct conf c;

	assert_int_equal(read_args(&c, args), 0);
	assert_string_equal(c.exec, "sh -c 'true'");
	assert_int_equal(c.exec_parallel, 4);
	assert_int_equal(c.exec_timeout, 1500000000);
	assert_int_equal(c.max_size, 2147483648);
	assert_int_equal(c.allow_names.n, 2);
	assert_true(c.owner);
	assert_string_equal(c.allow_names.items[1], "feed/*");
	assert_string_equal(c.job, "feed");
	conf_fini(&c);
}

static void progress_as_asked(void **state)
{
	static const char *const yes[] = { "--progress", NULL };
	static const char *const no[] = { "--no-progress", NULL };
	struct conf c;

	assert_int_equal(read_args(&c, yes), 0);
	assert_int_equal(c.progress_mode, PROGRESS_ALWAYS);
	conf_fini(&c);
	assert_int_equal(read_args(&c, no), 0);
	assert_int_equal(c.progress_mode, PROGRESS_NEVER);
	conf_fini(&c);
}

static void mistakes(void **state)
{
	static const char *const cases[][4] = {
		{ "file" },
		{ "--outptu", "/srv" },
		{ "--output" },
		{ "--output", "" },
		{ "--wait", "soon" },
		{ "--inactivity", "0" },
		{ "--memory", "1000" },
		{ "--exec", "" },
		{ "--exec-parallel", "0" },
		{ "--exec-timeout", "0" },
		{ "--max-size", "0" },
		{ "--log-level", "loud" },
		{ "--quiet", "--progress" },
		{ "--quiet", "--log-level", "debug" },
		{ "--source", "192.0.2.1", "--exclude=192.0.2.2" },
		{ "--once=yes" },
		{ "--once", "--once" },
		{ "--ttl", "1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf c;

		assert_int_equal(read_args(&c, cases[i]), -EINVAL);
		assert_true(c.run.error[0] || strcmp(cases[i][0], "file") == 0);
		conf_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option),
		cmocka_unit_test(hook_and_limits),
		cmocka_unit_test(progress_as_asked),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(standard_output_takes_nothing_beside),
	};

	return cmocka_run_group_tests_name("reap_conf", tests, NULL, NULL);
}
