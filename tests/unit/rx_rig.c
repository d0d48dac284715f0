/* rx_rig.c - a receiver session on a bench. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rx_rig.h"

#include "proto/quant.h"
#include "proto/rs.h"

struct rx_conf rig_conf(void)
{
	return (struct rx_conf){
		.node_id = RIG_NODE,
		.sender_id = RIG_SENDER,
		.instance_id = 7,
		.host = "host",
		.seed = 1,
	};
}

void rig_init(struct rx_rig *r, const struct rx_conf *conf)
{
	*r = (struct rx_rig){
		.now = 100 * NSEC_PER_SEC,
		.grtt = quant_rtt_decode(quant_rtt_encode(10 * MS)),
		.fec_id = FEC_RS8,
		.flags = NORM_FLAG_FILE | NORM_FLAG_INFO,
		.block_len = RIG_B,
		.n_parity = RIG_PARITY,
	};
	assert_int_equal(rx_new(&r->rx, conf, r->now), 0);
	assert_int_equal(rs_new(&r->rs, RIG_B, RIG_PARITY), 0);
}

void rig_init_large(struct rx_rig *r, const struct rx_conf *conf, uint16_t block_len,
		    uint16_t n_parity)
{
	rig_init(r, conf);
	r->large = true;
	r->fec_id = FEC_SB_SYST;
	r->block_len = block_len;
	r->n_parity = n_parity;
	assert_true(block_len <= RIG_LARGE);
	assert_int_equal(fft16_new(&r->fft16, block_len, n_parity), 0);
}

void rig_fini(struct rx_rig *r)
{
	rx_free(r->rx);
	rs_free(r->rs);
	fft16_free(r->fft16);
	for (size_t i = 0; i < RIG_OBJECTS; i++)
		free(r->sink[i]);
}

void rig_join(struct rx_rig *r)
{
	r->sow = true;
	rig_probe(r, (struct probe){ .phase = PHASE_WAIT }, true, false);
	assert_string_equal(rig_events(r), "J ");
}

uint8_t rig_byte(uint16_t object, uint64_t offset)
{
	struct rng rng = rng_init((uint64_t)object << 40 ^ offset);

	return (uint8_t)rng_u64(&rng);
}

struct layout rig_layout(const struct rx_rig *r, uint16_t object)
{
	struct layout l;

	assert_int_equal(layout_init(&l, r->size[object % RIG_OBJECTS], RIG_E, r->block_len),
			 0);
	return l;
}

/* --- what the sender sends --- */

int rig_send(struct rx_rig *r, struct msg *m)
{
	uint8_t buf[2000];
	int len;

	m->source_id = RIG_SENDER;
	m->instance_id = 7;
	m->sequence = r->sequence++;
	m->grtt = quant_rtt_encode(r->grtt);
	m->backoff = r->backoff;
	m->gsize = r->gsize;
	len = msg_encode(m, buf, sizeof(buf));
	assert_true(len > 0);
	return rx_input(r->rx, r->now, buf, (size_t)len);
}

struct msg rig_cmd(enum norm_cmd cmd)
{
	return (struct msg){ .type = NORM_CMD, .cmd = (uint8_t)cmd };
}

static struct exts fti(const struct rx_rig *r, uint16_t object)
{
	return (struct exts){
		.present = EXT_HAS_FTI,
		.fti = { .object_size = r->size[object % RIG_OBJECTS],
			 .segment_size = RIG_E,
			 .max_block_len = r->block_len,
			 .num_parity = r->n_parity,
			 .fec_instance_id = r->large ? FEC_INSTANCE_LARGE : 0 },
	};
}

void rig_info(struct rx_rig *r, uint16_t object, const char *content)
{
	struct msg m = {
		.type = NORM_INFO,
		.flags = r->flags,
		.fec_id = r->fec_id,
		.object_id = object,
		.ext = fti(r, object),
		.payload = (const uint8_t *)content,
		.payload_len = strlen(content),
	};

	assert_int_equal(rig_send(r, &m), 0);
	rig_work(r);
}

