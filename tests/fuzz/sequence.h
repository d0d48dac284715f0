/* sequence.h - what the fuzz targets of the sessions read: {step, length, packet}*. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_SEQUENCE_H
#define TESTS_FUZZ_SEQUENCE_H

#include "proto/bytes.h"
#include "proto/types.h"
#include "proto/wire.h"

/* A step is 16 bits of these, a length 16 bits. */
#define SEQUENCE_TICK (10 * NSEC_PER_USEC)
#define SEQUENCE_HEAD 4

/* The sessions to which the recorded sequences belong (tests/sim/record.c). */
#define SEQUENCE_SENDER     0x51000001u
#define SEQUENCE_INSTANCE   0x1d00
#define SEQUENCE_RECEIVER   0x41000001u
#define SEQUENCE_FEC_ID     FEC_SB_SYST
#define SEQUENCE_SEGMENT    64
#define SEQUENCE_BLOCK      4
#define SEQUENCE_PARITY     4
#define SEQUENCE_RATE       1000000
#define SEQUENCE_OBJECTS    3
#define SEQUENCE_OBJECT_MAX 1500

/* False at the end. What the length promises and the input lacks is cut. */
static inline bool sequence_next(struct rd *r, nsec_t *now, const uint8_t **pkt, size_t *len)
{
	if (rd_left(r) < SEQUENCE_HEAD)
		return false;
	*now += rd_u16(r) * SEQUENCE_TICK;
	*len = rd_u16(r);
	*len = MIN(*len, rd_left(r));
	*pkt = rd_bytes(r, *len);
	return true;
}

#endif
