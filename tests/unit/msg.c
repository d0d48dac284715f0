/* msg.c - tests of proto/msg. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/msg.h"
#include "proto/types.h"
#include "tests/equal.h"

#define COMMON(type, words) 0x10 | (type), words, 0, 7, 0, 0, 0, 9
#define SENT                0x12, 0x34, 0x94, 0x42
#define ANSWER              0, 0, 0, 1, 0x12, 0x34
#define TIME                0x6b, 2, 0x1f, 0x33, 0, 6, 0x6a, 0x6e

struct sample {
	struct msg m;
	const uint8_t *wire;
	size_t len;
};

#define SENDER                                                                                 \
	.sequence = 7, .source_id = 9, .instance_id = 0x1234, .grtt = 0x94, .backoff = 4,      \
	.gsize = 2
#define RECEIVER                                                                               \
	.sequence = 7, .source_id = 9, .server_id = 1, .instance_id = 0x1234,                  \
	.grtt_response = { 0x6b021f33, 0x66a6e }

/* One of each kind; the payload, where there is one, is 0xaa 0xbb. */
static const struct sample samples[] = {
	{ { SENDER, .type = NORM_INFO, .flags = 0x14, .fec_id = 5, .object_id = 3,
	    .payload_len = 2 },
	  BYTES(COMMON(1, 4), SENT, 0x14, 5, 0, 3, 0xaa, 0xbb) },
	{ { SENDER, .type = NORM_DATA, .flags = 0x11, .fec_id = 5, .object_id = 3,
	    .fpi = { .sbn = 0x010203, .esi = 0xfe }, .payload_len = 2 },
	  BYTES(COMMON(2, 5), SENT, 0x11, 5, 0, 3, 1, 2, 3, 0xfe, 0xaa, 0xbb) },
	{ { SENDER, .type = NORM_DATA, .fec_id = 129,
	    .fpi = { .sbn = 0x01020304, .sbl = 0x0506, .esi = 0x0708 },
	    .ext = { .present = EXT_HAS_TARGET, .target = 9 }, .payload_len = 2 },
	  BYTES(COMMON(2, 7), SENT, 0, 129, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 178, 0, 0, 9, 0xaa,
		0xbb) },
	{ { SENDER, .type = NORM_DATA, .fec_id = 2, .fpi = { .sbn = 0x0102, .esi = 0x0304 },
	    .payload_len = 2 },
	  BYTES(COMMON(2, 5), SENT, 0, 2, 0, 0, 1, 2, 3, 4, 0xaa, 0xbb) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_FLUSH, .fec_id = 5,
	    .fpi = { .sbn = 0xffffff, .esi = 0xff } }, /* of an empty object, as libnorm does */
	  BYTES(COMMON(3, 5), SENT, 1, 5, 0, 0, 255, 255, 255, 255) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_EOT }, BYTES(COMMON(3, 4), SENT, 2, 0, 0, 0) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_SQUELCH, .fec_id = 129, .object_id = 4,
	    .fpi = { .sbl = 14 }, .payload_len = 2 },
	  BYTES(COMMON(3, 6), SENT, 3, 129, 0, 4, 0, 0, 0, 0, 0, 14, 0, 0, 0xaa, 0xbb) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_CC, .cc_sequence = 0x0102,
	    .send_time = { 0x6b021f33, 0x66a6e },
	    .ext = { .present = EXT_HAS_RATE, .send_rate = 0x19a6 } },
	  BYTES(COMMON(3, 7), SENT, 4, 0, 1, 2, TIME, 128, 0, 0x19, 0xa6) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_REPAIR_ADV, .flags = 1, .payload_len = 2 },
	  BYTES(COMMON(3, 4), SENT, 5, 1, 0, 0, 0xaa, 0xbb) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_ACK_REQ, .ack_type = 16, .ack_id = 3,
	    .payload_len = 2 },
	  BYTES(COMMON(3, 4), SENT, 6, 0, 16, 3, 0xaa, 0xbb) },
	{ { SENDER, .type = NORM_CMD, .cmd = CMD_APPLICATION, .payload_len = 2 },
	  BYTES(COMMON(3, 4), SENT, 7, 0, 0, 0, 0xaa, 0xbb) },
	{ { RECEIVER, .type = NORM_NACK,
	    .ext = { .present = EXT_HAS_CC, .cc = { .cc_rtt = 0x94 } }, .payload_len = 2 },
	  BYTES(COMMON(4, 9), ANSWER, 0, 0, TIME, 3, 3, 0, 0, 0, 0x94, 0, 0, 0, 0, 0, 0, 0xaa,
		0xbb) },
	{ { RECEIVER, .type = NORM_ACK, .ack_type = ACK_FLUSH, .ack_id = 5, .payload_len = 2 },
	  BYTES(COMMON(5, 6), ANSWER, 2, 5, TIME, 0xaa, 0xbb) },
};