/* The k source symbols of a block, zero-padded. */
static uint32_t source(const struct rx_rig *r, uint16_t object, uint32_t sbn, uint8_t *buf)
{
	struct layout l = rig_layout(r, object);
	size_t len = layout_block_bytes(&l, sbn);

	memset(buf, 0, (size_t)RIG_E * RIG_LARGE);
	for (size_t i = 0; i < len; i++)
		buf[i] = rig_byte(object, layout_offset(&l, sbn) + i);
	return layout_k(&l, sbn);
}

static void encode(const struct rx_rig *r, uint32_t k, uint8_t *source, uint32_t p,
		   uint8_t *parity)
{
	struct fft16_parity symbol = { p, parity };
	uint8_t *src[RIG_LARGE];

	for (uint32_t i = 0; i < k; i++)
		src[i] = source + (size_t)i * RIG_E;
	if (r->large)
		assert_int_equal(fft16_encode(r->fft16,
					      &(struct fft16_block){ k, RIG_E, src, 0 },
					      &symbol, 1),
				 0);
	else
		assert_int_equal(rs_encode(r->rs, k, source, RIG_E, p, 1, parity), 0);
}

static void data(struct rx_rig *r, struct msg *m)
{
	struct layout l = rig_layout(r, m->object_id);
	uint8_t buf[RIG_E * RIG_LARGE], parity[RIG_E];
	uint32_t k;

	assert_true(m->fpi.sbn < l.n_blocks);
	k = source(r, m->object_id, m->fpi.sbn, buf);
	m->fpi.sbl = (uint16_t)k;
	m->type = NORM_DATA;
	m->flags |= r->flags;
	m->fec_id = r->fec_id;
	if (r->fti_in_data)
		m->ext = fti(r, m->object_id);
	if (m->fpi.esi < k) {
		m->payload = buf + m->fpi.esi * RIG_E;
		m->payload_len = layout_segment_bytes(&l, m->fpi.sbn, m->fpi.esi);
	} else {
		encode(r, k, buf, m->fpi.esi - k, parity);
		m->payload = parity;
		m->payload_len = RIG_E;
	}
	assert_int_equal(rig_send(r, m), 0);
	rig_work(r);
}

void rig_data(struct rx_rig *r, uint16_t object, uint32_t sbn, uint16_t esi)
{
	struct msg m = { .object_id = object, .fpi = { .sbn = sbn, .esi = esi } };

	data(r, &m);
}

void rig_repair(struct rx_rig *r, uint16_t object, uint32_t sbn, uint16_t esi, uint16_t target)
{
	struct msg m = { .object_id = object,
			 .fpi = { .sbn = sbn, .esi = esi },
			 .flags = NORM_FLAG_REPAIR,
			 .ext = { .present = EXT_HAS_TARGET, .target = target } };

	data(r, &m);
}

void rig_block_without(struct rx_rig *r, uint16_t object, uint32_t sbn, unsigned lost)
{
	struct layout l = rig_layout(r, object);

	for (uint32_t i = 0; i < layout_k(&l, sbn); i++)
		if (i >= 32 || !(lost >> i & 1))
			rig_data(r, object, sbn, (uint16_t)i);
}

void rig_blocks(struct rx_rig *r, uint16_t object, uint32_t first, uint32_t end)
{
	if (!first)
		rig_info(r, object, "info");
	for (uint32_t sbn = first; sbn < end; sbn++)
		rig_block_without(r, object, sbn, 0);
}

void rig_flush(struct rx_rig *r, uint16_t object, uint32_t node)
{
	struct layout l = rig_layout(r, object);
	uint8_t list[8] = { 0, 0, 0, 99, 0, 0, 0, (uint8_t)node };
	struct msg m = rig_cmd(CMD_FLUSH);

	m.fec_id = r->fec_id;
	m.object_id = object;
	if (l.n_blocks) {
		m.fpi.sbn = (uint32_t)l.n_blocks - 1;
		m.fpi.esi = (uint16_t)(layout_k(&l, l.n_blocks - 1) - 1);
		m.fpi.sbl = m.fpi.esi + 1;
	}
	m.payload = list;
	m.payload_len = node ? sizeof(list) : 0;
	assert_int_equal(rig_send(r, &m), 0);
}

