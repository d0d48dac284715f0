/* tx_rate.c - tests of proto/tx: whom PROBEs ask, and a rate that follows the answers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "proto/quant.h"
#include "proto/report.h"
#include "proto/wire.h"

#define NODE 100

static struct tx_conf conf_auto(void)
{
	struct tx_conf conf = rig_conf(TX_SOW);

	conf.rate_auto = true;
	conf.rate_min = 10000;
	conf.rate_start = 1000000;
	conf.rate_max = 16000000;
	return conf;
}

/* `n` receivers, and much to send. */
static void begin(struct tx_rig *r, const struct tx_conf *conf, unsigned n)
{
	rig_init(r, conf);
	r->show = 0;
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(rig_announce(r, NODE + i), 0);
	for (unsigned i = 0; i < 50; i++)
		rig_add(r, 1000 * RIG_BLOCK);
	rig_run(r, NSEC_PER_SEC);
	tx_start(r->tx, r->now);
}

/* The next PROBE within a second; false: there is none that asks for reports. */
static bool next_ask(struct tx_rig *r, struct probe *ret)
{
	nsec_t end = r->now + 1200 * MS;

	while (r->now < end) {
		if (!rig_next(r)) {
			r->now = tx_deadline(r->tx, r->now);
			continue;
		}
		if (r->m.type != NORM_CMD || r->m.cmd != CMD_APPLICATION)
			continue;
		assert_int_equal(probe_decode(ret, r->m.payload, r->m.payload_len), 0);
		if (ret->report_every)
			return true;
	}
	return false;
}

static int report(struct tx_rig *r, uint32_t node, const struct rx_report *rp)
{
	struct msg m = rig_feedback(r, NORM_ACK, node);
	uint8_t buf[REPORT_LEN];

	m.ack_type = ACK_REPORT;
	m.payload = buf;
	m.payload_len = (size_t)report_encode(rp, buf, sizeof(buf));
	return rig_input(r, &m);
}

/* What a receiver says that got all that was sent. */
static struct rx_report all_heard(const struct tx_rig *r, const struct probe *p)
{
	return (struct rx_report){
		.sequence = p->sequence,
		.time_us = (uint32_t)(r->now / NSEC_PER_USEC),
		.heard = (uint32_t)tx_counters(r->tx)->packets,
		.bytes = tx_counters(r->tx)->bytes,
	};
}

static void a_report_is_an_event(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct rx_report rp = { .sequence = 1, .dropped = 7, .backlog = 9 };
	struct msg m;
	struct tx_rig r;

	conf.rate = 1000000;
	begin(&r, &conf, 1);
	assert_int_equal(report(&r, NODE, &rp), 0);
	assert_int_equal(r.event.kind, TX_EV_REPORT);
	assert_int_equal(r.event.node_id, NODE);
	assert_int_equal(r.event.report.dropped, 7);
	assert_int_equal(r.event.report.backlog, 9);
	assert_int_equal(tx_counters(r.tx)->reports, 1);
	assert_int_equal(report(&r, NODE + 1, &rp), 0); /* nobody knows it */
	assert_int_equal(r.event.kind, TX_EV_NONE);
	assert_int_equal(tx_counters(r.tx)->reports, 1);
	assert_int_equal(tx_n_receivers(r.tx), 1);
	m = rig_feedback(&r, NORM_ACK, NODE);
	m.ack_type = ACK_REPORT;
	assert_int_equal(rig_input(&r, &m), -EBADMSG); /* empty */
	rig_fini(&r);
}

static void a_fixed_rate_asks_five_times_a_second(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct tx_rig r;
	struct probe p;
	nsec_t before;

	conf.rate = 1000000;
	begin(&r, &conf, 3);
	assert_true(next_ask(&r, &p));
	assert_int_equal(p.report_every, 1);
	before = r.now;
	assert_true(next_ask(&r, &p));
	assert_in_range(r.now - before, 190 * MS, 220 * MS);
	assert_int_equal(tx_status(r.tx).rate, 1000000);
	assert_int_equal(tx_status(r.tx).rate_reason, RATE_FIXED);
	rig_fini(&r);
}

static void nobody_is_asked_before_the_start_nor_at_the_end(void **state)
{
	struct tx_conf conf = conf_auto();
	struct tx_rig r;
	struct probe p;

	rig_init(&r, &conf);
	rig_announce(&r, NODE);
	rig_add(&r, RIG_BLOCK);
	assert_false(next_ask(&r, &p));
	tx_start(r.tx, r.now);
	assert_true(next_ask(&r, &p));
	assert_int_equal(rig_receipt(&r, NODE, 0), 0); /* has all, and need not be asked */
	assert_false(next_ask(&r, &p));
	rig_fini(&r);
}

