/* fft16.c - how fast a core encodes and decodes large blocks: MB/s of source data. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/fft16.h"
#include "proto/fft16_kernel.h"

#define E          1400u
#define RUN_BYTES  (32u << 20) /* source bytes of a run, about; a block at least */
#define RUNS       31          /* unless they take more than a second */
#define N_BLOCKS   6u          /* that take turns: more than the caches hold */
#define MAX_K      FFT16_MAX
#define MAX_PARITY 8192u

struct bench {
	struct fft16 *f;
	const char *kernel;
	unsigned k, n;
	uint8_t *memory, *parity;
	uint8_t *src[MAX_K];
	struct fft16_parity wanted[MAX_PARITY];
	uint16_t lost[MAX_PARITY];
};

static void encode(struct bench *b, const struct fft16_block *block)
{
	if (fft16_encode(b->f, block, b->wanted, b->n) < 0)
		abort();
}

/* What the symbols hold does not matter to the time. */
static void decode(struct bench *b, const struct fft16_block *block)
{
	if (fft16_decode(b->f, block, b->lost, b->wanted, b->n) < 0)
		abort();
}

/* Losses scattered over the block, and the parity symbols from 0 on. */
static void set(struct bench *b, unsigned k, unsigned n)
{
	struct rng rng = rng_init(k + n);
	unsigned left = n;

	b->k = k;
	b->n = n;
	for (unsigned i = 0; i < n; i++)
		b->wanted[i] = (struct fft16_parity){ i, b->parity + (size_t)i * E };
	for (unsigned i = 0; i < k; i++)
		if (rng_below(&rng, k - i) < left)
			b->lost[n - left--] = (uint16_t)i;
}

/* The best run: what else the machine does can only make it slower. */
static double mb_per_s(struct bench *b,
		       void (*one)(struct bench *b, const struct fft16_block *block))
{
	size_t bytes = (size_t)b->k * E, rounds = MAX(RUN_BYTES / bytes, 1);
	int64_t best = INT64_MAX, spent = 0;

	for (unsigned run = 0; run < RUNS && spent < NSEC_PER_SEC; run++) {
		int64_t began = clock_now(), took;

		for (size_t r = 0; r < rounds; r++) {
			uint8_t *at = b->memory + r % N_BLOCKS * bytes;

			for (unsigned i = 0; i < b->k; i++)
				b->src[i] = at + (size_t)i * E;
			one(b, &(struct fft16_block){ b->k, E, b->src });
		}
		took = clock_now() - began;
		best = MIN(took, best);
		spent += took;
	}
	return (double)(rounds * bytes) * 1e3 / (double)best;
}

static void row(struct bench *b, unsigned k, unsigned n)
{
	double encoded;

	set(b, k, n);
	encoded = mb_per_s(b, encode);
	printf("%-6s %6u %6u %6.2f %9.0f %9.0f\n", b->kernel, k, n, 100.0 * n / k, encoded,
	       mb_per_s(b, decode));
	fflush(stdout);
}

static void table(struct bench *b, const struct fft16_kernel *kernel, unsigned k)
{
	static const unsigned per_mille[] = { 1, 5, 10, 20, 50, 100 };

	b->kernel = kernel->name;
	if (fft16_new_with(&b->f, k, MAX_PARITY, kernel) < 0)
		abort();
	row(b, k, 1);
	for (size_t i = 0; i < ARRAY_LEN(per_mille); i++)
		row(b, k, k * per_mille[i] / 1000);
	fft16_free(b->f);
}

/* usage: fft16 [K [KERNEL]] */
int main(int argc, char *argv[])
{
	static const unsigned sizes[] = { 1000, 8000, 32000 };
	static struct bench b;
	unsigned only = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	b.memory = calloc(N_BLOCKS * MAX_K, E);
	b.parity = calloc(MAX_PARITY, E);
	if (!b.memory || !b.parity || only > MAX_K)
		return 1;
	memset(b.memory, 0x5a, N_BLOCKS * MAX_K * (size_t)E);
	printf("Reed-Solomon GF(2^16), %u bytes; MB/s of source data\n", E);
	printf("%-6s %6s %6s %6s %9s %9s\n", "kernel", "k", "n", "%", "encode n", "lost n");
	for (const struct fft16_kernel *const *k = fft16_kernels(); *k; k++) {
		if (argc > 2 && strcmp((*k)->name, argv[2]) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
			if (!only || i == 0)
				table(&b, *k, only ? only : sizes[i]);
	}
	free(b.memory);
	free(b.parity);
	return 0;
}
