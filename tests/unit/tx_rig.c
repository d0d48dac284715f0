/* tx_rig.c - a sender session on a bench. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "proto/layout.h"
#include "proto/quant.h"
#include "proto/rs.h"

struct tx_conf rig_conf(enum tx_profile profile)
{
	return (struct tx_conf){
		.profile = profile,
		.node_id = RIG_SENDER,
		.instance_id = 7,
		.segment_size = RIG_E,
		.fec_id = FEC_RS8,
		.block_len = RIG_B,
		.n_parity = RIG_PARITY,
		.backoff = 4,
		.grtt_initial = 10 * MS,
		.seed = 1,
	};
}

void rig_init(struct tx_rig *r, const struct tx_conf *conf)
{
	*r = (struct tx_rig){
		.now = 100 * NSEC_PER_SEC,
		.show = SHOW_ALL & ~(SHOW_PROBE | SHOW_CC),
		.fail_object = UINT64_MAX,
		.fec_id = conf->fec_id,
		.n_parity = conf->n_parity,
	};
	assert_int_equal(tx_new(&r->tx, conf, r->now), 0);
	assert_int_equal(rs_new(&r->rs, conf->block_len, conf->n_parity), 0);
}

void rig_fini(struct tx_rig *r)
{
	tx_free(r->tx);
	rs_free(r->rs);
}

uint64_t rig_add(struct tx_rig *r, uint64_t size)
{
	uint64_t object;

	assert_int_equal(tx_add(r->tx, r->now, size, (const uint8_t *)"i", 1, &object), 0);
	r->size[object % ARRAY_LEN(r->size)] = size;
	return object;
}

uint8_t rig_byte(uint64_t object, uint64_t offset)
{
	struct rng rng = rng_init(object << 40 ^ offset);

	return (uint8_t)rng_u64(&rng);
}

static void serve(struct tx_rig *r, const struct work *w)
{
	int result = 0;

	if (w->op == WORK_READ) {
		for (size_t i = 0; i < w->len; i++)
			w->data[i] = rig_byte(w->object, w->offset + i);
		if (w->object == r->fail_object)
			result = -EIO;
	} else {
		result = work_codec(w);
		assert_int_equal(result, 0);
	}
	tx_work_done(r->tx, r->now, w, result);
}

void rig_work(struct tx_rig *r)
{
	struct work w;

	if (r->by_hand)
		return;
	while (!r->hold_reads && r->n_held)
		serve(r, &r->held[--r->n_held]);
	while (tx_work(r->tx, &w)) {
		if (w.op == WORK_READ && r->hold_reads) {
			assert_true(r->n_held < ARRAY_LEN(r->held));
			r->held[r->n_held++] = w;
		} else {
			serve(r, &w);
		}
	}
}

/* The object's bytes, or parity of them; a source symbol ends with the object. */
static void check_symbol(const struct tx_rig *r)
{
	const struct msg *m = &r->m;
	uint64_t size = r->size[m->object_id % ARRAY_LEN(r->size)];
	uint8_t block[RIG_BLOCK] = { 0 }, parity[RIG_E];
	const uint8_t *expect = parity;
	size_t len = RIG_E;
	uint32_t k;
	struct layout l;

	assert_int_equal(layout_init(&l, size, RIG_E, RIG_B), 0);
	assert_true(m->fpi.sbn < l.n_blocks);
	k = layout_k(&l, m->fpi.sbn);
	assert_int_equal(m->fpi.sbl, r->fec_id == FEC_SB_SYST ? k : 0);
	assert_true(m->fpi.esi < k + r->n_parity);
	for (size_t i = 0; i < layout_block_bytes(&l, m->fpi.sbn); i++)
		block[i] = rig_byte(m->object_id, layout_offset(&l, m->fpi.sbn) + i);
	if (m->fpi.esi >= k) {
		assert_int_equal(rs_encode(r->rs, k, block, RIG_E, m->fpi.esi - k, 1, parity),
				 0);
	} else {
		expect = block + m->fpi.esi * RIG_E;
		len = layout_segment_bytes(&l, m->fpi.sbn, m->fpi.esi);
	}
	assert_int_equal(m->payload_len, len);
	assert_memory_equal(m->payload, expect, len);
}

