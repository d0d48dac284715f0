/* lockfile.h - one run at a time. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_LOCKFILE_H
#define COMMON_LOCKFILE_H

/*
 * Locks the file at `path` (flock), which is made if need be, writes our process id into it,
 * and leaves it there. *ret_fd holds the lock until it is closed, or the process ends. 0,
 * -EWOULDBLOCK: another process has it, *ret_pid, 0 if it does not say; -errno of the file.
 */
int lockfile_take(const char *path, int *ret_fd, int *ret_pid);

#endif
