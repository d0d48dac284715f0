/* fft16_avx2.c - GF(2^16) rows by AVX2: products of nibbles looked up in registers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fft16_x86.h"

#define TARGET AVX2

/* For nibble n of a word the low and the high bytes of its 16 products, in both halves. */
struct table {
	__m256i low[4], high[4];
};

/* In memory: 16 low bytes and 16 high bytes of nibble 0, then of the others. */
static void prepare(uint8_t *table, const uint16_t product[static 16])
{
	for (unsigned n = 0; n < 4; n++)
		for (unsigned v = 0; v < 16; v++) {
			uint16_t p = fft16_nibble(product + 4 * n, v);

			table[32 * n + v] = (uint8_t)p;
			table[32 * n + 16 + v] = (uint8_t)(p >> 8);
		}
}

AVX2 static inline __m256i both(const uint8_t *low, const uint8_t *high)
{
	__m128i sum = _mm_xor_si128(_mm_load_si128((const __m128i *)low),
				    _mm_load_si128((const __m128i *)high));

	return _mm256_broadcastsi128_si256(sum);
}

AVX2 static inline struct table table_read(struct fft16_factor c)
{
	struct table t;

	for (unsigned n = 0; n < 4; n++) {
		t.low[n] = both(c.low + 32 * n, c.high + 32 * n);
		t.high[n] = both(c.low + 32 * n + 16, c.high + 32 * n + 16);
	}
	return t;
}

AVX2 static inline struct cell look_up(const struct table *t, unsigned n, __m256i nibbles)
{
	return (struct cell){ _mm256_shuffle_epi8(t->low[n], nibbles),
			      _mm256_shuffle_epi8(t->high[n], nibbles) };
}

AVX2 static inline struct cell table_times(const struct table *t, struct cell c)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i n0 = _mm256_and_si256(c.low, nibble);
	__m256i n1 = _mm256_and_si256(_mm256_srli_epi16(c.low, 4), nibble);
	__m256i n2 = _mm256_and_si256(c.high, nibble);
	__m256i n3 = _mm256_and_si256(_mm256_srli_epi16(c.high, 4), nibble);

	return cell_sum(cell_sum(look_up(t, 0, n0), look_up(t, 1, n1)),
			cell_sum(look_up(t, 2, n2), look_up(t, 3, n3)));
}

#include "proto/fft16_rows.h"

const struct fft16_kernel fft16_avx2 = {
	.name = "avx2",
	.table_len = 128,
	.prepare = prepare,
	ROWS_OPS,
};
