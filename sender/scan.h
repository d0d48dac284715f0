/* scan.h - what the user named, walked through: the entries of a manifest, not their bytes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SCAN_H
#define SENDER_SCAN_H

#include "common/opt.h"
#include "proto/manifest.h"

struct scan_conf {
	const struct opt_list *excludes; /* globs for relative paths and last parts; NULL */
	bool one_file_system;
	bool owner, xattrs; /* to be sent, too */
	bool whole;         /* directories, if all that is in them is sent or excluded */
	bool files_only;    /* no directories, and nothing that only a manifest can tell */
	/* Called now and then while it goes on; NULL: not wanted. */
	void (*progress)(void *arg, uint32_t n_entries, uint64_t bytes);
	void *progress_arg;
};

/* Beside each entry: which file it is, and in which state it was. */
struct scan_file {
	uint64_t dev, ino;
	int64_t ctime_sec;
	uint32_t ctime_nsec;
	uint32_t root; /* under which of the names it was found */
	bool sparse;   /* takes less room than its size */
	bool device;   /* what of it may change tells nothing */
	bool linked;   /* has other names, perhaps here */
	bool follow;   /* a symbolic link on the command line led to it */
};

struct scan_strings;

/* To be read by everybody; the entries lack their runs. */
struct scan {
	uint32_t n, cap;
	struct manifest_entry *entries; /* in a manifest's order */
	struct scan_file *files;        /* one for each entry */
	uint32_t n_files;               /* entries that are no directories */
	uint64_t total_size;
	uint32_t n_refused; /* what could not be taken: each was named in a warning */

	char *const *names; /* of the command line, borrowed */
	unsigned n_names;
	size_t *skip; /* bytes of an entry's path that its name stands for */
	struct scan_strings *strings;
	const struct scan_conf *conf; /* while it goes on */
};

/*
 * Walks through files, directories and block devices. A name gives its last part to what is
 * found there, but one that ends in a slash, "." or ".." gives none. 0; -EINVAL: the user's
 * mistake (no such file, two files of one name, ...); or another error. Each is logged, and all
 * of them are.
 */
int scan_new(struct scan **ret, char *const *names, unsigned n, const struct scan_conf *conf);
void scan_free(struct scan *s); /* NULL is fine */

/* Where entry i is on this host. -ENAMETOOLONG. */
#define SCAN_PATH_MAX 8192
int scan_path(const struct scan *s, uint32_t i, char ret[static SCAN_PATH_MAX]);

/* Opens what is now where entry i was seen, for reading: a descriptor, or -errno. What is read
 * counts only if scan_changed() says no afterwards. */
int scan_open(const struct scan *s, uint32_t i);
/* Whether the file behind a descriptor is not the entry's any more, or not as it was. */
bool scan_changed(const struct scan *s, uint32_t i, int fd);

#endif