/* What holds for every packet. */
static void check(struct tx_rig *r)
{
	const struct msg *m = &r->m;

	assert_int_equal(msg_decode(&r->m, r->pkt, r->len), 0);
	assert_int_equal(m->source_id, RIG_SENDER);
	assert_int_equal(m->instance_id, 7);
	assert_true(!r->any || m->sequence == (uint16_t)(r->sequence + 1));
	r->sequence = m->sequence;
	r->any = true;
	r->grtt = quant_rtt_decode(m->grtt);
	r->bytes += r->len;
	assert_true(m->payload_len <= RIG_E);
	assert_int_equal(m->type == NORM_INFO, (m->ext.present & EXT_HAS_FTI) != 0);
	if (m->type == NORM_INFO || m->type == NORM_DATA)
		assert_int_equal(m->fec_id, r->fec_id);
	if (m->type == NORM_DATA)
		check_symbol(r);
}

bool rig_next(struct tx_rig *r)
{
	struct tx_packet p;

	rig_work(r);
	if (!tx_output(r->tx, r->now, &p)) {
		if (!r->by_hand)
			assert_true(tx_deadline(r->tx, r->now) > r->now);
		return false;
	}
	assert_true(p.hdr_len + p.payload_len <= sizeof(r->pkt));
	memcpy(r->pkt, p.hdr, p.hdr_len);
	if (p.payload_len)
		memcpy(r->pkt + p.hdr_len, p.payload, p.payload_len);
	r->len = p.hdr_len + p.payload_len;
	check(r);
	return true;
}

/* --- text --- */

static void say(struct tx_rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct tx_rig *r, const char *fmt, ...)
{
	size_t len = strlen(r->text);
	va_list ap;

	va_start(ap, fmt);
	assert_true((size_t)vsnprintf(r->text + len, sizeof(r->text) - len, fmt, ap) <
		    sizeof(r->text) - len);
	va_end(ap);
}

/* "[5,6]": numbers of `size` bytes. */
static void say_list(struct tx_rig *r, size_t size)
{
	struct rd list = rd_init(r->m.payload, r->m.payload_len);

	assert_int_equal(r->m.payload_len % size, 0);
	if (!r->m.payload_len)
		return;
	say(r, "[");
	while (rd_left(&list)) {
		unsigned v = size == 2 ? rd_u16(&list) : rd_u32(&list);

		say(r, rd_left(&list) ? "%u," : "%u", v);
	}
	say(r, "]");
}

static void say_requests(struct tx_rig *r)
{
	struct request_reader reader;
	struct request q;
	const char *space = "";

	request_reader_init(&reader, r->m.payload, r->m.payload_len);
	say(r, "A%s(", r->m.flags & NORM_REPAIR_ADV_LIMIT ? "+" : "");
	while (request_next(&reader, &q) > 0) {
		assert_int_equal(q.flags, NACK_SEGMENT);
		say(r, "%s%u.%u.%u", space, q.object_first, q.first.sbn, q.first.esi);
		if (q.last.esi != q.first.esi)
			say(r, "-%u", q.last.esi);
		space = " ";
	}
	say(r, ") ");
}

static void say_data(struct tx_rig *r)
{
	const struct msg *m = &r->m;

	say(r, "%c%u.%u.%u%s", m->flags & NORM_FLAG_REPAIR ? 'R' : 'D', m->object_id,
	    m->fpi.sbn, m->fpi.esi, m->flags & NORM_FLAG_EXPLICIT ? "!" : "");
	if (m->ext.present & EXT_HAS_TARGET)
		say(r, "/%u", m->ext.target);
	say(r, " ");
}

static void say_cmd(struct tx_rig *r, unsigned show)
{
	const struct msg *m = &r->m;
	struct probe p;

	if (m->cmd == CMD_FLUSH && (show & SHOW_FLUSH)) {
		say(r, "F%u.%u.%u", m->object_id, m->fpi.sbn, m->fpi.esi);
		say_list(r, 4);
		say(r, " ");
	} else if (m->cmd == CMD_SQUELCH && (show & SHOW_SQUELCH)) {
		say(r, "S%u", m->object_id);
		say_list(r, 2);
		say(r, " ");
	} else if (m->cmd == CMD_REPAIR_ADV && (show & SHOW_ADV)) {
		say_requests(r);
	} else if (m->cmd == CMD_EOT && (show & SHOW_EOT)) {
		say(r, "E ");
	} else if (m->cmd == CMD_CC && (show & SHOW_CC)) {
		say(r, "C ");
	} else if (m->cmd == CMD_APPLICATION) {
		assert_int_equal(probe_decode(&p, m->payload, m->payload_len), 0);
		if (show & SHOW_PROBE)
			say(r, "P%u ", p.phase);
	}
}

