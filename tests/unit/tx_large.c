/* tx_large.c - tests of proto/tx: objects in the large-block code. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/fec.h"
#include "proto/layout.h"
#include "proto/msg.h"
#include "proto/poll.h"
#include "proto/request.h"
#include "proto/tx.h"

#define E     64
#define B     300
#define NODE  5
#define K_MAX 2000
#define MS    NSEC_PER_MSEC

/* A sender session, and what it sent last. */
struct rig {
	struct tx *tx;
	nsec_t now;
	uint64_t size;
	struct layout layout;
	struct msg m;
	uint8_t pkt[200];
	struct poll poll;
	unsigned n_source, n_parity, n_again, n_poll; /* since the last look */
	uint32_t last_sbn, turns;                     /* how often the block changed */
	uint16_t target;
	nsec_t grtt;
	uint8_t fec_id;
	uint16_t instance;
};

static uint8_t byte(uint64_t offset)
{
	struct rng rng = rng_init(offset);

	return (uint8_t)rng_u64(&rng);
}

static struct tx_conf conf_of(enum tx_code code)
{
	return (struct tx_conf){
		.profile = TX_SOW,
		.node_id = 1,
		.instance_id = 7,
		.segment_size = E,
		.fec_id = FEC_RS8,
		.block_len = 64,
		.n_parity = 64,
		.code = code,
		.large_len = B,
		.interleave = 2,
		.backoff = 4,
		.grtt_initial = 10 * MS,
		.seed = 1,
	};
}

static void ack(struct rig *r, uint32_t node, uint8_t type, const uint8_t *content, int len)
{
	struct msg m = { .type = NORM_ACK,
			 .source_id = node,
			 .server_id = 1,
			 .instance_id = 7,
			 .ack_type = type,
			 .payload = content,
			 .payload_len = (size_t)len };
	struct tx_event ev;
	uint8_t buf[300];

	len = msg_encode(&m, buf, sizeof(buf));
	assert_int_equal(tx_input(r->tx, r->now, buf, (size_t)len, &ev), 0);
}

static void announce(struct rig *r, uint32_t node)
{
	struct announce a = { .host = "host", .host_len = 4 };
	uint8_t buf[128];

	ack(r, node, ACK_ANNOUNCE, buf, announce_encode(&a, buf, sizeof(buf)));
}

static void rig_init(struct rig *r, const struct tx_conf *conf, uint64_t size,
		     unsigned receivers)
{
	uint64_t object;

	*r = (struct rig){ .now = NSEC_PER_SEC, .size = size, .last_sbn = UINT32_MAX };
	assert_int_equal(tx_new(&r->tx, conf, r->now), 0);
	assert_int_equal(tx_add(r->tx, r->now, size, (const uint8_t *)"i", 1, &object), 0);
	for (unsigned i = 0; i < receivers; i++)
		announce(r, NODE + i);
}

static void serve(struct rig *r)
{
	struct work w;

	while (tx_work(r->tx, &w)) {
		if (w.op == WORK_READ)
			for (size_t i = 0; w.data && i < w.len; i++)
				w.data[i] = byte(w.offset + i);
		else
			assert_int_equal(work_codec(&w), 0);
		tx_work_done(r->tx, r->now, &w, 0);
	}
}

/* Parity of a block by the definition of the code. */
static void check_parity(const struct rig *r)
{
	uint32_t k = layout_k(&r->layout, r->m.fpi.sbn);
	uint8_t *src[K_MAX], *memory = calloc(k, E), parity[E];
	struct fft16_parity one = { r->m.fpi.esi - k, parity };
	struct fft16_block block = { k, E, src };
	struct fft16 *f;

	assert_non_null(memory);
	for (size_t i = 0; i < layout_block_bytes(&r->layout, r->m.fpi.sbn); i++)
		memory[i] = byte(layout_offset(&r->layout, r->m.fpi.sbn) + i);
	for (uint32_t i = 0; i < k; i++)
		src[i] = memory + i * E;
	assert_int_equal(fft16_new(&f, k, one.index + 1), 0);
	assert_int_equal(fft16_encode(f, &block, &one, 1), 0);
	assert_memory_equal(r->m.payload, parity, E);
	fft16_free(f);
	free(memory);
}

