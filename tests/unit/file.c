/* file.c - tests of common/file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/sow-file-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/f", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir); /* fails when a temporary file was left */
}

static void replace_then_read(void **state)
{
	char *text;
	size_t len;
	struct stat st;

	assert_int_equal(file_replace(path, 0640, "one", 3), 0);
	assert_int_equal(file_replace(path, 0600, "second", 6), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 6, &text, &len), 0);
	assert_int_equal(len, 6);
	assert_string_equal(text, "second");
	free(text);
	assert_int_equal(file_read(path, 5, &text, &len), -EFBIG);
	assert_int_equal(file_read("/nonexistent/f", 5, &text, &len), -ENOENT);
	assert_int_equal(file_replace("/nonexistent/f", 0600, "", 0), -ENOENT);
	unlink(path);
	mkdir(path, 0700);
	assert_int_equal(file_replace(path, 0600, "x", 1), -EISDIR);
	assert_int_equal(rmdir(path), 0);
}

static void a_pipe_is_written_to_and_stays(void **state)
{
	char buf[8] = "";
	struct stat st;
	int fd;

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_replace(path, 0600, "x", 1), -ENXIO); /* nobody reads */
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(file_replace(path, 0600, "abc", 3), 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "abc");
	close(fd);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(unlink(path), 0);
}

static void offsets_and_the_end(void **state)
{
	char buf[8] = "";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_pwrite_all(fd, "abc", 3, 2), 0);
	assert_int_equal(file_pread_all(fd, buf, 8, 0), 5);
	assert_memory_equal(buf, "\0\0abc", 5);
	assert_int_equal(file_pread_all(fd, buf, 2, 3), 2);
	assert_memory_equal(buf, "bc", 2);
	assert_int_equal(file_pread_all(fd, buf, 8, 5), 0);
	assert_int_equal(file_write_all(fd, "xy", 2), 0);
	assert_int_equal(file_pread_all(fd, buf, 2, 0), 2);
	assert_memory_equal(buf, "xy", 2);
	close_fd(&fd);
	assert_int_equal(fd, -1);
	close_fd(&fd);
	assert_int_equal(file_pread_all(fd, buf, 1, 0), -EBADF);
	assert_int_equal(file_pwrite_all(fd, buf, 1, 0), -EBADF);
}

static void full_device(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	if (fd < 0)
		skip();
	assert_int_equal(file_write_all(fd, "x", 1), -ENOSPC);
	close_fd(&fd);
}

/* In a process of its own: which of the first three are closed, and what is open afterwards. */
/* 0: all three are open, and what was closed is good for messages only. */
static int keep_those(unsigned closed)
{
	int r;

	for (int fd = 0; fd < 3; fd++)
		if (closed & 1u << fd)
			close(fd);
	r = file_keep_std();
	for (int fd = 0; fd < 3; fd++)
		r |= fcntl(fd, F_GETFD) < 0;
	if (closed & 1)
		r |= read(0, &r, sizeof(r)) != -1 || errno != EBADF;
	if (closed & 2)
		r |= file_write_all(1, "x", 1) != -EBADF;
	if (closed & 4)
		r |= file_write_all(2, "x", 1) != 0;
	return r != 0 || open("/dev/null", O_RDONLY) < 3;
}

static void the_first_three_stay_taken(void **state)
{
	for (unsigned closed = 0; closed < 8; closed++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(keep_those(closed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* Within one file system, and from another one. */
static void a_range_is_copied(void **state)
{
	static const char *const from_dirs[] = { "/tmp", "/dev/shm" };
	uint8_t data[150000], got[150000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(from_dirs) / sizeof(from_dirs[0]); i++) {
		int from = open(from_dirs[i], O_TMPFILE | O_RDWR, 0600);
		int to = open("/tmp", O_TMPFILE | O_RDWR, 0600);

		if (from < 0)
			from = open("/tmp", O_TMPFILE | O_RDWR, 0600);
		assert_int_equal(file_pwrite_all(from, data, sizeof(data), 0), 0);
		assert_int_equal(file_copy(from, 1000, to, 77, 100000), 0);
		assert_int_equal(file_pread_all(to, got, sizeof(got), 0), 100077);
		assert_memory_equal(got + 77, data + 1000, 100000);
		assert_int_equal(file_copy(from, 140000, to, 0, 20000), 0); /* ends early */
		assert_int_equal(file_pread_all(to, got, 10001, 0), 10001);
		assert_memory_equal(got, data + 140000, 10000);
		assert_int_equal(file_copy(from, 0, -1, 0, 1), -EBADF);
		close_fd(&from);
		close_fd(&to);
	}
}

static void what_can_be_replaced_is_known_before(void **state)
{
	snprintf(path, sizeof(path), "%s/new", dir);
	assert_int_equal(file_replaceable(path), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0); /* nothing is left in it */
	assert_int_equal(file_replaceable(path), -ENOENT);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_replaceable(dir), -EISDIR);
	assert_int_equal(file_replaceable("/dev/null"), 0);
}

static void a_file_without_a_name_leaves_nothing(void **state)
{
	int fd = file_unnamed(dir);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_pwrite_all(fd, "x", 1, 0), 0);
	close_fd(&fd);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(file_unnamed(dir), -ENOENT);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void large_files_go_where_the_user_says(void **state)
{
	assert_int_equal(setenv("TMPDIR", "/nowhere", 1), 0);
	assert_string_equal(file_tmp_dir(), "/nowhere");
	assert_int_equal(setenv("TMPDIR", "", 1), 0);
	assert_string_equal(file_tmp_dir(), "/var/tmp");
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_string_equal(file_tmp_dir(), "/var/tmp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_be_replaced_is_known_before),
		cmocka_unit_test(a_file_without_a_name_leaves_nothing),
		cmocka_unit_test(replace_then_read),
		cmocka_unit_test(a_pipe_is_written_to_and_stays),
		cmocka_unit_test(offsets_and_the_end),
		cmocka_unit_test(full_device),
		cmocka_unit_test(the_first_three_stay_taken),
		cmocka_unit_test(a_range_is_copied),
		cmocka_unit_test(large_files_go_where_the_user_says),
	};

	return cmocka_run_group_tests_name("file", tests, make_dir, remove_dir);
}
