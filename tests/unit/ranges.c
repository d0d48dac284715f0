/* ranges.c - tests of proto/ranges. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/ranges.h"

static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

static void init_refuses(void **state)
{
	struct ranges s;

	assert_int_equal(ranges_init(&s, 0), -EINVAL);
	no_memory = true;
	assert_int_equal(ranges_init(&s, 4), -ENOMEM);
	no_memory = false;
}

static void neighbours_merge(void **state)
{
	struct ranges s;

	assert_int_equal(ranges_init(&s, 2), 0);
	assert_int_equal(ranges_add(&s, 10, 20), 0);
	assert_int_equal(ranges_add(&s, 30, 40), 0);
	assert_int_equal(ranges_add(&s, 50, 60), -ENOSPC);
	assert_int_equal(ranges_add(&s, 40, 50), 0);
	assert_int_equal(ranges_add(&s, 20, 30), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(ranges_count(&s), 40);
	assert_int_equal(ranges_add(&s, 7, 7), 0);
	assert_int_equal(ranges_add(&s, 9, 3), 0);
	assert_int_equal(ranges_count(&s), 40);
	ranges_clear(&s);
	assert_int_equal(ranges_count(&s), 0);
	ranges_fini(&s);
}

static void a_split_needs_room(void **state)
{
	struct ranges s;

	assert_int_equal(ranges_init(&s, 1), 0);
	assert_int_equal(ranges_add(&s, 10, 20), 0);
	assert_int_equal(ranges_remove(&s, 12, 15), -ENOSPC);
	assert_int_equal(ranges_count(&s), 10);
	assert_int_equal(ranges_remove(&s, 20, 90), 0);
	assert_int_equal(ranges_remove(&s, 15, 12), 0);
	assert_int_equal(ranges_count(&s), 10);
	assert_int_equal(ranges_remove(&s, 0, 12), 0);
	assert_int_equal(ranges_remove(&s, 18, UINT64_MAX), 0);
	assert_int_equal(ranges_next(&s, 0), 12);
	assert_int_equal(ranges_next_gap(&s, 12), 18);
	ranges_fini(&s);
}

static void both_ends_of_the_world(void **state)
{
	struct ranges s;

	assert_int_equal(ranges_init(&s, 2), 0);
	assert_int_equal(ranges_add(&s, UINT64_MAX - 2, UINT64_MAX), 0);
	assert_int_equal(ranges_add(&s, 0, 1), 0);
	assert_true(ranges_has(&s, 0));
	assert_true(ranges_has(&s, UINT64_MAX - 1));
	assert_false(ranges_has(&s, UINT64_MAX));
	assert_true(ranges_next(&s, 1) == UINT64_MAX - 2);
	assert_true(ranges_next(&s, UINT64_MAX) == UINT64_MAX);
	assert_true(ranges_next_gap(&s, UINT64_MAX - 2) == UINT64_MAX);
	assert_int_equal(ranges_add(&s, 1, UINT64_MAX - 2), 0);
	assert_int_equal(s.n, 1);
	assert_true(ranges_count(&s) == UINT64_MAX);
	ranges_fini(&s);
}

#define WORLD 64

static void assert_same(const struct ranges *s, const bool *model)
{
	uint64_t count = 0;

	for (uint64_t x = 0, set, gap; x < WORLD; x++) {
		for (set = x; set < WORLD && !model[set]; set++)
			;
		for (gap = x; gap < WORLD && model[gap]; gap++)
			;
		count += model[x];
		assert_int_equal(ranges_has(s, x), model[x]);
		assert_true(ranges_next(s, x) == (set < WORLD ? set : UINT64_MAX));
		assert_true(ranges_next_gap(s, x) == gap);
	}
	assert_int_equal(ranges_count(s), count);
	for (uint32_t i = 0; i < s->n; i++) {
		assert_true(s->r[i].first < s->r[i].end);
		assert_true(i == 0 || s->r[i - 1].end < s->r[i].first);
	}
}

static uint32_t runs(const bool *model)
{
	uint32_t n = 0;

	for (unsigned x = 0; x < WORLD; x++)
		n += model[x] && (x == 0 || !model[x - 1]);
	return n;
}

/* Any order of calls agrees with an array of bool; what needs too many ranges changes nothing.
 */
static void agrees_with_an_array(void **state)
{
	struct rng rng = rng_init(1);
	unsigned refused = 0;

	for (uint32_t cap = 1; cap <= 12; cap++) {
		bool model[WORLD] = { false };
		struct ranges s;

		assert_int_equal(ranges_init(&s, cap), 0);
		for (unsigned step = 0; step < 500; step++) {
			uint64_t first = rng_below(&rng, WORLD);
			uint64_t end = first + rng_below(&rng, MIN(WORLD - first, 12) + 1);
			bool add = rng_below(&rng, 2), want[WORLD];
			int err;

			memcpy(want, model, sizeof(want));
			for (uint64_t x = first; x < end; x++)
				want[x] = add;
			err = (add ? ranges_add : ranges_remove)(&s, first, end);
			assert_int_equal(err, runs(want) > cap ? -ENOSPC : 0);
			if (err == 0)
				memcpy(model, want, sizeof(model));
			refused += err < 0;
			assert_same(&s, model);
		}
		ranges_fini(&s);
	}
	assert_true(refused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_refuses),
		cmocka_unit_test(neighbours_merge),
		cmocka_unit_test(a_split_needs_room),
		cmocka_unit_test(both_ends_of_the_world),
		cmocka_unit_test(agrees_with_an_array),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
