/* finisher.h - a thread that hashes, syncs and renames files, so that the network does not
 * wait.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_FINISHER_H
#define RECEIVER_FINISHER_H

#include "common/loop.h"
#include "receiver/sink_file.h"

enum finish_op {
	FINISH_HASH,  /* sink_hash() up to `end` */
	FINISH_STORE, /* sink_finish() */
};

/*
 * One request. It belongs to the finisher, and with it the sink but for sink_write_at() and
 * sink_read_at(), from finisher_submit() until finisher_take() gives it back.
 */
struct finish {
	enum finish_op op;
	struct sink_file *sink;
	uint64_t end;                 /* HASH */
	bool has_expected;            /* STORE */
	uint8_t expected[SHA256_LEN]; /* STORE */
	int result;                   /* of the sink's function */
	uint8_t digest[SHA256_LEN];   /* STORE, when the result is 0 or -EBADMSG */
	void *owner;                  /* the caller's own */
	struct finish *next;          /* the finisher's own */
};

struct finisher;

/* Starts the thread, which calls loop_wake() for each request that is done. -ENOMEM, -EAGAIN.
 */
int finisher_new(struct finisher **ret, struct loop *loop);
/* Ends the thread after the request in hand; what waits is not done. NULL is fine. */
void finisher_free(struct finisher *f);

/*
 * Whether the loop has more to do than it can, so that what a thread can do is left to it. Set
 * and asked in the loop's thread.
 */
void finisher_rush(struct finisher *f, bool rushed);
bool finisher_rushed(const struct finisher *f);

/* Requests are served one by one in this order. */
void finisher_submit(struct finisher *f, struct finish *job);
/* A request that is done, in the same order; NULL: none. */
struct finish *finisher_take(struct finisher *f);

#endif
