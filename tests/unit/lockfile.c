/* lockfile.c - tests of common/lockfile. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/lockfile.h"

#include <sys/wait.h>
#include <unistd.h>

static void one_holds_it_at_a_time(void **state)
{
	char path[] = "/tmp/sow-lock-XXXXXX", *text;
	int fd = mkstemp(path), pid = 0, status;
	size_t len;
	pid_t child;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "what was there before", 21), 21);
	close(fd);
	assert_int_equal(lockfile_take(path, &fd, &pid), 0);
	assert_int_equal(file_read(path, 100, &text, &len), 0);
	assert_int_equal(strtol(text, NULL, 10), getpid());
	free(text);
	child = fork();
	if (child == 0) {
		int other;

		_exit(lockfile_take(path, &other, &pid) == -EWOULDBLOCK && pid == getppid());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 1);
	close(fd);
	assert_int_equal(lockfile_take(path, &fd, &pid), 0);
	close(fd);
	unlink(path);
}

static void what_is_no_file_is_refused(void **state)
{
	int fd = -7, pid;

	assert_int_equal(lockfile_take("/no/such/directory/lock", &fd, &pid), -ENOENT);
	assert_int_equal(lockfile_take("/dev/null", &fd, &pid), -EINVAL);
	assert_int_equal(lockfile_take("/tmp", &fd, &pid), -EISDIR);
	assert_int_equal(fd, -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holds_it_at_a_time),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests_name("lockfile", tests, NULL, NULL);
}
