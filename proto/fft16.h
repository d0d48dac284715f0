/* fft16.h - systematic Reed-Solomon over GF(2^16) for large blocks, by additive FFT. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_FFT16_H
#define PROTO_FFT16_H

#include "proto/types.h"

/*
 * A block has k <= 32768 source symbols of `len` bytes, len even; each is a sequence of 16-bit
 * little-endian words, elements of GF(2^16). Up to 32768 parity symbols are
 *
 *	parity p = sum over i < k of source i / (w(32768 + p) + w(i)),
 *
 * with w(j) the j-th point of doc/PROTOCOL.md "Large-block code". Any k of all these symbols
 * give the others. What parity p is depends on p and the source symbols only, neither on how
 * many more there are nor on k: a symbol that does not exist is a zero symbol.
 *
 * An object owns tables and work memory, so one thread at a time uses it: 0.7 MB for 8192 and
 * 1024 symbols; 5 MB at most, of which 4 only if there can be 32768 parity symbols. Symbols are
 * worked on where they lie, in stripes of columns.
 */
#define FFT16_MAX 32768u

struct fft16;

struct fft16_block {
	unsigned k;
	size_t len;
	uint8_t *const *src; /* k symbols, each at any address; borrowed */
	unsigned first;      /* which source symbol src[0] is; 0, unless this is a part */
};

struct fft16_parity {
	unsigned index;
	uint8_t *data; /* len bytes */
};

/* 1 <= max_k, max_parity <= FFT16_MAX, otherwise -EINVAL. -ENOMEM. */
int fft16_new(struct fft16 **ret, unsigned max_k, unsigned max_parity);
void fft16_free(struct fft16 *f);

/*
 * Computes n parity symbols, their indices ascending. A src[i] that is NULL counts as zero.
 * -EINVAL: k, len or an index out of bounds, or the indices do not ascend; nothing changed.
 */
int fft16_encode(struct fft16 *f, const struct fft16_block *b,
		 const struct fft16_parity *parity, unsigned n);

/*
 * The same, added (XOR) to what `parity` holds: the share of those source symbols that are not
 * NULL. The code is linear, so a block may be encoded in parts while it is being read, and a
 * part costs no more than its share if it is some 100 symbols that begin at a multiple of
 * their number.
 */
int fft16_add(struct fft16 *f, const struct fft16_block *b, const struct fft16_parity *parity,
	      unsigned n);

/*
 * Recovers the n source symbols lost[], ascending numbers of the block's, to where their src[]
 * points, from the others and n parity symbols, their indices ascending (close together and
 * low ones are fastest). Again a src[i] that is NULL counts as zero: who has added the symbols
 * at hand to the parity before gives NULL for them. They may come to where the parity is: any
 * of them in the place of any of its symbols. -EINVAL as above; nothing changed.
 */
int fft16_decode(struct fft16 *f, const struct fft16_block *b, const uint16_t *lost,
		 const struct fft16_parity *parity, unsigned n);

#endif
