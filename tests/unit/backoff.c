/* backoff.c - tests of proto/backoff. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/backoff.h"

static const double sizes[] = { 1, 10, 1000, 10000, 5e8 };

/* RandomBackoff() of RFC 5401 §3.2.2, word for word. */
static double rfc5401(double u, double max, double gsize)
{
	double lambda = log(gsize) + 1;
	double x = u * lambda / max + lambda / (max * (exp(lambda) - 1));

	return max / lambda * log(x * (exp(lambda) - 1) * (max / lambda));
}

static void agrees_with_the_rfc(void **state)
{
	const nsec_t max = 4 * NSEC_PER_SEC;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rng rng = rng_init(i), same = rng;

		for (unsigned n = 0; n < 10000; n++) {
			nsec_t t = backoff_random(&rng, max, sizes[i]);
			double want = rfc5401(rng_unit(&same), (double)max, sizes[i]);

			assert_true(fabs((double)t - want) < 10);
			assert_true(t >= 0 && t <= max);
		}
	}
}

/* P(T <= t) = (e^(lambda t / max) - 1) / (e^lambda - 1). */
static void most_answer_late(void **state)
{
	const unsigned n = 50000;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rng rng = rng_init(100 + i);
		double lambda = log(sizes[i]) + 1;
		unsigned early[4] = { 0 };

		for (unsigned j = 0; j < n; j++) {
			nsec_t t = backoff_random(&rng, 4 * NSEC_PER_MSEC, sizes[i]);

			for (unsigned q = 1; q < 4; q++)
				early[q] += t <= q * NSEC_PER_MSEC;
		}
		for (unsigned q = 1; q < 4; q++) {
			double want = n * expm1(lambda * q / 4) / expm1(lambda);

			assert_true(fabs(early[q] - want) < 5 * sqrt(want) + 1);
		}
	}
}

static void odd_arguments(void **state)
{
	struct rng rng = rng_init(9), same = rng;

	assert_true(backoff_random(&rng, 0, 100) == 0);
	assert_true(backoff_random(&rng, -5, 100) == 0);
	rng = same;
	assert_true(backoff_random(&rng, 1000, -3) == backoff_random(&same, 1000, 1));
	assert_true(backoff_random(&rng, 1000, NAN) == backoff_random(&same, 1000, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_rfc),
		cmocka_unit_test(most_answer_late),
		cmocka_unit_test(odd_arguments),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
