/* bound.c - how many packets any sender needs until every receiver has every block. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/bound.h"

#include <math.h>
#include <stdlib.h>

#define GROUP_MAX 64
#define CHUNK     4096

/* A group of blocks that are sent in turn. */
struct group {
	struct fade *f;
	uint64_t sent;     /* packets */
	uint32_t first, n; /* blocks */
	uint32_t left[GROUP_MAX];
	uint32_t *lacks;      /* symbols that receiver i lacks of block b: [i * n + b] */
	uint8_t chunk[CHUNK]; /* the block that each packet on its way belongs to */
	unsigned n_chunk;
};

/* Everybody hears what is on its way, or does not. */
static void deliver(struct group *g)
{
	uint64_t base = g->sent - g->n_chunk;

	for (unsigned who = 0; who < g->f->n; who++) {
		uint32_t *lacks = g->lacks + (size_t)who * g->n;

		for (unsigned i = 0; i < g->n_chunk; i++)
			if (fade_hears(g->f, who, base + i) && lacks[g->chunk[i]])
				lacks[g->chunk[i]]--;
	}
	g->n_chunk = 0;
}

static void emit(struct group *g, uint32_t b, bool common)
{
	fade_send(g->f, g->sent++, common);
	g->chunk[g->n_chunk++] = (uint8_t)b;
	if (g->n_chunk == CHUNK)
		deliver(g);
}

/* Sends what is `left`, all blocks in turn. */
static void send_round(struct group *g, const struct layout *l, bool source)
{
	bool any = true;

	for (uint32_t s = 0; any; s++) {
		any = false;
		for (uint32_t b = 0; b < g->n; b++) {
			uint32_t first = 0, end = 0;

			if (s >= g->left[b])
				continue;
			any = true;
			if (source && g->f->conf.common > 0)
				fade_slice(g->f, g->first + b, layout_k(l, g->first + b),
					   &first, &end);
			emit(g, b, s >= first && s < end);
		}
	}
	deliver(g);
}

static void send_group(struct group *g, const struct layout *l)
{
	bool source = true, more = true;

	for (uint32_t b = 0; b < g->n; b++)
		g->left[b] = layout_k(l, g->first + b);
	for (unsigned who = 0; who < g->f->n; who++)
		for (uint32_t b = 0; b < g->n; b++)
			g->lacks[(size_t)who * g->n + b] = g->left[b];
	while (more) {
		send_round(g, l, source);
		source = more = false;
		for (uint32_t b = 0; b < g->n; b++) {
			g->left[b] = 0;
			for (unsigned who = 0; who < g->f->n; who++)
				g->left[b] = MAX(g->left[b], g->lacks[(size_t)who * g->n + b]);
			more |= g->left[b] > 0;
		}
	}
}

double bound_simulated(const struct fade_conf *conf, unsigned n, const struct layout *l,
		       unsigned interleave, uint64_t seed)
{
	uint32_t step = CLAMP(interleave, 1, GROUP_MAX);
	struct group *g = calloc(1, sizeof(*g));
	double sent = -1;
	struct fade f;

	if (fade_init(&f, conf, n, seed) < 0) {
		free(g);
		return -1;
	}
	if (g)
		g->lacks = calloc((size_t)n * step, sizeof(*g->lacks));
	if (g && g->lacks) {
		g->f = &f;
		for (uint64_t b = 0; b < l->n_blocks; b += step) {
			g->first = (uint32_t)b;
			g->n = (uint32_t)MIN(step, l->n_blocks - b);
			send_group(g, l);
		}
		sent = (double)g->sent / (double)l->n_segments;
	}
	fade_fini(&f);
	if (g)
		free(g->lacks);
	free(g);
	return sent;
}

/* The distribution of X for one receiver, e by e. */
struct negative_binomial {
	double log_p, log_term, sum;
	uint32_t k, e;
};

static struct negative_binomial nb_init(uint32_t k, double loss)
{
	return (struct negative_binomial){ .log_p = log(loss),
					   .log_term = k * log1p(-loss),
					   .k = k };
}

/* P(X <= e) for e = 0, 1, 2 ... */
static double nb_next(struct negative_binomial *x)
{
	x->sum += exp(x->log_term);
	x->log_term += x->log_p + log((double)(x->k + x->e) / (x->e + 1));
	x->e++;
	return MIN(x->sum, 1);
}

/* Mean of the largest X in the group. */
static double mean_largest(const struct fade_conf *conf, unsigned n, uint32_t k)
{
	struct fade_conf worse = *conf;
	double n_worse = floor(n * conf->worse + 0.5), mean = 0, none = 0;
	struct negative_binomial most, some;

	worse.loss = MIN(10 * conf->loss, 0.9);
	most = nb_init(k, conf->loss);
	some = nb_init(k, worse.loss);
	do {
		none = pow(nb_next(&most), n - n_worse) * pow(nb_next(&some), n_worse);
		mean += 1 - none;
	} while (none < 1 - 1e-9 && most.e < 4 * k + 10000);
	return mean;
}

double bound_exact(const struct fade_conf *conf, unsigned n, const struct layout *l)
{
	double large = (double)l->n_large, small = (double)(l->n_blocks - l->n_large), sent;

	if (conf->loss <= 0)
		return 1;
	sent = (double)l->n_segments + large * mean_largest(conf, n, l->k_large);
	if (small > 0)
		sent += small * mean_largest(conf, n, l->k_small);
	return sent / (double)l->n_segments;
}

double bound_capacity(const struct fade_conf *conf)
{
	double loss = conf->worse > 0 ? MIN(10 * conf->loss, 0.9) : conf->loss;

	return 1 / (1 - loss);
}