void rig_squelch(struct rx_rig *r, uint16_t object, const uint16_t *list, unsigned n)
{
	struct msg m = rig_cmd(CMD_SQUELCH);
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	for (unsigned i = 0; i < n; i++)
		wr_u16(&w, list[i]);
	m.fec_id = r->fec_id;
	m.object_id = object;
	m.payload = buf;
	m.payload_len = wr_len(&w);
	assert_int_equal(rig_send(r, &m), 0);
}

void rig_probe(struct rx_rig *r, struct probe p, bool announced, bool receipt)
{
	static const uint8_t list[] = { 0, 0, 0, 77, 0, 0, 0, RIG_NODE };
	struct msg m = rig_cmd(CMD_APPLICATION);
	uint8_t buf[64];
	int len;

	p.announced = p.receipts = list;
	p.n_announced = announced ? 2 : 1;
	p.n_receipts = receipt ? 2 : 1;
	len = probe_encode(&p, buf, sizeof(buf));
	assert_true(len > 0);
	m.payload = buf;
	m.payload_len = (size_t)len;
	assert_int_equal(rig_send(r, &m), 0);
}

void rig_poll(struct rx_rig *r, const struct poll *p)
{
	struct msg m = rig_cmd(CMD_APPLICATION);
	uint8_t buf[POLL_LEN];

	assert_int_equal(poll_encode(p, buf, sizeof(buf)), POLL_LEN);
	m.payload = buf;
	m.payload_len = sizeof(buf);
	assert_int_equal(rig_send(r, &m), 0);
}

