/* shape.h - how large packets and blocks are. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SHAPE_H
#define SENDER_SHAPE_H

#include "sender/conf.h"

/* Chooses --segment auto; what is too large for the interface's MTU is refused. 0, or -EINVAL,
 * which was logged. */
int shape_segment(struct conf *c, const struct netplan *plan);

/*
 * Chooses --fec-id auto for an object of that size, and small blocks for --fec auto if --memory
 * has no room for large ones. 0, or -EINVAL: what was asked for cannot be, which was logged.
 */
int shape_code(struct conf *c, uint64_t largest);

#endif