static void every_kind_round_trips(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		struct msg want = s->m, m;
		uint8_t buf[64];

		want.payload = s->wire + s->len - want.payload_len;
		assert_int_equal(msg_decode(&m, s->wire, s->len), 0);
		assert_true(msg_equal(&m, &want));
		assert_int_equal(msg_encode(&m, buf, sizeof(buf)), s->len);
		assert_memory_equal(buf, s->wire, s->len);
		assert_int_equal(msg_encode_header(&m, buf, sizeof(buf)),
				 s->len - want.payload_len);
		for (size_t cap = 0; cap < s->len; cap++)
			assert_int_equal(msg_encode(&m, buf, cap), -ENOSPC);
	}
}

/* Cut anywhere in its header a message is malformed, whatever hdr_len says. */
/* The session of a sender's message is its source's; feedback names the sender. */
static void peek_tells_the_session(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		bool feedback = s->m.type == NORM_NACK || s->m.type == NORM_ACK;
		struct msg_session is;

		assert_int_equal(msg_peek(&is, s->wire, s->len), 0);
		assert_int_equal(is.type, s->m.type);
		assert_int_equal(is.source_id, 9);
		assert_int_equal(is.sender_id, feedback ? 1 : 9);
		assert_int_equal(is.instance_id, 0x1234);
		for (size_t len = 0; len < (feedback ? 14 : 10); len++)
			assert_int_equal(msg_peek(&is, s->wire, len), -EBADMSG);
	}
}

/* Of all header extensions. */
static size_t ext_len(const struct msg *m)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(ext_encode(&m->ext, &w, m->fec_id), 0);
	return wr_len(&w);
}

static void short_headers_are_malformed(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		size_t base = s->len - s->m.payload_len - ext_len(&s->m);
		uint8_t buf[64];
		struct msg m;

		memcpy(buf, s->wire, s->len);
		for (size_t len = 0; len < base; len++)
			assert_int_equal(msg_decode(&m, buf, len), -EBADMSG);
		for (uint8_t words = 0; words < base / 4; words++) {
			buf[1] = words;
			assert_int_equal(msg_decode(&m, buf, s->len), -EBADMSG);
		}
		buf[1] = (uint8_t)(s->len / 4 + 1);
		assert_int_equal(msg_decode(&m, buf, s->len), -EBADMSG);
	}
}

static void decoder_refuses(void **state)
{
	static const struct {
		size_t sample, at;
		uint8_t byte;
		int err;
	} v[] = {
		{ 0, 0, 0x21, -EPROTONOSUPPORT }, /* version 2 */
		{ 0, 0, 0x10, -EPROTONOSUPPORT }, /* type 0 */
		{ 0, 0, 0x16, -EPROTONOSUPPORT }, /* NORM_REPORT */
		{ 0, 0, 0x1f, -EPROTONOSUPPORT }, /* type 15 */
		{ 0, 7, 0, -EBADMSG },            /* NORM_NODE_NONE */
		{ 0, 13, 0, -EPROTONOSUPPORT },   /* FEC Encoding ID of INFO */
		{ 1, 13, 128, -EPROTONOSUPPORT }, /* of DATA */
		{ 4, 13, 0, -EPROTONOSUPPORT },   /* of CMD(FLUSH) */
		{ 6, 13, 3, -EPROTONOSUPPORT },   /* of CMD(SQUELCH) */
		{ 5, 12, 0, -EPROTONOSUPPORT },   /* sub-type 0 */
		{ 5, 12, 8, -EPROTONOSUPPORT },   /* sub-type 8 */
		{ 2, 24, 7, -EBADMSG },           /* an extension of HEL 0 */
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const struct sample *s = &samples[v[i].sample];
		struct msg m = { .sequence = 99 };
		uint8_t buf[64];

		memcpy(buf, s->wire, s->len);
		buf[v[i].at] = v[i].byte;
		assert_int_equal(msg_decode(&m, buf, s->len), v[i].err);
		assert_int_equal(m.sequence, 99);
		memset(buf + 4, 0xff, 4); /* NORM_NODE_ANY */
		buf[v[i].at] = s->wire[v[i].at];
		if (v[i].at != 7)
			assert_int_equal(msg_decode(&m, buf, s->len), -EBADMSG);
	}
}

