/* recent.h - which of some numbers were used lately. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RECENT_H
#define PROTO_RECENT_H

#include "proto/bitmap.h"

/*
 * Lately is less than `period` ago; what was used up to twice as long ago may still be called
 * so. The period may change between calls. Memory is the caller's, recent_words(n) of it.
 */
struct recent {
	struct bitmap now, before; /* used in the period that began at since[0], and at [1] */
	nsec_t since[2];
};

static inline size_t recent_words(uint32_t n)
{
	return 2 * bitmap_words(n);
}

void recent_init(struct recent *r, uint64_t *words, uint32_t n);
void recent_clear(struct recent *r);
/* i < n is used now; time does not go back. */
void recent_add(struct recent *r, nsec_t now, nsec_t period, uint32_t i);
bool recent_has(const struct recent *r, nsec_t now, nsec_t period, uint32_t i);

#endif
