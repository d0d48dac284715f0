/* file.c - read and write whole pieces of files. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int file_keep_std(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			return -errno;
	return 0;
}

void close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int file_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_pwrite_all(int fd, const void *buf, size_t len, uint64_t off)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int file_pread_all(int fd, void *buf, size_t len, uint64_t off)
{
	size_t got = 0;

	if (len > INT_MAX)
		return -EINVAL;
	while (got < len) {
		ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(off + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (int)got;
}

#define COPY_PIECE 65536

static int copy_by_hand(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len)
{
	char buf[COPY_PIECE];
	int n, r = 0;

	for (; len > 0 && r == 0; len -= (uint64_t)n) {
		n = file_pread_all(from, buf, len < sizeof(buf) ? (size_t)len : sizeof(buf),
				   from_off);
		if (n <= 0)
			return n;
		r = file_pwrite_all(to, buf, (size_t)n, to_off);
		from_off += (uint64_t)n;
		to_off += (uint64_t)n;
	}
	return r;
}

/* Two file systems, or one that has no such call. */
static bool by_hand(int error)
{
	return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
	       error == EPERM;
}

int file_copy(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len)
{
	while (len > 0) {
		loff_t in = (loff_t)from_off, out = (loff_t)to_off;
		ssize_t n =
			copy_file_range(from, &in, to, &out, len < INT_MAX ? len : INT_MAX, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return by_hand(errno) ? copy_by_hand(from, from_off, to, to_off, len)
					      : -errno;
		if (n == 0)
			break;
		from_off += (uint64_t)n;
		to_off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

const char *file_tmp_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* With a name for a moment, for file systems that cannot do without. */
static int open_named(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/sow-XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int file_unnamed(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		return open_named(dir);
	return fd < 0 ? -errno : fd;
}

/* Up to `cap` bytes or the end, from something that need not be seekable. */
static ssize_t read_upto(int fd, char *buf, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, buf + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *buf = NULL;
	ssize_t n;

	if (fd < 0)
		return -errno;
	buf = malloc(max + 1); /* the byte for the NUL tells that there is more */
	n = buf ? read_upto(fd, buf, max + 1) : -ENOMEM;
	close_fd(&fd);
	if (n > (ssize_t)max)
		n = -EFBIG;
	if (n < 0) {
		free(buf);
		return (int)n;
	}
	buf[n] = '\0';
	*ret = buf;
	*ret_len = (size_t)n;
	return 0;
}

/* Nobody wants /dev/null to become a file. */
static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int write_special(const char *path, const void *buf, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = file_write_all(fd, buf, len);
	close_fd(&fd);
	return r;
}

static int open_beside(const char *path, char tmp[static PATH_MAX])
{
	int fd;

	if (snprintf(tmp, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = mkostemp(tmp, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int file_replaceable(const char *path)
{
	char tmp[PATH_MAX];
	struct stat st;
	int fd;

	if (is_special(path))
		return 0;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return -EISDIR;
	fd = open_beside(path, tmp);
	if (fd < 0)
		return fd;
	unlink(tmp);
	close_fd(&fd);
	return 0;
}

int file_replace(const char *path, mode_t mode, const void *buf, size_t len)
{
	char tmp[PATH_MAX];
	int fd, r;

	if (is_special(path))
		return write_special(path, buf, len);
	fd = open_beside(path, tmp);
	if (fd < 0)
		return fd;
	r = file_write_all(fd, buf, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(tmp);
	close_fd(&fd);
	return r;
}
