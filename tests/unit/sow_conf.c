/* sow_conf.c - tests of sender/conf. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/log.h"
#include "sender/conf.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Reads a command line, words parted by one space; the strings live in `copy`. */
static int read_line(struct conf *conf, const char *line, char copy[static 256])
{
	static char *argv[32]; /* conf->paths points into it */
	char *save;
	int argc = 0;

	snprintf(copy, 256, "sow %s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return conf_read(conf, argc, argv);
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct conf c;
	char copy[256];

	assert_int_equal(read_line(&c, "a b", copy), 0);
	assert_int_equal(c.n_paths, 2);
	assert_string_equal(c.paths[1], "b");
	assert_int_equal(c.rate, 0);
	assert_int_equal(c.min_rate, 0);
	assert_int_equal(c.receivers, 0);
	assert_int_equal(c.wait, 30000000000);
	assert_int_equal(c.drop_after, 10000000000);
	assert_int_equal(c.fec.kind, FEC_BY_RECEIVERS);
	assert_int_equal(c.fec.k, 64);
	assert_int_equal(c.fec.n_parity, 128);
	assert_int_equal(c.fec_id, FEC_AUTO);
	assert_int_equal(c.segment, 0);
	assert_int_equal(c.profile, PROFILE_SOW);
	assert_int_equal(c.progress_mode, PROGRESS_AUTO);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_true(c.net.loop);
	conf_fini(&c);
}

static void congestion_control_is_a_rate(void **state)
{
	struct conf c;
	char copy[256];

	assert_int_equal(read_line(&c, "--rate norm-cc f", copy), 0);
	assert_int_equal(c.rate, RATE_NORM_CC);
	conf_fini(&c);
}

static void a_census_needs_no_file_and_less_time(void **state)
{
	struct conf c;
	char copy[256];

	assert_int_equal(read_line(&c, "--who", copy), 0);
	assert_true(c.who);
	assert_int_equal(c.wait, 2000000000);
	conf_fini(&c);
	assert_int_equal(read_line(&c, "--who --wait 30 --receivers 7", copy), 0);
	assert_int_equal(c.wait, 30000000000);
	conf_fini(&c);
	assert_int_equal(read_line(&c, "--who f", copy), -EINVAL);
	conf_fini(&c);
}

static void standard_input_goes_alone(void **state)
{
	static const char *const bad[] = {
		"- f",
		"f -",
		"--name x f",
		"--exclude x -",
		"--owner -",
		"--xattrs -",
		"--who -",
		"--delete -",
		"--compress -",
		"--profile norm -",
		"--digest-cache x -",
	};
	struct conf c;
	char copy[256];

	assert_int_equal(read_line(&c, "-", copy), 0);
	assert_true(c.input);
	assert_string_equal(c.name, "stdin");
	conf_fini(&c);
	assert_int_equal(read_line(&c, "--name a/b --receivers 2 -", copy), 0);
	assert_true(c.input);
	assert_string_equal(c.name, "a/b");
	conf_fini(&c);
	assert_int_equal(read_line(&c, "./-", copy), 0);
	assert_false(c.input);
	conf_fini(&c);
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_int_equal(read_line(&c, bad[i], copy), -EINVAL);
		conf_fini(&c);
	}
}

static void values_are_read(void **state)
{
	struct conf c;
	char copy[256];

	assert_int_equal(read_line(&c,
				   "--rate 950M --receivers 3 -w 2m --fec 200,55 --fec-id 129 "
				   "--profile norm --no-progress --no-loop -j -g 239.1.1.1 f",
				   copy),
			 0);
	assert_int_equal(c.rate, 950000000);
	assert_int_equal(c.receivers, 3);
	assert_int_equal(c.wait, 120000000000);
	assert_int_equal(c.fec.kind, FEC_SMALL);
	assert_int_equal(c.fec.k, 200);
	assert_int_equal(c.fec.n_parity, 55);
	assert_int_equal(c.fec_id, FEC_129);
	assert_int_equal(c.profile, PROFILE_NORM);
	assert_int_equal(c.progress_mode, PROGRESS_NEVER);
	assert_false(c.net.loop);
	assert_true(c.json);
	conf_fini(&c);
	assert_int_equal(read_line(&c, "--quiet f", copy), 0);
	assert_int_equal(c.progress_mode, PROGRESS_NEVER);
	assert_int_equal(c.log_level, LOG_LEVEL_ERR);
	conf_fini(&c);
	assert_int_equal(read_line(&c, "--progress f", copy), 0);
	assert_int_equal(c.progress_mode, PROGRESS_ALWAYS);
	conf_fini(&c);
}

