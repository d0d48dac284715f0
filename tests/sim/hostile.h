/* hostile.h - strangers who send what nobody asked for. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_HOSTILE_H
#define TESTS_SIM_HOSTILE_H

#include "tests/sim/sim.h"

/* Throws a few packets in, and comes again soon. */
void hostile_act(struct sim *sim);

#endif