static void on_data(struct rig *r)
{
	const struct msg *m = &r->m;
	uint32_t k = layout_k(&r->layout, m->fpi.sbn);

	assert_int_equal(m->fec_id, r->fec_id);
	assert_int_equal(m->fpi.sbl, r->instance ? k : 0);
	r->turns += m->fpi.sbn != r->last_sbn;
	r->last_sbn = m->fpi.sbn;
	if (m->ext.present & EXT_HAS_TARGET)
		r->target = m->ext.target;
	assert_int_equal(m->flags & NORM_FLAG_REPAIR ? 1 : 0,
			 m->ext.present & EXT_HAS_TARGET ? 1 : 0);
	if (m->fpi.esi >= k) {
		r->n_parity++;
		if (r->instance && m->payload)
			check_parity(r);
		return;
	}
	if (m->flags & NORM_FLAG_EXPLICIT)
		r->n_again++;
	else
		r->n_source++;
	assert_int_equal(m->payload_len,
			 layout_segment_bytes(&r->layout, m->fpi.sbn, m->fpi.esi));
	for (size_t i = 0; i < m->payload_len; i++)
		assert_int_equal(m->payload[i], byte(layout_offset(&r->layout, m->fpi.sbn) +
						     (uint64_t)m->fpi.esi * E + i));
}

static bool next(struct rig *r)
{
	struct tx_packet p;

	serve(r);
	if (!tx_output(r->tx, r->now, &p)) {
		assert_true(tx_deadline(r->tx, r->now) > r->now);
		return false;
	}
	memcpy(r->pkt, p.hdr, p.hdr_len);
	if (p.payload_len)
		memcpy(r->pkt + p.hdr_len, p.payload, p.payload_len);
	assert_int_equal(msg_decode(&r->m, r->pkt, p.hdr_len + p.payload_len), 0);
	if (r->m.type == NORM_INFO) {
		const struct fti *f = &r->m.ext.fti;

		r->fec_id = r->m.fec_id;
		r->instance = f->fec_instance_id;
		assert_int_equal(layout_init(&r->layout, f->object_size, f->segment_size,
					     f->max_block_len),
				 0);
	} else if (r->m.type == NORM_DATA) {
		on_data(r);
	} else if (r->m.cmd == CMD_APPLICATION &&
		   poll_decode(&r->poll, r->m.payload, r->m.payload_len) == 0) {
		r->n_poll++;
	}
	return true;
}

/* All that leaves in that time; the counts begin anew. */
static void run(struct rig *r, nsec_t time)
{
	nsec_t end = r->now + time;

	r->n_source = r->n_parity = r->n_again = r->n_poll = r->turns = 0;
	for (;;) {
		while (next(r))
			;
		if (tx_deadline(r->tx, r->now) > end)
			break;
		r->now = tx_deadline(r->tx, r->now);
	}
	r->now = end;
	r->grtt = tx_status(r->tx).grtt;
}

