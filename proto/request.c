/* request.c - repair requests: the body of NORM_NACK and CMD(REPAIR_ADV). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/request.h"

#include <errno.h>

#include "proto/serial.h"
#include "proto/types.h"

#define REQUEST_HDR_LEN   4
#define REQUEST_ITEMS_MAX UINT16_MAX

void request_reader_init(struct request_reader *r, const uint8_t *body, size_t len)
{
	*r = (struct request_reader){ .body = rd_init(body, len) };
}

/* One level, the finest that is set as in NRL's sender, and INFO beside it; 0: none. */
static uint8_t request_level(uint8_t flags)
{
	static const uint8_t levels[] = { NACK_SEGMENT, NACK_BLOCK, NACK_OBJECT };

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (flags & levels[i])
			return levels[i] | (flags & NACK_INFO);
	return flags & NACK_INFO;
}

static bool known_form(uint8_t form)
{
	return form >= NACK_FORM_ITEMS && form <= NACK_FORM_ERASURES;
}

/* Opens the next request; its items are empty when nothing in it is of use. */
static void open_request(struct request_reader *r)
{
	uint16_t len;

	r->form = rd_u8(&r->body);
	r->flags = request_level(rd_u8(&r->body));
	len = rd_u16(&r->body);
	r->items = rd_sub(&r->body, len);
	if (!known_form(r->form) || r->flags == 0)
		r->items = rd_init(NULL, 0);
}

/* False when the item is of a FEC Encoding ID that we do not know or is cut off (bad). */
static bool read_item(struct rd *items, uint8_t *fec_id, uint16_t *object, struct fpi *fpi)
{
	*fec_id = rd_u8(items);
	rd_skip(items, 1);
	*object = rd_u16(items);
	if (!rd_ok(items) || fpi_len(*fec_id) == 0)
		return false;
	*fpi = fpi_decode(items, *fec_id);
	return rd_ok(items);
}

/* a - b on the circle of this FEC Encoding ID's block numbers: those of streams wrap. */
static int32_t sbn_diff(uint32_t a, uint32_t b, uint8_t fec_id)
{
	unsigned unused = fec_id == FEC_SB_SYST ? 0 : fec_id == FEC_RS8 ? 8 : 16;

	return (int32_t)((a - b) << unused);
}

static bool runs_backwards(const struct request *q)
{
	int objects = serial16_diff(q->object_last, q->object_first);
	int32_t blocks = sbn_diff(q->last.sbn, q->first.sbn, q->fec_id);

	if (objects != 0 || !(q->flags & (NACK_SEGMENT | NACK_BLOCK)))
		return objects < 0;
	if (blocks != 0 || !(q->flags & NACK_SEGMENT))
		return blocks < 0;
	return q->last.esi < q->first.esi;
}

/* 1, 0 when the rest of the open request is to be ignored, -EBADMSG. */
static int read_request(struct request_reader *r, struct request *q)
{
	uint8_t fec_id;

	*q = (struct request){ .form = r->form, .flags = r->flags };
	if (!read_item(&r->items, &q->fec_id, &q->object_first, &q->first))
		return rd_ok(&r->items) ? 0 : -EBADMSG;
	if (r->form != NACK_FORM_RANGES) {
		q->object_last = q->object_first;
		q->last = q->first;
		return 1;
	}
	if (!read_item(&r->items, &fec_id, &q->object_last, &q->last))
		return rd_ok(&r->items) ? 0 : -EBADMSG;
	return fec_id == q->fec_id && !runs_backwards(q) ? 1 : -EBADMSG;
}

int request_next(struct request_reader *r, struct request *ret)
{
	struct request q;
	int n = 0;

	while (n == 0) {
		while (rd_ok(&r->body) && rd_left(&r->items) == 0 && rd_left(&r->body) > 0)
			open_request(r);
		if (!rd_ok(&r->body))
			return -EBADMSG;
		if (rd_left(&r->items) == 0)
			return 0;
		n = read_request(r, &q);
		if (n == 0)
			r->items = rd_init(NULL, 0);
	}
	if (n < 0)
		r->body.bad = true;
	else
		*ret = q;
	return n;
}

void request_writer_init(struct request_writer *w, uint8_t *buf, size_t cap, uint8_t fec_id,
			 bool merge)
{
	*w = (struct request_writer){ .w = wr_init(buf, cap),
				      .fec_id = fec_id,
				      .merge = merge };
}

void request_writer_code(struct request_writer *w, uint8_t fec_id)
{
	if (fec_id == w->fec_id)
		return;
	w->fec_id = fec_id;
	w->open = NULL;
}

/* Whether NRL's receivers would put both under one header: segments of a block, blocks of an
 * object, objects. */
static bool same_unit(const struct request *a, const struct request *b)
{
	if (a->flags & NACK_OBJECT)
		return true;
	if (a->object_first != b->object_first)
		return false;
	return (a->flags & NACK_BLOCK) || a->first.sbn == b->first.sbn;
}

/* Whether `q` of `len` bytes may go under the open header. */
static bool joins(const struct request_writer *w, const struct request *q, size_t len)
{
	if (!w->open || q->form != w->last.form || q->flags != w->last.flags)
		return false;
	if ((size_t)(w->w.p - w->open) - REQUEST_HDR_LEN + len > REQUEST_ITEMS_MAX)
		return false;
	return w->merge || same_unit(&w->last, q);
}

static void write_item(struct request_writer *w, uint16_t object, const struct fpi *fpi)
{
	wr_u8(&w->w, w->fec_id);
	wr_u8(&w->w, 0);
	wr_u16(&w->w, object);
	fpi_encode(fpi, &w->w, w->fec_id);
}

static void write_items_len(struct request_writer *w)
{
	struct wr hdr = wr_init(w->open, REQUEST_HDR_LEN);

	(void)wr_room(&hdr, 2);
	wr_u16(&hdr, (uint16_t)((size_t)(w->w.p - w->open) - REQUEST_HDR_LEN));
}

int request_put(struct request_writer *w, const struct request *req)
{
	bool range = req->form == NACK_FORM_RANGES;
	size_t item_len = 4 + fpi_len(w->fec_id);
	size_t len = range ? 2 * item_len : item_len;
	bool join = joins(w, req, len);

	if (!known_form(req->form) || request_level(req->flags) == 0 || fpi_len(w->fec_id) == 0)
		return -EINVAL;
	if (len + (join ? 0 : REQUEST_HDR_LEN) > wr_left(&w->w))
		return -ENOSPC;
	if (!join) {
		w->open = w->w.p;
		wr_u8(&w->w, req->form);
		wr_u8(&w->w, req->flags);
		wr_u16(&w->w, 0);
	}
	write_item(w, req->object_first, &req->first);
	if (range)
		write_item(w, req->object_last, &req->last);
	write_items_len(w);
	w->last = *req;
	return 0;
}

size_t request_writer_len(const struct request_writer *w)
{
	return wr_len(&w->w);
}
