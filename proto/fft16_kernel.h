/* fft16_kernel.h - the arithmetic on rows of GF(2^16) elements that each machine does its way.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_FFT16_KERNEL_H
#define PROTO_FFT16_KERNEL_H

#include "proto/types.h"

/*
 * A row is a stripe of a symbol inside the codec: cells of 64 bytes, each the low bytes of 32
 * words and then their high bytes, in an order that is the kernel's own. Rows are aligned to a
 * cell and `n` bytes long, a multiple of one. Rows that follow each other are one row.
 *
 * To multiply by an element takes a table. Tables are linear: that of a sum is the sum (XOR) of
 * tables. So 2 x 256 of them are enough for all factors, one for each half of its number.
 */
#define FFT16_CELL 64u

struct fft16_factor {
	const uint8_t *low, *high; /* two tables whose sum is the factor's */
};

struct fft16_kernel {
	const char *name;
	size_t table_len;
	/* product[b] is the factor's product with x^b. */
	void (*prepare)(uint8_t *table, const uint16_t product[static 16]);

	/* Between a symbol's `len` bytes, even, and a row, which a load fills up with zeros. */
	void (*load)(uint8_t *row, const uint8_t *sym, size_t len);
	void (*store)(uint8_t *sym, const uint8_t *row, size_t len);
	void (*store_add)(uint8_t *sym, const uint8_t *row, size_t len);

	/* x += y; x *= c; x += c y; then x += c y, y += x, and what undoes it. */
	void (*add)(uint8_t *x, const uint8_t *y, size_t n);
	void (*mul)(uint8_t *x, struct fft16_factor c, size_t n);
	void (*mul_add)(uint8_t *x, const uint8_t *y, struct fft16_factor c, size_t n);
	void (*forward)(uint8_t *x, uint8_t *y, struct fft16_factor c, size_t n);
	void (*inverse)(uint8_t *x, uint8_t *y, struct fft16_factor c, size_t n);
};

/* Every one gives the same symbols. */
extern const struct fft16_kernel fft16_plain, fft16_avx2, fft16_gfni;

/* Those that this processor has, best first; ends with NULL. */
const struct fft16_kernel *const *fft16_kernels(void);

/* The nibbles of a factor's table: product[4n] .. product[4n+3] summed as a nibble's bits say.
 */
static inline uint16_t fft16_nibble(const uint16_t *product, unsigned nibble)
{
	unsigned sum = 0;

	for (unsigned b = 0; b < 4; b++)
		sum ^= nibble >> b & 1 ? product[b] : 0;
	return (uint16_t)sum;
}

struct fft16;

/* fft16_new() with a kernel of one's choice, which the tests compare. */
int fft16_new_with(struct fft16 **ret, unsigned max_k, unsigned max_parity,
		   const struct fft16_kernel *kernel);

#endif
