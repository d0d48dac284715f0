/* fec.c - the codes that an object may have, and which one suits it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fec.h"

#include "proto/wire.h"

#define LARGE_SEGMENTS  1000 /* smaller objects would be one block that is not large */
#define LARGE_RECEIVERS 2    /* one alone gets what it lost either way */
#define PARITY_SHARE    4    /* one parity symbol for so many source symbols, at most */

struct fec fec_large(uint16_t block_len)
{
	return (struct fec){
		.fec_id = FEC_SB_SYST,
		.instance = FEC_INSTANCE_LARGE,
		.block_len = block_len,
		.n_parity = (uint16_t)(block_len / PARITY_SHARE + 1),
		.large = true,
	};
}

bool fec_prefers_large(uint64_t n_segments, unsigned n_receivers)
{
	return n_segments >= LARGE_SEGMENTS && n_receivers >= LARGE_RECEIVERS;
}
