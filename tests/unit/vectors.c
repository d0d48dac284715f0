/* vectors.c - what real NORM peers sent, through our codec and back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/msg.h"
#include "proto/request.h"
#include "proto/types.h"
#include "tests/equal.h"
#include "tests/pcap.h"

#define BUF_MAX 2048

static void open_vector(struct pcap *p, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/vectors/%s.pcap", srcdir ? srcdir : ".", name);
	assert_int_equal(pcap_open(p, path), 0);
}

/* Reads all requests of a body and writes them as NRL does; they have to be the same bytes. */
static void rewrite_requests(const struct msg *m)
{
	struct request_reader r;
	struct request_writer w = { 0 };
	struct request q;
	uint8_t buf[BUF_MAX];
	int more;

	request_reader_init(&r, m->payload, m->payload_len);
	while ((more = request_next(&r, &q)) > 0) {
		if (!w.fec_id)
			request_writer_init(&w, buf, sizeof(buf), q.fec_id, false);
		assert_int_equal(q.fec_id, w.fec_id);
		assert_int_equal(request_put(&w, &q), 0);
	}
	assert_int_equal(more, 0);
	assert_true(bytes_equal(buf, w.fec_id ? request_writer_len(&w) : 0, m->payload,
				m->payload_len));
}

static void rewrite_watermark(const struct msg *m)
{
	struct watermark wm;
	uint8_t buf[16];
	int len;

	assert_int_equal(watermark_decode(&wm, m->payload, m->payload_len), 0);
	len = watermark_encode(&wm, buf, sizeof(buf));
	assert_true(len > 0 && bytes_equal(buf, (size_t)len, m->payload, m->payload_len));
}

static void rewrite_message(const struct pcap_udp *udp)
{
	uint8_t buf[BUF_MAX];
	struct msg m;
	int len;

	assert_int_equal(msg_decode(&m, udp->payload, udp->len), 0);
	len = msg_encode(&m, buf, sizeof(buf));
	assert_true(len > 0 && bytes_equal(buf, (size_t)len, udp->payload, udp->len));
	if (m.type == NORM_NACK || (m.type == NORM_CMD && m.cmd == CMD_REPAIR_ADV))
		rewrite_requests(&m);
	if (m.type == NORM_ACK && m.ack_type == ACK_FLUSH)
		rewrite_watermark(&m);
}

/*
 * Byte for byte, with no exception: what libnorm leaves undefined (sequence, loss and the last
 * two bytes of EXT_CC in CMD(REPAIR_ADV)) are fields that go through as they are, and nothing
 * in these captures sets a bit that RFC 5740 reserves.
 */
