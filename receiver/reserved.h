/* reserved.h - the names in an output directory that this program keeps for itself. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_RESERVED_H
#define RECEIVER_RESERVED_H

/*
 * Whether a clean path lies in the stage of a job, or has the name of a temporary file, and no
 * sender may use it. Upper and lower case are one: to some file systems they are. 0, or
 * RESERVED_NAME, which no system call here gives.
 */
#define RESERVED_NAME (-ENOTUNIQ)
int reserved_check(const char *path);

#endif
