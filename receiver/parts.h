/* parts.h - a file of unknown size on its way into a tree, one verified part after the other
 * (doc/PROTOCOL.md, "A job of unknown size").
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_PARTS_H
#define RECEIVER_PARTS_H

#include "common/digest.h"
#include "proto/jobinfo.h"
#include "receiver/sink.h"
#include "receiver/tree.h"

#define PARTS_ASK_MAX 2 /* times that a part is asked for again */

/*
 *	IDLE --parts_offer()--> OFFERED --parts_open()--> COMING --all bytes are there-->
 *	COMPLETE --parts_verify(), parts_next()--> IDLE, or ENDED behind the last
 *	COMPLETE --parts_verify(), parts_again()--> COMING
 */
enum parts_state {
	PARTS_IDLE,
	PARTS_OFFERED,
	PARTS_COMING,
	PARTS_COMPLETE, /* the finisher's, in parts_verify() */
	PARTS_ENDED,
};

/* To be zeroed at first. */
struct parts {
	enum parts_state state;
	struct sink sink;  /* of the part that is coming */
	struct tree *tree; /* borrowed */
	uint64_t object;   /* ... as which it comes */
	uint64_t offset;   /* ... in the file */
	bool last;
	uint8_t expected[SHA256_LEN];
	unsigned asked;
	uint64_t end;          /* of what is verified: where the next one begins */
	struct digest *digest; /* of the first `hashed` bytes of the part */
	uint64_t hashed;
};

void parts_fini(struct parts *p);

/* A part of `size` bytes. -ESTALE: it is not the next one, so that others are gone for good;
 * -EBADMSG: no sender of ours says so. */
int parts_offer(struct parts *p, uint64_t object, const struct jobinfo *info, uint64_t size);
/* It may be written from now on. -ENOMEM. */
int parts_open(struct parts *p, struct tree *tree);

/* In the finisher: 0, -EBADMSG (it is not what its digest says) or -errno. */
int parts_verify(struct parts *p);
/* It is to come once more; false: it was asked for often enough. */
bool parts_again(struct parts *p);
/* It was verified. */
void parts_next(struct parts *p);

#endif