static void every_packet_survives(void **state)
{
	static const struct {
		const char *name;
		unsigned n_messages;
	} v[] = {
		{ "ackex", 8 },          { "auth", 7 },      { "basic5", 79 },
		{ "ftiinfo", 157 },      { "nack129", 166 }, { "nack5", 183 },
		{ "nack_objects", 168 }, { "squelch", 224 }, { "stream129", 21 },
		{ "vec", 58 },           { "zero", 6 },      { "zero2", 6 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct pcap_udp udp;
		struct pcap p;
		unsigned n = 0;
		int more;

		open_vector(&p, v[i].name);
		while ((more = pcap_next(&p, &udp)) > 0) {
			rewrite_message(&udp);
			n++;
		}
		assert_int_equal(more, 0);
		assert_int_equal(n, v[i].n_messages);
		pcap_close(&p);
	}
}

#define SENDER   .source_id = 1, .instance_id = 0x1234, .backoff = 4, .gsize = 2
#define RECEIVER .source_id = 2, .server_id = 1, .instance_id = 0x1234
#define FTI_BASIC5                                                                             \
	{                                                                                      \
		.present = EXT_HAS_FTI,                                                        \
		.fti = { .object_size = 70001,                                                 \
			 .segment_size = 1024,                                                 \
			 .max_block_len = 16,                                                  \
			 .num_parity = 4 },                                                    \
	}

/* Packets whose every field was read by hand; `content` is how the payload begins. */
static const struct {
	const char *name;
	unsigned n;
	struct msg want;
	const uint8_t *content;
	size_t content_len;
} annotated[] = {
	{ "basic5",
	  1,
	  { SENDER, .type = NORM_CMD, .grtt = 0x94, .cmd = CMD_CC,
	    .send_time = { 0x6b021f33, 0x66a6e },
	    .ext = { .present = EXT_HAS_RATE, .send_rate = 0x19a6 } },
	  NULL,
	  0 },
	{ "basic5",
	  2,
	  { SENDER, .type = NORM_INFO, .sequence = 1, .grtt = 0x94,
	    .flags = NORM_FLAG_INFO | NORM_FLAG_FILE, .fec_id = FEC_RS8, .ext = FTI_BASIC5,
	    .payload_len = 9 },
	  BYTES('h', 'e', 'l', 'l', 'o', '.', 't', 'x', 't') },
	{ "basic5",
	  17, /* k = 14: this is the first parity symbol */
	  { SENDER, .type = NORM_DATA, .sequence = 16, .grtt = 0x94,
	    .flags = NORM_FLAG_INFO | NORM_FLAG_FILE, .fec_id = FEC_RS8,
	    .fpi = { .sbn = 0, .esi = 14 }, .ext = FTI_BASIC5, .payload_len = 1024 },
	  BYTES(0x17, 0x51, 0x00, 0x5d) },
	{ "basic5",
	  77,
	  { SENDER, .type = NORM_CMD, .sequence = 0x4c, .grtt = 0x94, .cmd = CMD_FLUSH,
	    .fec_id = FEC_RS8, .fpi = { .sbn = 4, .esi = 12 }, .payload_len = 4 },
	  BYTES(0, 0, 0, 2) },
	{ "basic5",
	  78,
	  { RECEIVER, .type = NORM_ACK, .ack_type = ACK_FLUSH,
	    .grtt_response = { 0x6b021f33, 0xdcb1b },
	    .ext = { .present = EXT_HAS_CC,
		     .cc = { .cc_rtt = 0x94,
			     .cc_loss = 0x174,
			     .cc_rate = 0x90c4,
			     .reserved = 0x5d17 } },
	    .payload_len = 8 },
	  BYTES(5, 0, 0, 0, 0, 0, 4, 12) },
	{ "nack129",
	  4,
	  { SENDER, .type = NORM_DATA, .sequence = 2, .grtt = 0x74,
	    .flags = NORM_FLAG_INFO | NORM_FLAG_FILE, .fec_id = FEC_SB_SYST,
	    .fpi = { .sbl = 15 },
	    .ext = { .present = EXT_HAS_FTI,
		     .fti = { .object_size = 150001,
			      .segment_size = 1024,
			      .max_block_len = 16,
			      .num_parity = 4 } },
	    .payload_len = 1024 },
	  BYTES(0xef, 0xdf, 0x48, 0x7d) },
	{ "stream129",
	  6,
	  { SENDER, .type = NORM_DATA, .sequence = 4, .grtt = 0x74,
	    .flags = NORM_FLAG_INFO | NORM_FLAG_STREAM, .fec_id = FEC_SB_SYST,
	    .fpi = { .sbl = 8, .esi = 2 },
	    .ext = { .present = EXT_HAS_FTI,
		     .fti = { .object_size = 64000,
			      .segment_size = 1000,
			      .max_block_len = 8,
			      .num_parity = 2 } },
	    .payload_len = 1008 },
	  BYTES(0x03, 0xe8, 0x01, 0x91, 0x00, 0x00, 0x06, 0xa4) },
	{ "nack5",
	  97,
	  { RECEIVER, .type = NORM_NACK, .grtt_response = { 0x6b021f58, 0xd3cbf },
	    .ext = { .present = EXT_HAS_CC,
		     .cc = { .cc_rtt = 0x94, .cc_rate = 0x28e5, .reserved = 0xafcc } },
	    .payload_len = 36 },
	  BYTES(1, 1, 0, 8, 5, 0, 0, 0, 0, 0, 0, 15) },
	{ "nack5",
	  98,
	  { SENDER, .type = NORM_CMD, .sequence = 0x5f, .grtt = 0x74, .cmd = CMD_REPAIR_ADV,
	    .ext = { .present = EXT_HAS_CC,
		     .cc = { .cc_sequence = 0x026b, /* not set by libnorm */
			     .cc_rtt = 0x33,
			     .cc_rate = 0x28e5,
			     .reserved = 0x0d00 } },
	    .payload_len = 36 },
	  BYTES(1, 1, 0, 8, 5, 0, 0, 0, 0, 0, 0, 15) },
	{ "squelch",
	  218,
	  { SENDER, .type = NORM_CMD, .sequence = 0xd8, .grtt = 0x6b, .cmd = CMD_SQUELCH,
	    .fec_id = FEC_SB_SYST, .fpi = { .sbl = 14 } },
	  NULL,
	  0 },
	{ "ackex",
	  5,
	  { SENDER, .type = NORM_CMD, .sequence = 3, .grtt = 0x74, .cmd = CMD_APPLICATION,
	    .payload_len = 6 },
	  BYTES('A', 'P', 'P', 'C', 'M', 'D') },
	{ "ackex",
	  7,
	  { RECEIVER, .type = NORM_ACK, .ack_type = ACK_FLUSH,
	    .grtt_response = { 0x6b021f8a, 0xce89f },
	    .ext = { .present = EXT_HAS_CC | EXT_HAS_APP_ACK,
		     .cc = { .cc_flags = CC_FLAG_START, .cc_rtt = 0x94, .cc_rate = 0x1e74 },
		     .app_ack = (const uint8_t *)"pong\0",
		     .app_ack_len = 6 },
	    .payload_len = 8 },
	  BYTES(5, 0, 0, 0, 0, 0, 0, 0) },
	{ "auth",
	  2,
	  { .type = NORM_INFO,
	    .sequence = 1,
	    .source_id = 1,
	    .instance_id = 777,
	    .grtt = 0x73,
	    .backoff = 4,
	    .gsize = 2,
	    .flags = NORM_FLAG_INFO | NORM_FLAG_FILE,
	    .fec_id = FEC_SB_SYST,
	    .ext = { .present = EXT_HAS_AUTH | EXT_HAS_FTI,
		     .auth = (const uint8_t *)"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		     .auth_len = 18,
		     .fti = { .object_size = 1200,
			      .segment_size = 500,
			      .max_block_len = 8,
			      .num_parity = 4 } },
	    .payload_len = 6 },
	  BYTES('p', 'y', 'i', 'n', 'f', 'o') },
	{ "zero",
	  4,
	  { SENDER, .type = NORM_CMD, .sequence = 2, .grtt = 0x74, .cmd = CMD_FLUSH,
	    .fec_id = FEC_RS8, .fpi = { .sbn = 0xffffff, .esi = 0xff } },
	  NULL,
	  0 },
};

static struct pcap_udp packet(struct pcap *p, const char *name, unsigned n)
{
	struct pcap_udp udp = { 0 };

	open_vector(p, name);
	while (udp.n != n)
		assert_int_equal(pcap_next(p, &udp), 1);
	return udp;
}

static void annotated_packets(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(annotated); i++) {
		struct msg want = annotated[i].want, m;
		struct pcap p;
		struct pcap_udp udp = packet(&p, annotated[i].name, annotated[i].n);

		assert_int_equal(msg_decode(&m, udp.payload, udp.len), 0);
		assert_ptr_equal(m.payload + m.payload_len, udp.payload + udp.len);
		want.payload = m.payload;
		assert_true(msg_equal(&m, &want));
		assert_memory_equal(m.payload, annotated[i].content, annotated[i].content_len);
		pcap_close(&p);
	}
}

