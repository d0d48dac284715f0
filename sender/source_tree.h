/* source_tree.h - the content of a job: read from its files, hashed on the way. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SOURCE_TREE_H
#define SENDER_SOURCE_TREE_H

#include "sender/pack.h"

/* A file whose bytes are not what they were, or cannot be read. */
struct source_loss {
	struct source_loss *next;
	uint32_t entry;
	int error; /* -ESTALE: it changed */
};

struct source_tree;

/* Both borrowed; digests that become known go into `sums`. NULL: none are wanted. -ENOMEM, or
 * what the digest says. */
int source_tree_new(struct source_tree **ret, const struct pack *pack, struct sums *sums);
void source_tree_free(struct source_tree *t); /* NULL is fine */

/*
 * Exactly these bytes of the content. A chunk whose digest is not known is hashed when it is
 * read first, whole, and waits in a window for what else is read of it. Bytes of a lost file
 * are zeros, and digests of its chunks that are not known yet are spoiled, so that nobody
 * stores them. 0; -EINVAL: beyond the end; -ENOMEM, -EIO.
 *
 * Files that were lost on the way are put before *losses, each once; the caller frees them.
 */
int source_tree_read(struct source_tree *t, uint64_t off, void *buf, size_t len,
		     struct source_loss **losses);

/*
 * Hashes about `max` bytes more of what is not known, in order. The bytes; 0: all is known;
 * -errno.
 */
int64_t source_tree_hash(struct source_tree *t, uint64_t max, struct source_loss **losses);

/* Whether the file that this byte is from was lost by now. */
bool source_tree_lost(struct source_tree *t, uint64_t off);

/* Nothing is left to be hashed. */
bool source_tree_complete(const struct source_tree *t);

#endif
