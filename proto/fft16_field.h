/* fft16_field.h - GF(2^16) by the numbers of its points; what erasures weigh. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_FFT16_FIELD_H
#define PROTO_FFT16_FIELD_H

#include "proto/types.h"

#define FFT16_ELEMENTS 65536u
#define FFT16_ORDER    65535u /* of the multiplicative group: logarithms count modulo this */
#define FFT16_PARITY   32768u /* number of the point of parity symbol 0 */

/*
 * An element that multiplies is named by a number: i is the point w(i), the sum of basis[b]
 * over the bits b of i. So sums of elements are sums (XOR) of numbers. Words of symbols are no
 * numbers but elements as they are.
 *
 * The basis is Cantor's: basis[0] = 1 and basis[b]^2 + basis[b] = basis[b-1]. Then the subspace
 * polynomial W_t(x), the product of x + w(i) over i < 2^t, is x^2 + x iterated t times, so that
 * W_t(w(i)) = w(i >> t) and its derivative is 1.
 */
extern const uint16_t fft16_basis[16];

struct fft16_field {
	uint16_t log[FFT16_ELEMENTS]; /* by number; log[0] = 0 */
	uint16_t exp[FFT16_ELEMENTS]; /* number of alpha^n; exp[ORDER] = exp[0] */

	/* The points below 2^span and as many from FFT16_PARITY on, as 2^(span+1) cells: */
	unsigned span;
	uint16_t *walsh_log; /* Walsh-Hadamard transform of log */
	uint16_t *work;
};

/* Words of memory that `span` needs. */
size_t fft16_field_words(unsigned span);
void fft16_field_init(struct fft16_field *f, unsigned span, uint16_t *words);

/* The word of element number i, times x. */
uint16_t fft16_word(unsigned i);
uint16_t fft16_times_x(uint16_t word);

/*
 * For n lost points x and as many known parity points y, the logarithms of what a decoder
 * multiplies by:
 *
 *	lost_log[j]  of  B(x_j) / A'(x_j)
 *	known_log[p] of  A(y_p) / B'(y_p)
 *
 * with A(z) the product of z + x over all lost x and B(z) that of z + y over all known y.
 */
struct fft16_erasures {
	const uint16_t *lost, *known; /* numbers of points */
	unsigned n;
	uint16_t *lost_log, *known_log;
};

void fft16_weigh(struct fft16_field *f, const struct fft16_erasures *e);

#endif
