/* expand.h - gives back what squeeze made shorter. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_EXPAND_H
#define COMMON_EXPAND_H

#include <stddef.h>
#include <stdint.h>

/* The memory that it takes; for one thread at a time. */
struct expand;

int expand_new(struct expand **ret); /* -ENOMEM */
void expand_free(struct expand *e);  /* NULL is fine */

/*
 * Reads zlib format (RFC 1950) from anybody, below 4 GiB. 0: all of `in` made exactly
 * `out_len` bytes and its checksum is right; -EBADMSG, then `out` has anything. Nothing is
 * written beyond it.
 */
int expand_piece(struct expand *e, const uint8_t *in, size_t len, uint8_t *out, size_t out_len);

#endif