static void annotated_requests(void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		uint8_t fec_id, flags;
		uint16_t object_id;
		struct fpi fpi;
	} v[] = {
		{ "nack5", 97, FEC_RS8, NACK_SEGMENT, 0, { 0, 0, 15 } },
		{ "nack5", 97, FEC_RS8, NACK_SEGMENT, 0, { 1, 0, 15 } },
		{ "nack5", 97, FEC_RS8, NACK_SEGMENT, 0, { 5, 0, 15 } },
		{ "nack129", 125, FEC_SB_SYST, NACK_SEGMENT, 0, { 2, 15, 15 } },
		{ "nack129", 125, FEC_SB_SYST, NACK_SEGMENT, 0, { 4, 15, 15 } },
		{ "nack129", 125, FEC_SB_SYST, NACK_SEGMENT, 0, { 5, 15, 15 } },
		{ "nack129", 125, FEC_SB_SYST, NACK_SEGMENT, 0, { 5, 15, 16 } },
		{ "nack129", 125, FEC_SB_SYST, NACK_SEGMENT, 0, { 7, 14, 14 } },
		{ "nack_objects", 65, FEC_RS8, NACK_OBJECT, 1, { 0 } },
		{ "nack_objects", 65, FEC_RS8, NACK_BLOCK, 3, { 0 } },
		{ "nack_objects", 65, FEC_RS8, NACK_OBJECT, 4, { 0 } },
		{ "nack_objects", 65, FEC_RS8, NACK_OBJECT, 5, { 0 } },
		{ "nack_objects", 65, FEC_RS8, NACK_INFO, 6, { 0 } },
	};
	struct request_reader r;
	struct pcap p = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct request want = { NACK_FORM_ITEMS, v[i].flags,     v[i].fec_id,
					v[i].object_id,  v[i].object_id, v[i].fpi,
					v[i].fpi };
		struct request q;

		if (i == 0 || v[i].n != v[i - 1].n) {
			struct pcap_udp udp;
			struct msg m;

			pcap_close(&p);
			udp = packet(&p, v[i].name, v[i].n);
			assert_int_equal(msg_decode(&m, udp.payload, udp.len), 0);
			request_reader_init(&r, m.payload, m.payload_len);
		}
		assert_int_equal(request_next(&r, &q), 1);
		assert_true(request_equal(&q, &want));
	}
	pcap_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_survives),
		cmocka_unit_test(annotated_packets),
		cmocka_unit_test(annotated_requests),
	};

	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
