/* source_file.h - one outgoing file: read, hashed on the way, and watched for changes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SOURCE_FILE_H
#define SENDER_SOURCE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

struct source_info {
	uint64_t size;
	uint16_t mode; /* permission bits, 07777 */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint64_t dev, ino; /* which file it is, */
	int64_t ctime_sec; /* and in which state */
	uint32_t ctime_nsec;
};

struct source_file;

/*
 * Opens a regular file. -EISDIR: a directory; -EOPNOTSUPP: some other kind; what open(2) says;
 * -ENOMEM. It never waits (a FIFO without a writer is refused at once).
 */
int source_open(struct source_file **ret, const char *path);
void source_close(struct source_file *s); /* NULL is fine */

/* As it was when it was opened. Owned by the source. */
const struct source_info *source_info(const struct source_file *s);
/* Whether two openings saw the same file in the same state. */
bool source_same(const struct source_info *a, const struct source_info *b);

/*
 * Exactly `len` bytes. Reads that follow one another come out of large reads and are hashed on
 * their way; others read what was asked for. 0; -ESTALE: the file is not any more what was
 * opened, what was read must not be used and the file is to be withdrawn; -EINVAL: beyond the
 * size; -EIO and others.
 */
int source_read_at(struct source_file *s, uint64_t off, void *buf, size_t len);

/*
 * Hashes at most `max` bytes more in order. 1: there is more; 0: all of it is hashed; -errno as
 * above. To have the digest before the data are sent, or bit by bit beside other work.
 */
int source_hash(struct source_file *s, uint64_t max);

/* The digest of the whole file; reads what was not read in order yet. 0 or as above. */
int source_digest(struct source_file *s, uint8_t ret[static SHA256_LEN]);

/* Whether identity, size or times differ from those at the start. */
bool source_changed(const struct source_file *s);

#endif
