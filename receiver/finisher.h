/* finisher.h - files that are complete: verified, synced and renamed in a thread of their own,
 * so that the network does not wait.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_FINISHER_H
#define RECEIVER_FINISHER_H

#include "common/worker.h"
#include "receiver/sink_file.h"

/* One request. From finisher_submit() until finisher_take() it belongs to the thread, and with
 * it the sink. */
struct finish {
	struct worker_job job; /* the finisher's own */
	struct sink_file *sink;
	bool has_expected;
	uint8_t expected[SHA256_LEN];
	int result;                 /* of sink_finish() */
	uint8_t digest[SHA256_LEN]; /* when the result is 0 or -EBADMSG */
	void *owner;                /* the caller's own */
};

/* `w` has one thread: requests are served one by one in this order. */
void finisher_submit(struct worker *w, struct finish *finish);
/* A request that is done, in the same order; NULL: none. */
struct finish *finisher_take(struct worker *w);

#endif
