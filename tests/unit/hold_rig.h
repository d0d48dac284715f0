/* hold_rig.h - rx_rig.h with an object of which something is here already. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_HOLD_RIG_H
#define TESTS_UNIT_HOLD_RIG_H

#include "tests/unit/rx_rig.h"

#define K      40 /* symbols of a large block */
#define PARITY 20

static inline void in_phase(struct rx_rig *r, uint8_t phase)
{
	rig_probe(r, (struct probe){ .phase = phase, .end_known = true, .end_object = 1 }, true,
		  false);
}

/* Object 0 of `blocks` blocks, less a half symbol, is accepted. */
static inline void begin_conf(struct rx_rig *r, const struct rx_conf *conf, uint8_t phase,
			      bool large, unsigned blocks)
{
	if (large)
		rig_init_large(r, conf, K, PARITY);
	else
		rig_init(r, conf);
	r->size[0] = (uint64_t)blocks * r->block_len * RIG_E - RIG_E / 2;
	r->keep = true;
	rig_join(r);
	rig_info(r, 0, "info");
	in_phase(r, phase);
	assert_string_equal(rig_events(r), "O0 ");
}

static inline void begin_in(struct rx_rig *r, uint8_t phase, bool large, unsigned blocks)
{
	struct rx_conf conf = rig_conf();

	begin_conf(r, &conf, phase, large, blocks);
}

static inline void begin(struct rx_rig *r, bool large, unsigned blocks)
{
	begin_in(r, PHASE_CATCHUP, large, blocks);
}

#endif
