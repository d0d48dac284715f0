/* digests.h - what the chunks of files came to in earlier runs, kept in a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_DIGESTS_H
#define SENDER_DIGESTS_H

#include <limits.h>

#include "sender/pack.h"

/* The file grows no larger; what was not sent for the longest time goes first. */
#define DIGESTS_MAX ((uint64_t)256 << 20)

struct digests;

/* A file that is absent, or not whole, has none. -ENOMEM, or why it cannot be read. */
int digests_load(struct digests **ret, const char *path);
void digests_free(struct digests *d); /* NULL is fine */

/* Sets the digests of files that are as they were then. The plan is one without dedup. */
void digests_fill(const struct digests *d, const struct pack *p, struct sums *sums);

/*
 * Replaces the file in one step: those of this plan, without dedup, that are known, and of
 * `old`, which is of no other use then, what there is room for. Files that changed within 2 s
 * before they were looked at, at `scanned` (seconds since 1970), are left out: a later change
 * could bear the same time. 0 or -errno.
 */
int digests_save(struct digests *old, const char *path, const struct pack *p,
		 const struct sums *sums, int64_t scanned);

/* Where the file is if the user says nothing: 0; -ENOENT: this user has no home. */
int digests_default_path(char ret[static PATH_MAX]);

#endif
