/* log.c - tests of common/log. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/log.h"

#include <unistd.h>

static int calls;

static void count_call(void *arg)
{
	(*(int *)arg)++;
}

/* What `say` writes to stderr, as a string. */
static const char *stderr_of(void (*say)(const char *), const char *arg)
{
	static char buf[4096];
	int saved = dup(STDERR_FILENO), p[2];
	ssize_t n;

	assert_int_equal(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	say(arg);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(p[1]);
	n = read(p[0], buf, sizeof(buf) - 1);
	close(p[0]);
	assert_true(n >= 0);
	buf[n] = '\0';
	return buf;
}

static void say_join(const char *grp)
{
	errno = EDOM;
	assert_int_equal(log_err(-EACCES, "join %s on %s", grp, "eth0"), -EACCES);
	assert_int_equal(errno, EDOM);
}

static void say_each(const char *text)
{
	assert_int_equal(log_err(0, "E%s", text), 0);
	assert_int_equal(log_warn(-ENOENT, "W%s", text), -ENOENT);
	log_info("I%s", text);
	log_debug("D%s", text);
}

static void says_what_failed_and_why(void **state)
{
	log_init("sow");
	assert_string_equal(stderr_of(say_join, "239.1.2.3"),
			    "sow: join 239.1.2.3 on eth0: Permission denied\n");
	log_init(NULL);
}

static void level_decides(void **state)
{
	static const char *const want[] = {
		[LOG_LEVEL_ERR] = "E.\n",
		[LOG_LEVEL_WARN] = "E.\nW.: No such file or directory\n",
		[LOG_LEVEL_INFO] = "E.\nW.: No such file or directory\nI.\n",
		[LOG_LEVEL_DEBUG] = "E.\nW.: No such file or directory\nI.\nD.\n",
	};

	for (unsigned i = 0; i < 4; i++) {
		log_set_level(i);
		calls = 0;
		log_before_line(count_call, &calls);
		assert_string_equal(stderr_of(say_each, "."), want[i]);
		assert_int_equal(calls, i + 1);
	}
	log_before_line(NULL, NULL);
	log_set_level(LOG_LEVEL_INFO);
}

static void say_info(const char *text)
{
	log_info("%s", text);
}

/* A name from the network cannot move the cursor or forge a second line. */
static void control_characters_are_shown(void **state)
{
	assert_string_equal(stderr_of(say_info, "a\nb\x1b[2Jc\x7f\xc2\x9b\xc3\xa4"),
			    "a\\x0ab\\x1b[2Jc\\x7f\\xc2\\x9b\xc3\xa4\n");
}

static void long_lines_are_cut(void **state)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	size_t len = strlen(stderr_of(say_info, text));
	assert_in_range(len, 900, 1025);
	memset(text, '\n', sizeof(text) - 1);
	len = strlen(stderr_of(say_info, text));
	assert_in_range(len, 900, 1025);
}

/* Reads the file at `path`, which is removed. */
static void read_back(const char *path, char *buf, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, cap - 1, f);
	buf[n] = '\0';
	fclose(f);
	unlink(path);
}

static void a_full_file_is_told_of_once(void **state)
{
	log_init("sow");
	assert_int_equal(log_keep("/dev/full", false, LOG_LEVEL_INFO), 0);
	log_set_level(LOG_LEVEL_ERR);
	assert_string_equal(
		stderr_of(say_each, "."),
		"sow: the log file misses lines from here on: No space left on device\n"
		"sow: E.\n");
	assert_string_equal(stderr_of(say_each, "."), "sow: E.\n");
	log_close();
	log_init(NULL);
	log_set_level(LOG_LEVEL_INFO);
}

static void lines_are_kept_with_their_time(void **state)
{
	char path[] = "/tmp/sow-log-XXXXXX", text[4096], *line, *next;
	static const char *const want[] = {
		"before",
		"sow: E.",
		"sow: W.: No such file or directory",
		"sow: I.",
		"sow: told elsewhere",
	};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "2026-01-02 03:04:05 before\n", 27), 27);
	close(fd);
	log_init("sow");
	log_set_level(LOG_LEVEL_ERR); /* that is about stderr */
	assert_int_equal(log_keep(path, false, LOG_LEVEL_INFO), 0);
	assert_string_equal(stderr_of(say_each, "."), "sow: E.\n");
	log_record("told %s", "elsewhere");
	log_close();
	log_info("not any more");
	read_back(path, text, sizeof(text));
	next = text;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		line = strsep(&next, "\n");
		assert_non_null(next);
		assert_int_equal(strspn(line, "0123456789-: "), 20);
		assert_string_equal(line + 20, want[i]);
	}
	assert_string_equal(next, "");
	log_init(NULL);
	log_set_level(LOG_LEVEL_INFO);
	assert_int_equal(log_keep("/no/such/directory/log", false, LOG_LEVEL_INFO), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_failed_and_why),
		cmocka_unit_test(level_decides),
		cmocka_unit_test(control_characters_are_shown),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(a_full_file_is_told_of_once),
		cmocka_unit_test(lines_are_kept_with_their_time),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
