/* backoff.c - NORM's truncated exponential back-off. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/backoff.h"

#include <math.h>

/*
 * RFC 5401 §3.2.2 draws x from lambda/max * [1/(e^lambda - 1), 1 + 1/(e^lambda - 1)) and
 * answers max/lambda * ln(x * (e^lambda - 1) * max/lambda). With u uniform in [0, 1) that is
 * the line below, which stays exact for small u.
 */
nsec_t backoff_random(struct rng *rng, nsec_t max, double gsize)
{
	double lambda = log(gsize >= 1 ? gsize : 1) + 1;
	double u = rng_unit(rng);

	if (max <= 0)
		return 0;
	return MIN((nsec_t)((double)max / lambda * log1p(u * expm1(lambda))), max);
}
