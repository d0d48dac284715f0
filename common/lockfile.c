/* lockfile.c - one run at a time. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

static int read_pid(int fd)
{
	char text[16] = "";
	long pid;

	if (file_pread_all(fd, text, sizeof(text) - 1, 0) < 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid < 1 << 30 ? (int)pid : 0;
}

static int write_pid(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0)
		return -errno;
	return file_pwrite_all(fd, text, (size_t)n, 0);
}

int lockfile_take(const char *path, int *ret_fd, int *ret_pid)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == -EWOULDBLOCK)
		*ret_pid = read_pid(fd);
	if (r == 0)
		r = write_pid(fd);
	if (r < 0)
		close_fd(&fd);
	else
		*ret_fd = fd;
	return r;
}
