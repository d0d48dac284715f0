/* decode.c - how fast a core receives and decodes large blocks, with a file: MB/s of the file.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "proto/rxlarge.h"

#define K        8000u
#define E        1400u
#define PARITY   3000u
#define N_BLOCKS 8u
#define RUNS     5
#define MEMORY   (24u << 20)
#define BLOCK    ((size_t)K * E)

struct bench {
	struct rxlarges s;
	uint8_t *data, *parity, *back;
	uint32_t lost[N_BLOCKS]; /* of which block; its parity is in `parity` one after the
				    other */
	int fd;
	nsec_t codec, io;
};

struct result {
	nsec_t gather, decode, codec, io;
};

static void serve(struct bench *b, const struct work *w, size_t base)
{
	nsec_t began = clock_now();

	if (w->op == WORK_READ || w->op == WORK_WRITE) {
		off_t at = (off_t)(base + w->offset);
		ssize_t n = w->op == WORK_READ ? pread(b->fd, w->data, w->len, at)
					       : pwrite(b->fd, w->data, w->len, at);

		if (n != (ssize_t)w->len)
			abort();
		b->io += clock_now() - began;
	} else {
		if (work_codec(w) < 0)
			abort();
		b->codec += clock_now() - began;
	}
}

static void work(struct bench *b)
{
	struct rxlarge *block;
	struct work w;

	while ((block = rxlarges_work(&b->s, &w))) {
		serve(b, &w, (size_t)block->key * BLOCK);
		block = rxlarges_work_done(&b->s, &w);
		if (block->state == RXLARGE_DONE)
			rxlarges_drop(&b->s, block);
	}
}

static struct rxlarge *block_of(struct bench *b, uint32_t i)
{
	return rxlarges_get(&b->s, i, &(struct rxlarge_shape){ K, PARITY, E, E });
}

/* All blocks in turn, as a sender sends them. */
static void gather(struct bench *b, double loss)
{
	struct rng rng = rng_init(1);

	for (uint32_t i = 0; i < K * N_BLOCKS; i++) {
		uint32_t n = i / 8 % N_BLOCKS, symbol = i / 8 / N_BLOCKS * 8 + i % 8;

		if (rng_unit(&rng) < loss) {
			b->lost[n]++;
		} else {
			const uint8_t *at = b->data + n * BLOCK + (size_t)symbol * E;

			if (rxlarges_source(&b->s, block_of(b, n), symbol, at) < 0)
				abort();
		}
		if (rxlarges_busy(&b->s))
			work(b);
	}
}

static void encode(struct bench *b, uint32_t n)
{
	static struct fft16_parity symbols[PARITY];
	static uint8_t *src[K];
	struct fft16 *f;

	for (uint32_t i = 0; i < K; i++)
		src[i] = b->data + n * BLOCK + (size_t)i * E;
	for (uint32_t i = 0; i < b->lost[n]; i++)
		symbols[i] = (struct fft16_parity){ i, b->parity + (size_t)i * E };
	if (b->lost[n] > PARITY || fft16_new(&f, K, PARITY) < 0)
		abort();
	fft16_encode(f, &(struct fft16_block){ K, E, src, 0 }, symbols, b->lost[n]);
	fft16_free(f);
}

static nsec_t decode(struct bench *b)
{
	nsec_t spent = 0;

	for (uint32_t n = 0; n < N_BLOCKS; n++) {
		nsec_t began;

		if (b->lost[n] == 0)
			continue;
		encode(b, n);
		began = clock_now();
		for (uint32_t i = 0; i < b->lost[n]; i++)
			if (rxlarges_parity(&b->s, block_of(b, n), i,
					    b->parity + (size_t)i * E) <= 0)
				abort();
		work(b);
		spent += clock_now() - began;
	}
	return spent;
}

static struct result run(struct bench *b, double loss)
{
	const struct rxlarges_conf conf = { MEMORY, K, PARITY, E, false };
	struct result r;
	nsec_t began;

	memset(b->lost, 0, sizeof(b->lost));
	if (rxlarges_init(&b->s, &conf) < 0)
		abort();
	began = clock_now();
	gather(b, loss);
	r.gather = clock_now() - began;
	b->codec = b->io = 0;
	r.decode = decode(b);
	r.codec = b->codec;
	r.io = b->io;
	if (b->s.n ||
	    pread(b->fd, b->back, N_BLOCKS * BLOCK, 0) != (ssize_t)(N_BLOCKS * BLOCK) ||
	    memcmp(b->back, b->data, N_BLOCKS * BLOCK) != 0)
		abort();
	rxlarges_fini(&b->s);
	return r;
}

static double mb_per_s(nsec_t took)
{
	return (double)(N_BLOCKS * BLOCK) * 1e3 / (double)MAX(took, 1);
}

/* The best run: what else the machine does can only make it slower. */
static void row(struct bench *b, double loss)
{
	struct result best = { .decode = NSEC_NEVER };

	for (unsigned i = 0; i < RUNS; i++) {
		struct result r = run(b, loss);

		if (r.decode < best.decode)
			best = r;
	}
	printf("%5.1f %6u %9.0f %9.0f %9.0f %9.0f\n", 100 * loss, b->lost[0],
	       mb_per_s(best.gather), mb_per_s(best.decode), mb_per_s(best.codec),
	       mb_per_s(best.io));
	fflush(stdout);
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0)
		unlink(path);
	return fd >= 0 && ftruncate(fd, (off_t)(N_BLOCKS * BLOCK)) == 0 ? fd : -1;
}

/* usage: decode [FILE], which is overwritten */
int main(int argc, char *argv[])
{
	static const double losses[] = { 0.001, 0.01, 0.1, 0.3 };
	struct rng rng = rng_init(7);
	struct bench b = { .data = malloc(N_BLOCKS * BLOCK),
			   .parity = malloc((size_t)PARITY * E),
			   .back = malloc(N_BLOCKS * BLOCK),
			   .fd = open_file(argc > 1 ? argv[1] : "/dev/shm/decode.tmp") };

	if (!b.data || !b.parity || !b.back || b.fd < 0)
		return 1;
	for (size_t i = 0; i < N_BLOCKS * BLOCK; i++)
		b.data[i] = (uint8_t)rng_u64(&rng);
	printf("receiving %u blocks of %u symbols, %u bytes; MB/s of source data\n", N_BLOCKS,
	       K, E);
	printf("%5s %6s %9s %9s %9s %9s\n", "%", "lost", "gather", "decode", "its codec",
	       "its i/o");
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		row(&b, losses[i]);
	close(b.fd);
	free(b.data);
	free(b.parity);
	free(b.back);
	return 0;
}
