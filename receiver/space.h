/* space.h - whether there is room on a disk, and taking it before it is needed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SPACE_H
#define RECEIVER_SPACE_H

#include <stdbool.h>
#include <stdint.h>

/* What a file system has left for this user; UINT64_MAX: it does not tell. */
struct space {
	uint64_t bytes, files;
	uint32_t block; /* bytes of one */
};

/* Of the file system that `fd` lies in. 0 or -errno. */
int space_left(int fd, struct space *ret);

/* The bytes that so many take on the disk. */
uint64_t space_round(const struct space *s, uint64_t bytes);

/*
 * Gives an empty file its size, so that nothing reads short, and takes the space for all of it
 * where the file system can, unless it will have holes. 0, -ENOSPC, -EFBIG, ...
 */
int space_take(int fd, uint64_t size, bool holes);

/* Whether a new file in the directory `dir` can share blocks with one that is there: tried,
 * under a name that is free for it. */
bool space_shares(int dir, int file);

/* Makes zeros of these bytes of a file or device, without writing them where that can be. `off`
 * is a multiple of 4096. 0 or -errno. */
int space_zero(int fd, uint64_t off, uint64_t len);

#endif