static void nack(struct rig *r, uint32_t node, struct request q)
{
	struct msg m = {
		.type = NORM_NACK, .source_id = node, .server_id = 1, .instance_id = 7
	};
	struct request_writer w;
	struct tx_event ev;
	uint8_t body[300], buf[400];
	int len;

	request_writer_init(&w, body, sizeof(body), FEC_SB_SYST, true);
	assert_int_equal(request_put(&w, &q), 0);
	m.payload = body;
	m.payload_len = request_writer_len(&w);
	len = msg_encode(&m, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(tx_input(r->tx, r->now, buf, (size_t)len, &ev), 0);
}

static struct request erasures(uint32_t sbn, uint16_t count)
{
	return (struct request){ .form = NACK_FORM_ERASURES,
				 .flags = NACK_SEGMENT,
				 .first = { .sbn = sbn, .sbl = 250, .esi = count } };
}

/* 1000 symbols, the last one short: four blocks of 250 in two groups. */
static void start(struct rig *r, unsigned receivers)
{
	struct tx_conf conf = conf_of(TX_CODE_LARGE);

	rig_init(r, &conf, 999 * E + 10, receivers);
	tx_start(r->tx, r->now);
	tx_finish(r->tx, r->now);
}

static void groups_are_sent_in_turns_and_polled(void **state)
{
	struct rig r;

	start(&r, 2);
	run(&r, MS);
	assert_int_equal(r.fec_id, FEC_SB_SYST);
	assert_int_equal(r.instance, FEC_INSTANCE_LARGE);
	assert_int_equal(r.layout.n_blocks, 4);
	assert_int_equal(r.n_source, 1000);
	assert_int_equal(r.n_poll, 2);
	assert_in_range(r.turns, 100, 140); /* 8 symbols at a time */
	assert_int_equal(r.poll.sbn, 2);
	assert_int_equal(r.poll.n_blocks, 2);
	assert_int_equal(r.poll.threshold, 0);
	assert_int_equal(r.poll.target, 0);
	assert_int_equal(r.n_parity + r.n_again, 0);
	assert_int_equal(tx_status(r.tx).sent, 999 * E + 10);
	tx_free(r.tx);
}

static void counts_raise_the_target(void **state)
{
	struct rig r;

	start(&r, 2);
	run(&r, 100 * MS);
	nack(&r, NODE, erasures(1, 10));
	run(&r, 0);
	assert_int_equal(r.target, 11); /* 10 of 250 are lost: of 10, one more perhaps */
	assert_int_equal(r.n_parity, 11);
	assert_int_equal(r.last_sbn, 1);

	/* less was answered before; a little more brings a little more */
	nack(&r, NODE + 1, erasures(1, 9));
	run(&r, 0);
	assert_int_equal(r.n_parity, 0);
	nack(&r, NODE + 1, erasures(1, 13));
	run(&r, 0);
	assert_int_equal(r.target, 14);
	assert_int_equal(r.n_parity, 3);

	/* who heard nothing of all this asks again after a round trip */
	run(&r, 2 * r.grtt);
	nack(&r, NODE + 1, erasures(1, 2));
	run(&r, 0);
	assert_int_equal(r.n_parity, 3);
	assert_int_equal(r.target, 17);

	/* what lacks a few more may have asked for all, if it lost the end */
	run(&r, 2 * r.grtt);
	nack(&r, NODE + 1, erasures(1, 17));
	run(&r, 0);
	assert_int_equal(r.n_parity, 9);
	run(&r, 2 * r.grtt);
	nack(&r, NODE + 1, erasures(1, 17)); /* that was lost, too */
	run(&r, 0);
	assert_int_equal(r.n_parity, 19);
	assert_int_equal(r.target, 45);
	tx_free(r.tx);
}

/* The others are to know soon, although another block is being repaired. */
static void a_raised_target_is_told_at_once(void **state)
{
	struct rig r;

	start(&r, 2);
	run(&r, 100 * MS);
	r.n_parity = 0;
	nack(&r, NODE, erasures(1, 10));
	assert_true(next(&r) && r.last_sbn == 1);
	nack(&r, NODE, erasures(3, 20));
	assert_true(next(&r) && r.last_sbn == 3);
	assert_int_equal(r.target, 22);
	assert_true(next(&r) && r.last_sbn == 1);
	assert_int_equal(r.target, 11);
	nack(&r, NODE + 1, erasures(3, 30));
	assert_true(next(&r) && r.last_sbn == 3);
	assert_int_equal(r.target, 31);
	assert_true(next(&r) && r.last_sbn == 1);
	while (next(&r))
		;
	assert_int_equal(r.n_parity, 11 + 31);
	tx_free(r.tx);
}

static void repair_takes_turns(void **state)
{
	struct rig r;

	start(&r, 2);
	run(&r, 100 * MS);
	nack(&r, NODE, erasures(0, 20));
	nack(&r, NODE, erasures(3, 20));
	nack(&r, NODE, erasures(1, 1));
	run(&r, 0);
	assert_int_equal(r.n_parity, 22 + 22 + 2);
	assert_in_range(r.turns, 8, 10); /* 8 symbols at a time, and each target was told */
	tx_free(r.tx);
}

static void there_is_an_end_to_parity(void **state)
{
	struct rig r;

	start(&r, 1);
	run(&r, 100 * MS);
	nack(&r, NODE, erasures(0, UINT16_MAX));
	run(&r, 0);
	assert_int_equal(r.n_parity, fec_large(B).n_parity);
	run(&r, 2 * r.grtt);
	nack(&r, NODE, erasures(0, 4)); /* its end was not heard: once more */
	run(&r, 0);
	assert_in_range(r.n_parity, 5, 6);
	assert_int_equal(r.target, fec_large(B).n_parity);
	tx_free(r.tx);
}

static void symbols_and_blocks_come_again_by_name(void **state)
{
	struct request q = erasures(3, 240);
	struct rig r;

	start(&r, 1);
	run(&r, 100 * MS);
	q.form = NACK_FORM_RANGES;
	q.last = q.first;
	q.last.esi = 400; /* the block ends before */
	nack(&r, NODE, q);
	run(&r, 0);
	assert_int_equal(r.n_again, 10);
	assert_int_equal(r.n_parity, 0);

	q.flags = NACK_BLOCK;
	q.first.sbn = 0;
	q.last.sbn = 1;
	nack(&r, NODE, q);
	run(&r, 50 * MS);
	assert_int_equal(r.n_again, 500);
	nack(&r, NODE, erasures(4, 1)); /* there is none */
	run(&r, 0);
	assert_int_equal(r.n_parity, 0);
	tx_free(r.tx);
}

/* What is asked for behind the back of a pass does not stop it. */
static void names_may_come_in_any_order(void **state)
{
	struct request q = erasures(0, 200);
	struct rig r;

	start(&r, 1);
	run(&r, 100 * MS);
	r.n_again = 0;
	q.form = NACK_FORM_ITEMS;
	q.last = q.first;
	nack(&r, NODE, q);
	serve(&r); /* the second piece is in memory */
	q.first.esi = q.last.esi = 5;
	nack(&r, NODE, q);
	run(&r, 50 * MS);
	assert_int_equal(r.n_again, 2);
	tx_free(r.tx);
}

/* Little memory, and all blocks need more of it than there is: they get it one after the other.
 */
static void blocks_do_not_wait_for_each_other(void **state)
{
	struct tx_conf conf = conf_of(TX_CODE_LARGE);
	struct rig r;
	uint32_t asked = 0;

	conf.large_len = K_MAX;
	conf.memory = 1; /* what one block needs */
	conf.interleave = 8;
	rig_init(&r, &conf, (uint64_t)12 * K_MAX * E, 1);
	tx_start(r.tx, r.now);
	for (unsigned i = 0; i < 1000 && tx_status(r.tx).phase == PHASE_RUN; i++) {
		run(&r, MS);
		for (; asked < r.poll.sbn + r.poll.n_blocks; asked++)
			nack(&r, NODE, erasures(asked, 400));
	}
	assert_int_equal(tx_status(r.tx).phase, PHASE_CATCHUP);
	assert_true(tx_counters(r.tx)->parity >= 10 * 400);
	for (uint32_t sbn = 0; sbn < 12; sbn++)
		nack(&r, NODE, erasures(sbn, 500));
	for (unsigned i = 0; i < 100; i++)
		run(&r, 10 * MS);
	assert_true(tx_counters(r.tx)->parity >= 12 * 500);
	tx_free(r.tx);
}

/* Losses as before: part of the parity comes unasked, and the threshold is known. */
static void later_blocks_are_foreseen(void **state)
{
	struct tx_conf conf = conf_of(TX_CODE_LARGE);
	struct rig r;
	unsigned asked = 0;

	conf.interleave = 1;
	conf.rate = 250 * (E + 24) * 4; /* four blocks a second */
	conf.backoff = 4;
	rig_init(&r, &conf, (uint64_t)20 * 250 * E, 100);
	tx_start(r.tx, r.now);
	for (uint32_t sbn = 0; sbn < 14; sbn++) {
		r.n_poll = 0;
		while (!r.n_poll) {
			r.now = MAX(r.now, tx_deadline(r.tx, r.now));
			next(&r);
		}
		assert_int_equal(r.poll.sbn, sbn);
		if (sbn > 8) {
			assert_in_range(r.poll.threshold, 9, 20);
			assert_int_equal(r.poll.target, 8);
		}
		asked += r.poll.target < 10;
		nack(&r, NODE + 1, erasures(sbn, 6)); /* what came first is not the most */
		for (unsigned i = 0; i < 12; i++) {
			r.now = MAX(r.now, tx_deadline(r.tx, r.now));
			next(&r);
		}
		nack(&r, NODE, erasures(sbn, 10));
	}
	assert_int_equal(asked, 14);
	tx_free(r.tx);
}

static void the_code_suits_object_and_receivers(void **state)
{
	static const struct {
		uint64_t segments;
		unsigned receivers;
		bool large;
	} cases[] = { { 2000, 1, false },
		      { 2000, 2, true },
		      { 2000, 100, true },
		      { 200, 100, false },
		      { 2000, 0, false } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tx_conf conf = conf_of(TX_CODE_AUTO);
		struct rig r;

		rig_init(&r, &conf, cases[i].segments * E, 0);
		run(&r, 500 * MS);
		assert_int_equal(r.fec_id, 0); /* no INFO before the receivers are known */
		for (unsigned n = 0; n < cases[i].receivers; n++)
			announce(&r, NODE + n);
		tx_start(r.tx, r.now);
		run(&r, 0);
		assert_int_equal(r.instance, cases[i].large ? FEC_INSTANCE_LARGE : 0);
		assert_int_equal(r.n_source, cases[i].segments);
		tx_free(r.tx);
	}
}

static void a_bad_read_withdraws(void **state)
{
	struct rig r;
	struct work w;

	start(&r, 1);
	assert_true(tx_work(r.tx, &w));
	assert_int_equal(w.op, WORK_READ);
	tx_work_done(r.tx, r.now, &w, -EIO);
	run(&r, 100 * MS);
	assert_int_equal(r.n_source, 0);
	tx_free(r.tx);
}

static void refuses_nonsense(void **state)
{
	struct tx_conf conf = conf_of(TX_CODE_LARGE);
	struct tx *tx;

	conf.segment_size = 65;
	assert_int_equal(tx_new(&tx, &conf, 1), -EINVAL);
	conf = conf_of(TX_CODE_LARGE);
	conf.large_len = 32769;
	assert_int_equal(tx_new(&tx, &conf, 1), -EINVAL);
	conf = conf_of(TX_CODE_LARGE);
	conf.profile = TX_NORM;
	assert_int_equal(tx_new(&tx, &conf, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_sent_in_turns_and_polled),
		cmocka_unit_test(counts_raise_the_target),
		cmocka_unit_test(a_raised_target_is_told_at_once),
		cmocka_unit_test(repair_takes_turns),
		cmocka_unit_test(there_is_an_end_to_parity),
		cmocka_unit_test(symbols_and_blocks_come_again_by_name),
		cmocka_unit_test(names_may_come_in_any_order),
		cmocka_unit_test(blocks_do_not_wait_for_each_other),
		cmocka_unit_test(later_blocks_are_foreseen),
		cmocka_unit_test(the_code_suits_object_and_receivers),
		cmocka_unit_test(a_bad_read_withdraws),
		cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests_name("tx_large", tests, NULL, NULL);
}
