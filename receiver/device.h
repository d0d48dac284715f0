/* device.h - a block device that a job is written to. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_DEVICE_H
#define RECEIVER_DEVICE_H

#include <stdint.h>
#include <sys/types.h>

#define DEVICE_TEXT 120

struct device {
	int fd;
	uint64_t size;
};

/*
 * Opens it for this process alone. -ETXTBSY: it is mounted; -EBUSY: somebody else has
 * it, perhaps for a moment; -ENOTBLK: no block device; -ENOMEDIUM: there is nothing in it;
 * -errno. `why` tells the user then.
 */
int device_open(struct device *ret, int dirfd, const char *name, char why[static DEVICE_TEXT]);
void device_close(struct device *d);

/*
 * Where a device, or a partition of it, is mounted, as far as this process can see: looks
 * through /proc/self/mountinfo and /sys below `root`, which is "" but in tests. The length of
 * `ret`, 0: nowhere.
 */
size_t device_mounted(const char *root, dev_t dev, char *ret, size_t cap);

#endif
