/* fade.c - which packets of one sender a large group of receivers loses. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/fade.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define RING_WORDS (FADE_RING / 64)
#define WORSE      10 /* times the loss of the others */

/* So many more packets until the state changes: geometric, 0 or more. */
static uint64_t geometric(struct rng *rng, double log_stay)
{
	double u = 1 - rng_unit(rng); /* 0 < u <= 1 */

	return (uint64_t)MIN(log(u) / log_stay, 1e15);
}

/*
 * Independent loss: a gap of 0 or more between any two lost packets. Bursts (Gilbert): at least
 * one packet in each gap and in each burst.
 */
void fade_next(struct fade_run *r)
{
	if (r->log_gap >= 0) {
		r->from = r->until = UINT64_MAX;
		return;
	}
	r->from = r->until + r->bursts + geometric(&r->rng, r->log_gap);
	r->until = r->from + 1;
	if (r->bursts)
		r->until += geometric(&r->rng, r->log_burst);
}

static struct fade_run run_init(double loss, double burst, uint64_t seed)
{
	struct fade_run r = { .rng = rng_init(seed), .bursts = burst > 1 };

	if (loss > 0)
		r.log_gap = log1p(r.bursts ? -loss / ((1 - loss) * burst) : -loss);
	if (r.bursts)
		r.log_burst = log1p(-1 / burst);
	return r;
}

static bool is_worse(const struct fade *f, unsigned who)
{
	return (double)(who % 100) < 100 * f->conf.worse;
}

/* What the leaf's own path loses. */
static double leaf_loss(const struct fade *f, unsigned who)
{
	double loss = f->conf.fanout ? f->conf.loss / 3 : f->conf.loss;

	return is_worse(f, who) ? MIN(loss * WORSE, 0.9) : loss;
}

double fade_loss(const struct fade *f, unsigned who)
{
	double shared = f->conf.fanout ? f->conf.loss / 3 : 0;

	return 1 - (1 - shared) * (1 - shared) * (1 - leaf_loss(f, who));
}

int fade_init(struct fade *f, const struct fade_conf *conf, unsigned n, uint64_t seed)
{
	struct rng rng = rng_init(seed);
	double shared = conf->fanout ? conf->loss / 3 : 0;

	*f = (struct fade){ .conf = *conf, .n = n, .seed = rng_u64(&rng) };
	f->n_branches = conf->fanout ? (n + conf->fanout - 1) / conf->fanout : 0;
	f->branches = calloc(f->n_branches + 1, sizeof(*f->branches));
	f->leaves = calloc(n, sizeof(*f->leaves));
	f->dead = calloc(RING_WORDS, sizeof(*f->dead));
	f->branch_dead = calloc(f->n_branches + 1, RING_WORDS * sizeof(*f->branch_dead));
	if (!f->branches || !f->leaves || !f->dead || !f->branch_dead) {
		fade_fini(f);
		return -ENOMEM;
	}
	f->root = run_init(shared, conf->burst, rng_u64(&rng));
	for (unsigned i = 0; i < f->n_branches; i++)
		f->branches[i] = run_init(shared, conf->burst, rng_u64(&rng));
	for (unsigned i = 0; i < n; i++)
		f->leaves[i] = run_init(leaf_loss(f, i), conf->burst, rng_u64(&rng));
	return 0;
}

void fade_fini(struct fade *f)
{
	free(f->branches);
	free(f->leaves);
	free(f->dead);
	free(f->branch_dead);
	*f = (struct fade){ 0 };
}

void fade_slice(const struct fade *f, uint32_t sbn, uint32_t k, uint32_t *first, uint32_t *end)
{
	struct rng rng = rng_init(f->seed + sbn);
	double slice = ceil(f->conf.slice * k), share = f->conf.common;

	*first = *end = 0;
	if (floor((sbn + 1) * share) <= floor(sbn * share) || slice >= k)
		return;
	*first = (uint32_t)rng_below(&rng, k - (uint32_t)slice);
	*end = *first + (uint32_t)slice;
}

static void put_bit(uint64_t *bits, uint64_t i, bool on)
{
	uint64_t bit = (uint64_t)1 << (i % 64), *word = &bits[i % FADE_RING / 64];

	*word = on ? *word | bit : *word & ~bit;
}

void fade_send(struct fade *f, uint64_t i, bool common)
{
	put_bit(f->dead, i, common | fade_run_loses(&f->root, i));
	for (unsigned b = 0; b < f->n_branches; b++)
		put_bit(f->branch_dead + (size_t)b * RING_WORDS, i,
			fade_run_loses(&f->branches[b], i));
}