/* About eight reports come for a PROBE; the same ones are asked a few times in a row. */
static void of_many_some_are_asked(void **state)
{
	struct tx_conf conf = conf_auto();
	unsigned asked[100] = { 0 }, same = 0, n = 400;
	uint32_t last = 0;
	struct tx_rig r;
	struct probe p;

	conf.rate_min = conf.rate_start = conf.rate_max = 100000; /* no state but HOLD */
	begin(&r, &conf, 100);
	for (unsigned k = 0; k < n; k++) {
		unsigned now = 0, first = 0;

		assert_true(next_ask(&r, &p));
		assert_int_equal(p.report_every, 13);
		for (uint32_t i = 0; i < 100; i++) {
			struct rx_report rp = all_heard(&r, &p);

			if (!probe_asks(&p, NODE + i))
				continue;
			first = now++ ? first : i;
			asked[i]++;
			assert_int_equal(report(&r, NODE + i, &rp), 0);
		}
		assert_in_range(now, 7, 8);
		same += first == last;
		last = first;
	}
	assert_in_range(same, n / 2, n - 20);
	for (unsigned i = 0; i < 100; i++)
		assert_true(asked[i] >= 4);
	rig_fini(&r);
}

static void reports_that_all_is_well_raise_the_rate(void **state)
{
	struct tx_conf conf = conf_auto();
	struct tx_rig r;
	struct probe p;
	nsec_t start;

	begin(&r, &conf, 1);
	start = r.now;
	assert_int_equal(tx_status(r.tx).rate, 1000000);
	assert_int_equal(tx_status(r.tx).rate_reason, RATE_STARTING);
	while (tx_status(r.tx).rate < conf.rate_max && r.now < start + NSEC_PER_SEC) {
		struct rx_report rp;

		assert_true(next_ask(&r, &p));
		rp = all_heard(&r, &p);
		r.now += MS;
		assert_int_equal(report(&r, NODE, &rp), 0);
		assert_true(tx_deadline(r.tx, r.now) <= r.now + 100 * MS);
	}
	assert_true(r.now - start < 200 * MS);
	assert_int_equal(tx_status(r.tx).rate, conf.rate_max);
	assert_int_equal(tx_status(r.tx).rate_reason, RATE_MAX);
	assert_int_equal(tx_counters(r.tx)->rate_changes, 4);

	for (int i = 0; i < 60; i++) /* nobody answers any more */
		assert_true(next_ask(&r, &p));
	assert_true(tx_status(r.tx).rate < conf.rate_max / 4);
	assert_int_equal(tx_status(r.tx).rate_reason, RATE_SILENCE);
	rig_fini(&r);
}

/* One of two receivers gets 1.3 MB/s; when it has what it needs the other goes on. */
static void who_is_done_is_forgotten(void **state)
{
	struct tx_conf conf = conf_auto();
	struct rx_report slow = { 0 };
	uint64_t packets = 0, bytes = 0;
	struct tx_rig r;
	struct probe p;

	conf.rate_max = 2000000;
	begin(&r, &conf, 2);
	for (int i = 0; i < 35; i++) {
		const struct tx_counters *c = tx_counters(r.tx);
		struct rx_report rp;
		double share = MIN(1, 1.3e6 / (double)tx_status(r.tx).rate);

		assert_true(next_ask(&r, &p));
		rp = all_heard(&r, &p);
		slow.heard += (uint32_t)(share * (double)(c->packets - packets));
		slow.bytes += (uint64_t)(share * (double)(c->bytes - bytes));
		packets = c->packets;
		bytes = c->bytes;
		slow.sequence = p.sequence;
		slow.time_us = rp.time_us;
		assert_int_equal(report(&r, NODE, &rp), 0);
		assert_int_equal(report(&r, NODE + 1, &slow), 0);
	}
	assert_in_range(tx_status(r.tx).rate, 1170000, 1330000);
	assert_int_equal(rig_receipt(&r, NODE + 1, 0), 0);
	for (int i = 0; i < 100 && tx_status(r.tx).rate < conf.rate_max; i++) {
		struct rx_report rp;

		assert_true(next_ask(&r, &p));
		rp = all_heard(&r, &p);
		assert_int_equal(report(&r, NODE, &rp), 0);
	}
	assert_int_equal(tx_status(r.tx).rate, conf.rate_max);
	rig_fini(&r);
}

static void contradictions_are_refused(void **state)
{
	struct tx_conf good = conf_auto(), conf;
	struct tx *tx;

	conf = good;
	conf.rate_min = 0;
	assert_int_equal(tx_new(&tx, &conf, 0), -EINVAL);
	conf = good;
	conf.rate_start = conf.rate_max + 1;
	assert_int_equal(tx_new(&tx, &conf, 0), -EINVAL);
	conf = good;
	conf.rate_min = conf.rate_start + 1;
	assert_int_equal(tx_new(&tx, &conf, 0), -EINVAL);
	conf = good;
	conf.rate_cc = true;
	assert_int_equal(tx_new(&tx, &conf, 0), -EINVAL);
	conf = good;
	conf.profile = TX_NORM;
	assert_int_equal(tx_new(&tx, &conf, 0), -EINVAL);
}

/* --- congestion control --- */