/* What a peer may set and we do not: reserved bytes, NRL's SYN, extra header words. */
static void decoder_ignores(void **state)
{
	static const struct {
		size_t sample, at;
	} v[] = { { 5, 13 }, { 5, 15 }, { 7, 13 }, { 8, 14 }, { 9, 13 }, { 11, 14 } };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const struct sample *s = &samples[v[i].sample];
		struct msg want = s->m, m;
		uint8_t buf[64];

		want.payload = buf + s->len - want.payload_len;
		memcpy(buf, s->wire, s->len);
		buf[v[i].at] = 0xff;
		assert_int_equal(msg_decode(&m, buf, s->len), 0);
		assert_true(msg_equal(&m, &want));
	}
}

static void encoder_refuses(void **state)
{
	static const uint8_t auth[1018];
	static const struct {
		struct msg m;
		int err;
	} v[] = {
		{ { SENDER }, -EINVAL },
		{ { SENDER, .type = NORM_REPORT }, -EINVAL },
		{ { SENDER, .type = NORM_CMD }, -EINVAL },
		{ { SENDER, .type = NORM_CMD, .cmd = 8 }, -EINVAL },
		{ { SENDER, .type = NORM_INFO }, -EINVAL },
		{ { SENDER, .type = NORM_DATA, .fec_id = 3 }, -EINVAL },
		{ { SENDER, .type = NORM_CMD, .cmd = CMD_FLUSH }, -EINVAL },
		{ { RECEIVER, .type = NORM_NACK, .fec_id = 5, .ext.present = EXT_HAS_FTI },
		  -EINVAL },
		{ { RECEIVER, .type = NORM_NACK,
		    .ext = { .present = EXT_HAS_AUTH,
			     .auth = auth,
			     .auth_len = sizeof(auth) } },
		  -ENOSPC }, /* more than 255 words */
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t buf[2048];

		assert_int_equal(msg_encode_header(&v[i].m, buf, sizeof(buf)), v[i].err);
	}
}

static void watermarks(void **state)
{
	const struct {
		int err;
		struct watermark wm;
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ 8, { 5, 3, { .sbn = 4, .esi = 12 } }, BYTES(5, 0, 0, 3, 0, 0, 4, 12) },
		{ 12,
		  { 129, 3, { .sbn = 4, .sbl = 14, .esi = 12 } },
		  BYTES(129, 0, 0, 3, 0, 0, 0, 4, 0, 14, 0, 12) },
		{ -EBADMSG, { 0 }, BYTES(5, 0, 0) },
		{ -EBADMSG, { 0 }, BYTES(5, 0, 0, 3, 0, 0, 4) },
		{ -EBADMSG, { 0 }, BYTES(5, 0, 0, 3, 0, 0, 4, 12, 0) },
		{ -EPROTONOSUPPORT, { 0 }, BYTES(0, 0, 0, 3, 0, 0, 4, 12) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct watermark wm;
		uint8_t buf[16];

		assert_int_equal(watermark_decode(&wm, v[i].wire, v[i].len), MIN(v[i].err, 0));
		if (v[i].err < 0)
			continue;
		assert_true(fpi_equal(&wm.fpi, &v[i].wm.fpi));
		assert_int_equal(wm.fec_id, v[i].wm.fec_id);
		assert_int_equal(wm.object_id, v[i].wm.object_id);
		assert_int_equal(watermark_encode(&wm, buf, sizeof(buf)), v[i].err);
		assert_memory_equal(buf, v[i].wire, v[i].len);
		assert_int_equal(watermark_encode(&wm, buf, v[i].len - 1), -ENOSPC);
	}
	assert_int_equal(watermark_encode(&(struct watermark){ 0 }, NULL, 0), -EINVAL);
}

static void cc_nodes(void **state)
{
	static const uint8_t wire[] = { 0, 0, 0, 2, 0x0d, 0x36, 0x4e, 0x23 };
	struct rd r = rd_init(wire, sizeof(wire));
	struct cc_node node = cc_node_decode(&r);
	uint8_t buf[8];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_true(rd_done(&r));
	assert_int_equal(node.node_id, 2);
	assert_int_equal(node.flags, CC_FLAG_CLR | CC_FLAG_RTT | CC_FLAG_START);
	assert_int_equal(node.rtt, 0x36);
	assert_int_equal(node.rate, 0x4e23);
	cc_node_encode(&node, &w);
	assert_true(wr_ok(&w));
	assert_memory_equal(buf, wire, sizeof(wire));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_round_trips),
		cmocka_unit_test(peek_tells_the_session),
		cmocka_unit_test(short_headers_are_malformed),
		cmocka_unit_test(decoder_refuses),
		cmocka_unit_test(decoder_ignores),
		cmocka_unit_test(encoder_refuses),
		cmocka_unit_test(watermarks),
		cmocka_unit_test(cc_nodes),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
