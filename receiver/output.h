/* output.h - where the user wants what comes: the kinds of --output. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_OUTPUT_H
#define RECEIVER_OUTPUT_H

enum output_kind {
	OUTPUT_DIR,  /* files below it, as senders name them */
	OUTPUT_FILE, /* one file of that name */
};

struct output {
	enum output_kind kind;
	int dirfd;        /* of `dir` */
	char *dir;        /* absolute: it, or what the file lies in */
	const char *name; /* FILE: its name in `dir`; DIR: NULL. Part of `path` */
	char *path;       /* as the user would call it; symbolic links are followed */
};

/*
 * A directory, or a name with a slash at its end, is DIR; a regular file, or a name that does
 * not exist in a directory that does, FILE. -EINVAL: it is neither, or may not be written,
 * which was logged; output_close() in every case.
 */
int output_open(struct output *ret, const char *path);
void output_close(struct output *o);

#endif
