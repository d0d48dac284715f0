/* work.h - slow work that a session hands out as a request and takes back as an input. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_WORK_H
#define PROTO_WORK_H

#include "proto/fft16.h"

enum work_op {
	WORK_READ = 1, /* object bytes into `data` */
	WORK_WRITE,    /* `data` into the object */
	WORK_ENCODE,   /* parity of a block */
	WORK_DECODE,   /* missing source symbols of a block */
	WORK_ADD,      /* large blocks: the share of some source symbols in the parity */
	WORK_SOLVE, /* large blocks: lost source symbols from parity without the others' share
		     */
};

/*
 * A request is a value; the memory it points to belongs to the session and is not touched by it
 * until the request came back through x_done(). Requests may be served in any order and from
 * another thread, but those with the same `codec` or `large` only one at a time.
 */
struct work {
	enum work_op op;
	uint32_t slot; /* the session's own; hand it back unchanged */

	uint64_t object; /* READ, WRITE: object number in the session */
	uint64_t offset; /* READ, WRITE: bytes from the object's start */
	uint8_t *data;   /* READ, WRITE: object bytes; ENCODE, DECODE: k symbols back to back */
	size_t len;      /* READ, WRITE: bytes */

	struct rs *codec;
	unsigned k;
	size_t symbol_len;
	uint16_t *esi;     /* DECODE: see rs_decode() */
	unsigned first, n; /* ENCODE: which parity symbols */
	uint8_t *parity;   /* ENCODE: where they go */

	struct fft16 *large;                /* ADD, SOLVE: fft16_add(), fft16_decode() of */
	struct fft16_block block;           /* these source symbols */
	const struct fft16_parity *symbols; /* and n parity symbols, */
	const uint16_t *lost;               /* SOLVE: for these n */
};

/* Serves an ENCODE or DECODE. 0, or what the codec says; -EINVAL for another op. */
int work_codec(const struct work *w);

#endif
