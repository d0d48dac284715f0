/* opt.c - tests of common/opt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/opt.h"
#include "common/file.h"

#include <unistd.h>

struct conf {
	bool loop, quiet;
	const char *group;
	struct opt_list source;
	int scope;
	uint32_t receivers;
	uint64_t seed, size, rate;
	int64_t wait;
};

static const char *const scopes[] = { "host", "link", "site", NULL };
static const char *const not_quiet[] = { "loop", "scope", NULL };

#define AT(member) offsetof(struct conf, member)
static const struct opt opts[] = {
	{ .help = "Network" },
	{ "group", 'g', "ADDR", &opt_string, AT(group), "where to", .dflt = "239.1.1.1" },
	{ "loop", 0, NULL, &opt_flag, AT(loop), "loop back", .dflt = "yes", .negatable = true },
	{ "source", 0, "ADDR", &opt_strings, AT(source), "accept from" },
	{ "scope", 0, "SCOPE", &opt_enum, AT(scope), "how far", .choices = scopes },
	{ .help = "Rate" },
	{ "receivers", 0, "N", &opt_u32, AT(receivers), "wait for N", .min = 1, .max = 65535 },
	{ "seed", 0, "N", &opt_u64, AT(seed), "repeat a run", .hidden = true },
	{ "memory", 0, "SIZE", &opt_size, AT(size), "a rather long name for a size",
	  .min = 4096 },
	{ "rate", 'r', "RATE", &opt_rate, AT(rate), "bits a second", .zero = "auto" },
	{ "wait", 'w', "TIME", &opt_duration, AT(wait), "give up", .dflt = "30s" },
	{ "quiet", 'q', NULL, &opt_flag, AT(quiet), "say less", .against = not_quiet },
};
static const struct opt_prog prog = {
	.name = "sow",
	.synopsis = "[options] FILE...",
	.about = "Sends.",
	.version = "0.1",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
};

/* Parses the words of `line`, which lives until the next call. */
static int parse(struct conf *c, struct opt_run *run, const char *line)
{
	static char words[512];
	static char *argv[32];
	int argc = 0;

	snprintf(words, sizeof(words), "sow %s", line);
	for (char *w = strtok_r(words, " ", argv + 31); w; w = strtok_r(NULL, " ", argv + 31))
		argv[argc++] = strcmp(w, "''") ? w : w + 2;
	argv[argc] = NULL;
	*c = (struct conf){ .group = NULL };
	return opt_parse(&prog, c, argc, argv, run);
}

static void everything_at_once(void **state)
{
	struct opt_run run;
	struct conf c;

	assert_int_equal(parse(&c, &run,
			       "a.iso --group=[ff15::1]:9 --no-loop --source 10.0.0.1 -r950M "
			       "--source 10.0.0.2 --scope site b --receivers 4 --memory 1.5G "
			       "--wait 300ms --seed 18446744073709551615 -- --rate"),
			 0);
	assert_string_equal(c.group, "[ff15::1]:9");
	assert_false(c.loop);
	assert_int_equal(c.source.n, 2);
	assert_string_equal(c.source.items[1], "10.0.0.2");
	assert_int_equal(c.scope, 2);
	assert_int_equal(c.receivers, 4);
	assert_true(c.seed == UINT64_MAX);
	assert_true(c.size == (uint64_t)3 << 29);
	assert_true(c.rate == 950000000);
	assert_true(c.wait == 300000000);
	assert_int_equal(run.first, 19);
	assert_int_equal(opt_origin(&prog, &run, "wait"), OPT_FROM_ARGS);
	assert_int_equal(opt_origin(&prog, &run, "quiet"), OPT_UNSET);
	assert_int_equal(opt_origin(&prog, &run, "nothing"), OPT_UNSET);
	opt_fini(&run);
}

static void defaults_come_first(void **state)
{
	struct opt_run run;
	struct conf c;

	assert_int_equal(parse(&c, &run, ""), 0);
	assert_string_equal(c.group, "239.1.1.1");
	assert_true(c.loop);
	assert_true(c.wait == 30000000000);
	assert_int_equal(opt_origin(&prog, &run, "wait"), OPT_DEFAULT);
	assert_int_equal(run.first, 1);
	opt_fini(&run);
}

