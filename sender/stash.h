/* stash.h - the content of a job in zlib form, made before it is sent and kept in a file that
 * nobody else sees.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_STASH_H
#define SENDER_STASH_H

#include "sender/source_tree.h"

struct stash;

struct stash_conf {
	const struct pack *pack; /* its plan without dedup */
	struct sums *sums;       /* what is known; all of it is afterwards */
	unsigned threads;        /* beside this one */
	/* Called now and then; NULL: not wanted. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

/*
 * Reads the content, hashes what is not known and keeps each distinct chunk, in zlib form where
 * that is shorter. Bytes of lost files are zeros, and their digests are spoiled. The chunks are
 * those that pack_dedup() leaves then, in the same order.
 *
 * 0; -ENOSPC: there is no room in file_tmp_dir(); -ENOMEM, -errno. Files that were lost on the
 * way are put before *losses in any case; the caller frees them.
 */
int stash_new(struct stash **ret, const struct stash_conf *conf, struct source_loss **losses);
void stash_free(struct stash *s); /* NULL is fine */

/* Where each chunk lies, and where the last ends; one number more than there are chunks. */
uint64_t *stash_offsets(const struct stash *s, uint32_t *ret_chunks);

/* In any thread. 0; -EIO, -errno. */
int stash_read(const struct stash *s, uint64_t off, void *buf, size_t len);

#endif
