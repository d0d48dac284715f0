/* arena.h - memory of one size of slots, taken once and lent out. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include "proto/types.h"

struct arena {
	uint8_t *memory;
	uint16_t *free; /* those not lent out */
	uint32_t n, n_free;
	size_t slot_len;
};

#define ARENA_SLOTS_MAX 65535u

/*
 * As many slots of slot_len bytes as fit into `bytes`, but `min` at least. -EINVAL: slot_len 0
 * or min too large, -ENOMEM. What was never used costs no memory where the system gives pages
 * when they are touched.
 */
int arena_init(struct arena *a, size_t bytes, size_t slot_len, uint32_t min);
void arena_fini(struct arena *a);

/* A slot, its content undefined; -1: none is free. */
int32_t arena_take(struct arena *a);
/* Gives one back that was taken. */
void arena_give(struct arena *a, int32_t slot);
uint8_t *arena_at(const struct arena *a, int32_t slot);

#endif
