/* output.h - where the user wants what comes: the kinds of --output. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_OUTPUT_H
#define RECEIVER_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

enum output_kind {
	OUTPUT_DIR,    /* files below it, as senders name them */
	OUTPUT_FILE,   /* one file of that name */
	OUTPUT_DEVICE, /* a block device for one image */
	OUTPUT_STDOUT, /* one file, in order; `dir` is where it waits */
};

struct output {
	enum output_kind kind;
	bool inplace;     /* large files that are there are written directly; the caller's */
	int dirfd;        /* of `dir` */
	char *dir;        /* absolute: it, or what the file lies in */
	const char *name; /* its name in `dir`, part of `path`; DIR: NULL */
	char *path;       /* without symbolic links; DIR: NULL */
	uint64_t size;    /* DEVICE */
	int fd;           /* STDOUT: it */
	bool *taken;      /* ... and whether a job has it */
};

/*
 * A directory, or a name with a slash at its end, is DIR; a regular file, or a name that does
 * not exist in a directory that does, FILE; "-" is STDOUT. A device is opened for a moment.
 * -EINVAL: it is none of these, or may not be written, which was logged; output_close() in
 * every case.
 */
int output_open(struct output *ret, const char *path);
void output_close(struct output *o);

/* Bytes that it has room for; ANNOUNCE_FREE_UNKNOWN. */
uint64_t output_free(const struct output *o);

#endif
