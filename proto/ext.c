/* ext.c - NORM header extensions. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/ext.h"

#include <errno.h>

#include "proto/wire.h"

/* Extension types from here on have a fixed length of one word and no HEL. */
#define HET_FIXED 128

#define HOLDINGS_HOLDS 0x01
#define HOLDINGS_BUSY  0x02

#define CC_LEN      12
#define FIXED_LEN   4
#define CONTENT_MAX (255 * 4 - 2) /* HEL counts words in a byte */

/* 0: no EXT_FTI is defined for this FEC Encoding ID. */
static size_t fti_len(uint8_t fec_id)
{
	switch (fec_id) {
	case FEC_RS8:
		return 12;
	case FEC_RS:
	case FEC_SB_SYST:
		return 16;
	default:
		return 0;
	}
}

static bool decode_fti(struct fti *f, struct rd *r, uint8_t fec_id)
{
	f->object_size = rd_u48(r);
	switch (fec_id) {
	case FEC_RS8:
		f->segment_size = rd_u16(r);
		f->max_block_len = rd_u8(r);
		f->num_parity = rd_u8(r);
		break;
	case FEC_RS:
		f->m = rd_u8(r);
		f->g = rd_u8(r);
		f->segment_size = rd_u16(r);
		f->max_block_len = rd_u16(r);
		f->num_parity = rd_u16(r);
		break;
	case FEC_SB_SYST:
		f->fec_instance_id = rd_u16(r);
		f->segment_size = rd_u16(r);
		f->max_block_len = rd_u16(r);
		f->num_parity = rd_u16(r);
		break;
	default:
		return false;
	}
	return rd_done(r) && f->segment_size > 0 && f->max_block_len > 0;
}

static void decode_cc(struct ext_cc *cc, struct rd *r)
{
	cc->cc_sequence = rd_u16(r);
	cc->cc_flags = rd_u8(r);
	cc->cc_rtt = rd_u8(r);
	cc->cc_loss = rd_u16(r);
	cc->cc_rate = rd_u16(r);
	cc->reserved = rd_u16(r);
}

/* What follows HET in a fixed extension. */
static uint16_t decode_fixed(struct rd *r)
{
	rd_skip(r, 1); /* reserved */
	return rd_u16(r);
}

static void decode_holdings(struct ext_holdings *h, struct rd *r)
{
	uint8_t flags = rd_u8(r);

	h->holds = flags & HOLDINGS_HOLDS;
	h->busy = flags & HOLDINGS_BUSY;
	h->lacks = rd_u16(r);
}

/* The EXT_HAS_* bit of a type that we know in a message with this FEC Encoding ID, or 0. */
static unsigned present_bit(uint8_t het, uint8_t fec_id)
{
	switch (het) {
	case HET_AUTH:
		return EXT_HAS_AUTH;
	case HET_CC:
		return EXT_HAS_CC;
	case HET_FTI:
		return fti_len(fec_id) ? EXT_HAS_FTI : 0;
	case HET_APP_ACK:
		return EXT_HAS_APP_ACK;
	case HET_RATE:
		return EXT_HAS_RATE;
	case HET_TARGET:
		return EXT_HAS_TARGET;
	case HET_HOLDINGS:
		return EXT_HAS_HOLDINGS;
	default:
		return 0;
	}
}

/* `r` holds exactly what follows HET (and HEL, where there is one). */
static bool decode_known(struct exts *e, unsigned bit, struct rd *r, uint8_t fec_id)
{
	switch (bit) {
	case EXT_HAS_AUTH:
		e->auth_len = rd_left(r);
		e->auth = rd_bytes(r, e->auth_len);
		break;
	case EXT_HAS_CC:
		decode_cc(&e->cc, r);
		break;
	case EXT_HAS_FTI:
		return decode_fti(&e->fti, r, fec_id);
	case EXT_HAS_APP_ACK:
		e->app_ack_len = rd_left(r);
		e->app_ack = rd_bytes(r, e->app_ack_len);
		break;
	case EXT_HAS_RATE:
		e->send_rate = decode_fixed(r);
		break;
	case EXT_HAS_TARGET:
		e->target = decode_fixed(r);
		break;
	case EXT_HAS_HOLDINGS:
		decode_holdings(&e->holdings, r);
		break;
	}
	return rd_done(r);
}

