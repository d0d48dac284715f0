/* fft16_field.c - GF(2^16) by the numbers of its points; what erasures weigh. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fft16_field.h"

#include <string.h>

/* x^16 + x^12 + x^3 + x + 1, as in RFC 5510 §8.1; x is primitive. */
#define POLYNOMIAL 0x1100bu
#define LANES      16u

/* Of the two solutions of basis[b]^2 + basis[b] = basis[b-1] the even one. */
const uint16_t fft16_basis[16] = {
	0x0001, 0x015e, 0x001a, 0x1cf2, 0x169a, 0xbbac, 0xfde2, 0x468a,
	0x0712, 0x1b76, 0xad6c, 0x4640, 0xa79e, 0xf2b4, 0xf77a, 0x7fe2,
};

uint16_t fft16_word(unsigned i)
{
	unsigned word = 0;

	for (unsigned b = 0; i >> b; b++)
		word ^= i >> b & 1 ? fft16_basis[b] : 0;
	return (uint16_t)word;
}

uint16_t fft16_times_x(uint16_t word)
{
	return (uint16_t)((unsigned)word << 1 ^ (word >> 15 ? POLYNOMIAL : 0));
}

/* Logarithms are added modulo 65535 = 2^16 - 1, by an end-around carry: 0 has two forms. */

static uint16_t log_add(uint16_t a, uint16_t b)
{
	uint16_t sum = (uint16_t)(a + b);

	return (uint16_t)(sum + (sum < a));
}

static uint16_t log_neg(uint16_t a)
{
	return (uint16_t)~a;
}

static uint16_t log_mul(uint16_t a, uint16_t b)
{
	uint32_t product = (uint32_t)a * b;

	return log_add((uint16_t)product, (uint16_t)(product >> 16));
}

static inline void butterflies(uint16_t *restrict x, uint16_t *restrict y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t a = x[i], b = y[i];

		x[i] = log_add(a, b);
		y[i] = log_add(a, log_neg(b));
	}
}

/* In place, n a power of two. A constant number of butterflies becomes a vector. */
static void walsh(uint16_t *v, size_t n)
{
	for (size_t half = 1; half < n; half *= 2)
		for (size_t at = 0; at < n; at += 2 * half) {
			uint16_t *x = v + at, *y = x + half;

			if (half < LANES)
				butterflies(x, y, half);
			for (size_t i = 0; half >= LANES && i < half; i += LANES)
				butterflies(x + i, y + i, LANES);
		}
}

static unsigned cell(const struct fft16_field *f, unsigned point)
{
	return (point & (FFT16_PARITY - 1)) | point / FFT16_PARITY << f->span;
}

size_t fft16_field_words(unsigned span)
{
	return (size_t)4 << span;
}

void fft16_field_init(struct fft16_field *f, unsigned span, uint16_t *words)
{
	size_t side = (size_t)1 << span;
	uint16_t word = 1;

	/* For a moment exp[i] is the word of number i, and log[word] its number. */
	for (unsigned i = 0; i < FFT16_ELEMENTS; i++) {
		f->exp[i] = i ? f->exp[i & (i - 1)] ^ fft16_basis[__builtin_ctz(i)] : 0;
		f->log[f->exp[i]] = (uint16_t)i;
	}
	for (unsigned n = 0; n < FFT16_ELEMENTS; n++) {
		f->exp[n] = f->log[word];
		word = fft16_times_x(word);
	}
	for (unsigned n = 0; n < FFT16_ORDER; n++)
		f->log[f->exp[n]] = (uint16_t)n;
	f->log[0] = 0;

	f->span = span;
	f->walsh_log = words;
	f->work = words + 2 * side;
	memcpy(f->walsh_log, f->log, side * sizeof(*words));
	memcpy(f->walsh_log + side, f->log + FFT16_PARITY, side * sizeof(*words));
	walsh(f->walsh_log, 2 * side);
}

/*
 * Let L(z) be the sum of log(z + x) over the lost x minus that of log(z + y) over the known y.
 * As log 0 := 0 leaves out the factor that A' and B' lack, known_log[p] is L(y_p) and
 * lost_log[j] is -L(x_j).
 *
 * L is a convolution over XOR, of log with +1 at the lost and -1 at the known points: the
 * product of their Walsh-Hadamard transforms, transformed back, that is once more and divided
 * by the number of cells, a power of 2 and so invertible modulo 65535. Few erasures are faster
 * summed one by one.
 */
static void convolve(struct fft16_field *f, const struct fft16_erasures *e)
{
	unsigned bits = f->span + 1;
	size_t n = (size_t)1 << bits;
	uint16_t scale = (uint16_t)(1u << (16 - bits));

	memset(f->work, 0, n * sizeof(*f->work));
	for (unsigned i = 0; i < e->n; i++) {
		f->work[cell(f, e->lost[i])] = 1;
		f->work[cell(f, e->known[i])] = log_neg(1);
	}
	walsh(f->work, n);
	for (size_t i = 0; i < n; i++)
		f->work[i] = log_mul(f->work[i], f->walsh_log[i]);
	walsh(f->work, n);
	for (unsigned i = 0; i < e->n; i++) {
		e->lost_log[i] = log_neg(log_mul(scale, f->work[cell(f, e->lost[i])]));
		e->known_log[i] = log_mul(scale, f->work[cell(f, e->known[i])]);
	}
}

static uint16_t sum(const struct fft16_field *f, const struct fft16_erasures *e, unsigned z)
{
	uint64_t above = 0, below = 0;

	for (unsigned i = 0; i < e->n; i++) {
		above += f->log[z ^ e->lost[i]];
		below += f->log[z ^ e->known[i]];
	}
	return log_add((uint16_t)(above % FFT16_ORDER),
		       log_neg((uint16_t)(below % FFT16_ORDER)));
}

void fft16_weigh(struct fft16_field *f, const struct fft16_erasures *e)
{
	uint64_t steps = (uint64_t)4 * e->n * e->n;

	if (steps > (uint64_t)(f->span + 1) << (f->span + 1)) {
		convolve(f, e);
		return;
	}
	for (unsigned i = 0; i < e->n; i++) {
		e->lost_log[i] = log_neg(sum(f, e, e->lost[i]));
		e->known_log[i] = sum(f, e, e->known[i]);
	}
}
