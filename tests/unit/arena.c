/* arena.c - tests of proto/arena. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/arena.h"
#include "proto/piece.h"
#include "tests/unit/nomem.h"

static void slots_are_lent_and_come_back(void **state)
{
	struct arena a;
	int32_t slot[5];

	assert_int_equal(arena_init(&a, 5 * 100 + 99, 100, 2), 0);
	assert_int_equal(a.n, 5);
	for (int i = 0; i < 5; i++) {
		slot[i] = arena_take(&a);
		assert_int_equal(slot[i], i);
		memset(arena_at(&a, slot[i]), i, 100);
	}
	assert_int_equal(arena_take(&a), -1);
	for (int i = 0; i < 5; i++)
		for (int at = 0; at < 100; at++)
			assert_int_equal(arena_at(&a, slot[i])[at], i);
	arena_give(&a, slot[3]);
	assert_int_equal(arena_take(&a), 3);
	arena_fini(&a);
	arena_fini(&a);
}

static void bounds_are_kept(void **state)
{
	struct arena a;

	assert_int_equal(arena_init(&a, 10, 100, 3), 0);
	assert_int_equal(a.n, 3);
	arena_fini(&a);
	assert_int_equal(arena_init(&a, 1 << 20, 1, 1), 0);
	assert_int_equal(a.n, ARENA_SLOTS_MAX);
	arena_fini(&a);
	assert_int_equal(arena_init(&a, 100, 0, 1), -EINVAL);
	assert_int_equal(arena_init(&a, 100, 1, ARENA_SLOTS_MAX + 1), -EINVAL);
}

static void every_allocation_may_fail(void **state)
{
	struct arena a;

	for (int n = 1; n <= 2; n++) {
		nomem_in = n;
		assert_int_equal(arena_init(&a, 1000, 10, 1), -ENOMEM);
		arena_fini(&a);
	}
}

static void pieces_suit_the_file_system(void **state)
{
	assert_int_equal(piece_symbols(2), 128);
	assert_int_equal(piece_symbols(1400), 128);
	assert_int_equal(piece_symbols(2048), 128);
	assert_int_equal(piece_symbols(2050), 64);
	assert_int_equal(piece_symbols(8900), 16);
	assert_int_equal(piece_symbols(65000), 16);
	assert_int_equal(piece_count(1, 128), 1);
	assert_int_equal(piece_count(128, 128), 1);
	assert_int_equal(piece_count(129, 128), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_lent_and_come_back),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(pieces_suit_the_file_system),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
