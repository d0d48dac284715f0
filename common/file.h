/* file.h - read and write whole pieces of files. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens /dev/null for those of stdin, stdout and stderr that are closed: else the next file or
 * socket gets the number, and messages go into it. To read a stdin that was closed, or to write
 * to such a stdout, is an error nevertheless: it is neither empty nor is anything stored there.
 * Before anything else is opened. 0 or -errno.
 */
int file_keep_std(void);

/* Closes *fd when it is open (>= 0) and sets it to -1; errno is kept. */
void close_fd(int *fd);

/* Writes all of it, over interruptions and short writes. 0 or -errno. */
int file_write_all(int fd, const void *buf, size_t len);
int file_pwrite_all(int fd, const void *buf, size_t len, uint64_t off);

/* Reads until `len` bytes or the end of the file. The number of bytes, or -errno; `len` is at
 * most INT_MAX (-EINVAL). */
int file_pread_all(int fd, void *buf, size_t len, uint64_t off);

/* Copies bytes from one file to another, within the kernel where that can be; the file system
 * may share them. The source ends early: so does the copy. 0 or -errno. */
int file_copy(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len);

/* Where large files belong that are of use to this run only: $TMPDIR, or /var/tmp, which is on
 * a disk where /tmp need not be. */
const char *file_tmp_dir(void);
/* A file without a name in that directory, for reading and writing: its descriptor, or -errno.
 */
int file_unnamed(const char *dir);

/*
 * The whole content of `path`, at most `max` bytes (-EFBIG beyond), with a NUL after it. The
 * caller frees *ret.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len);

/*
 * Replaces `path` by these bytes in one step: a reader sees the old content or the new one. A
 * temporary file in the same directory is written and renamed; it is removed on failure.
 * What is there and is no regular file (a device, a pipe with a reader) is written to.
 */
int file_replace(const char *path, mode_t mode, const void *buf, size_t len);
/* Whether that could begin now: 0 or -errno. */
int file_replaceable(const char *path);

#endif
