/* sink_file.h - one incoming file: written beside its target, verified, then renamed over it.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SINK_FILE_H
#define RECEIVER_SINK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

/* What the sender says about a file. */
struct sink_meta {
	const char *name; /* as it came from the network; see receiver/safepath.h */
	size_t name_len;
	uint64_t size;
	bool has_meta; /* mode and time are known; else 0666 less the umask, and now */
	uint16_t mode; /* only the bits 0777 count: nobody gets a set-uid file by network */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
};

/*
 * Until sink_finish() the data are in ".NAME.<random>.reap-part" in the target's directory,
 * readable by the owner only; the target is what it was before. Every function returns 0 (or
 * what it says) or -errno. All but sink_read_at() are called by one thread at a time. The
 * process ignores SIGXFSZ, so that a limit is an error too.
 */
struct sink_file;

/* Whether a temporary file could have that name. */
bool sink_is_temporary(const char *name);

/*
 * Makes the temporary file, and its parent directories, below `dirfd`, and takes its space.
 * -ENOSPC: there is not enough, and nothing was written; -EFBIG: larger than this file system
 * or a limit allows; what safepath_clean() and safepath_parent() say; -EISDIR: the target is a
 * directory; -ENOMEM.
 */
int sink_open(struct sink_file **ret, int dirfd, const struct sink_meta *meta);

/* Closes it. Unless sink_finish() returned 0 the temporary file is removed. NULL is fine. */
void sink_close(struct sink_file *s);

/* -EINVAL: beyond the size. */
int sink_write_at(struct sink_file *s, uint64_t off, const void *data, size_t len);

/* Exactly `len` bytes, which were written before; -EINVAL: beyond the size. */
int sink_read_at(struct sink_file *s, uint64_t off, void *buf, size_t len);

/*
 * Hashing follows the writing: either of these two, or sink_finish(), hashes the rest.
 * sink_hash() reads back at most `max` bytes before `end`, up to which all are there for good;
 * sink_hash_hot() takes the `len` bytes at `off`, which were just written and are still in a
 * cache, if they are the next ones, else nothing.
 */
int sink_hash(struct sink_file *s, uint64_t end, uint64_t max);
void sink_hash_hot(struct sink_file *s, uint64_t off, const void *data, size_t len);

/*
 * All bytes were written: hashes the rest, compares, sets mode and time as far as the file
 * system has them, syncs, renames over the target, syncs the directory. -ENODATA: some byte was
 * never written; -EBADMSG: the digest is not `expected` (NULL: any is good). The digest is in
 * `ret` when the result is 0 or -EBADMSG.
 */
int sink_finish(struct sink_file *s, const uint8_t *expected, uint8_t ret[static SHA256_LEN]);

#endif