void rig_heard(struct rx_rig *r, bool adv, const struct request *req, size_t n)
{
	struct msg m = adv ? rig_cmd(CMD_REPAIR_ADV) : (struct msg){ .type = NORM_NACK };
	struct request_writer w;
	uint8_t body[1400], buf[2000];
	int len;

	request_writer_init(&w, body, sizeof(body), r->fec_id, false);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(request_put(&w, &req[i]), 0);
	m.payload = body;
	m.payload_len = request_writer_len(&w);
	if (adv) {
		assert_int_equal(rig_send(r, &m), 0);
		return;
	}
	m.source_id = 99;
	m.server_id = RIG_SENDER;
	m.instance_id = 7;
	len = msg_encode(&m, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(rx_input(r->rx, r->now, buf, (size_t)len), 0);
}

/* --- work and events --- */

static uint8_t *sink(struct rx_rig *r, uint64_t object)
{
	uint8_t **sink = &r->sink[object % RIG_OBJECTS];

	if (!*sink)
		*sink = calloc(1, r->size[object % RIG_OBJECTS]);
	assert_non_null(*sink);
	return *sink;
}

static void serve_io(struct rx_rig *r, const struct work *w)
{
	uint64_t size = r->size[w->object % RIG_OBJECTS];
	uint8_t *at = sink(r, w->object) + w->offset;

	assert_true(w->len > 0 && w->offset + w->len <= size);
	for (size_t i = 0; i < w->len && w->op == WORK_WRITE; i++)
		assert_int_equal(w->data[i], rig_byte((uint16_t)w->object, w->offset + i));
	if (w->op == WORK_WRITE)
		memcpy(at, w->data, w->len);
	else
		memcpy(w->data, at, w->len);
	r->n_written += w->op == WORK_WRITE ? w->len : 0;
}

static void serve(struct rx_rig *r, const struct work *w)
{
	bool io = w->op == WORK_WRITE || w->op == WORK_READ;
	int err = 0;

	if (!io)
		assert_int_equal(work_codec(w), 0);
	else
		err = w->op == WORK_WRITE ? r->write_err : r->read_err;
	if (!err && io)
		serve_io(r, w);
	rx_work_done(r->rx, r->now, w, err);
}

static void say(char *text, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(char *text, size_t cap, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	assert_true((size_t)vsnprintf(text + len, cap - len, fmt, ap) < cap - len);
	va_end(ap);
}

static void answer_offer(struct rx_rig *r, uint64_t object)
{
	if (r->refuse)
		rx_refuse(r->rx, r->now, object);
	else if (!r->ignore)
		rx_accept(r->rx, r->now, object);
}

static void complete(struct rx_rig *r, uint64_t object)
{
	uint64_t size = r->size[object % RIG_OBJECTS];

	for (uint64_t i = 0; i < size; i++)
		assert_int_equal(r->sink[object % RIG_OBJECTS][i],
				 rig_byte((uint16_t)object, i));
	if (!r->keep)
		rx_release(r->rx, object);
}

static void take_events(struct rx_rig *r)
{
	static const char letters[] = {
		[RX_EV_OBJECT] = 'O',    [RX_EV_INFO] = 'I',       [RX_EV_COMPLETE] = 'C',
		[RX_EV_ABORTED] = 'X',   [RX_EV_JOINED] = 'J',     [RX_EV_FINISHED] = 'F',
		[RX_EV_RECEIPTED] = 'R', [RX_EV_SENDER_END] = 'E', [RX_EV_SENDER_GONE] = 'G',
	};
	struct rx_event *ev = &r->event;

	while (rx_event(r->rx, ev)) {
		say(r->events, sizeof(r->events), "%c", letters[ev->kind]);
		if (ev->kind <= RX_EV_ABORTED)
			say(r->events, sizeof(r->events), "%u", (unsigned)ev->object);
		if (ev->kind == RX_EV_ABORTED)
			say(r->events, sizeof(r->events), ":%d", -ev->error);
		say(r->events, sizeof(r->events), " ");
		if (ev->kind == RX_EV_OBJECT)
			answer_offer(r, ev->object);
		if (ev->kind == RX_EV_COMPLETE)
			complete(r, ev->object);
	}
}

void rig_serve_one(struct rx_rig *r)
{
	assert_true(r->n_held > 0);
	serve(r, &r->held[--r->n_held]);
}

void rig_work(struct rx_rig *r)
{
	struct work w;

	if (r->asleep)
		return;
	while (!r->hold && r->n_held)
		serve(r, &r->held[--r->n_held]);
	while (rx_work(r->rx, &w)) {
		if (r->hold) {
			assert_true(r->n_held < ARRAY_LEN(r->held));
			r->held[r->n_held++] = w;
		} else {
			serve(r, &w);
		}
	}
	take_events(r);
}

void rig_hold(struct rx_rig *r, uint16_t object, uint64_t off, uint64_t len)
{
	uint64_t end = MIN(off + len, r->size[object % RIG_OBJECTS]);

	for (uint64_t i = off; i < end; i++)
		sink(r, object)[i] = rig_byte(object, i);
	rx_hold(r->rx, r->now, object, off, len);
	rig_work(r);
}

const char *rig_events(struct rx_rig *r)
{
	static char text[sizeof(r->events)];

	rig_work(r);
	memcpy(text, r->events, sizeof(text));
	r->events[0] = '\0';
	return text;
}

/* --- feedback --- */

static void say_request(struct rx_rig *r, const struct request *q)
{
	bool range = q->form == NACK_FORM_RANGES;

	if (q->form == NACK_FORM_ERASURES) {
		say(r->text, sizeof(r->text), "%u.%u+%u", q->object_first, q->first.sbn,
		    q->first.esi);
	} else if (q->flags & NACK_SEGMENT) {
		say(r->text, sizeof(r->text), "%u.%u.%u", q->object_first, q->first.sbn,
		    q->first.esi);
		if (range)
			say(r->text, sizeof(r->text), "-%u", q->last.esi);
	} else if (q->flags & NACK_BLOCK) {
		say(r->text, sizeof(r->text), "b%u.%u", q->object_first, q->first.sbn);
		if (range)
			say(r->text, sizeof(r->text), "-%u", q->last.sbn);
	} else {
		say(r->text, sizeof(r->text), "%c%u", q->flags & NACK_OBJECT ? 'o' : 'i',
		    q->object_first);
		if (range)
			say(r->text, sizeof(r->text), "-%u", q->object_last);
	}
}

static void say_nack(struct rx_rig *r)
{
	struct request_reader reader;
	struct request q;
	const char *space = "";
	int err;

	request_reader_init(&reader, r->m.payload, r->m.payload_len);
	say(r->text, sizeof(r->text), "N(");
	while ((err = request_next(&reader, &q)) > 0) {
		assert_int_equal(q.fec_id, r->fec_id);
		say(r->text, sizeof(r->text), "%s", space);
		say_request(r, &q);
		space = " ";
	}
	assert_int_equal(err, 0);
	say(r->text, sizeof(r->text), ") ");
}

static void say_ack(struct rx_rig *r)
{
	const struct msg *m = &r->m;
	struct watermark wm;
	struct announce a;
	struct receipt rc;

	if (m->ack_type == ACK_FLUSH) {
		assert_int_equal(watermark_decode(&wm, m->payload, m->payload_len), 0);
		assert_int_equal(wm.fec_id, r->fec_id);
		say(r->text, sizeof(r->text), "AF%u.%u.%u%s%s ", wm.object_id, wm.fpi.sbn,
		    wm.fpi.esi, m->ext.holdings.holds ? "h" : "",
		    m->ext.holdings.busy ? "b" : "");
	} else if (m->ack_type == ACK_ANNOUNCE) {
		assert_int_equal(announce_decode(&a, m->payload, m->payload_len), 0);
		assert_int_equal(a.host_len, 4);
		assert_memory_equal(a.host, "host", 4);
		say(r->text, sizeof(r->text), "AA ");
	} else if (m->ack_type == ACK_RECEIPT) {
		assert_int_equal(receipt_decode(&rc, m->payload, m->payload_len), 0);
		say(r->text, sizeof(r->text), "AR%u ", rc.status);
	} else if (m->ack_type == ACK_REPORT) {
		assert_int_equal(report_decode(&r->report, m->payload, m->payload_len), 0);
		say(r->text, sizeof(r->text),
		    r->report.objection ? "A! "
		    : r->report.lossy   ? "AL "
					: "A? ");
	} else {
		assert_int_equal(m->ack_type, ACK_CC);
		assert_int_equal(m->payload_len, 0);
		say(r->text, sizeof(r->text), "AC ");
	}
}

static bool next(struct rx_rig *r)
{
	const struct msg *m = &r->m;
	int len = rx_output(r->rx, r->now, r->pkt, sizeof(r->pkt));

	assert_true(len >= 0);
	if (!len) {
		assert_true(rx_deadline(r->rx, r->now) > r->now);
		return false;
	}
	assert_int_equal(msg_decode(&r->m, r->pkt, (size_t)len), 0);
	assert_int_equal(m->source_id, RIG_NODE);
	assert_int_equal(m->server_id, RIG_SENDER);
	assert_int_equal(m->instance_id, 7);
	assert_int_equal(m->sequence, r->fed_back);
	assert_int_equal(m->ext.present & ~(unsigned)EXT_HAS_HOLDINGS,
			 !r->sow || r->cc_asked ? EXT_HAS_CC : 0);
	assert_int_equal(!!(m->ext.present & EXT_HAS_HOLDINGS),
			 r->sow && m->type == NORM_ACK && m->ack_type == ACK_FLUSH);
	r->fed_back++;
	if (m->type == NORM_NACK)
		say_nack(r);
	else
		say_ack(r);
	return true;
}

const char *rig_see(struct rx_rig *r)
{
	r->text[0] = '\0';
	while (next(r))
		;
	return r->text;
}

const char *rig_run(struct rx_rig *r, nsec_t time)
{
	nsec_t end = r->now + time;

	r->text[0] = '\0';
	for (;;) {
		while (next(r))
			;
		if (rx_deadline(r->rx, r->now) > end)
			break;
		r->now = rx_deadline(r->rx, r->now);
	}
	r->now = end;
	rig_work(r);
	return r->text;
}
