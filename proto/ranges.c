/* ranges.c - a bounded set of 64-bit numbers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ranges never touch each other: between two of them there is at least one number missing. */

int ranges_init(struct ranges *s, uint32_t cap)
{
	struct range *r;

	if (cap == 0)
		return -EINVAL;
	r = calloc(cap, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*s = (struct ranges){ .r = r, .cap = cap };
	return 0;
}

void ranges_fini(struct ranges *s)
{
	free(s->r);
	*s = (struct ranges){ 0 };
}

void ranges_clear(struct ranges *s)
{
	s->n = 0;
}

/* The first range that ends above x; s->n when there is none. */
static uint32_t first_above(const struct ranges *s, uint64_t x)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->r[mid].end > x)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Puts n ranges in the place of r[i] .. r[j-1]. */
static int splice(struct ranges *s, uint32_t i, uint32_t j, const struct range *with,
		  uint32_t n)
{
	uint32_t left = s->n - (j - i);

	if (n > s->cap - left)
		return -ENOSPC;
	memmove(s->r + i + n, s->r + j, (s->n - j) * sizeof(*s->r));
	memcpy(s->r + i, with, n * sizeof(*s->r));
	s->n = left + n;
	return 0;
}

int ranges_add(struct ranges *s, uint64_t first, uint64_t end)
{
	struct range merged = { first, end };
	uint32_t i, j;

	if (first >= end)
		return 0;
	i = first ? first_above(s, first - 1) : 0;
	for (j = i; j < s->n && s->r[j].first <= end; j++) {
		merged.first = MIN(merged.first, s->r[j].first);
		merged.end = MAX(merged.end, s->r[j].end);
	}
	return splice(s, i, j, &merged, 1);
}

int ranges_remove(struct ranges *s, uint64_t first, uint64_t end)
{
	struct range rest[2];
	uint32_t i, j, n = 0;

	if (first >= end)
		return 0;
	i = first_above(s, first);
	for (j = i; j < s->n && s->r[j].first < end; j++)
		;
	if (i == j)
		return 0;
	if (s->r[i].first < first)
		rest[n++] = (struct range){ s->r[i].first, first };
	if (s->r[j - 1].end > end)
		rest[n++] = (struct range){ end, s->r[j - 1].end };
	return splice(s, i, j, rest, n);
}

bool ranges_has(const struct ranges *s, uint64_t x)
{
	uint32_t i = first_above(s, x);

	return i < s->n && s->r[i].first <= x;
}

uint64_t ranges_next(const struct ranges *s, uint64_t x)
{
	uint32_t i = first_above(s, x);

	return i < s->n ? MAX(x, s->r[i].first) : UINT64_MAX;
}

uint64_t ranges_next_gap(const struct ranges *s, uint64_t x)
{
	uint32_t i = first_above(s, x);

	return i < s->n && s->r[i].first <= x ? s->r[i].end : x;
}

uint64_t ranges_count(const struct ranges *s)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < s->n; i++)
		count += s->r[i].end - s->r[i].first;
	return count;
}
