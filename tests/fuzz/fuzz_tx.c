/* fuzz_tx.c - a sender session under any sequence of feedback. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/msg.h"
#include "proto/tx.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sequence.h"

#define PACKETS_MAX 20000 /* of one input */
#define AFTER       200   /* deadlines to follow when the input is used up */

struct state {
	struct tx *tx;
	nsec_t now;
	unsigned n_packets;
};

static void serve_all(struct state *s)
{
	struct work w;

	while (tx_work(s->tx, &w)) {
		int r = 0;

		CHECK(w.op == WORK_READ || w.op == WORK_ENCODE || w.op == WORK_ADD);
		if (w.op == WORK_READ) {
			CHECK(w.object < SEQUENCE_OBJECTS);
			CHECK(w.offset + w.len <= SEQUENCE_OBJECT_MAX);
			memset(w.data, (int)w.offset, w.len);
		} else {
			r = work_codec(&w);
		}
		CHECK(r == 0);
		tx_work_done(s->tx, s->now, &w, r);
	}
}

static bool send_all(struct state *s)
{
	struct tx_packet out;
	uint8_t buf[TX_HDR_MAX + SEQUENCE_SEGMENT];
	struct msg m;
	bool any = false;

	while (tx_output(s->tx, s->now, &out)) {
		any = true;
		CHECK(out.hdr_len <= TX_HDR_MAX && out.payload_len <= SEQUENCE_SEGMENT);
		memcpy(buf, out.hdr, out.hdr_len);
		if (out.payload_len)
			memcpy(buf + out.hdr_len, out.payload, out.payload_len);
		CHECK(msg_decode(&m, buf, out.hdr_len + out.payload_len) == 0);
		s->n_packets++;
	}
	return any;
}

static void drain(struct state *s)
{
	do
		serve_all(s);
	while (send_all(s));
	CHECK(tx_deadline(s->tx, s->now) > s->now);
}

/* Honours every deadline up to `until`. */
static void run_to(struct state *s, nsec_t until)
{
	nsec_t at;

	while ((at = tx_deadline(s->tx, s->now)) <= until && s->n_packets < PACKETS_MAX) {
		s->now = at;
		drain(s);
	}
	s->now = until;
}

enum rate_kind { FIXED, AUTO, CC };

/* `asked`: objects that are settled, and then some of which only what is asked for is sent. */
static void add_objects(struct state *s, bool asked)
{
	uint64_t object = 0;

	for (unsigned i = 0; i < SEQUENCE_OBJECTS; i++)
		CHECK((asked ? tx_add_asked
			     : tx_add)(s->tx, s->now, SEQUENCE_OBJECT_MAX >> 2 * i,
				       (const uint8_t *)"info", 4, &object) == 0);
	if (asked)
		tx_settle(s->tx, s->now);
	else
		tx_finish(s->tx, s->now);
}

static void begin(struct state *s, enum tx_code code, enum rate_kind rate, bool asked)
{
	const struct tx_conf conf = {
		.node_id = SEQUENCE_SENDER,
		.instance_id = SEQUENCE_INSTANCE,
		.segment_size = SEQUENCE_SEGMENT,
		.fec_id = SEQUENCE_FEC_ID,
		.block_len = SEQUENCE_BLOCK,
		.n_parity = SEQUENCE_PARITY,
		.code = code,
		.large_len = 2 * SEQUENCE_BLOCK,
		.interleave = 2,
		.rate = SEQUENCE_RATE,
		.rate_auto = rate == AUTO,
		.rate_cc = rate == CC,
		.rate_min = SEQUENCE_RATE / 100,
		.rate_start = SEQUENCE_RATE / 10,
		.rate_max = SEQUENCE_RATE,
		.backoff = 4,
		.memory = 65536,
		.max_objects = 8,
		.max_receivers = 8,
		.seed = 1,
	};
	*s = (struct state){ .now = NSEC_PER_SEC };
	CHECK(tx_new(&s->tx, &conf, s->now) == 0);
	add_objects(s, asked);
	drain(s);
}

static void session(enum tx_code code, enum rate_kind rate, bool asked, const uint8_t *data,
		    size_t len)
{
	struct rd r = rd_init(data, len);
	struct tx_event ev;
	struct state s;
	const uint8_t *pkt;
	size_t n;
	bool started = false;

	begin(&s, code, rate, asked);
	for (nsec_t at = s.now; sequence_next(&r, &at, &pkt, &n);) {
		run_to(&s, at);
		if (tx_input(s.tx, s.now, pkt, n, &ev) == 0 && !started) {
			started = true;
			tx_start(s.tx, s.now);
		}
		if (tx_settled(s.tx))
			tx_finish(s.tx, s.now);
		drain(&s);
		at = s.now;
	}
	if (!started)
		tx_start(s.tx, s.now);
	drain(&s);
	for (unsigned i = 0; i < AFTER && !tx_done(s.tx); i++)
		run_to(&s, tx_deadline(s.tx, s.now));
	CHECK(tx_status(s.tx).rate <= SEQUENCE_RATE &&
	      tx_status(s.tx).rate >= SEQUENCE_RATE / 100);
	tx_free(s.tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	session(TX_CODE_SMALL, FIXED, false, data, len);
	session(TX_CODE_LARGE, AUTO, false, data, len);
	session(TX_CODE_SMALL, CC, false, data, len);
	session(TX_CODE_SMALL, FIXED, true, data, len);
	session(TX_CODE_LARGE, FIXED, true, data, len);
	return 0;
}
