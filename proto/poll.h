/* poll.h - POLL: who lacks symbols of blocks that were sent (doc/PROTOCOL.md, "POLL"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_POLL_H
#define PROTO_POLL_H

#include "proto/types.h"

/* Payload of CMD(APPLICATION) kind POLL. */
struct poll {
	uint16_t object_id;
	uint32_t sbn;
	uint16_t n_blocks;  /* so many from sbn on; at least 1 */
	uint16_t threshold; /* D: who lacks so many symbols speaks first */
	uint16_t step;      /* S: how much less makes one slot later; at least 1 */
	uint16_t target;    /* T: so much parity of each comes unasked */
};

#define POLL_LEN 20

/* The length, -ENOSPC, or -EINVAL for a value that our decoder would refuse. */
int poll_encode(const struct poll *p, uint8_t *buf, size_t cap);
/* -EPROTONOSUPPORT: another kind, or some other application's command. -EBADMSG. */
int poll_decode(struct poll *ret, const uint8_t *buf, size_t len);

#endif
