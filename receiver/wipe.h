/* wipe.h - removes what is in a directory, however deep, with few descriptors. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_WIPE_H
#define RECEIVER_WIPE_H

#include <stdbool.h>
#include <stdint.h>

struct wipe {
	bool (*spares)(const char *name); /* what is left where it is; NULL: nothing */
	/* Called for what cannot be removed; the path is below `dir`. NULL: not wanted. */
	void (*stuck)(void *arg, const char *path, int error);
	void *arg;
	uint64_t removed; /* names, so far */
};

/*
 * Removes `name` from the directory `dir` and, if it is a directory, all below. No symbolic
 * link is followed, and no other file system entered: -EXDEV. What cannot be removed does not
 * keep the rest. 0; -ENOTEMPTY: something was spared; or the first error. Four descriptors at
 * most.
 */
int wipe(struct wipe *w, int dir, const char *name);

#endif
