/* layout.h - an object as blocks of segments: the partition of RFC 5052 §9.1. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_LAYOUT_H
#define PROTO_LAYOUT_H

#include "proto/types.h"

/* A value; all of it follows from (size, E, B). Blocks 0 .. n_large-1 have k_large symbols. */
struct layout {
	uint64_t size;         /* L, bytes */
	uint32_t segment_size; /* E, bytes */
	uint32_t max_block;    /* B */
	uint64_t n_segments;   /* T */
	uint64_t n_blocks;     /* N; 0 for an empty object */
	uint32_t k_large, k_small;
	uint64_t n_large; /* I */
};

/* -EINVAL: E or B is 0, B > BLOCK_LEN_MAX, size > 2^48, or more than 2^32 blocks. */
int layout_init(struct layout *l, uint64_t size, uint32_t segment_size, uint32_t max_block);

/* Source symbols of block b, b < n_blocks. */
uint32_t layout_k(const struct layout *l, uint64_t b);
/* The block's first segment, b <= n_blocks, and the block of a segment < n_segments; segments
 * count from the object's start. */
uint64_t layout_first(const struct layout *l, uint64_t b);
uint64_t layout_block(const struct layout *l, uint64_t segment);
/* Object offset of the block's first byte, and how many object bytes the block has. */
uint64_t layout_offset(const struct layout *l, uint64_t b);
size_t layout_block_bytes(const struct layout *l, uint64_t b);
/* Bytes of source symbol i of block b: E, except for the object's last one. */
size_t layout_segment_bytes(const struct layout *l, uint64_t b, uint32_t i);

#endif
