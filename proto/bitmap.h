/* bitmap.h - a fixed set of small numbers over memory that the caller owns. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_BITMAP_H
#define PROTO_BITMAP_H

#include "proto/types.h"

struct bitmap {
	uint64_t *words; /* owned by the caller, bitmap_words(n) of them */
	uint32_t n;      /* numbers 0 .. n-1 */
	uint32_t count;  /* how many are set */
};

/* Words of memory for n numbers. */
static inline size_t bitmap_words(uint32_t n)
{
	return ((size_t)n + 63) / 64;
}

/* An empty set of 0 .. n-1; clears the memory. */
void bitmap_init(struct bitmap *b, uint64_t *words, uint32_t n);
bool bitmap_has(const struct bitmap *b, uint32_t i);
/* True when i was not set before (clear: was set before). i < n. */
bool bitmap_set(struct bitmap *b, uint32_t i);
bool bitmap_clear(struct bitmap *b, uint32_t i);
/* The first number >= i that is set (unset); n when there is none. */
uint32_t bitmap_next(const struct bitmap *b, uint32_t i);
uint32_t bitmap_next_clear(const struct bitmap *b, uint32_t i);

#endif
