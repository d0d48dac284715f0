/* spout.h - bytes that go to a pipe whose reader may be slow. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SPOUT_H
#define RECEIVER_SPOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the file in which they wait that are not needed any more make room, where the file
 * system can. */
void spout_punch(int fd, uint64_t off, uint64_t len);

/* Writes all of it, and waits for the reader as long as `stop` is false: 0; -ECANCELED, -EPIPE,
 * ... What went out is added to `done`. A pipe stays as it is, blocking or not: others may have
 * it, too. */
int spout_write(int fd, const void *buf, size_t len, const atomic_bool *stop,
		atomic_ullong *done);

#endif
