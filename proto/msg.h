/* msg.h - one NORM message: decoded form, decoder, encoder (RFC 5740 §4). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_MSG_H
#define PROTO_MSG_H

#include "proto/bytes.h"
#include "proto/ext.h"
#include "proto/wire.h"

/* fec_payload_id: FEC ID 5: 24 + 8 bits; FEC ID 2 (read as m = 16): 16 + 16; FEC ID 129: 32 +
 * 16 + 16. */
struct fpi {
	uint32_t sbn; /* source block number */
	uint16_t sbl; /* source block length; 0 unless FEC ID 129 */
	uint16_t esi; /* encoding symbol id: < k source, >= k parity */
};

/* send_time and grtt_response: the sender's clock, opaque to receivers except for adding to it.
 */
struct norm_time {
	uint32_t sec, usec;
};

/* Which fields mean something depends on type and, for NORM_CMD, on cmd. */
struct msg {
	uint8_t type; /* enum norm_type */
	uint16_t sequence;
	uint32_t source_id;

	/* sender messages: INFO, DATA, CMD */
	uint16_t instance_id; /* feedback, too: copied from the sender */
	uint8_t grtt;         /* quant_rtt */
	uint8_t backoff;      /* K, 0..15 */
	uint8_t gsize;        /* quant_gsize, 0..15 */

	/* INFO, DATA, CMD(FLUSH), CMD(SQUELCH) */
	uint8_t flags; /* INFO, DATA: NORM_FLAG_*; CMD(REPAIR_ADV): NORM_REPAIR_ADV_LIMIT */
	uint8_t fec_id;
	uint16_t object_id; /* object_transport_id */
	struct fpi fpi;     /* not INFO */

	uint8_t cmd;                /* enum norm_cmd */
	uint16_t cc_sequence;       /* CMD(CC) */
	struct norm_time send_time; /* CMD(CC) */

	/* NACK, ACK */
	uint32_t server_id;
	struct norm_time grtt_response;
	uint8_t ack_type; /* ACK, CMD(ACK_REQ) */
	uint8_t ack_id;   /* ACK, CMD(ACK_REQ) */

	struct exts ext;
	const uint8_t *payload; /* borrowed from the packet; what follows hdr_len */
	size_t payload_len;
};

/* The object position that CMD(FLUSH) names and ACK(FLUSH) echoes as its content (RFC 5740
 * §4.3.2). */
struct watermark {
	uint8_t fec_id;
	uint16_t object_id;
	struct fpi fpi;
};

/* One entry of the cc_node_list of CMD(CC) (RFC 5740 §4.2.3.4). */
struct cc_node {
	uint32_t node_id;
	uint8_t flags, rtt;
	uint16_t rate;
};

/*
 * Decodes a datagram. -EBADMSG: malformed. -EPROTONOSUPPORT: another version, type, sub-type or
 * FEC Encoding ID than we know. Reserved source ids (NONE, ANY) are malformed. Nothing is
 * asserted about relations between fields (a session checks esi against its layout).
 */
int msg_decode(struct msg *ret, const uint8_t *pkt, size_t len);

/* Which session a message belongs to, as far as that can be said without decoding all of it. */
struct msg_session {
	uint8_t type;       /* enum norm_type, or any other */
	uint32_t source_id; /* who sent it */
	uint32_t sender_id; /* whose session: NACK and ACK name it, the others are its own */
	uint16_t instance_id;
};

/* -EBADMSG: too short to tell. */
int msg_peek(struct msg_session *ret, const uint8_t *pkt, size_t len);

/*
 * Encodes the header with its extensions; the payload is not copied (scatter lists). Returns
 * its length, -ENOSPC, or -EINVAL for a type that has no encoding.
 */
int msg_encode_header(const struct msg *m, uint8_t *buf, size_t cap);

/* Header and payload. Returns the length or as above. */
int msg_encode(const struct msg *m, uint8_t *buf, size_t cap);

/* Length of a fec_payload_id: 4 or 8 bytes; 0 for an unknown FEC Encoding ID. */
size_t fpi_len(uint8_t fec_id);
struct fpi fpi_decode(struct rd *r, uint8_t fec_id);
void fpi_encode(const struct fpi *fpi, struct wr *w, uint8_t fec_id);

/* One entry of a cc_node_list; the cursor turns bad when it does not fit. */
struct cc_node cc_node_decode(struct rd *r);
void cc_node_encode(const struct cc_node *node, struct wr *w);

/* Content of ACK(FLUSH). -EBADMSG, -EPROTONOSUPPORT. */
int watermark_decode(struct watermark *ret, const uint8_t *buf, size_t len);
int watermark_encode(const struct watermark *wm, uint8_t *buf, size_t cap);

#endif
