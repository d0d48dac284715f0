/* fft16_x86.h - a cell in two AVX2 registers, and how symbols get there. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_FFT16_X86_H
#define PROTO_FFT16_X86_H

#include <immintrin.h>

#include "proto/fft16_kernel.h"

#define AVX2 __attribute__((target("avx2")))

struct cell {
	__m256i low, high; /* bytes of 32 words */
};

AVX2 static inline struct cell cell_read(const uint8_t *p)
{
	return (struct cell){ _mm256_load_si256((const __m256i *)p),
			      _mm256_load_si256((const __m256i *)p + 1) };
}

AVX2 static inline void cell_write(uint8_t *p, struct cell c)
{
	_mm256_store_si256((__m256i *)p, c.low);
	_mm256_store_si256((__m256i *)p + 1, c.high);
}

AVX2 static inline struct cell cell_sum(struct cell a, struct cell b)
{
	return (struct cell){ _mm256_xor_si256(a.low, b.low),
			      _mm256_xor_si256(a.high, b.high) };
}

/* Packing works in the 128-bit halves of its registers; unpacking undoes that, too. */

AVX2 static inline struct cell cell_pack(const uint8_t *sym)
{
	const __m256i byte = _mm256_set1_epi16(0xff);
	__m256i a = _mm256_loadu_si256((const __m256i *)sym);
	__m256i b = _mm256_loadu_si256((const __m256i *)sym + 1);

	return (struct cell){
		_mm256_packus_epi16(_mm256_and_si256(a, byte), _mm256_and_si256(b, byte)),
		_mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8)),
	};
}

AVX2 static inline void cell_unpack(uint8_t *sym, struct cell c)
{
	_mm256_storeu_si256((__m256i *)sym, _mm256_unpacklo_epi8(c.low, c.high));
	_mm256_storeu_si256((__m256i *)sym + 1, _mm256_unpackhi_epi8(c.low, c.high));
}

#endif
