/* grtt.c - the group's round-trip time: up at once, down slowly. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/grtt.h"

#include "proto/quant.h"

void grtt_init(struct grtt *g, nsec_t initial, nsec_t min, nsec_t max)
{
	*g = (struct grtt){ .value = CLAMP(initial, min, max), .min = min, .max = max };
}

void grtt_sample(struct grtt *g, nsec_t rtt)
{
	if (rtt < 0 || rtt > g->max)
		return;
	g->peak = MAX(g->peak, MAX(rtt, 1)); /* 0 is a sample too */
	g->value = MAX(g->value, rtt);
}

void grtt_interval(struct grtt *g)
{
	if (g->peak && g->peak < g->value)
		g->value = MAX(MAX(g->value - g->value / (g->near ? 2 : 10), g->peak), g->min);
	g->peak = 0;
}

uint8_t grtt_advertise(const struct grtt *g, uint64_t rate, size_t packet)
{
	nsec_t one = rate ? (nsec_t)(packet * (uint64_t)NSEC_PER_SEC / rate) : 0;

	return quant_rtt_encode(MAX(g->value, one));
}
