/* dirs.h - the directories in which the paths of a manifest lie, one after the other. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_DIRS_H
#define RECEIVER_DIRS_H

#include <limits.h>
#include <stddef.h>

/* Neighbours in a manifest share their directory: it is kept open. */
struct dirs {
	int top; /* borrowed */
	int fd;  /* of `path`, or -errno; `top` itself for "" */
	size_t len;
	char path[PATH_MAX];
};

void dirs_init(struct dirs *d, int top);
void dirs_fini(struct dirs *d);

/*
 * The directory of a clean path, borrowed until the next call, and its last part; or what
 * safepath_dir() says. It is not made.
 */
int dirs_of(struct dirs *d, const char *path, const char **ret_base);

/* Forget what was found: directories have come or gone. */
void dirs_forget(struct dirs *d);

/*
 * Makes the directory `path` (its first `len` bytes) and those above it. What is there is fine.
 */
int dirs_make(int top, const char *path, size_t len);

/* The length of the directory's part of a path: 0 for none. */
size_t dirs_parent_len(const char *path);

#endif