static void codes_are_read(void **state)
{
	static const struct {
		const char *line;
		struct fec_param fec;
	} cases[] = {
		{ "--fec auto f", { FEC_BY_RECEIVERS, 64, 128, 8000 } },
		{ "--fec none f", { FEC_SMALL, 64, 0, 8000 } },
		{ "--fec large f", { FEC_LARGE, 64, 128, 8000 } },
		{ "--fec large,256 f", { FEC_LARGE, 64, 128, 256 } },
		{ "--fec large,32768 --interleave 32 f", { FEC_LARGE, 64, 128, 32768 } },
		{ "--fec 1,254 f", { FEC_SMALL, 1, 254, 8000 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fec_param *want = &cases[i].fec;
		struct conf c;
		char copy[256];

		assert_int_equal(read_line(&c, cases[i].line, copy), 0);
		assert_int_equal(c.fec.kind, want->kind);
		assert_int_equal(c.fec.k, want->k);
		assert_int_equal(c.fec.n_parity, want->n_parity);
		assert_int_equal(c.fec.large, want->large);
		conf_fini(&c);
	}
}

static void mistakes_are_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "" },
		{ "--fec 64 f", "K,PARITY" },
		{ "--fec 64, f", "K,PARITY" },
		{ "--fec ,64 f", "K,PARITY" },
		{ "--fec -1,64 f", "K,PARITY" },
		{ "--fec 64,-1 f", "K,PARITY" },
		{ "--fec 64,64x f", "K,PARITY" },
		{ "--fec 0,64 f", "out of range" },
		{ "--fec 200,56 f", "out of range" },
		{ "--fec 999,999 f", "out of range" },
		{ "--fec 6400,1 f", "out of range" },
		{ "--fec 640000,1 f", "K,PARITY" },
		{ "--fec larg f", "K,PARITY" },
		{ "--fec large, f", "K,PARITY" },
		{ "--fec large,255 f", "out of range" },
		{ "--fec large,32769 f", "out of range" },
		{ "--fec large --profile norm f", "not plain NORM" },
		{ "--fec large --segment 1401 f", "even length" },
		{ "--interleave 65 f", "interleave" },
		{ "--fec-id 2 f", "5 or 129" },
		{ "--rate 0 f", "out of range" },
		{ "--rate 10 f", "out of range" },
		{ "--rate often f", "not a rate" },
		{ "--min-rate 10 f", "out of range" },
		{ "--receivers 0 f", "out of range" },
		{ "--receivers 4097 f", "out of range" },
		{ "--segment 63 f", "out of range" },
		{ "--segment 65001 f", "out of range" },
		{ "--drop-after 10ms f", "out of range" },
		{ "--quiet --progress f", "contradict" },
		{ "--quiet --log-level debug f", "contradict" },
		{ "--json --json f", "twice" },
		{ "--who --profile norm", "contradict" },
		{ "--output x f", "unknown" },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct conf c;
		char copy[256];

		assert_int_equal(read_line(&c, cases[i].line, copy), -EINVAL);
		if (!strstr(c.run.error, cases[i].says))
			fail_msg("%s: %s", cases[i].line, c.run.error);
		conf_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(standard_input_goes_alone),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(a_census_needs_no_file_and_less_time),
		cmocka_unit_test(congestion_control_is_a_rate),
		cmocka_unit_test(codes_are_read),
		cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests_name("sow_conf", tests, NULL, NULL);
}
