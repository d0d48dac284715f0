/* msg.c - one NORM message: decoder and encoder (RFC 5740 §4). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/msg.h"

#include <errno.h>

#include "proto/types.h"

size_t fpi_len(uint8_t fec_id)
{
	switch (fec_id) {
	case FEC_RS:
	case FEC_RS8:
		return 4;
	case FEC_SB_SYST:
		return 8;
	default:
		return 0;
	}
}

struct fpi fpi_decode(struct rd *r, uint8_t fec_id)
{
	struct fpi fpi = { 0 };

	switch (fec_id) {
	case FEC_RS:
		fpi.sbn = rd_u16(r);
		fpi.esi = rd_u16(r);
		break;
	case FEC_RS8:
		fpi.sbn = rd_u24(r);
		fpi.esi = rd_u8(r);
		break;
	case FEC_SB_SYST:
		fpi.sbn = rd_u32(r);
		fpi.sbl = rd_u16(r);
		fpi.esi = rd_u16(r);
		break;
	default:
		r->bad = true;
	}
	return fpi;
}

void fpi_encode(const struct fpi *fpi, struct wr *w, uint8_t fec_id)
{
	switch (fec_id) {
	case FEC_RS:
		wr_u16(w, (uint16_t)fpi->sbn);
		wr_u16(w, fpi->esi);
		break;
	case FEC_RS8:
		wr_u24(w, fpi->sbn);
		wr_u8(w, (uint8_t)fpi->esi);
		break;
	case FEC_SB_SYST:
		wr_u32(w, fpi->sbn);
		wr_u16(w, fpi->sbl);
		wr_u16(w, fpi->esi);
		break;
	default:
		w->bad = true;
	}
}

struct cc_node cc_node_decode(struct rd *r)
{
	struct cc_node node;

	node.node_id = rd_u32(r);
	node.flags = rd_u8(r);
	node.rtt = rd_u8(r);
	node.rate = rd_u16(r);
	return node;
}

void cc_node_encode(const struct cc_node *node, struct wr *w)
{
	wr_u32(w, node->node_id);
	wr_u8(w, node->flags);
	wr_u8(w, node->rtt);
	wr_u16(w, node->rate);
}

/* FEC Encoding ID and object of INFO, DATA, CMD(FLUSH), CMD(SQUELCH). */
static int decode_object(struct msg *m, struct rd *r)
{
	m->fec_id = rd_u8(r);
	m->object_id = rd_u16(r);
	return fpi_len(m->fec_id) > 0 ? 0 : -EPROTONOSUPPORT;
}

static int decode_position(struct msg *m, struct rd *r)
{
	int err = decode_object(m, r);

	if (err == 0)
		m->fpi = fpi_decode(r, m->fec_id);
	return err;
}

static int decode_cmd(struct msg *m, struct rd *r)
{
	m->cmd = rd_u8(r);
	switch (m->cmd) {
	case CMD_FLUSH:
	case CMD_SQUELCH:
		return decode_position(m, r);
	case CMD_CC:
		rd_skip(r, 1);
		m->cc_sequence = rd_u16(r);
		m->send_time.sec = rd_u32(r);
		m->send_time.usec = rd_u32(r);
		return 0;
	case CMD_REPAIR_ADV:
		m->flags = rd_u8(r);
		rd_skip(r, 2);
		return 0;
	case CMD_ACK_REQ:
		rd_skip(r, 1);
		m->ack_type = rd_u8(r);
		m->ack_id = rd_u8(r);
		return 0;
	case CMD_EOT:
	case CMD_APPLICATION:
		rd_skip(r, 3);
		return 0;
	default:
		return -EPROTONOSUPPORT;
	}
}

static int decode_sent(struct msg *m, struct rd *r)
{
	uint8_t k_gsize;

	m->instance_id = rd_u16(r);
	m->grtt = rd_u8(r);
	k_gsize = rd_u8(r);
	m->backoff = k_gsize >> 4;
	m->gsize = k_gsize & 15;
	if (m->type == NORM_CMD)
		return decode_cmd(m, r);
	m->flags = rd_u8(r);
	return m->type == NORM_INFO ? decode_object(m, r) : decode_position(m, r);
}

