/* finisher.h - what may wait for a disk as long as it likes: verified, synced and renamed in a
 * thread of its own, so that the network does not wait.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_FINISHER_H
#define RECEIVER_FINISHER_H

#include "common/worker.h"

/*
 * One request, embedded in whatever it needs. From finisher_submit() until finisher_take() it
 * belongs to the thread, and with it all that serve() touches.
 */
struct finish {
	struct worker_job job; /* the finisher's own */
	void (*serve)(struct finish *finish);
	void *session; /* whose it is */
};

/* `w` has one thread: requests are served one by one in this order. */
void finisher_submit(struct worker *w, struct finish *finish);
/* A request that is done, in the same order; NULL: none. */
struct finish *finisher_take(struct worker *w);

#endif
