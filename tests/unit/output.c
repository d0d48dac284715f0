/* output.c - tests of receiver/output: what --output may be. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "receiver/output.h"

static char dir[] = "/tmp/output.XXXXXX";

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void assert_is(const char *path, enum output_kind kind, const char *in, const char *name)
{
	struct output o;

	assert_int_equal(output_open(&o, path), 0);
	assert_int_equal(o.kind, kind);
	assert_true(o.dirfd >= 0);
	if (in)
		assert_string_equal(o.dir, in);
	if (name)
		assert_string_equal(o.name, name);
	else
		assert_null(o.name);
	output_close(&o);
	assert_int_equal(o.dirfd, -1);
}

static void assert_refused(const char *path)
{
	struct output o;

	assert_int_equal(output_open(&o, path), -EINVAL);
	output_close(&o);
}

static void directories(void **state)
{
	assert_is(".", OUTPUT_DIR, dir, NULL);
	assert_is("d", OUTPUT_DIR, NULL, NULL);
	assert_is("d/", OUTPUT_DIR, NULL, NULL);
	assert_is("to-d", OUTPUT_DIR, NULL, NULL);
	assert_refused("new/");
	assert_refused("new/deep/");
	assert_refused("");
}

static void files(void **state)
{
	char deep[sizeof(dir) + 2];

	snprintf(deep, sizeof(deep), "%s/d", dir);
	assert_is("f", OUTPUT_FILE, dir, "f");
	assert_is("new", OUTPUT_FILE, dir, "new");
	assert_is("d/new", OUTPUT_FILE, deep, "new");
	assert_is("to-g", OUTPUT_FILE, deep, "g"); /* what it leads to is meant */
	assert_refused("f/");
	assert_refused("f/new");
	assert_refused("new/deep");
	assert_refused("astray");
	assert_refused(".f.0123456789abcdef.reap-part");
}

/* What waits does so in a directory that the user may choose. */
static void standard_output(void **state)
{
	struct output o;

	unsetenv("TMPDIR");
	assert_int_equal(output_open(&o, "-"), 0);
	assert_int_equal(o.kind, OUTPUT_STDOUT);
	assert_int_equal(o.fd, STDOUT_FILENO);
	assert_string_equal(o.dir, "/var/tmp");
	assert_false(*o.taken);
	output_close(&o);
	setenv("TMPDIR", "/", 1);
	assert_int_equal(output_open(&o, "-"), 0);
	assert_string_equal(o.dir, "/");
	output_close(&o);
	setenv("TMPDIR", "/nowhere", 1);
	assert_int_equal(output_open(&o, "-"), -EINVAL);
	output_close(&o);
	unsetenv("TMPDIR");
	assert_int_equal(output_open(&o, "./-"), 0);
	assert_int_equal(o.kind, OUTPUT_FILE);
	output_close(&o);
}

static void special_files(void **state)
{
	assert_refused("/dev/null");
	assert_refused("/dev/sd-misspelt");
	assert_refused("fifo");
}

static int set_up(void **state)
{
	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(dir) || chdir(dir) < 0 || mkdir("d", 0700) < 0 ||
	    symlink("d", "to-d") < 0 || symlink("d/g", "to-g") < 0 ||
	    symlink("nowhere", "astray") < 0 || mkfifo("fifo", 0600) < 0)
		return -1;
	make("f");
	make("d/g");
	return 0;
}

static int clear(void **state)
{
	static const char *const all[] = { "f", "d/g", "to-d", "to-g", "astray", "fifo" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		unlink(all[i]);
	rmdir("d");
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories),
		cmocka_unit_test(files),
		cmocka_unit_test(standard_output),
		cmocka_unit_test(special_files),
	};

	return cmocka_run_group_tests(tests, set_up, clear);
}