static int decode_feedback(struct msg *m, struct rd *r)
{
	m->server_id = rd_u32(r);
	m->instance_id = rd_u16(r);
	m->ack_type = rd_u8(r); /* reserved in a NACK */
	m->ack_id = rd_u8(r);
	m->grtt_response.sec = rd_u32(r);
	m->grtt_response.usec = rd_u32(r);
	if (m->type == NORM_NACK)
		m->ack_type = m->ack_id = 0;
	return 0;
}

/* What stands between the common header and the extensions. */
static int decode_body(struct msg *m, struct rd *r)
{
	switch (m->type) {
	case NORM_INFO:
	case NORM_DATA:
	case NORM_CMD:
		return decode_sent(m, r);
	case NORM_NACK:
	case NORM_ACK:
		return decode_feedback(m, r);
	default: /* NORM_REPORT: RFC 5740 §4.4 defines no content */
		return -EPROTONOSUPPORT;
	}
}

int msg_decode(struct msg *ret, const uint8_t *pkt, size_t len)
{
	struct rd r = rd_init(pkt, len), hdr = r;
	struct msg m = { 0 };
	uint8_t version_type = rd_u8(&hdr);
	size_t hdr_len = rd_u8(&hdr) * 4;
	int err;

	m.type = version_type & 15;
	m.sequence = rd_u16(&hdr);
	m.source_id = rd_u32(&hdr);
	if (!rd_ok(&hdr))
		return -EBADMSG;
	if (version_type >> 4 != NORM_VERSION)
		return -EPROTONOSUPPORT;
	if (hdr_len < 8 || m.source_id == NORM_NODE_NONE || m.source_id == NORM_NODE_ANY)
		return -EBADMSG;

	hdr = rd_sub(&r, hdr_len);
	rd_skip(&hdr, 8);
	err = decode_body(&m, &hdr);
	if (!rd_ok(&hdr))
		return -EBADMSG;
	if (err == 0)
		err = ext_decode(&m.ext, &hdr, m.fec_id);
	if (err < 0)
		return err;
	m.payload_len = rd_left(&r);
	m.payload = rd_bytes(&r, m.payload_len);
	*ret = m;
	return 0;
}

int msg_peek(struct msg_session *ret, const uint8_t *pkt, size_t len)
{
	struct rd r = rd_init(pkt, len);
	struct msg_session s = { .type = rd_u8(&r) & 15 };

	rd_skip(&r, 3);
	s.source_id = s.sender_id = rd_u32(&r);
	if (s.type == NORM_NACK || s.type == NORM_ACK)
		s.sender_id = rd_u32(&r);
	s.instance_id = rd_u16(&r);
	if (!rd_ok(&r))
		return -EBADMSG;
	*ret = s;
	return 0;
}

static void encode_object(const struct msg *m, struct wr *w)
{
	wr_u8(w, m->fec_id);
	wr_u16(w, m->object_id);
}

static bool encode_cmd(const struct msg *m, struct wr *w)
{
	wr_u8(w, m->cmd);
	switch (m->cmd) {
	case CMD_FLUSH:
	case CMD_SQUELCH:
		encode_object(m, w);
		fpi_encode(&m->fpi, w, m->fec_id);
		return true;
	case CMD_CC:
		wr_u8(w, 0);
		wr_u16(w, m->cc_sequence);
		wr_u32(w, m->send_time.sec);
		wr_u32(w, m->send_time.usec);
		return true;
	case CMD_REPAIR_ADV:
		wr_u8(w, m->flags);
		wr_u16(w, 0);
		return true;
	case CMD_ACK_REQ:
		wr_u8(w, 0);
		wr_u8(w, m->ack_type);
		wr_u8(w, m->ack_id);
		return true;
	case CMD_EOT:
	case CMD_APPLICATION:
		wr_u24(w, 0);
		return true;
	default:
		return false;
	}
}

