/* extents.h - which bytes of a file were written, to know how far it has no hole. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_EXTENTS_H
#define RECEIVER_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#define EXTENTS_MAX 512

struct extent {
	uint64_t start, end;
};

/*
 * The bytes [0, prefix) are there, and beyond them the islands, which are sorted and neither
 * overlap nor touch. Zeroed, it is empty. When islands are too many the furthest is forgotten:
 * `prefix` may be too low from then on, and `forgot` is set.
 */
struct extents {
	uint64_t prefix;
	unsigned n;
	bool forgot;
	struct extent island[EXTENTS_MAX];
};

/* The bytes [start, end) were written; again, or overlapping, does no harm. */
void extents_add(struct extents *x, uint64_t start, uint64_t end);

#endif
