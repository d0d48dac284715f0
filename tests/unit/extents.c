/* extents.c - tests of receiver/extents. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/types.h"
#include "receiver/extents.h"

#define SPAN 400

static void check_order(const struct extents *x)
{
	uint64_t last = x->prefix;

	for (unsigned i = 0; i < x->n; i++) {
		assert_true(x->island[i].start > last);
		assert_true(x->island[i].end > x->island[i].start);
		last = x->island[i].end;
	}
}

/* Against a byte for each byte, in many orders, with repeats and overlaps. */
static void agrees_with_a_plain_map(void **state)
{
	struct rng rng = rng_init(7);

	for (int run = 0; run < 500; run++) {
		static struct extents x;
		bool map[SPAN + 1] = { false };

		x = (struct extents){ .prefix = 0 };
		for (int i = 0; i < 60; i++) {
			uint64_t start = rng_below(&rng, SPAN), n = rng_below(&rng, 12),
				 want = 0;

			n = MIN(n, SPAN - start);
			extents_add(&x, start, start + n);
			memset(map + start, 1, n);
			while (map[want])
				want++;
			assert_int_equal(x.prefix, want);
			check_order(&x);
			for (unsigned j = 0; j < x.n; j++) {
				for (uint64_t b = x.island[j].start; b < x.island[j].end; b++)
					assert_true(map[b]);
				assert_false(map[x.island[j].end]);
				assert_false(map[x.island[j].start - 1]);
			}
		}
		assert_false(x.forgot);
	}
}

/* Too many islands: the prefix is never too long, and the near ones are kept. */
static void forgets_the_furthest(void **state)
{
	static struct extents x;

	x = (struct extents){ .prefix = 0 };
	for (uint64_t i = 2 * EXTENTS_MAX + 20; i > 0; i -= 2)
		extents_add(&x, i, i + 1);
	assert_true(x.forgot);
	assert_int_equal(x.n, EXTENTS_MAX);
	check_order(&x);
	extents_add(&x, 5000, 5001);
	assert_int_equal(x.n, EXTENTS_MAX);
	for (uint64_t i = 1; i < 2 * EXTENTS_MAX + 20; i += 2)
		extents_add(&x, i, i + 1);
	extents_add(&x, 0, 1);
	assert_int_equal(x.prefix, 2 * EXTENTS_MAX + 2);
	check_order(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_plain_map),
		cmocka_unit_test(forgets_the_furthest),
	};

	return cmocka_run_group_tests_name("extents", tests, NULL, NULL);
}