int ext_decode(struct exts *ret, struct rd *r, uint8_t fec_id)
{
	struct exts e = { 0 };

	while (rd_left(r) > 0) {
		uint8_t het = rd_u8(r);
		struct rd content;
		unsigned bit;

		if (het < HET_FIXED) {
			size_t hel = rd_u8(r);

			if (hel == 0)
				return -EBADMSG;
			content = rd_sub(r, hel * 4 - 2);
		} else {
			content = rd_sub(r, FIXED_LEN - 1);
		}
		bit = present_bit(het, fec_id);
		if (!rd_ok(r) || (e.present & bit))
			return -EBADMSG;
		if (bit && !decode_known(&e, bit, &content, fec_id))
			return -EBADMSG;
		e.present |= bit;
	}
	if (!rd_ok(r))
		return -EBADMSG;
	*ret = e;
	return 0;
}

/* HET, HEL and content of a variable extension, padded with zeros to a word. */
static size_t variable_len(size_t content_len)
{
	return (2 + content_len + 3) / 4 * 4;
}

static void encode_variable(struct wr *w, uint8_t het, const uint8_t *content, size_t len)
{
	wr_u8(w, het);
	wr_u8(w, (uint8_t)(variable_len(len) / 4));
	wr_bytes(w, content, len);
	wr_uint(w, 0, variable_len(len) - 2 - len);
}

static void encode_fixed(struct wr *w, uint8_t het, uint8_t flags, uint16_t content)
{
	wr_u8(w, het);
	wr_u8(w, flags);
	wr_u16(w, content);
}

static uint8_t holdings_flags(const struct ext_holdings *h)
{
	return (h->holds ? HOLDINGS_HOLDS : 0) | (h->busy ? HOLDINGS_BUSY : 0);
}

static void encode_cc(struct wr *w, const struct ext_cc *cc)
{
	wr_u8(w, HET_CC);
	wr_u8(w, CC_LEN / 4);
	wr_u16(w, cc->cc_sequence);
	wr_u8(w, cc->cc_flags);
	wr_u8(w, cc->cc_rtt);
	wr_u16(w, cc->cc_loss);
	wr_u16(w, cc->cc_rate);
	wr_u16(w, cc->reserved);
}

static void encode_fti(struct wr *w, const struct fti *f, uint8_t fec_id)
{
	size_t wide = fec_id == FEC_RS8 ? 1 : 2;

	wr_u8(w, HET_FTI);
	wr_u8(w, (uint8_t)(fti_len(fec_id) / 4));
	wr_u48(w, f->object_size);
	if (fec_id == FEC_RS) {
		wr_u8(w, f->m);
		wr_u8(w, f->g);
	} else if (fec_id == FEC_SB_SYST) {
		wr_u16(w, f->fec_instance_id);
	}
	wr_u16(w, f->segment_size);
	wr_uint(w, f->max_block_len, wide);
	wr_uint(w, f->num_parity, wide);
}

/* What we write, our decoder accepts and reads back as it was. */
static bool encodable(const struct exts *e, uint8_t fec_id)
{
	const struct fti *f = &e->fti;
	unsigned wide = fec_id == FEC_RS8 ? UINT8_MAX : UINT16_MAX;

	if ((e->present & EXT_HAS_AUTH) && (e->auth_len % 4 != 2 || e->auth_len > CONTENT_MAX))
		return false;
	if ((e->present & EXT_HAS_APP_ACK) && e->app_ack_len > CONTENT_MAX)
		return false;
	if (!(e->present & EXT_HAS_FTI))
		return true;
	return fti_len(fec_id) > 0 && f->object_size < NORM_OBJECT_MAX && f->segment_size > 0 &&
	       f->max_block_len > 0 && f->max_block_len <= wide && f->num_parity <= wide;
}

int ext_encode(const struct exts *e, struct wr *w, uint8_t fec_id)
{
	if (!encodable(e, fec_id))
		return -EINVAL;
	if (e->present & EXT_HAS_CC) /* libnorm looks at the first extension of a NACK only */
		encode_cc(w, &e->cc);
	if (e->present & EXT_HAS_AUTH)
		encode_variable(w, HET_AUTH, e->auth, e->auth_len);
	if (e->present & EXT_HAS_FTI)
		encode_fti(w, &e->fti, fec_id);
	if (e->present & EXT_HAS_APP_ACK)
		encode_variable(w, HET_APP_ACK, e->app_ack, e->app_ack_len);
	if (e->present & EXT_HAS_RATE)
		encode_fixed(w, HET_RATE, 0, e->send_rate);
	if (e->present & EXT_HAS_TARGET)
		encode_fixed(w, HET_TARGET, 0, e->target);
	if (e->present & EXT_HAS_HOLDINGS)
		encode_fixed(w, HET_HOLDINGS, holdings_flags(&e->holdings), e->holdings.lacks);
	return wr_ok(w) ? 0 : -ENOSPC;
}
