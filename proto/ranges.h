/* ranges.h - a bounded set of 64-bit numbers, kept as disjoint ranges in ascending order. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RANGES_H
#define PROTO_RANGES_H

#include "proto/types.h"

struct range {
	uint64_t first, end; /* first <= x < end */
};

/* Memory is taken once; the set refuses what would need more ranges than that. */
struct ranges {
	struct range *r;
	uint32_t n, cap;
};

int ranges_init(struct ranges *s, uint32_t cap); /* -ENOMEM, -EINVAL (cap 0) */
void ranges_fini(struct ranges *s);
void ranges_clear(struct ranges *s);

/* Adds [first, end), merging neighbours. -ENOSPC: no room for one more range; nothing changed.
 */
int ranges_add(struct ranges *s, uint64_t first, uint64_t end);
/* Removes [first, end). -ENOSPC: would split a range and there is no room; nothing changed. */
int ranges_remove(struct ranges *s, uint64_t first, uint64_t end);
bool ranges_has(const struct ranges *s, uint64_t x);
/* The first number >= x in the set (not in the set); UINT64_MAX when there is none. */
uint64_t ranges_next(const struct ranges *s, uint64_t x);
uint64_t ranges_next_gap(const struct ranges *s, uint64_t x);
uint64_t ranges_count(const struct ranges *s); /* numbers in the set; O(n) */

#endif
