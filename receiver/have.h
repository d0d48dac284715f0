/* have.h - which chunks of a job are on this machine already. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_HAVE_H
#define RECEIVER_HAVE_H

#include "receiver/map.h"
#include "receiver/tree.h"

#define HAVE_FROM_MAX 64

/* Places to look at, beside the target: directories that lie anywhere. */
struct have_from {
	int fd[HAVE_FROM_MAX];
	unsigned n;
};

struct have_conf {
	struct tree *tree; /* which expects digests already */
	const struct manifest *manifest;
	int dirfd;                    /* of the output directory */
	const struct have_from *from; /* borrowed, all */
};

/*
 * Looks at files by the paths of the job: at the target, in the stage that an earlier run left,
 * in the other places, in other stages; then at all files of the other places. Chunks that fit
 * a digest, wherever they stood, are in the tree then, and files at the target that need no
 * change stay there.
 */
struct have;

/* -ENOMEM, -EIO. */
int have_new(struct have **ret, const struct have_conf *conf);
void have_free(struct have *h);

/*
 * Goes on for some ten milliseconds of reading, in any thread. False: there is nothing more to
 * look at, or nothing to look for. What failed to be read is passed over.
 */
bool have_step(struct have *h);

/* The parts of the content that the last step found: in no order. */
const struct map_range *have_found(const struct have *h, uint32_t *ret_n);

/* Whether there are places to look at, beside the target. */
bool have_elsewhere(const struct have_from *from, int dirfd, const char *own_stage);

#endif