static const struct {
	const char *line, *error;
} bad[] = {
	{ "--rate 12Q",
	  "--rate 12Q: not a rate; give bits a second with K, M or G, such as 950M, or auto" },
	{ "--rate ''",
	  "--rate \"\": not a rate; give bits a second with K, M or G, such as 950M, or auto" },
	{ "--rate -1",
	  "--rate -1: not a rate; give bits a second with K, M or G, such as 950M, or auto" },
	{ "--rate 1.5",
	  "--rate 1.5: not a rate; give bits a second with K, M or G, such as 950M, or auto" },
	{ "--receivers 0",
	  "--receivers 0: out of range; give a whole number, from 1 to 65535" },
	{ "--receivers 70000",
	  "--receivers 70000: out of range; give a whole number, from 1 to 65535" },
	{ "--receivers 5M",
	  "--receivers 5M: not a number; give a whole number, from 1 to 65535" },
	{ "--seed 18446744073709551616",
	  "--seed 18446744073709551616: out of range; give a whole number" },
	{ "--memory 1K",
	  "--memory 1K: out of range; give bytes with K, M, G or T, such as 64M, "
	  "at least 4K" },
	{ "--memory 99999999T",
	  "--memory 99999999T: out of range; give bytes with K, M, G or T, "
	  "such as 64M, at least 4K" },
	{ "--wait 4611686019", /* added to the clock it would overflow */
	  "--wait 4611686019: out of range; give seconds, or a number with ms, s, m or h, such "
	  "as 300ms" },
	{ "--wait 1d",
	  "--wait 1d: not a time; give seconds, or a number with ms, s, m or h, such "
	  "as 300ms" },
	{ "--wait 1.1234567",
	  "--wait 1.1234567: not a time; give seconds, or a number with ms, s, "
	  "m or h, such as 300ms" },
	{ "--scope world", "--scope world: not a choice; give host, link or site" },
	{ "--group ''", "--group \"\": not a value; give a text that is not empty" },
	{ "--group", "--group: needs a value; give a text that is not empty" },
	{ "-r",
	  "--rate: needs a value; give bits a second with K, M or G, such as 950M, or auto" },
	{ "--quiet=3", "--quiet: takes no value" },
	{ "--no-loop=3", "--no-loop: takes no value" },
	{ "--rate 1M -r 2M", "--rate 2M: given twice" },
	{ "--loop --no-loop", "--loop no: given twice" },
	{ "--quiet --loop", "--quiet and --loop contradict each other" },
	{ "--recievers 3", "--recievers: unknown option; did you mean --receivers?" },
	{ "--recievers=3", "--recievers: unknown option; did you mean --receivers?" },
	{ "--frobnicate", "--frobnicate: unknown option; see --help" },
	{ "--hepl", "--hepl: unknown option; did you mean --help?" },
	{ "--r 3", "--r: not one option; did you mean --receivers or --rate?" },
	{ "-x", "-x: unknown option; see --help" },
	{ "--config /nonexistent", "--config /nonexistent: No such file or directory" },
	{ "--config a --config b", "--config b: given twice" },
};

static void bad_options_in_one_line(void **state)
{
	struct opt_run run;
	struct conf c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&c, &run, bad[i].line), -EINVAL);
		assert_string_equal(run.error, bad[i].error);
		opt_fini(&run);
	}
}

static void full_list_is_refused(void **state)
{
	struct conf c = { .group = NULL };
	struct opt_run run;
	static char name[] = "--source", value[] = "x";
	char *argv[2 * (OPT_LIST_MAX + 1) + 2] = { name };

	for (int i = 0; i <= OPT_LIST_MAX; i++) {
		argv[2 * i + 1] = name;
		argv[2 * i + 2] = value;
	}
	assert_int_equal(opt_parse(&prog, &c, 2 * OPT_LIST_MAX + 1, argv, &run), 0);
	c = (struct conf){ .group = NULL };
	assert_int_equal(opt_parse(&prog, &c, 2 * OPT_LIST_MAX + 3, argv, &run), -EINVAL);
	assert_string_equal(run.error, "--source x: given more than 64 times");
}

/* What print says, parse takes, and it is the same value. */
static void print_and_parse_agree(void **state)
{
	static const struct {
		const char *name, *given, *printed;
	} cases[] = {
		{ "rate", "950M", "950M" },     { "rate", "1.25g", "1.25G" },
		{ "rate", "64001", "64.001K" }, { "rate", "0", "auto" },
		{ "rate", "999", "999" },       { "rate", "1234567", "1234.567K" },
		{ "memory", "1536K", "1.5M" },  { "memory", "4097", "4097" },
		{ "wait", "90", "90s" },        { "wait", "1.5m", "90s" },
		{ "wait", "0.25", "250ms" },    { "wait", "1500ms", "1.5s" },
		{ "wait", "0", "0" },           { "wait", "2h", "7200s" },
		{ "scope", "link", "link" },    { "group", "x", "x" },
		{ "receivers", "17", "17" },
	};
	struct opt_run run;
	struct conf c;
	char line[64], text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *value = cases[i].given;

		for (int again = 0; again < 2; again++, value = cases[i].printed) {
			snprintf(line, sizeof(line), "--%s %s", cases[i].name, value);
			assert_int_equal(parse(&c, &run, line), 0);
			for (size_t o = 0; o < prog.n_opts; o++)
				if (opts[o].name && !strcmp(opts[o].name, cases[i].name))
					opt_print(&opts[o], &c, text, sizeof(text));
			assert_string_equal(text, cases[i].printed);
		}
	}
}

