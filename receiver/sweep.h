/* sweep.h - what receivers that were killed have left in the output directory. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SWEEP_H
#define RECEIVER_SWEEP_H

#include <stdatomic.h>

#include "common/worker.h"
#include "proto/types.h"

#define SWEEP_DAYS 7 /* without a change */

/*
 * Removes temporary files (receiver/sink_file.h) that did not change for SWEEP_DAYS before
 * `wall`, in seconds since 1970, from `dirfd` and the directories of its file system down to
 * `depth` below; SWEEP_ENTRIES names are looked at, at most, and none after `stop`. How
 * many.
 */
#define SWEEP_ENTRIES 1000000
#define SWEEP_DEPTH   32
unsigned sweep_parts(int dirfd, unsigned depth, int64_t wall, const atomic_bool *stop);

/* Does so in a thread of its own, at once and every day. */
struct sweep;

/* dirfd is borrowed. What worker_new() says. */
int sweep_new(struct sweep **ret, int dirfd, unsigned depth, struct loop *loop);
/* NULL is fine. */
void sweep_free(struct sweep *s);

/* Begins when it is time to; says what was removed. */
void sweep_go(struct sweep *s, nsec_t now);
/* When to call sweep_go() again. */
nsec_t sweep_deadline(const struct sweep *s);

#endif
