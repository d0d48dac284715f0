/* bitmap.c - a fixed set of small numbers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/bitmap.h"

#include <string.h>

void bitmap_init(struct bitmap *b, uint64_t *words, uint32_t n)
{
	*b = (struct bitmap){ .words = words, .n = n };
	if (n)
		memset(words, 0, bitmap_words(n) * sizeof(*words));
}

bool bitmap_has(const struct bitmap *b, uint32_t i)
{
	return i < b->n && (b->words[i / 64] >> (i % 64) & 1);
}

bool bitmap_set(struct bitmap *b, uint32_t i)
{
	if (i >= b->n || bitmap_has(b, i))
		return false;
	b->words[i / 64] |= (uint64_t)1 << (i % 64);
	b->count++;
	return true;
}

bool bitmap_clear(struct bitmap *b, uint32_t i)
{
	if (!bitmap_has(b, i))
		return false;
	b->words[i / 64] &= ~((uint64_t)1 << (i % 64));
	b->count--;
	return true;
}

/* The first i whose bit differs from those of `skip` (all zeros or all ones). */
static uint32_t next_other(const struct bitmap *b, uint32_t i, uint64_t skip)
{
	uint64_t word;

	if (i >= b->n)
		return b->n;
	word = (b->words[i / 64] ^ skip) >> (i % 64) << (i % 64);
	for (size_t w = i / 64;;) {
		if (word)
			return MIN((uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(word), b->n);
		if (++w == bitmap_words(b->n))
			return b->n;
		word = b->words[w] ^ skip;
	}
}

uint32_t bitmap_next(const struct bitmap *b, uint32_t i)
{
	return next_other(b, i, 0);
}

uint32_t bitmap_next_clear(const struct bitmap *b, uint32_t i)
{
	return next_other(b, i, ~(uint64_t)0);
}
