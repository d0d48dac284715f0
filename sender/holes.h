/* holes.h - which chunks of a sparse file hold data. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_HOLES_H
#define SENDER_HOLES_H

#include <stdint.h>

/*
 * The next range of whole chunks, or the last one's rest, that has data at or behind *pos, a
 * multiple of MANIFEST_CHUNK: 1, *pos and its length; 0: there is no more; -errno. A file
 * system that knows no holes has data everywhere.
 */
int holes_next(int fd, uint64_t size, uint64_t *pos, uint64_t *ret_len);

#endif
