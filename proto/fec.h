/* fec.h - the codes that an object may have, and which one suits it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_FEC_H
#define PROTO_FEC_H

#include "proto/types.h"

/* An object's code, as EXT_FTI tells it. */
struct fec {
	uint8_t fec_id;
	uint16_t instance;  /* FEC_SB_SYST only */
	uint16_t block_len; /* B */
	uint16_t n_parity;  /* of a block */
	bool large;         /* our large-block code: FEC_INSTANCE_LARGE */
};

#define FEC_LARGE_LEN 8000u /* B unless told otherwise */

/* The large-block code for blocks of up to block_len <= BLOCK_LEN_MAX source symbols. */
struct fec fec_large(uint16_t block_len);

/*
 * Whether large blocks suit an object of that many segments better than small ones
 * (doc/ARCHITECTURE.md, "Which code").
 */
bool fec_prefers_large(uint64_t n_segments, unsigned n_receivers);

#endif
