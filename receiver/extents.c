/* extents.c - which bytes of a file were written, to know how far it has no hole. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/extents.h"

#include <string.h>

/* The first island that ends at `at` or behind it; data mostly come at the end, so from there.
 */
static unsigned find(const struct extents *x, uint64_t at)
{
	unsigned i = x->n;

	while (i > 0 && x->island[i - 1].end >= at)
		i--;
	return i;
}

static void cut(struct extents *x, unsigned from, unsigned to)
{
	memmove(&x->island[from], &x->island[to], (x->n - to) * sizeof(x->island[0]));
	x->n -= to - from;
}

void extents_add(struct extents *x, uint64_t start, uint64_t end)
{
	unsigned first, last;

	if (start >= end || end <= x->prefix)
		return;
	first = last = find(x, start);
	for (; last < x->n && x->island[last].start <= end; last++) {
		start = start < x->island[last].start ? start : x->island[last].start;
		end = end > x->island[last].end ? end : x->island[last].end;
	}
	if (start <= x->prefix) {
		x->prefix = end;
		cut(x, 0, last);
		return;
	}
	if (last > first) { /* one island takes the place of those it joined */
		x->island[first] = (struct extent){ start, end };
		cut(x, first + 1, last);
		return;
	}
	if (x->n == EXTENTS_MAX) {
		x->forgot = true;
		if (first == x->n)
			return;
		x->n--;
	}
	memmove(&x->island[first + 1], &x->island[first],
		(x->n - first) * sizeof(x->island[0]));
	x->island[first] = (struct extent){ start, end };
	x->n++;
}
