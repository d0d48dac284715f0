/* layout.c - tests of proto/layout. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/layout.h"
#include "proto/wire.h"

/* What libnorm was seen to do, and corners. */
static const struct {
	uint64_t size;
	uint32_t e, b;
	uint64_t t, n;
	uint32_t large, small;
	uint64_t n_large;
} partitions[] = {
	{ 70001, 1024, 16, 69, 5, 14, 13, 4 },
	{ 150001, 1024, 16, 147, 10, 15, 14, 7 },
	{ 700000, 1000, 64, 700, 11, 64, 63, 7 },
	{ 500, 1000, 8, 1, 1, 1, 1, 0 },
	{ 10007, 500, 8, 21, 3, 7, 7, 0 },
	{ 0, 1000, 8, 0, 0, 0, 0, 0 },
	{ 1, 1, 1, 1, 1, 1, 1, 0 },
	{ 64000, 1000, 64, 64, 1, 64, 64, 0 },
	{ 64001, 1000, 64, 65, 2, 33, 32, 1 },
};

static void partitions_as_libnorm(void **state)
{
	struct layout l;

	for (size_t i = 0; i < ARRAY_LEN(partitions); i++) {
		assert_int_equal(
			layout_init(&l, partitions[i].size, partitions[i].e, partitions[i].b),
			0);
		assert_int_equal(l.n_segments, partitions[i].t);
		assert_int_equal(l.n_blocks, partitions[i].n);
		assert_int_equal(l.k_large, partitions[i].large);
		assert_int_equal(l.k_small, partitions[i].small);
		assert_int_equal(l.n_large, partitions[i].n_large);
	}
}

static void refuses(void **state)
{
	struct layout l;

	assert_int_equal(layout_init(&l, 1, 0, 8), -EINVAL);
	assert_int_equal(layout_init(&l, 1, 8, 0), -EINVAL);
	assert_int_equal(layout_init(&l, 1, 8, BLOCK_LEN_MAX + 1), -EINVAL);
	assert_int_equal(layout_init(&l, NORM_OBJECT_MAX + 1, 1400, 64), -EINVAL);
	assert_int_equal(layout_init(&l, (uint64_t)1 << 32, 1, 1), 0);
	assert_int_equal(layout_init(&l, ((uint64_t)1 << 32) + 1, 1, 1), -EINVAL);
	assert_int_equal(layout_init(&l, NORM_OBJECT_MAX, 1, BLOCK_LEN_MAX), -EINVAL);
	assert_int_equal(layout_init(&l, NORM_OBJECT_MAX, 65000, BLOCK_LEN_MAX), 0);
}

static size_t segments_bytes(const struct layout *l, uint64_t b)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < layout_k(l, b); i++) {
		size_t bytes = layout_segment_bytes(l, b, i);

		assert_true(bytes >= 1 && bytes <= l->segment_size);
		sum += bytes;
	}
	return sum;
}

/* Block by block and segment by segment nothing is left out and nothing is there twice. */
static void assert_covers(const struct layout *l)
{
	uint64_t offset = 0, segments = 0;

	for (uint64_t b = 0; b < l->n_blocks; b++) {
		uint32_t k = layout_k(l, b);

		assert_true(k >= 1 && k <= l->max_block);
		assert_true(layout_offset(l, b) == offset);
		assert_int_equal(layout_block_bytes(l, b), segments_bytes(l, b));
		offset += layout_block_bytes(l, b);
		segments += k;
	}
	assert_true(offset == l->size);
	assert_true(segments == l->n_segments);
}

static void blocks_cover_small_objects(void **state)
{
	struct layout l;

	for (uint64_t size = 0; size <= 130; size++)
		for (uint32_t e = 1; e <= 7; e++)
			for (uint32_t b = 1; b <= 9; b++) {
				assert_int_equal(layout_init(&l, size, e, b), 0);
				assert_covers(&l);
			}
}

/* Large objects: the blocks around every seam. */
static void assert_seams(const struct layout *l)
{
	const uint64_t seams[] = { 0, 1, l->n_large, l->n_blocks / 2, l->n_blocks - 1 };

	for (size_t i = 0; i < ARRAY_LEN(seams); i++) {
		uint64_t b = seams[i];

		if (b >= l->n_blocks)
			continue;
		assert_int_equal(layout_block(l, layout_first(l, b)), b);
		assert_int_equal(layout_block(l, layout_first(l, b + 1) - 1), b);
		if (b)
			assert_true(layout_offset(l, b - 1) + layout_block_bytes(l, b - 1) ==
				    layout_offset(l, b));
		assert_int_equal(layout_block_bytes(l, b), segments_bytes(l, b));
	}
	assert_true(layout_offset(l, l->n_blocks - 1) +
			    layout_block_bytes(l, l->n_blocks - 1) ==
		    l->size);
}

static void blocks_cover_large_objects(void **state)
{
	struct rng rng = rng_init(2);
	unsigned done = 0;
	struct layout l;

	for (unsigned i = 0; i < 2000; i++) {
		uint64_t size = NORM_OBJECT_MAX - (rng_u64(&rng) >> 16 >> rng_below(&rng, 48));
		uint32_t e = 1 + (uint32_t)rng_below(&rng, SEGMENT_SIZE_MAX);
		uint32_t b = 1 + (uint32_t)rng_below(&rng, BLOCK_LEN_MAX);

		if (size == 0 || layout_init(&l, size, e, b) < 0)
			continue;
		assert_true((uint64_t)l.k_large * l.n_large +
				    (uint64_t)l.k_small * (l.n_blocks - l.n_large) ==
			    l.n_segments);
		if (done++ < 200)
			assert_seams(&l);
	}
	assert_true(done > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_as_libnorm),
		cmocka_unit_test(refuses),
		cmocka_unit_test(blocks_cover_small_objects),
		cmocka_unit_test(blocks_cover_large_objects),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
