/* figure.h - how much is sent for one packet of source, in a group of some size. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_FIGURE_H
#define TESTS_SIM_FIGURE_H

#include "proto/types.h"

struct figure {
	unsigned n_hosts;
	double loss;
	unsigned n_packets;
	uint16_t segment_size, block_len, n_parity;
	uint16_t large_len; /* large blocks of so many symbols; 0: small ones */
	uint64_t rate;      /* bytes a second */
	nsec_t delay;       /* one way */
	double held;        /* part that hosts have before; 0: all is sent */
	uint64_t piece;     /* ... in pieces of so many bytes */
	bool alike;         /* ... all hosts the same */
	uint64_t seed;
};

/* Runs it and prints the figures. 0, or 1 when a property does not hold. */
int figure_print(const struct figure *f);

#endif
