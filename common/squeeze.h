/* squeeze.h - makes pieces of data shorter, in zlib format (RFC 1950), where that pays. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_SQUEEZE_H
#define COMMON_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>

#define SQUEEZE_MAX ((size_t)1 << 20) /* bytes of a piece */

/* The memory that it takes; for one thread at a time. */
struct squeeze;

int squeeze_new(struct squeeze **ret); /* -ENOMEM */
void squeeze_free(struct squeeze *s);  /* NULL is fine */

/*
 * What it becomes depends on the piece alone. Its length in `out`, which has room for `len`
 * bytes; 0: it would not be a sixteenth shorter, or no sample of it would.
 */
size_t squeeze_piece(struct squeeze *s, const uint8_t *in, size_t len, uint8_t *out);

#endif
