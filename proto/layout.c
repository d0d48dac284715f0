/* layout.c - an object as blocks of segments: the partition of RFC 5052 §9.1. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/layout.h"

#include <errno.h>

#include "proto/wire.h"

#define N_BLOCKS_MAX ((uint64_t)1 << 32)

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

int layout_init(struct layout *l, uint64_t size, uint32_t segment_size, uint32_t max_block)
{
	uint64_t t, n;

	if (segment_size == 0 || max_block == 0 || max_block > BLOCK_LEN_MAX ||
	    size > NORM_OBJECT_MAX)
		return -EINVAL;
	t = div_up(size, segment_size);
	n = div_up(t, max_block);
	if (n > N_BLOCKS_MAX)
		return -EINVAL;
	*l = (struct layout){
		.size = size,
		.segment_size = segment_size,
		.max_block = max_block,
		.n_segments = t,
		.n_blocks = n,
	};
	if (n) {
		l->k_large = (uint32_t)div_up(t, n);
		l->k_small = (uint32_t)(t / n);
		l->n_large = t % n;
	}
	return 0;
}

uint32_t layout_k(const struct layout *l, uint64_t b)
{
	return b < l->n_large ? l->k_large : l->k_small;
}

uint64_t layout_first(const struct layout *l, uint64_t b)
{
	return b * l->k_small + MIN(b, l->n_large);
}

uint64_t layout_block(const struct layout *l, uint64_t segment)
{
	uint64_t large = l->n_large * l->k_large;

	return segment < large ? segment / l->k_large
			       : l->n_large + (segment - large) / l->k_small;
}

uint64_t layout_offset(const struct layout *l, uint64_t b)
{
	return layout_first(l, b) * l->segment_size;
}

size_t layout_block_bytes(const struct layout *l, uint64_t b)
{
	uint64_t full = (uint64_t)layout_k(l, b) * l->segment_size;

	return (size_t)MIN(full, l->size - layout_offset(l, b));
}

size_t layout_segment_bytes(const struct layout *l, uint64_t b, uint32_t i)
{
	uint64_t offset = (layout_first(l, b) + i) * l->segment_size;

	return (size_t)MIN(l->segment_size, l->size - offset);
}
