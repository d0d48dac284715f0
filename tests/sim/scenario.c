/* scenario.c - a scenario by its name, and what the seed decides of it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/scenario.h"

#include <string.h>

#include "proto/wire.h"

#define MS NSEC_PER_MSEC

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < n_scenarios; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}

struct scenario scenario_draw(const struct scenario *sc, uint64_t seed)
{
	static const uint16_t segments[] = { 64, 100, 256, 1000 };
	static const uint16_t blocks[] = { 1, 4, 10, 32, 64 };
	static const uint64_t rates[] = { 500000, 2000000, 10000000 };
	struct rng rng = rng_init(seed * 0x9e3779b9u);
	struct scenario s = *sc;

	if (!s.n_senders)
		s.n_senders = 1;
	if (!s.exact)
		s.n_hosts = 1 + (unsigned)rng_below(&rng, s.n_hosts);
	s.n_hosts = MAX(s.n_hosts, s.n_late + s.n_dying + s.n_refusing);
	if (!s.fec_id)
		s.fec_id = rng_below(&rng, 2) ? FEC_RS8 : FEC_SB_SYST;
	if (!s.segment_size)
		s.segment_size = segments[rng_below(&rng, ARRAY_LEN(segments))];
	if (!s.block_len)
		s.block_len = blocks[rng_below(&rng, ARRAY_LEN(blocks))];
	if (!s.n_parity)
		s.n_parity = (uint16_t)rng_below(&rng, s.block_len + 4);
	if (!s.rate)
		s.rate = rates[rng_below(&rng, ARRAY_LEN(rates))];
	if (!s.down.delay)
		s.down.delay = MS / 2;
	if (!s.up.delay)
		s.up.delay = MS / 2;
	return s;
}
