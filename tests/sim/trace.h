/* trace.h - a line for everything that happens, for those who replay a seed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

#include "tests/sim/packet.h"

void trace_note(nsec_t now, const char *who, uint32_t id, const char *what, uint64_t value);
void trace_packet(nsec_t now, const char *who, uint32_t id, const struct packet *p);

#endif
