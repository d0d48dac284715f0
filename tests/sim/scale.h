/* scale.h - one sender and very many receivers: real sessions, no payload, and figures. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_SCALE_H
#define TESTS_SIM_SCALE_H

#include "proto/types.h"
#include "tests/sim/fade.h"

struct scale_conf {
	unsigned n_receivers;
	uint64_t n_packets; /* of source */
	bool large;         /* the large-block code, with as much parity as it has */
	uint16_t segment_size, block_len, n_parity;
	unsigned interleave;  /* large: blocks sent in turn */
	double rate;          /* bit/s of the sender */
	nsec_t rtt;           /* of the network, */
	nsec_t nap;           /* to which receivers add half of this to all of it */
	double feedback_loss; /* < 0: as downwards */
	uint64_t encode_rate; /* bytes of source a second; 0: at once */
	uint64_t decode_rate;
	size_t tx_memory, rx_memory;
	struct fade_conf fade;
	uint64_t seed;
	bool trace;         /* commands, feedback and the first repair of each block */
	const char *blocks; /* a file for a line on each block; NULL: none */
};

struct scale_result {
	bool ok; /* everybody has everything, and the sender knows it */
	char failure[128];
	uint64_t n_blocks, packets, source, parity, again, info, cmds;
	double ratio, data_ratio;                /* packets, DATA alone, a source packet */
	double bound, bound_exact, capacity;     /* bound.h; exact < 0: does not apply */
	uint64_t nacks, nacks_heard, suppressed; /* messages */
	double nacks_a_block, later_nacks;       /* mean; after the first group of blocks */
	unsigned peak;                           /* NACKs that arrived in one ms */
	/* from a block's end to its first parity, and to its last delivery: mean, the largest
	 * of the first group, the largest of all others */
	nsec_t parity_mean, parity_first, parity_later;
	nsec_t delivered_mean, delivered_first, delivered_later;
	double virtual_s, cpu_s;
	uint64_t heard; /* messages given to all receivers */
};

/* 0, or -errno of what could not begin. */
int scale_run(const struct scale_conf *conf, struct scale_result *ret);

#endif
