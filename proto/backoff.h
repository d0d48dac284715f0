/* backoff.h - NORM's truncated exponential back-off (RFC 5401 §3.2.2). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_BACKOFF_H
#define PROTO_BACKOFF_H

#include "proto/types.h"

/*
 * A random time in 0 .. max with most of its mass near max, such that in a group of gsize the
 * expected number of early answers stays small. max <= 0 gives 0; gsize < 1 counts as 1.
 */
nsec_t backoff_random(struct rng *rng, nsec_t max, double gsize);

#endif
