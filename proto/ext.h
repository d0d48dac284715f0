/* ext.h - NORM header extensions. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_EXT_H
#define PROTO_EXT_H

#include "proto/bytes.h"

/* EXT_FTI (RFC 5740 §4.2.1, RFC 5445 §5.2.2.2, RFC 5510). */
struct fti {
	uint64_t object_size;     /* 48 bits; for a stream the sender's buffer size */
	uint16_t segment_size;    /* E, encoding symbol length in bytes */
	uint16_t max_block_len;   /* B, source symbols of the largest block */
	uint16_t num_parity;      /* parity symbols of a block: NRL's reading of the field */
	uint16_t fec_instance_id; /* FEC ID 129 only */
	uint8_t m, g;             /* FEC ID 2 only: field width, symbols a packet */
};

/* EXT_CC (RFC 5740 §4.2.3.5); quantised fields stay as they are on the wire (quant.h). */
struct ext_cc {
	uint16_t cc_sequence;
	uint8_t cc_flags;
	uint8_t cc_rtt;
	uint16_t cc_loss;
	uint16_t cc_rate;
	uint16_t reserved; /* NRL: low half of a 32-bit loss */
};

/* Ours, on ACK(FLUSH): what a receiver has besides what it was sent (doc/PROTOCOL.md). */
struct ext_holdings {
	bool holds;     /* something that may be part of the job */
	bool busy;      /* it does not know yet what to ask for */
	uint16_t lacks; /* what is missing of all objects, in 65535ths, rounded up */
};

enum {
	EXT_HAS_AUTH = 1 << 0,
	EXT_HAS_CC = 1 << 1,
	EXT_HAS_FTI = 1 << 2,
	EXT_HAS_APP_ACK = 1 << 3,
	EXT_HAS_RATE = 1 << 4,
	EXT_HAS_TARGET = 1 << 5,
	EXT_HAS_HOLDINGS = 1 << 6,
};

/* The extensions of one message, in the order in which they are encoded. */
struct exts {
	unsigned present; /* EXT_HAS_* */
	struct ext_cc cc;
	const uint8_t *auth; /* content after HET and HEL; borrowed */
	size_t auth_len;     /* 2 mod 4 */
	struct fti fti;
	const uint8_t *app_ack; /* content after HET and HEL; borrowed */
	size_t app_ack_len;     /* encoder pads it to 2 mod 4 */
	uint16_t send_rate;     /* EXT_RATE, quantised */
	uint16_t target;        /* ours: parity target of the block (doc/PROTOCOL.md) */
	struct ext_holdings holdings;
};

/*
 * Reads all extensions from `r` up to its end. fec_id decides the layout of EXT_FTI. Unknown
 * types are skipped. A repeated known type, a HEL of 0, one that runs past the end, or a wrong
 * HEL for a known type: -EBADMSG. An FTI whose E or B is 0: -EBADMSG.
 */
int ext_decode(struct exts *ret, struct rd *r, uint8_t fec_id);

/* Writes those that are present. -ENOSPC when they do not fit; -EINVAL for a bad length. */
int ext_encode(const struct exts *e, struct wr *w, uint8_t fec_id);

#endif
