/* varint.h - unsigned LEB128, and signed numbers in zigzag order, through the bounded cursors.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_VARINT_H
#define PROTO_VARINT_H

#include "proto/bytes.h"

#define VARINT_MAX 10 /* bytes */

/* More than VARINT_MAX bytes, or than 64 bits, make the cursor bad. */
static inline uint64_t rd_varint(struct rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 7 * VARINT_MAX; shift += 7) {
		uint8_t b = rd_u8(r);

		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
	}
	r->bad = true;
	return 0;
}

/* With an upper bound: bad above it. */
static inline uint64_t rd_varint_max(struct rd *r, uint64_t max)
{
	uint64_t v = rd_varint(r);

	if (v <= max)
		return v;
	r->bad = true;
	return 0;
}

static inline int64_t rd_zigzag(struct rd *r)
{
	uint64_t v = rd_varint(r);

	return (int64_t)(v >> 1 ^ -(v & 1));
}

static inline void wr_varint(struct wr *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		wr_u8(w, (uint8_t)(v | 0x80));
	wr_u8(w, (uint8_t)v);
}

static inline void wr_zigzag(struct wr *w, int64_t v)
{
	wr_varint(w, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

#endif
