/* space.c - whether there is room on a disk, and taking it before it is needed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/space.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Blocks that only root may use are not promised to anybody else. */
int space_left(int fd, struct space *ret)
{
	struct statvfs fs;
	uint64_t blocks;

	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	blocks = geteuid() == 0 ? fs.f_bfree : fs.f_bavail;
	ret->block = fs.f_frsize ? (uint32_t)fs.f_frsize : 1;
	ret->bytes = fs.f_blocks && fs.f_frsize ? blocks * fs.f_frsize : UINT64_MAX;
	ret->files = fs.f_files ? fs.f_favail : UINT64_MAX;
	return 0;
}

uint64_t space_round(const struct space *s, uint64_t bytes)
{
	uint64_t over = bytes % s->block;

	return over ? bytes + (s->block - over) : bytes;
}

/* In memory, to take space is to fill it with zeros: 0.4 s a GiB, while packets arrive. */
static bool is_tmpfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static int allocate(int fd, uint64_t size)
{
	int r;

	do {
		r = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0 ? -errno : 0;
	} while (r == -EINTR);
	return r == -EOPNOTSUPP || r == -ENOSYS ? 0 : r;
}

int space_take(int fd, uint64_t size, bool holes)
{
	int r;

	if (size == 0)
		return 0;
	if (size > INT64_MAX)
		return -EFBIG;
	r = holes || is_tmpfs(fd) ? 0 : allocate(fd, size);
	if (r < 0)
		return r;
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}
