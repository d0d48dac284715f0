/* bitmap.c - tests of proto/bitmap. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/bitmap.h"

static void set_and_clear_count(void **state)
{
	uint64_t words[3];
	struct bitmap b;

	bitmap_init(&b, words, 130);
	assert_true(bitmap_set(&b, 129));
	assert_false(bitmap_set(&b, 129));
	assert_false(bitmap_set(&b, 130));
	assert_true(bitmap_has(&b, 129));
	assert_false(bitmap_has(&b, 4000));
	assert_int_equal(b.count, 1);
	assert_true(bitmap_clear(&b, 129));
	assert_false(bitmap_clear(&b, 129));
	assert_int_equal(b.count, 0);
}

/* Every walk agrees with asking bit by bit, whatever the size. */
static void next_agrees_with_has(void **state)
{
	struct rng rng = rng_init(1);
	uint64_t words[4];
	struct bitmap b;

	for (uint32_t n = 0; n <= 200; n++) {
		bitmap_init(&b, words, n);
		for (uint32_t i = 0; i < n; i++)
			if (rng_below(&rng, 3) == 0)
				bitmap_set(&b, i);
		for (uint32_t from = 0; from <= n; from++) {
			uint32_t set = from, clear = from;

			while (set < n && !bitmap_has(&b, set))
				set++;
			while (clear < n && bitmap_has(&b, clear))
				clear++;
			assert_int_equal(bitmap_next(&b, from), set);
			assert_int_equal(bitmap_next_clear(&b, from), clear);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_clear_count),
		cmocka_unit_test(next_agrees_with_has),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
