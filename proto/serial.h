/* serial.h - 16-bit serial numbers (RFC 1982) and their extension to 64 bits. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_SERIAL_H
#define PROTO_SERIAL_H

#include <stdint.h>

/* a - b on the circle: negative when a is before b. A distance of 2^15 counts as before. */
static inline int serial16_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}

/*
 * The 64-bit number nearest to `near` whose low 16 bits are `v`. Sessions number their objects
 * with 64 bits and only the wire knows 16; a result below 0 comes out as UINT64_MAX.
 */
static inline uint64_t serial16_extend(uint64_t near, uint16_t v)
{
	int d = serial16_diff(v, (uint16_t)near);

	if (d < 0 && (uint64_t)-d > near)
		return UINT64_MAX;
	return near + (uint64_t)(int64_t)d;
}

#endif
