/* recent.c - tests of proto/recent. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/recent.h"

#define N 70

static void what_is_used_is_recent_for_a_while(void **state)
{
	uint64_t words[4];
	struct recent r;

	assert_int_equal(recent_words(N), ARRAY_LEN(words));
	memset(words, 0xff, sizeof(words));
	recent_init(&r, words, N);
	for (uint32_t i = 0; i < N; i++)
		assert_false(recent_has(&r, 1000, 10, i));
	recent_add(&r, 1000, 10, 69);
	assert_true(recent_has(&r, 1000, 10, 69));
	assert_true(recent_has(&r, 1009, 10, 69));
	assert_false(recent_has(&r, 1009, 10, 68));
	assert_false(recent_has(&r, 1020, 10, 69));
	recent_add(&r, 1009, 10, 0);
	recent_add(&r, 1010, 10, 1); /* another period */
	assert_true(recent_has(&r, 1018, 10, 0));
	assert_false(recent_has(&r, 1020, 10, 0));
	assert_true(recent_has(&r, 1019, 10, 1));
	recent_add(&r, 1050, 10, 2); /* nothing of before is left */
	assert_false(recent_has(&r, 1050, 10, 1));
}

/* Against a list of times. */
static void as_the_times_of_use_say(void **state)
{
	uint64_t words[4];
	nsec_t used[N], now = 100000;
	struct rng rng = rng_init(1);
	struct recent r;

	recent_init(&r, words, N);
	for (uint32_t i = 0; i < N; i++)
		used[i] = 0;
	for (unsigned n = 0; n < 100000; n++) {
		uint32_t i = (uint32_t)rng_below(&rng, N);

		now += (nsec_t)rng_below(&rng, 30) * (rng_below(&rng, 20) == 0);
		if (rng_below(&rng, 2)) {
			recent_add(&r, now, 20, i);
			used[i] = now;
		} else if (now - used[i] < 20) {
			assert_true(recent_has(&r, now, 20, i));
		} else if (now - used[i] >= 40) {
			assert_false(recent_has(&r, now, 20, i));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_used_is_recent_for_a_while),
		cmocka_unit_test(as_the_times_of_use_say),
	};

	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
