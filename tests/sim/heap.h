/* heap.h - the simulator's queue of things to come. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_HEAP_H
#define TESTS_SIM_HEAP_H

#include "proto/types.h"

/* Events of one instant come out in the order in which they went in. */
struct event {
	nsec_t at;
	uint64_t order; /* the heap's own */
	unsigned kind;
	uint32_t who, end; /* whom it concerns: who .. end-1 */
	void *data;
};

struct heap {
	struct event *v;
	size_t n, cap;
	uint64_t order;
};

void heap_fini(struct heap *h);
void heap_push(struct heap *h, struct event ev); /* ends the program when memory does */
bool heap_pop(struct heap *h, struct event *ret);

#endif
