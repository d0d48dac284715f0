/* fft16_gfni.c - GF(2^16) rows by GFNI: a product is four 8 x 8 matrices over GF(2). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "proto/fft16_x86.h"

#define TARGET __attribute__((target("avx2,gfni")))

/* Matrix [o][i] leads from byte i of a word to byte o of its product. */
struct table {
	__m256i matrix[2][2];
};

/* Bit r of the result is the parity of the operand and byte 7 - r of the matrix. */
static uint64_t matrix(const uint16_t *product, unsigned shift)
{
	uint64_t m = 0;

	for (unsigned r = 0; r < 8; r++)
		for (unsigned b = 0; b < 8; b++)
			m |= (uint64_t)(product[b] >> (shift + r) & 1) << (8 * (7 - r) + b);
	return m;
}

static void prepare(uint8_t *table, const uint16_t product[static 16])
{
	const uint64_t m[4] = { matrix(product, 0), matrix(product + 8, 0), matrix(product, 8),
				matrix(product + 8, 8) };

	memcpy(table, m, sizeof(m));
}

TARGET static inline __m256i both(struct fft16_factor c, unsigned n)
{
	uint64_t low, high;

	memcpy(&low, c.low + 8 * n, sizeof(low));
	memcpy(&high, c.high + 8 * n, sizeof(high));
	return _mm256_set1_epi64x((long long)(low ^ high));
}

TARGET static inline struct table table_read(struct fft16_factor c)
{
	return (struct table){ { { both(c, 0), both(c, 1) }, { both(c, 2), both(c, 3) } } };
}

TARGET static inline struct cell table_times(const struct table *t, struct cell c)
{
	struct cell low = { _mm256_gf2p8affine_epi64_epi8(c.low, t->matrix[0][0], 0),
			    _mm256_gf2p8affine_epi64_epi8(c.low, t->matrix[1][0], 0) };
	struct cell high = { _mm256_gf2p8affine_epi64_epi8(c.high, t->matrix[0][1], 0),
			     _mm256_gf2p8affine_epi64_epi8(c.high, t->matrix[1][1], 0) };

	return cell_sum(low, high);
}

#include "proto/fft16_rows.h"

const struct fft16_kernel fft16_gfni = {
	.name = "gfni",
	.table_len = 32,
	.prepare = prepare,
	ROWS_OPS,
};
