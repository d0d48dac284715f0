/* arena.c - memory of one size of slots, taken once and lent out. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/arena.h"

#include <errno.h>
#include <stdlib.h>

int arena_init(struct arena *a, size_t bytes, size_t slot_len, uint32_t min)
{
	*a = (struct arena){ .slot_len = slot_len };
	if (slot_len == 0 || min > ARENA_SLOTS_MAX)
		return -EINVAL;
	a->n = (uint32_t)MIN(MAX(bytes / slot_len, min), ARENA_SLOTS_MAX);
	a->memory = calloc(a->n, slot_len);
	a->free = calloc(a->n, sizeof(*a->free));
	if (!a->memory || !a->free) {
		arena_fini(a);
		return -ENOMEM;
	}
	while (a->n_free < a->n) { /* the first slots go first */
		a->free[a->n_free] = (uint16_t)(a->n - 1 - a->n_free);
		a->n_free++;
	}
	return 0;
}

void arena_fini(struct arena *a)
{
	free(a->memory);
	free(a->free);
	*a = (struct arena){ 0 };
}

int32_t arena_take(struct arena *a)
{
	return a->n_free ? a->free[--a->n_free] : -1;
}

void arena_give(struct arena *a, int32_t slot)
{
	a->free[a->n_free++] = (uint16_t)slot;
}

uint8_t *arena_at(const struct arena *a, int32_t slot)
{
	return a->memory + (size_t)slot * a->slot_len;
}