/* The next CMD(CC). */
static void next_cc(struct tx_rig *r)
{
	nsec_t end = r->now + 2 * NSEC_PER_SEC;

	while (r->now < end) {
		if (!rig_next(r))
			r->now = tx_deadline(r->tx, r->now);
		else if (r->m.type == NORM_CMD && r->m.cmd == CMD_CC)
			return;
	}
	fail_msg("no CMD(CC)");
}

/* It answers after 40 ms. */
static void answer(struct tx_rig *r, uint32_t node, uint8_t flags, double loss, double rate)
{
	struct msg m = rig_feedback(r, NORM_ACK, node);

	m.ack_type = ACK_CC;
	m.grtt_response = r->m.send_time;
	m.ext.present = EXT_HAS_CC;
	m.ext.cc = (struct ext_cc){ .cc_sequence = r->m.cc_sequence,
				    .cc_flags = flags,
				    .cc_loss = quant_loss_encode(loss),
				    .cc_rate = quant_rate_encode(rate) };
	r->now += 40 * MS;
	assert_int_equal(rig_input(r, &m), 0);
}

static struct tx_conf conf_cc(enum tx_profile profile)
{
	struct tx_conf conf = rig_conf(profile);

	conf.rate_cc = true;
	conf.rate_min = 1000;
	conf.rate_start = 50000;
	conf.rate_max = 16000000;
	return conf;
}

static struct cc_node listed(const struct tx_rig *r)
{
	struct rd rd = rd_init(r->m.payload, r->m.payload_len);

	return cc_node_decode(&rd);
}

static void congestion_control_follows_the_slowest(void **state)
{
	for (int profile = TX_SOW; profile <= TX_NORM; profile++) {
		struct tx_conf conf = conf_cc(profile);
		struct tx_rig r;

		begin(&r, &conf, profile == TX_SOW ? 2 : 0);
		next_cc(&r);
		assert_true(r.m.ext.present & EXT_HAS_RATE);
		assert_int_equal(r.m.payload_len, 0);
		assert_int_equal(tx_status(r.tx).rate, 50000);
		assert_int_equal(tx_status(r.tx).rate_reason, RATE_STARTING);
		for (int i = 0; i < 10; i++) {
			answer(&r, NODE, CC_FLAG_START, 0, 1e9);
			next_cc(&r);
		}
		assert_int_equal(listed(&r).node_id, NODE);
		assert_int_equal(listed(&r).flags, CC_FLAG_CLR | CC_FLAG_RTT | CC_FLAG_START);
		assert_true(tx_status(r.tx).rate >= 100000);
		/* another one loses: p = 0.1, 40 ms; packets of 124 bytes */
		answer(&r, NODE + 1, 0, 0.1, 0);
		assert_true(tx_status(r.tx).rate < 10000);
		assert_int_equal(tx_status(r.tx).rate_reason, RATE_LOSS);
		next_cc(&r);
		assert_int_equal(listed(&r).node_id, NODE + 1);
		assert_int_equal(r.m.ext.send_rate,
				 quant_rate_encode((double)tx_status(r.tx).rate));
		rig_fini(&r);
	}
}

static void only_who_counts_is_followed(void **state)
{
	struct tx_conf conf = conf_cc(TX_SOW);
	struct tx_rig r;

	begin(&r, &conf, 2);
	next_cc(&r);
	answer(&r, NODE + 7, 0, 0.5, 0); /* nobody knows it */
	assert_int_equal(tx_status(r.tx).rate, 50000);
	next_cc(&r);
	answer(&r, NODE + 1, 0, 0.1, 0);
	assert_true(tx_status(r.tx).rate < 50000);
	assert_int_equal(rig_receipt(&r, NODE + 1, RECEIPT_COMPLETE), 0);
	next_cc(&r);
	assert_int_equal(r.m.payload_len, 0);
	rig_fini(&r);
}

static void silence_halves_the_rate(void **state)
{
	struct tx_conf conf = conf_cc(TX_SOW);
	struct tx_rig r;

	begin(&r, &conf, 1);
	next_cc(&r);
	answer(&r, NODE, 0, 0.01, 0);
	for (int i = 0; i < 30; i++)
		next_cc(&r);
	assert_int_equal(tx_status(r.tx).rate, 1000);
	assert_int_equal(tx_status(r.tx).rate_reason, RATE_SILENCE);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_an_event),
		cmocka_unit_test(a_fixed_rate_asks_five_times_a_second),
		cmocka_unit_test(nobody_is_asked_before_the_start_nor_at_the_end),
		cmocka_unit_test(of_many_some_are_asked),
		cmocka_unit_test(reports_that_all_is_well_raise_the_rate),
		cmocka_unit_test(who_is_done_is_forgotten),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(congestion_control_follows_the_slowest),
		cmocka_unit_test(only_who_counts_is_followed),
		cmocka_unit_test(silence_halves_the_rate),
	};

	return cmocka_run_group_tests_name("tx_rate", tests, NULL, NULL);
}
