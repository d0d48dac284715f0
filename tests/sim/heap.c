/* heap.c - the simulator's queue of things to come: a binary heap. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/heap.h"

#include <stdlib.h>

void heap_fini(struct heap *h)
{
	free(h->v);
	*h = (struct heap){ 0 };
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void heap_push(struct heap *h, struct event ev)
{
	size_t i = h->n++;

	if (h->n > h->cap) {
		h->cap = h->cap ? 2 * h->cap : 256;
		h->v = realloc(h->v, h->cap * sizeof(*h->v));
		if (!h->v)
			abort();
	}
	ev.order = h->order++;
	for (; i && before(&ev, &h->v[(i - 1) / 2]); i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = ev;
}

bool heap_pop(struct heap *h, struct event *ret)
{
	struct event last;
	size_t i = 0;

	if (!h->n)
		return false;
	*ret = h->v[0];
	last = h->v[--h->n];
	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && before(&h->v[child + 1], &h->v[child]))
			child++;
		if (!before(&h->v[child], &last))
			break;
		h->v[i] = h->v[child];
	}
	h->v[i] = last;
	return true;
}
