/* wanted.c - tests of receiver/wanted. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/types.h"
#include "receiver/wanted.h"

#define N 5000

static uint8_t digests[N][SHA256_LEN];

static void what_is_there_is_found_and_nothing_else(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 7, 8, 9, N };
	struct rng rng = rng_init(1);
	struct wanted w;

	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < SHA256_LEN; k++)
			digests[i][k] = (uint8_t)rng_u64(&rng);
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		assert_int_equal(wanted_init(&w, (const void *)digests, sizes[s]), 0);
		for (uint32_t i = 0; i < N; i++)
			assert_int_equal(wanted_find(&w, digests[i]),
					 i < sizes[s] ? i : WANTED_NONE);
		wanted_fini(&w);
	}
}

static void of_equal_ones_the_first_is_found(void **state)
{
	struct wanted w;

	memset(digests, 7, sizeof(digests)); /* all of them: the table stays quick */
	assert_int_equal(wanted_init(&w, (const void *)digests, N), 0);
	assert_int_equal(wanted_find(&w, digests[N - 1]), 0);
	wanted_fini(&w);
	wanted_fini(&w);
}

/* Digests that differ little are as good as any. */
static void neighbours_do_not_meet(void **state)
{
	struct wanted w;

	memset(digests, 0, sizeof(digests));
	for (uint32_t i = 0; i < N; i++)
		memcpy(digests[i] + SHA256_LEN - sizeof(i), &i, sizeof(i));
	assert_int_equal(wanted_init(&w, (const void *)digests, N), 0);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(wanted_find(&w, digests[i]), i);
	wanted_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found_and_nothing_else),
		cmocka_unit_test(of_equal_ones_the_first_is_found),
		cmocka_unit_test(neighbours_do_not_meet),
	};

	return cmocka_run_group_tests_name("wanted", tests, NULL, NULL);
}
