/* request.h - repair requests: the body of NORM_NACK and CMD(REPAIR_ADV) (RFC 5740 §4.3.1). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_REQUEST_H
#define PROTO_REQUEST_H

#include "proto/msg.h"

/*
 * One request after unpacking: a single item has first == last. `flags` is the level (SEGMENT,
 * BLOCK, OBJECT, or INFO alone), with INFO possibly beside it. With form ERASURES first.esi is
 * a count of erasures of the block, not a symbol.
 */
struct request {
	uint8_t form;  /* NACK_FORM_* */
	uint8_t flags; /* NACK_SEGMENT ... */
	uint8_t fec_id;
	uint16_t object_first, object_last;
	struct fpi first, last;
};

struct request_reader {
	struct rd body;  /* requests not opened yet */
	struct rd items; /* items of the open one */
	uint8_t form, flags;
};

/* The body is borrowed until the last request_next(). */
void request_reader_init(struct request_reader *r, const uint8_t *body, size_t len);

/*
 * 1 and the next request, 0 at the end, -EBADMSG when the rest is unusable. An item with an
 * unknown fec_id ends its request; an unknown form or no level flag skips the request. Ranges
 * that run backwards are -EBADMSG. Checks nothing that needs the session's state.
 */
int request_next(struct request_reader *r, struct request *ret);

/*
 * Writes requests into a body. Consecutive ones of equal form and flags share one request
 * header when `merge` is set; otherwise only segments of one block, blocks of one object and
 * whole objects do (what NRL's receivers send).
 */
struct request_writer {
	struct wr w;
	uint8_t *open; /* header of the request that may still grow; NULL: none */
	struct request last;
	uint8_t fec_id;
	bool merge;
};

void request_writer_init(struct request_writer *w, uint8_t *buf, size_t cap, uint8_t fec_id,
			 bool merge);

/* What follows is asked for in another code: its items go under a header of their own. */
void request_writer_code(struct request_writer *w, uint8_t fec_id);

/* Appends one request (its fec_id is ignored; `last` matters to RANGES only). -ENOSPC when it
 * does not fit, -EINVAL for a form or flags that mean nothing; the body stays valid. */
int request_put(struct request_writer *w, const struct request *req);

/* Bytes written so far: a valid body at any time. */
size_t request_writer_len(const struct request_writer *w);

#endif
