/* piece.h - the unit in which large blocks are read, written and encoded. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_PIECE_H
#define PROTO_PIECE_H

#include "proto/types.h"

#define PIECE_BYTES       (256u << 10) /* at most */
#define PIECE_SYMBOLS     128u         /* at most */
#define PIECE_SYMBOLS_MIN 16u          /* whatever their size */

/*
 * Source symbols of one piece: a power of two, so that pieces lie in the chunks of fft16.c, and
 * as many as make one read or write of the size that file systems like.
 */
static inline uint32_t piece_symbols(size_t segment_size)
{
	uint32_t n = PIECE_SYMBOLS;

	while (n > PIECE_SYMBOLS_MIN && n * segment_size > PIECE_BYTES)
		n /= 2;
	return n;
}

/* Pieces of a block of k symbols; the last may be short. */
static inline uint32_t piece_count(uint32_t k, uint32_t per_piece)
{
	return (k + per_piece - 1) / per_piece;
}

#endif
