/* scan_internal.h - what the files of scan share. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SCAN_INTERNAL_H
#define SENDER_SCAN_INTERNAL_H

#include "sender/scan.h"

#include <sys/stat.h>

#include "sender/xattrs.h"

/* A walk below one name of the command line. */
struct scan_walk {
	struct scan *scan;
	uint32_t root;
	uint64_t dev;
	size_t start; /* of the entry's path in `path` */
	size_t len;
	char path[SCAN_PATH_MAX]; /* on this host */
	uint8_t xattrs[XATTRS_MAX];
};

/* "FIFO" and the like. */
const char *scan_kind(const struct stat *st);
bool scan_excluded(const struct scan *s, const char *path, const char *name);
/* Makes an entry of what is at w->path. 0; 1: it was refused, with a warning; -ENOMEM,
 * -EOVERFLOW. */
int scan_add(struct scan_walk *w, const struct stat *st, bool follow);
/* All that is in the directory w->path, in order; `entry` is its own, UINT32_MAX: it has none.
 * 0, -ENOMEM, -EOVERFLOW. */
int scan_dir(struct scan_walk *w, uint32_t entry);
/* Puts the entries in order, makes one of directories that came twice, and finds hard links.
 * -EINVAL: two entries of one name, which was logged; -ENOMEM. */
int scan_order(struct scan *s);

/* Frees what the strings of entries took. */
void scan_forget(struct scan *s);

#endif
