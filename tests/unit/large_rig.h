/* large_rig.h - rx_rig.h with an object of large blocks. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_LARGE_RIG_H
#define TESTS_UNIT_LARGE_RIG_H

#include "tests/unit/rx_rig.h"

#define K       40
#define PARITY  20
#define L_BLOCK ((uint64_t)RIG_E * K)

static inline struct poll poll_of(uint32_t sbn, uint16_t n, uint16_t target)
{
	return (struct poll){ .sbn = sbn, .n_blocks = n, .step = 1, .target = target };
}

static inline void send_poll(struct rx_rig *r, uint32_t sbn, uint16_t n, uint16_t target)
{
	struct poll p = poll_of(sbn, n, target);

	rig_poll(r, &p);
}

static inline void in_phase(struct rx_rig *r, uint8_t phase, uint32_t position, uint32_t floor)
{
	rig_probe(r,
		  (struct probe){ .phase = phase,
				  .end_known = true,
				  .end_object = 1,
				  .floor_sbn = floor,
				  .position_sbn = position },
		  true, false);
}

/* A session with a sender of ours in phase RUN, object 0 accepted: `blocks` blocks of K. */
static inline void begin_conf(struct rx_rig *r, const struct rx_conf *conf, uint64_t blocks)
{
	rig_init_large(r, conf, K, PARITY);
	for (size_t i = 0; i < RIG_OBJECTS; i++)
		r->size[i] = blocks * L_BLOCK;
	rig_join(r);
	rig_info(r, 0, "info");
	in_phase(r, PHASE_RUN, 0, 0);
	assert_string_equal(rig_see(r), "");
}

static inline void begin(struct rx_rig *r, uint64_t blocks)
{
	struct rx_conf conf = rig_conf();

	begin_conf(r, &conf, blocks);
	assert_string_equal(rig_events(r), "O0 ");
}

/* All of a block but its first `lost` symbols. */
static inline void block_without(struct rx_rig *r, uint32_t sbn, uint32_t lost)
{
	struct layout l = rig_layout(r, 0);

	for (uint32_t i = lost; i < layout_k(&l, sbn); i++)
		rig_data(r, 0, sbn, (uint16_t)i);
}

static inline void parity(struct rx_rig *r, uint32_t sbn, uint32_t first, uint32_t end,
			  uint16_t target)
{
	struct layout l = rig_layout(r, 0);

	for (uint32_t p = first; p < end; p++)
		rig_repair(r, 0, sbn, (uint16_t)(layout_k(&l, sbn) + p), target);
}

#endif
