/* device.c - a block device that a job is written to. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/file.h"

#define NUMBER_MAX 32

/* --- who has mounted it --- */

static bool is_partition_of(const char *root, unsigned maj, unsigned min, dev_t disk)
{
	char path[PATH_MAX], number[NUMBER_MAX], *text;
	bool is;
	size_t len;

	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/partition", root, maj, min);
	if (access(path, F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/../dev", root, maj, min);
	if (file_read(path, sizeof(number), &text, &len) < 0)
		return false;
	snprintf(number, sizeof(number), "%u:%u\n", major(disk), minor(disk));
	is = strcmp(text, number) == 0;
	free(text);
	return is;
}

size_t device_mounted(const char *root, dev_t dev, char *ret, size_t cap)
{
	char path[PATH_MAX], *line = NULL, at[PATH_MAX];
	size_t room = 0, len = 0;
	unsigned maj, min;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	f = fopen(path, "re");
	while (f && len == 0 && getline(&line, &room, f) > 0) {
		if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &maj, &min, at) == 3 &&
		    (makedev(maj, min) == dev || is_partition_of(root, maj, min, dev)))
			len = (size_t)snprintf(ret, cap, "%s", at);
	}
	free(line);
	if (f)
		fclose(f);
	return len;
}

/* --- ours alone --- */

/* The kernel refuses a second exclusive opener, of a disk with a mounted partition, too. */
static int open_alone(int dirfd, const char *name, char why[static DEVICE_TEXT])
{
	int fd = openat(dirfd, name, O_RDWR | O_EXCL | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == EBUSY)
		snprintf(why, DEVICE_TEXT,
			 "is in use: mounted, opened by others, or part of RAID, LVM or swap");
	else if (fd < 0)
		snprintf(why, DEVICE_TEXT, "cannot be opened to write: %s", strerror(errno));
	return fd < 0 ? -errno : fd;
}

static int look_at(int dirfd, const char *name, char why[static DEVICE_TEXT])
{
	char at[DEVICE_TEXT - 40];
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		snprintf(why, DEVICE_TEXT, "is not there: %s", strerror(errno));
		return -errno;
	}
	if (!S_ISBLK(st.st_mode)) {
		snprintf(why, DEVICE_TEXT, "is no block device any more");
		return -ENOTBLK;
	}
	if (device_mounted("", st.st_rdev, at, sizeof(at)) > 0) {
		snprintf(why, DEVICE_TEXT, "is in use: mounted at %s; unmount it", at);
		return -ETXTBSY;
	}
	return 0;
}

int device_open(struct device *ret, int dirfd, const char *name, char why[static DEVICE_TEXT])
{
	int r = look_at(dirfd, name, why);
	struct device d = { .fd = r < 0 ? -1 : open_alone(dirfd, name, why) };

	if (r < 0 || d.fd < 0)
		return r < 0 ? r : d.fd;
	if (ioctl(d.fd, BLKGETSIZE64, &d.size) < 0) {
		r = -errno;
		snprintf(why, DEVICE_TEXT, "does not tell its size: %s", strerror(-r));
	} else if (d.size == 0) {
		r = -ENOMEDIUM;
		snprintf(why, DEVICE_TEXT, "has no medium");
	}
	if (r < 0)
		device_close(&d);
	else
		*ret = d;
	return r;
}

void device_close(struct device *d)
{
	close_fd(&d->fd);
}
