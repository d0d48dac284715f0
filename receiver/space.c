/* space.c - whether there is room on a disk, and taking it before it is needed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/space.h"

#include "common/file.h"
#include "proto/types.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ALIGN  ((uint64_t)4096) /* of what a device makes zero by itself */
#define SHARED 65536            /* bytes, of which every file system's blocks are parts */
#define PIECE  65536            /* of zeros that are written */

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

bool space_shares(int dir, int file)
{
	struct file_clone_range range = { .src_fd = file, .src_length = SHARED };
	int fd =
		openat(dir, "share", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool shares = fd >= 0 && ioctl(fd, FICLONERANGE, &range) == 0;

	close_fd(&fd);
	unlinkat(dir, "share", 0);
	return shares;
}

/* --- zeros --- */

static int write_zeros(int fd, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[PIECE];
	int r = 0;

	for (uint64_t done = 0; done < len && r == 0; done += PIECE)
		r = file_pwrite_all(fd, zeros, (size_t)MIN(len - done, PIECE), off + done);
	return r;
}

/* A file gets a hole; a device is told, and does it, or the kernel for it. */
int space_zero(int fd, uint64_t off, uint64_t len)
{
	uint64_t range[2] = { off, len & ~(ALIGN - 1) };

	if (len == 0 || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
				  (off_t)len) == 0)
		return 0;
	if (range[1] > 0 && ioctl(fd, BLKZEROOUT, range) == 0) {
		off += range[1];
		len -= range[1];
	}
	return write_zeros(fd, off, len);
}
