/* threshold.c - who shall speak first about a large block: learned from the blocks before. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/threshold.h"

#include <math.h>

#define GAIN          0.125 /* of the averages, once they rest on enough blocks */
#define UNASKED_SHARE 0.8   /* of the smallest recent maximum; less, as long as there are few */
#define PLAN_SHARE    1.125 /* of the largest one, and what is lost of it */
#define ROUND         1e-6  /* what was a whole number is one again */
#define BURSTS_ON     2.0   /* mean deviation of the maxima, in roots of their mean */
#define BURSTS_OFF    0.5   /* chance alone gives about 0.3 to 0.8 */
/* Parity for one in so many source symbols, as long as nothing is known. */
#define FIRST_PLAN 64

/*
 * Where nobody asked, all that is known is that what came unasked sufficed: the guess is
 * lowered until somebody asks again.
 */
void threshold_learn(struct threshold *t, uint32_t k, uint32_t largest, uint32_t unasked)
{
	double value = largest ? largest : unasked * 3 / 4, share = value / k;
	double gain = MAX(GAIN, 1.0 / (t->n + 1));

	if (t->n)
		t->dev += gain * (fabs(share - t->mean) - t->dev);
	else
		t->dev = sqrt(value) / 4 / k;
	t->mean += gain * (share - t->mean);
	t->recent[t->n++ % THRESHOLD_RECENT] = share;
	if (t->n >= THRESHOLD_RECENT)
		t->bursts =
			t->dev * k > (t->bursts ? BURSTS_OFF : BURSTS_ON) * sqrt(t->mean * k);
}

struct threshold_hint threshold_hint(const struct threshold *t, uint32_t k)
{
	struct threshold_hint h = {
		.step = 1,
		.plan = k / FIRST_PLAN + 1,
		.bursts = t->bursts,
	};
	uint32_t n = MIN(t->n, THRESHOLD_RECENT);
	double least = INFINITY, most = 0;

	if (!n)
		return h;
	for (uint32_t i = 0; i < n; i++) {
		least = MIN(least, t->recent[i]);
		most = MAX(most, t->recent[i]);
	}
	h.threshold = (uint32_t)MAX((t->mean - t->dev) * k + ROUND, most > 0 ? 1 : 0);
	h.step = (uint32_t)MAX(1, t->dev * k);
	h.unasked = (uint32_t)(UNASKED_SHARE * least * k * n / THRESHOLD_RECENT + ROUND);
	h.plan = (uint32_t)((1 + most) * PLAN_SHARE * most * k + ROUND);
	return h;
}