static void say_packet(struct tx_rig *r, unsigned show)
{
	if (r->m.type == NORM_CMD)
		say_cmd(r, show);
	else if ((show & SHOW_OBJECT) && r->m.type == NORM_INFO)
		say(r, "I%u ", r->m.object_id);
	else if (show & SHOW_OBJECT)
		say_data(r);
}

const char *rig_see(struct tx_rig *r, unsigned show)
{
	r->text[0] = '\0';
	while (rig_next(r))
		say_packet(r, show);
	return r->text;
}

const char *rig_run(struct tx_rig *r, nsec_t time)
{
	nsec_t end = r->now + time;

	r->text[0] = '\0';
	for (;;) {
		nsec_t at;

		while (rig_next(r))
			say_packet(r, r->show);
		at = tx_deadline(r->tx, r->now);
		if (at > end)
			break;
		r->now = at;
	}
	r->now = end;
	return r->text;
}

/* --- feedback --- */

int rig_input(struct tx_rig *r, const struct msg *m)
{
	uint8_t buf[2000];
	int len = msg_encode(m, buf, sizeof(buf));

	assert_true(len > 0);
	return tx_input(r->tx, r->now, buf, (size_t)len, &r->event);
}

struct msg rig_feedback(const struct tx_rig *r, uint8_t type, uint32_t node)
{
	return (struct msg){
		.type = type,
		.source_id = node,
		.server_id = RIG_SENDER,
		.instance_id = 7,
	};
}

int rig_nack(struct tx_rig *r, uint32_t node, const struct request *req, size_t n)
{
	struct msg m = rig_feedback(r, NORM_NACK, node);
	struct request_writer w;
	uint8_t body[1400];

	request_writer_init(&w, body, sizeof(body), r->fec_id, true);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(request_put(&w, &req[i]), 0);
	m.payload = body;
	m.payload_len = request_writer_len(&w);
	return rig_input(r, &m);
}

static int ack(struct tx_rig *r, uint32_t node, uint8_t type, const uint8_t *content, int len)
{
	struct msg m = rig_feedback(r, NORM_ACK, node);

	assert_true(len >= 0);
	m.ack_type = type;
	m.payload = content;
	m.payload_len = (size_t)len;
	return rig_input(r, &m);
}

int rig_announce(struct tx_rig *r, uint32_t node)
{
	struct announce a = { .host = "host", .host_len = 4 };
	uint8_t buf[128];

	return ack(r, node, ACK_ANNOUNCE, buf, announce_encode(&a, buf, sizeof(buf)));
}

int rig_receipt(struct tx_rig *r, uint32_t node, uint8_t status)
{
	struct receipt rc = { .status = status, .n_objects = 1 };
	uint8_t buf[128];

	return ack(r, node, ACK_RECEIPT, buf, receipt_encode(&rc, buf, sizeof(buf)));
}

int rig_flush_ack(struct tx_rig *r, uint32_t node, uint16_t object, uint32_t sbn, uint16_t esi)
{
	struct watermark wm = { r->fec_id, object, { .sbn = sbn, .esi = esi } };
	uint8_t buf[16];

	return ack(r, node, ACK_FLUSH, buf, watermark_encode(&wm, buf, sizeof(buf)));
}

struct request rig_segments(uint16_t object, uint32_t sbn, uint16_t first, uint16_t last)
{
	return (struct request){
		.form = first == last ? NACK_FORM_ITEMS : NACK_FORM_RANGES,
		.flags = NACK_SEGMENT,
		.object_first = object,
		.object_last = object,
		.first = { .sbn = sbn, .esi = first },
		.last = { .sbn = sbn, .esi = last },
	};
}

struct request rig_blocks(uint16_t object, uint32_t first, uint32_t last)
{
	struct request q = rig_segments(object, first, 0, 0);

	q.form = NACK_FORM_RANGES;
	q.flags = NACK_BLOCK;
	q.last.sbn = last;
	return q;
}

struct request rig_info(uint16_t object)
{
	struct request q = rig_segments(object, 0, 0, 0);

	q.flags = NACK_INFO;
	return q;
}

struct request rig_objects(uint16_t first, uint16_t last)
{
	struct request q = rig_segments(first, 0, 0, 0);

	q.form = NACK_FORM_RANGES;
	q.flags = NACK_OBJECT;
	q.object_last = last;
	return q;
}