/* Parses with this configuration file and further arguments. */
static int parse_file(struct conf *c, struct opt_run *run, const char *text, const char *more)
{
	char path[] = "/tmp/sow-opt-XXXXXX", line[128];
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close_fd(&fd);
	snprintf(line, sizeof(line), "--config %s %s", path, more);
	r = parse(c, run, line);
	unlink(path);
	/* The name is by chance; cut it from the message. */
	char *at = strstr(run->error, path);
	if (at)
		memmove(at, at + strlen(path), strlen(at + strlen(path)) + 1);
	return r;
}

static void file_below_arguments(void **state)
{
	static const char text[] = "# a comment\n\n  rate = 10M  # and one here\r\n"
				   "wait=5\nloop = no\nsource = a\nsource = b\nquiet";
	struct opt_run run;
	struct conf c;

	assert_int_equal(parse_file(&c, &run, text, "--wait 7"), 0);
	assert_true(c.rate == 10000000);
	assert_true(c.wait == 7000000000);
	assert_true(c.quiet);
	assert_false(c.loop);
	assert_int_equal(c.source.n, 2);
	assert_string_equal(c.source.items[0], "a");
	assert_int_equal(opt_origin(&prog, &run, "rate"), OPT_FROM_FILE);
	opt_fini(&run);
	assert_int_equal(parse_file(&c, &run, text, "--source c"), 0);
	assert_int_equal(c.source.n, 1);
	opt_fini(&run);
}

static void bad_files_name_the_line(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "\nwait = x\n",
		  ":2: wait x: not a time; give seconds, or a number with ms, s, m "
		  "or h, such as 300ms" },
		{ "wait = 1\nwait = 2", ":2: wait 2: given twice" },
		{ "wiat = 1", ":1: wiat: unknown option; did you mean wait?" },
		{ "help", ":1: help: unknown option; see --help" },
		{ "rate", ":1: rate: needs a value; give bits a second with K, M or G, such as "
			  "950M, or auto" },
		{ "= 3", ":1: : unknown option; see --help" },
		{ "quiet = maybe", ":1: quiet maybe: not a switch; give yes or no" },
		{ "quiet\nloop = yes", "--quiet and --loop contradict each other" },
	};
	struct opt_run run;
	struct conf c;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse_file(&c, &run, cases[i].text, ""), -EINVAL);
		assert_string_equal(run.error, cases[i].error);
		opt_fini(&run);
	}
}

static void help_and_dump_show_the_table(void **state)
{
	char help[4096] = "", dump[4096] = "";
	FILE *f = fmemopen(help, sizeof(help), "w");

	opt_help(&prog, f);
	fclose(f);
	assert_non_null(strstr(help, "Usage: sow [options] FILE...\nSends.\n\nNetwork:\n"));
	assert_non_null(strstr(help, "\n  -g, --group ADDR            where to [239.1.1.1]\n"));
	assert_non_null(strstr(help, "\n      --[no-]loop             loop back\n"));
	assert_null(strstr(help, "seed"));
	f = fmemopen(dump, sizeof(dump), "w");
	opt_dump(&prog, f);
	fclose(f);
	assert_non_null(strstr(dump, "group\tg\tADDR\t239.1.1.1\t-\twhere to\n"));
	assert_non_null(strstr(dump, "source\t-\tADDR\t-\trepeatable\taccept from\n"));
	assert_non_null(strstr(dump, "\nhelp\th\t-\t-\tflag\tthis text\n"));
	assert_null(strstr(dump, "dump-options"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(defaults_come_first),
		cmocka_unit_test(bad_options_in_one_line),
		cmocka_unit_test(full_list_is_refused),
		cmocka_unit_test(print_and_parse_agree),
		cmocka_unit_test(file_below_arguments),
		cmocka_unit_test(bad_files_name_the_line),
		cmocka_unit_test(help_and_dump_show_the_table),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
