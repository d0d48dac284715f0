/* counted.c - tests of receiver/session: a sender that only asks who is there. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/tx.h"
#include "proto/wire.h"
#include "receiver/session.h"

#define STEP (10 * NSEC_PER_MSEC)

static const struct self self = { .host = "h", .version = "1" };

struct pair {
	struct report report;
	struct udp_in_counters net;
	struct chores chores; /* in line */
	struct session_conf conf;
	struct session *session;
	struct tx *tx;
	nsec_t now;
	struct tx_event heard; /* the last announcement, or a receipt */
};

static void pair_init(struct pair *p)
{
	struct tx_conf tc = { .profile = TX_SOW,
			      .node_id = 1,
			      .instance_id = 7,
			      .segment_size = 1000,
			      .fec_id = FEC_RS8,
			      .block_len = 64,
			      .n_parity = 32,
			      .census = true,
			      .seed = 1 };
	struct msg_session id = { NORM_CMD, 1, 1, 7 };
	struct hook_origin origin = { 0 };

	*p = (struct pair){ .now = 1000 };
	report_init(&p->report, &(struct report_conf){ .quiet = true, .net = &p->net });
	p->conf = (struct session_conf){
		.report = &p->report,
		.chores = &p->chores,
		.node_id = 2,
		.self = &self,
		.state = ANNOUNCE_STORING,
		.free = 123,
	};
	assert_int_equal(tx_new(&p->tx, &tc, p->now), 0);
	assert_int_equal(session_new(&p->session, &p->conf, &origin, &id, 3, p->now), 0);
}

static void step(struct pair *p)
{
	struct tx_packet pkt;
	struct tx_event ev;
	uint8_t buf[2000];
	int len;

	while (tx_output(p->tx, p->now, &pkt)) {
		memcpy(buf, pkt.hdr, pkt.hdr_len);
		if (pkt.payload_len)
			memcpy(buf + pkt.hdr_len, pkt.payload, pkt.payload_len);
		session_input(p->session, p->now,
			      &(struct udp_datagram){ .data = buf,
						      .len = pkt.hdr_len + pkt.payload_len });
	}
	while ((len = session_output(p->session, p->now, buf, sizeof(buf))) > 0) {
		assert_int_equal(tx_input(p->tx, p->now, buf, (size_t)len, &ev), 0);
		if (ev.kind == TX_EV_ANNOUNCE || ev.kind == TX_EV_RECEIPT)
			p->heard = ev;
	}
	p->now += STEP;
}

static void a_census_begins_nothing(void **state)
{
	struct pair p;

	pair_init(&p);
	for (int i = 0; i < 100; i++)
		step(&p);
	assert_int_equal(p.heard.kind, TX_EV_ANNOUNCE);
	assert_int_equal(p.heard.announce.state, ANNOUNCE_STORING);
	assert_int_equal(p.heard.announce.free, 123);
	assert_true(session_is_census(p.session));
	assert_false(session_counts(p.session));
	assert_false(session_busy(p.session));
	assert_false(session_over(p.session, p.now));
	tx_abort(p.tx, p.now);
	for (int i = 0; i < 10; i++)
		step(&p);
	assert_true(tx_done(p.tx));
	assert_true(session_over(p.session, p.now));
	assert_false(session_unconfirmed(p.session));
	assert_int_equal(p.heard.kind, TX_EV_ANNOUNCE); /* no receipt */
	assert_int_equal(report_end(&p.report), STATUS_OK);
	session_free(p.session);
	tx_free(p.tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_census_begins_nothing),
	};

	return cmocka_run_group_tests_name("counted", tests, NULL, NULL);
}
