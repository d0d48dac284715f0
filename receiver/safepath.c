/* safepath.c - names from the network stay below the output directory. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/safepath.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

int safepath_clean(const char *name, size_t len, char ret[static SAFEPATH_MAX + 1])
{
	const char *end = name + len;
	size_t out = 0;

	if (len == 0 || name[0] == '/' || memchr(name, '\0', len))
		return -EINVAL;
	if (len > SAFEPATH_MAX)
		return -ENAMETOOLONG;
	while (name < end) {
		const char *slash = memchr(name, '/', (size_t)(end - name));
		size_t n = (size_t)((slash ? slash : end) - name);

		if (n == 2 && name[0] == '.' && name[1] == '.')
			return -EINVAL;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		if (n > 0 && !(n == 1 && name[0] == '.')) {
			if (out > 0)
				ret[out++] = '/';
			memcpy(ret + out, name, n);
			out += n;
		}
		name = slash ? slash + 1 : end;
	}
	ret[out] = '\0';
	return out > 0 ? 0 : -EINVAL;
}

/* All components at once, the kernel keeps them below `dirfd`; `also`: RESOLVE_*. */
static int open_at_once(int dirfd, const char *dir, uint64_t also)
{
	struct open_how how = {
		.flags = DIR_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | also,
	};
	long fd = syscall(SYS_openat2, dirfd, dir, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The kernel, or a sandbox, has no openat2(), or somebody renames directories meanwhile. */
static bool is_refused(int r)
{
	return r == -ENOSYS || r == -EPERM || r == -EAGAIN;
}

/* One component. For a link the kernel says ENOTDIR here; say what openat2() would. */
static int open_step(int dirfd, const char *name)
{
	struct stat st;
	int fd = openat(dirfd, name, DIR_FLAGS | O_NOFOLLOW);

	if (fd >= 0)
		return fd;
	if (errno == ENOTDIR && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return -ELOOP;
	return -errno;
}

/* Another process may be faster: then what it made is opened. */
static int make_step(int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0777) < 0 && errno != EEXIST)
		return -errno;
	return open_step(dirfd, name);
}

/*
 * Component by component, making what is missing if so wanted; also the way on kernels and in
 * sandboxes without openat2(). A single component that is no link and not ".." cannot lead
 * upwards.
 */
static int walk(int dirfd, char *dir, bool make)
{
	int fd = dirfd, next = -ENOENT;
	char *save = NULL;

	for (char *name = strtok_r(dir, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		next = open_step(fd, name);
		if (next == -ENOENT && make)
			next = make_step(fd, name);
		if (fd != dirfd)
			close_fd(&fd);
		if (next < 0)
			return next;
		fd = next;
	}
	return next;
}

int safepath_parent(int dirfd, const char *path, const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	char dir[SAFEPATH_MAX + 1] = ".";
	size_t len = slash ? (size_t)(slash - path) : 1;
	int fd;

	if (len > SAFEPATH_MAX)
		return -ENAMETOOLONG;
	if (slash) {
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open_at_once(dirfd, dir, 0);
	if (fd == -ENOENT || is_refused(fd))
		fd = walk(dirfd, dir, true);
	if (fd >= 0)
		*ret_base = slash ? slash + 1 : path;
	return fd;
}

/* Component by component; a mount point is told by its device. */
static int walk_to(int dirfd, const char *path)
{
	char dir[PATH_MAX] = ".";
	size_t len = strlen(path);
	struct stat from, to;
	int fd;

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	if (len > 0)
		memcpy(dir, path, len + 1);
	fd = walk(dirfd, dir, false);
	if (fd >= 0 &&
	    (fstat(dirfd, &from) < 0 || fstat(fd, &to) < 0 || from.st_dev != to.st_dev)) {
		close_fd(&fd);
		return -EXDEV;
	}
	return fd;
}

int safepath_dir(int dirfd, const char *path)
{
	int fd = open_at_once(dirfd, path[0] ? path : ".", RESOLVE_NO_XDEV);

	return is_refused(fd) ? walk_to(dirfd, path) : fd;
}
