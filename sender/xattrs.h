/* xattrs.h - the extended attributes of a file, as a manifest has them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_XATTRS_H
#define SENDER_XATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XATTRS_MAX 65535 /* bytes in all */

/*
 * Those of `path`, or of what a symbolic link there leads to. The number of bytes; 0: it has
 * none, or the file system knows none; -E2BIG: more than a manifest can tell; -errno.
 */
int xattrs_read(const char *path, bool follow, uint8_t buf[static XATTRS_MAX]);

#endif
