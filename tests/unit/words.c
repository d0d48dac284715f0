/* words.c - tests of receiver/words: what a command line says, and what program it means. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "receiver/words.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void commands_are_cut(void **state)
{
	static const struct {
		const char *text;
		const char *words[6];
	} cases[] = {
		{ "true", { "true" } },
		{ "  a  b\tc ", { "a", "b", "c" } },
		{ "sh -c 'echo \"$SOW_NAME\" \\n'", { "sh", "-c", "echo \"$SOW_NAME\" \\n" } },
		{ "a \"b  c\" d", { "a", "b  c", "d" } },
		{ "a \"b\\\"c\" \\ d", { "a", "b\"c", " d" } },
		{ "a '' \"\"", { "a", "", "" } },
		{ "x'y z'w", { "xy zw" } },
		{ "a $HOME *", { "a", "$HOME", "*" } },
		{ "a b c d e", { "a", "b", "c", "d", "e" } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **words;
		unsigned n = 0;

		assert_int_equal(words_split(cases[i].text, &words), 0);
		for (; cases[i].words[n]; n++)
			assert_string_equal(words[n], cases[i].words[n]);
		assert_null(words[n]);
		free(words);
	}
}

static void what_is_not_closed_is_refused(void **state)
{
	static const char *const cases[] = { "", "  ", "a 'b", "a \"b", "a \"b\\\"", "a \\" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **words;

		assert_int_equal(words_split(cases[i], &words), -EINVAL);
	}
}

/* Lengths around the bound on the number of words, for the sanitizer. */
static void many_words_fit(void **state)
{
	char text[80];

	for (unsigned len = 1; len < sizeof(text); len++) {
		char **words;
		unsigned n = 0;

		for (unsigned i = 0; i < len; i++)
			text[i] = i % 2 ? ' ' : 'x';
		text[len] = '\0';
		assert_int_equal(words_split(text, &words), 0);
		while (words[n])
			assert_string_equal(words[n++], "x");
		assert_int_equal(n, (len + 1) / 2);
		free(words);
	}
}

static void programs_are_found(void **state)
{
	char dir[] = "/tmp/sow-words-XXXXXX", file[64], path[128], *found;
	char *before = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/program", dir);
	snprintf(path, sizeof(path), "/nowhere:%s:/bin", dir);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	setenv("PATH", path, 1);
	assert_int_equal(words_program("program", &found), -EACCES);
	assert_int_equal(words_program(file, &found), -EACCES);
	assert_int_equal(words_program(dir, &found), -EACCES);
	assert_int_equal(chmod(file, 0700), 0);
	assert_int_equal(words_program("program", &found), 0);
	assert_string_equal(found, file);
	free(found);
	assert_int_equal(words_program(file, &found), 0);
	free(found);
	assert_int_equal(words_program("no-such-program", &found), -ENOENT);
	setenv("PATH", "/nowhere::/bin", 1); /* nothing: where we are */
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(words_program("program", &found), 0);
	assert_string_equal(found, "./program");
	free(found);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(words_program("", &found), -ENOENT);
	unsetenv("PATH");
	assert_int_equal(words_program("sh", &found), 0);
	free(found);
	if (before)
		setenv("PATH", before, 1);
	free(before);
	unlink(file);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_cut),
		cmocka_unit_test(what_is_not_closed_is_refused),
		cmocka_unit_test(many_words_fit),
		cmocka_unit_test(programs_are_found),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
