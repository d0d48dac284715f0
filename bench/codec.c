/* codec.c - how fast a core encodes and decodes: MB/s of source data. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/rs.h"

#define K          64u
#define E          1400u
#define PARITY_MAX 32u
#define COLD_BYTES (64u << 20) /* more than the last cache holds */
#define RUNS       9
#define RUN_BYTES  (256u << 20) /* source bytes of a run */

struct bench {
	struct rs *rs;
	uint8_t *src;
	size_t n_blocks; /* that take turns */
	uint8_t parity[PARITY_MAX * E];
	void (*one)(struct bench *b, uint8_t *block, unsigned n);
};

static void encode(struct bench *b, uint8_t *block, unsigned n)
{
	if (rs_encode(b->rs, K, block, E, 0, n, b->parity) < 0)
		abort();
}

/* What the slots of the lost symbols hold does not matter to the time. */
static void decode(struct bench *b, uint8_t *block, unsigned n)
{
	uint16_t esi[K];

	for (unsigned i = 0; i < K; i++)
		esi[i] = (uint16_t)i;
	for (unsigned m = 0; m < n; m++)
		esi[m * K / n] = (uint16_t)(K + m);
	if (rs_decode(b->rs, K, block, E, esi) < 0)
		abort();
}

/* The best run: what else the machine does can only make it slower. */
static double mb_per_s(struct bench *b, unsigned n)
{
	size_t rounds = RUN_BYTES / (K * E);
	int64_t best = INT64_MAX;

	for (unsigned run = 0; run < RUNS; run++) {
		int64_t start = clock_now(), took;

		for (size_t i = 0; i < rounds; i++)
			b->one(b, b->src + i % b->n_blocks * (K * E), n);
		took = clock_now() - start;
		best = took < best ? took : best;
	}
	return (double)(rounds * K * E) * 1e3 / (double)best;
}

static void row(struct bench *b, const char *what, unsigned n)
{
	double warm;

	b->n_blocks = 1;
	warm = mb_per_s(b, n);
	b->n_blocks = COLD_BYTES / (K * E);
	printf("%-8s %4u %10.0f %10.0f\n", what, n, warm, mb_per_s(b, n));
}

int main(void)
{
	struct bench b = { .one = encode };

	b.src = malloc(COLD_BYTES);
	if (!b.src || rs_new(&b.rs, K, PARITY_MAX) < 0)
		return 1;
	for (size_t i = 0; i < COLD_BYTES; i++)
		b.src[i] = (uint8_t)(i * 2654435761u >> 24);
	printf("Reed-Solomon GF(2^8), k=%u, %u bytes; MB/s of source data\n", K, E);
	printf("%-8s %4s %10s %10s\n", "", "n", "in cache", "not");
	for (unsigned n = 1; n <= 32; n *= 2)
		row(&b, "parity", n);
	b.one = decode;
	for (unsigned n = 1; n <= 8; n *= 2)
		row(&b, "lost", n);
	rs_free(b.rs);
	free(b.src);
	return 0;
}
