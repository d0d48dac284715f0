/* safepath.h - names from the network stay below the output directory. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SAFEPATH_H
#define RECEIVER_SAFEPATH_H

#include <stddef.h>

#define SAFEPATH_MAX 1024

/*
 * Takes a relative name as it came from the network, which need not end with a NUL, and writes
 * it with its empty and "." components left out. -EINVAL: empty, absolute, a NUL in it, or a
 * ".." component; -ENAMETOOLONG: more than SAFEPATH_MAX bytes, or 255 in one component. Any
 * other byte is a legal part of a name: escape it when you print it (common/log.h does).
 */
int safepath_clean(const char *name, size_t len, char ret[static SAFEPATH_MAX + 1]);

/*
 * Opens the directory that holds a clean path, below `dirfd`, and makes the directories that
 * are missing (mode 0777 less the umask). No symbolic link is followed: -ELOOP; a component
 * that is something else: -ENOTDIR. Returns the descriptor, which the caller closes, and the
 * last component within `path`; or -errno.
 */
int safepath_parent(int dirfd, const char *path, const char **ret_base);

/*
 * Opens the directory `path`, "" being `dirfd` itself, with the same confinement, for a path
 * that is clean already and of up to PATH_MAX - 1 bytes; but nothing is made on the way, and
 * another file system is not entered: -EXDEV. The descriptor, or -errno.
 */
int safepath_dir(int dirfd, const char *path);

#endif
