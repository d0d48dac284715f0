/* meta.h - mode, owner, extended attributes and times of what a manifest names. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_META_H
#define RECEIVER_META_H

#include "proto/manifest.h"

#include <sys/stat.h>

/*
 * `owner`: who runs this receiver wants the sender's owners. Only then, and only as root, files
 * are given away, and set-uid and set-gid bits come with their owner; nobody gets such a file
 * on the sender's word. Of extended attributes only those in "user." count. What a file system
 * cannot keep is not missed. 0 or -errno.
 */
int meta_set(int fd, const struct manifest_entry *e, bool owner);

/* Of a symbolic link that was just made. */
int meta_set_link(int dir, const char *base, const struct manifest_entry *e, bool owner);

/* What chmod() and its like returned, as 0 or -errno: FAT and many network mounts know no
 * modes, or no times of others, and the content counts. */
int meta_forgive(int r);

/* Whether a file or directory that is so needs meta_set(); one with extended attributes always
 * does. */
bool meta_differs(const struct stat *st, const struct manifest_entry *e, bool owner);

#endif
