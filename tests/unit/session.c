/* session.c - a sender and a receiver session face to face, with a virtual clock. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/rx.h"
#include "proto/tx.h"
#include "proto/wire.h"

#define E 1000

/* One sender, one receiver, a link that loses every n-th packet, a file in memory at both ends.
 */
struct pair {
	struct tx *tx;
	struct rx *rx;
	nsec_t now;
	uint8_t *src, *dst;
	size_t size;
	struct rng rng;
	double loss;
	bool keep; /* complete objects are not released */
	bool announced, finished, receipted, ended;
	unsigned complete;
	uint64_t packets;
};

static void pair_init_conf(struct pair *p, size_t size, double loss, enum tx_profile profile,
			   unsigned max_objects)
{
	struct tx_conf tc = { .profile = profile,
			      .node_id = 1,
			      .instance_id = 7,
			      .segment_size = E,
			      .fec_id = FEC_RS8,
			      .block_len = 64,
			      .n_parity = 32,
			      .rate = 10000000,
			      .backoff = 4,
			      .seed = 1 };
	struct rx_conf rc = { .node_id = 2,
			      .sender_id = 1,
			      .instance_id = 7,
			      .host = "host",
			      .max_objects = max_objects,
			      .seed = 2 };

	*p = (struct pair){ .now = 1000, .size = size, .rng = rng_init(3), .loss = loss };
	p->src = malloc(size + 1);
	p->dst = calloc(1, size + 1);
	for (size_t i = 0; i < size; i++)
		p->src[i] = (uint8_t)rng_u64(&p->rng);
	assert_int_equal(tx_new(&p->tx, &tc, p->now), 0);
	assert_int_equal(rx_new(&p->rx, &rc, p->now), 0);
}

static void pair_init(struct pair *p, size_t size, double loss, enum tx_profile profile)
{
	pair_init_conf(p, size, loss, profile, 0);
}

static void pair_fini(struct pair *p)
{
	tx_free(p->tx);
	rx_free(p->rx);
	free(p->src);
	free(p->dst);
}

static void serve(struct pair *p)
{
	struct work w;

	while (tx_work(p->tx, &w)) {
		if (w.op == WORK_READ)
			memcpy(w.data, p->src + w.offset, w.len);
		tx_work_done(p->tx, p->now, &w, w.op == WORK_READ ? 0 : work_codec(&w));
	}
	while (rx_work(p->rx, &w)) {
		if (w.op == WORK_READ)
			memcpy(w.data, p->dst + w.offset, w.len);
		if (w.op == WORK_WRITE)
			memcpy(p->dst + w.offset, w.data, w.len);
		rx_work_done(p->rx, p->now, &w, w.op == WORK_DECODE ? work_codec(&w) : 0);
	}
}

static void events(struct pair *p)
{
	struct receipt rc = { .status = RECEIPT_COMPLETE };
	struct rx_event ev;

	while (rx_event(p->rx, &ev)) {
		if (ev.kind == RX_EV_OBJECT)
			rx_accept(p->rx, p->now, ev.object);
		if (ev.kind == RX_EV_COMPLETE) {
			p->complete++;
			if (!p->keep)
				rx_release(p->rx, ev.object);
		}
		if (ev.kind == RX_EV_FINISHED) {
			p->finished = true;
			rx_set_receipt(p->rx, p->now, &rc);
		}
		p->receipted |= ev.kind == RX_EV_RECEIPTED;
		p->ended |= ev.kind == RX_EV_SENDER_END;
	}
}

static void step(struct pair *p)
{
	struct tx_packet pkt;
	struct tx_event ev;
	uint8_t buf[2000];
	int n;

	serve(p);
	while (tx_output(p->tx, p->now, &pkt)) {
		memcpy(buf, pkt.hdr, pkt.hdr_len);
		if (pkt.payload_len > 0)
			memcpy(buf + pkt.hdr_len, pkt.payload, pkt.payload_len);
		p->packets++;
		if (rng_unit(&p->rng) >= p->loss)
			assert_int_equal(
				rx_input(p->rx, p->now, buf, pkt.hdr_len + pkt.payload_len), 0);
		events(p);
		serve(p);
	}
	while ((n = rx_output(p->rx, p->now, buf, sizeof(buf))) > 0) {
		if (rng_unit(&p->rng) >= p->loss)
			assert_int_equal(tx_input(p->tx, p->now, buf, (size_t)n, &ev), 0);
		p->announced |= ev.kind == TX_EV_ANNOUNCE;
	}
	events(p);
	serve(p);
}

static void run(struct pair *p, nsec_t limit)
{
	while (!tx_done(p->tx) && p->now < limit) {
		nsec_t at;

		step(p);
		if (p->announced)
			tx_start(p->tx, p->now);
		at = MIN(tx_deadline(p->tx, p->now), rx_deadline(p->rx, p->now));
		p->now = MAX(at, p->now + 1000);
	}
}

static void transfer(size_t size, double loss)
{
	struct pair p;
	uint64_t object;

	pair_init(&p, size, loss, TX_SOW);
	assert_int_equal(tx_add(p.tx, p.now, size, (const uint8_t *)"x", 1, &object), 0);
	tx_finish(p.tx, p.now);
	run(&p, 60 * NSEC_PER_SEC);
	assert_true(tx_done(p.tx));
	assert_true(p.finished);
	assert_true(p.receipted || loss > 0);
	assert_int_equal(p.complete, 1);
	assert_memory_equal(p.src, p.dst, size);
	assert_int_equal(tx_receiver(p.tx, 0).state, TX_RX_FINISHED);
	pair_fini(&p);
}

static void sizes_arrive_whole(void **state)
{
	static const size_t sizes[] = { 0,          1,      E - 1,      E,      E + 1,
					64 * E - 1, 64 * E, 64 * E + 1, 1000000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		transfer(sizes[i], 0);
}

static void loss_is_repaired(void **state)
{
	transfer(3000000, 0.01);
	transfer(3000000, 0.1);
	transfer(1000000, 0.3);
}

/* A receiver with room for few objects does not ask for those that it can not take. */
static void no_room_is_no_reason_to_ask(void **state)
{
	struct pair p;
	uint64_t object;

	pair_init_conf(&p, 20 * E, 0, TX_SOW, 2);
	p.keep = true;
	for (int i = 0; i < 20; i++)
		assert_int_equal(tx_add(p.tx, p.now, E, (const uint8_t *)"x", 1, &object), 0);
	tx_finish(p.tx, p.now);
	run(&p, NSEC_PER_SEC / 2);
	assert_int_equal(p.complete, 2);
	assert_int_equal(tx_counters(p.tx)->nacks, 0);
	assert_int_equal(tx_counters(p.tx)->source, 20);
	assert_int_equal(tx_counters(p.tx)->again, 0);
	p.keep = false;
	rx_release(p.rx, 0);
	rx_release(p.rx, 1);
	run(&p, 60 * NSEC_PER_SEC);
	assert_true(tx_done(p.tx) && p.finished);
	assert_int_equal(p.complete, 20);
	assert_in_range(tx_counters(p.tx)->again, 18, 20);
	pair_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_arrive_whole),
		cmocka_unit_test(loss_is_repaired),
		cmocka_unit_test(no_room_is_no_reason_to_ask),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
