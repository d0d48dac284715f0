/* recent.c - which of some numbers were used lately. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/recent.h"

void recent_init(struct recent *r, uint64_t *words, uint32_t n)
{
	bitmap_init(&r->now, words, n);
	bitmap_init(&r->before, words + bitmap_words(n), n);
	r->since[0] = r->since[1] = 0;
}

static void clear(struct bitmap *b)
{
	if (b->count)
		bitmap_init(b, b->words, b->n);
}

void recent_clear(struct recent *r)
{
	clear(&r->now);
	clear(&r->before);
}

void recent_add(struct recent *r, nsec_t now, nsec_t period, uint32_t i)
{
	if (now - r->since[0] >= period) {
		struct bitmap oldest = r->before;

		r->before = r->now;
		r->since[1] = r->since[0];
		r->now = oldest;
		r->since[0] = now;
		clear(&r->now);
	}
	bitmap_set(&r->now, i);
}

bool recent_has(const struct recent *r, nsec_t now, nsec_t period, uint32_t i)
{
	return (now - r->since[0] < 2 * period && bitmap_has(&r->now, i)) ||
	       (now - r->since[1] < 2 * period && bitmap_has(&r->before, i));
}