static bool encode_sent(const struct msg *m, struct wr *w)
{
	wr_u16(w, m->instance_id);
	wr_u8(w, m->grtt);
	wr_u8(w, (uint8_t)(m->backoff << 4 | (m->gsize & 15)));
	if (m->type == NORM_CMD)
		return encode_cmd(m, w);
	wr_u8(w, m->flags);
	encode_object(m, w);
	if (m->type == NORM_DATA)
		fpi_encode(&m->fpi, w, m->fec_id);
	return true;
}

static bool encode_feedback(const struct msg *m, struct wr *w)
{
	wr_u32(w, m->server_id);
	wr_u16(w, m->instance_id);
	wr_u8(w, m->type == NORM_ACK ? m->ack_type : 0);
	wr_u8(w, m->type == NORM_ACK ? m->ack_id : 0);
	wr_u32(w, m->grtt_response.sec);
	wr_u32(w, m->grtt_response.usec);
	return true;
}

static bool encode_body(const struct msg *m, struct wr *w)
{
	switch (m->type) {
	case NORM_INFO:
	case NORM_DATA:
	case NORM_CMD:
		return encode_sent(m, w);
	case NORM_NACK:
	case NORM_ACK:
		return encode_feedback(m, w);
	default:
		return false;
	}
}

/* Whether the header names a FEC Encoding ID. */
static bool has_fec_id(const struct msg *m)
{
	return m->type == NORM_INFO || m->type == NORM_DATA ||
	       (m->type == NORM_CMD && (m->cmd == CMD_FLUSH || m->cmd == CMD_SQUELCH));
}

int msg_encode_header(const struct msg *m, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, MIN(cap, (size_t)NORM_HDR_MAX));
	uint8_t fec_id = has_fec_id(m) ? m->fec_id : 0;
	uint8_t *hdr_len;
	int err;

	if (has_fec_id(m) && fpi_len(fec_id) == 0)
		return -EINVAL;
	wr_u8(&w, (uint8_t)(NORM_VERSION << 4 | m->type));
	hdr_len = wr_room(&w, 1);
	wr_u16(&w, m->sequence);
	wr_u32(&w, m->source_id);
	if (!encode_body(m, &w))
		return -EINVAL;
	err = ext_encode(&m->ext, &w, fec_id);
	if (err < 0)
		return err;
	*hdr_len = (uint8_t)(wr_len(&w) / 4);
	return (int)wr_len(&w);
}

int msg_encode(const struct msg *m, uint8_t *buf, size_t cap)
{
	int hdr_len = msg_encode_header(m, buf, cap);
	struct wr w;

	if (hdr_len < 0)
		return hdr_len;
	w = wr_init(buf, cap);
	(void)wr_room(&w, (size_t)hdr_len);
	wr_bytes(&w, m->payload, m->payload_len);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}

int watermark_decode(struct watermark *ret, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct watermark wm = { .fec_id = rd_u8(&r) };

	rd_skip(&r, 1);
	wm.object_id = rd_u16(&r);
	if (!rd_ok(&r))
		return -EBADMSG;
	if (fpi_len(wm.fec_id) == 0)
		return -EPROTONOSUPPORT;
	wm.fpi = fpi_decode(&r, wm.fec_id);
	if (!rd_done(&r))
		return -EBADMSG;
	*ret = wm;
	return 0;
}

int watermark_encode(const struct watermark *wm, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (fpi_len(wm->fec_id) == 0)
		return -EINVAL;
	wr_u8(&w, wm->fec_id);
	wr_u8(&w, 0);
	wr_u16(&w, wm->object_id);
	fpi_encode(&wm->fpi, &w, wm->fec_id);
	return wr_ok(&w) ? (int)wr_len(&w) : -ENOSPC;
}
