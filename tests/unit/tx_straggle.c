/* tx_straggle.c - tests of proto/tx: who falls behind, what that means, and when it ends. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/tx_rig.h"

#include "proto/report.h"
#include "proto/wire.h"

#define NODE   100
#define BLOCKS 3
#define RATE   1000000

struct crowd {
	struct tx_rig rig;
	struct rx_report rp[8]; /* what each says next */
	uint32_t n;
	nsec_t clock; /* of their stretches */
};

/* All of them are there, and the first BLOCKS blocks of several were sent. */
static void begin(struct crowd *c, const struct tx_conf *conf, uint32_t n)
{
	struct tx_rig *r = &c->rig;

	*c = (struct crowd){ .n = n };
	rig_init(r, conf);
	r->show = 0;
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(rig_announce(r, NODE + i), 0);
	rig_add(r, BLOCKS * RIG_BLOCK);
	rig_run(r, NSEC_PER_SEC);
	tx_start(r->tx, r->now);
	rig_run(r, 50 * MS);
}

static int say(struct crowd *c, uint32_t i)
{
	struct msg m = rig_feedback(&c->rig, NORM_ACK, NODE + i);
	uint8_t buf[REPORT_LEN];

	m.ack_type = ACK_REPORT;
	m.payload = buf;
	m.payload_len = (size_t)report_encode(&c->rp[i], buf, sizeof(buf));
	return rig_input(&c->rig, &m);
}

/* Each of them reports `times` times of another 1000 messages, of which it lost that share. */
static void report(struct crowd *c, const double *loss, unsigned times)
{
	while (times--) {
		for (uint32_t i = 0; i < c->n; i++) {
			struct rx_report *rp = &c->rp[i];

			rp->lossy = true;
			rp->time_us += 100000;
			rp->missed += (uint32_t)(1000 * loss[i]);
			rp->heard += 1000 - (uint32_t)(1000 * loss[i]);
			rp->bytes = rp->heard * 100ull;
			assert_int_equal(say(c, i), 0);
		}
	}
}

static enum tx_rx_state state_of(const struct crowd *c, uint32_t i)
{
	return tx_receiver(c->rig.tx, i).state;
}

/* Whether the next PROBE names it as a straggler. */
static bool is_told(struct crowd *c, uint32_t i)
{
	nsec_t end = c->rig.now + 200 * MS;
	struct probe p;

	while (c->rig.now < end) {
		if (!rig_next(&c->rig)) {
			c->rig.now = tx_deadline(c->rig.tx, c->rig.now);
			continue;
		}
		if (c->rig.m.type == NORM_CMD && c->rig.m.cmd == CMD_APPLICATION &&
		    probe_decode(&p, c->rig.m.payload, c->rig.m.payload_len) == 0)
			return probe_lists(p.behind, p.n_behind, NODE + i);
	}
	fail_msg("no PROBE");
	return false;
}

static const double one_of_three[] = { 0, 0.2, 0.01 };

static void far_more_than_most_is_too_much(void **state)
{
	static const struct {
		uint32_t n;
		double loss[5];
		unsigned behind; /* bits */
	} v[] = {
		{ 3, { 0, 0.2, 0.01 }, 2 },
		{ 3, { 0, 0.05, 0.01 }, 0 },
		{ 3, { 0.1, 0.3, 0.12 }, 2 },
		{ 3, { 0.1, 0.2, 0.12 }, 0 },
		{ 4, { 0.3, 0.3, 0, 0 }, 0 },
		{ 5, { 0.3, 0.3, 0, 0, 0 }, 3 },
		{ 3, { 0.9, 0.9, 0.9 }, 0 },
		{ 2, { 0, 0.9 }, 0 }, /* no median */
		{ 1, { 0.9 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct tx_conf conf = rig_conf(TX_SOW);
		struct crowd c;

		conf.rate = RATE;
		begin(&c, &conf, v[i].n);
		report(&c, v[i].loss, 2);
		for (uint32_t k = 0; k < c.n; k++)
			assert_int_equal(state_of(&c, k), TX_RX_ACTIVE);
		report(&c, v[i].loss, 3);
		for (uint32_t k = 0; k < c.n; k++) {
			bool behind = v[i].behind >> k & 1;

			assert_int_equal(state_of(&c, k), behind ? TX_RX_BEHIND : TX_RX_ACTIVE);
			assert_int_equal(tx_receiver(c.rig.tx, k).straggled, behind);
			assert_int_equal(is_told(&c, k), behind);
		}
		rig_fini(&c.rig);
	}
}

static void a_moment_is_forgiven(void **state)
{
	static const double none[] = { 0, 0, 0 };
	struct tx_conf conf = rig_conf(TX_SOW);
	struct crowd c;

	conf.rate = RATE;
	begin(&c, &conf, 3);
	for (int i = 0; i < 5; i++) {
		report(&c, one_of_three, 2);
		report(&c, none, 1);
	}
	assert_int_equal(state_of(&c, 1), TX_RX_ACTIVE);
	rig_fini(&c.rig);
}

static void its_event_is_told_once(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	unsigned told = 0;
	struct crowd c;

	conf.rate = RATE;
	begin(&c, &conf, 3);
	for (int i = 0; i < 10; i++) {
		report(&c, one_of_three, 1);
		c.rp[1].time_us += 100000; /* once more, the last to be heard */
		c.rp[1].missed += 1000;
		assert_int_equal(say(&c, 1), 0);
		assert_int_equal(c.rig.event.kind, TX_EV_REPORT);
		told += c.rig.event.straggles;
	}
	assert_true(told <= 1);
	assert_int_equal(state_of(&c, 1), TX_RX_BEHIND);
	rig_fini(&c.rig);
}

/* The second of three has fallen behind, and no more objects come. */
static void begin_behind(struct crowd *c)
{
	struct tx_conf conf = rig_conf(TX_SOW);

	conf.rate = RATE;
	begin(c, &conf, 3);
	tx_finish(c->rig.tx, c->rig.now);
	report(c, one_of_three, 4);
	assert_int_equal(state_of(c, 1), TX_RX_BEHIND);
}

/* It gets no repair and is not asked; when the others have everything it is. */
static void its_turn_comes_last(void **state)
{
	const struct request want = rig_segments(0, 1, 0, 3);
	struct crowd c;
	struct tx_rig *r = &c.rig;

	begin_behind(&c);
	r->show = SHOW_OBJECT;
	assert_int_equal(rig_nack(r, NODE + 1, &want, 1), 0);
	assert_string_equal(rig_run(r, 100 * MS), "");
	assert_int_equal(rig_nack(r, NODE + 2, &want, 1), 0);
	assert_non_null(strstr(rig_run(r, 100 * MS), "R0.1."));
	assert_int_equal(state_of(&c, 1), TX_RX_BEHIND);
	r->show = SHOW_FLUSH;
	assert_string_equal(rig_run(r, 15 * MS), "F0.2.7[100,102] ");

	rig_flush_ack(r, NODE, 0, BLOCKS - 1, RIG_B - 1);
	rig_flush_ack(r, NODE + 2, 0, BLOCKS - 1, RIG_B - 1);
	rig_run(r, 25 * MS);
	assert_int_equal(state_of(&c, 1), TX_RX_ACTIVE);
	assert_true(tx_receiver(r->tx, 1).straggled);
	assert_false(is_told(&c, 1));
	/* 800 messages of 100 bytes in 0.1 s, and a tenth less */
	assert_int_equal(tx_status(r->tx).rate, 720000);
	r->show = SHOW_OBJECT;
	assert_int_equal(rig_nack(r, NODE + 1, &want, 1), 0);
	assert_non_null(strstr(rig_run(r, 100 * MS), "R0.1."));
	rig_fini(r);
}

/* Somebody does not answer: it need not wait until that one is given up. */
static void quiet_is_enough(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct crowd c;

	conf.rate = RATE;
	conf.drop_after = 60 * NSEC_PER_SEC;
	begin(&c, &conf, 3);
	tx_finish(c.rig.tx, c.rig.now);
	report(&c, one_of_three, 4);
	assert_int_equal(state_of(&c, 1), TX_RX_BEHIND);
	rig_run(&c.rig, 2 * NSEC_PER_SEC);
	assert_int_equal(state_of(&c, 1), TX_RX_ACTIVE);
	rig_fini(&c.rig);
}

/* What is to be settled before more is added does not wait for it, either. */
static void it_settles_nothing(void **state)
{
	struct tx_conf conf = rig_conf(TX_SOW);
	struct crowd c;
	struct tx_rig *r = &c.rig;

	conf.rate = RATE;
	begin(&c, &conf, 3);
	tx_settle(r->tx, r->now);
	report(&c, one_of_three, 4);
	rig_run(r, 100 * MS);
	assert_false(tx_settled(r->tx));
	rig_flush_ack(r, NODE, 0, BLOCKS - 1, RIG_B - 1);
	rig_flush_ack(r, NODE + 2, 0, BLOCKS - 1, RIG_B - 1);
	rig_run(r, 2 * NSEC_PER_SEC);
	assert_true(tx_settled(r->tx));
	assert_int_equal(state_of(&c, 1), TX_RX_BEHIND);
	rig_fini(r);
}

static void it_may_be_done_before(void **state)
{
	struct crowd c;
	struct tx_rig *r = &c.rig;

	begin_behind(&c);
	rig_receipt(r, NODE + 1, RECEIPT_REFUSED);
	assert_int_equal(state_of(&c, 1), TX_RX_FINISHED);
	rig_receipt(r, NODE, RECEIPT_COMPLETE);
	rig_receipt(r, NODE + 2, RECEIPT_COMPLETE);
	rig_run(r, 5 * NSEC_PER_SEC);
	assert_true(tx_done(r->tx));
	rig_fini(r);
}

/* Nor does the session end without it. */
static void the_last_receipt_of_the_others_is_not_the_end(void **state)
{
	struct crowd c;
	struct tx_rig *r = &c.rig;

	begin_behind(&c);
	rig_receipt(r, NODE, RECEIPT_COMPLETE);
	rig_receipt(r, NODE + 2, RECEIPT_COMPLETE);
	rig_run(r, NSEC_PER_SEC);
	assert_false(tx_done(r->tx));
	assert_int_equal(state_of(&c, 1), TX_RX_ACTIVE);
	rig_receipt(r, NODE + 1, RECEIPT_COMPLETE);
	rig_run(r, 5 * NSEC_PER_SEC);
	assert_true(tx_done(r->tx));
	rig_fini(r);
}

static void in_a_crowd_who_lacks_most_of_a_block_waits(void **state)
{
	const struct request most = rig_segments(0, 0, RIG_B, 2 * RIG_B);
	const struct request half = rig_segments(0, 0, RIG_B, 2 * RIG_B - 1);

	for (uint32_t n = 2; n <= 3; n++) {
		struct tx_conf conf = rig_conf(TX_SOW);
		struct crowd c;
		struct tx_rig *r = &c.rig;

		conf.n_parity = 2 * RIG_B;
		conf.rate = RATE;
		begin(&c, &conf, n);
		rig_add(r, 10000 * RIG_BLOCK);
		rig_run(r, 10 * MS);
		r->show = SHOW_OBJECT;
		rig_nack(r, NODE, &most, 1);
		assert_int_equal(strstr(rig_run(r, 50 * MS), "R0.0.") == NULL, n > 2);
		rig_nack(r, NODE, &half, 1);
		assert_non_null(strstr(rig_run(r, 50 * MS), "R0.0."));
		rig_fini(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(far_more_than_most_is_too_much),
		cmocka_unit_test(a_moment_is_forgiven),
		cmocka_unit_test(its_event_is_told_once),
		cmocka_unit_test(its_turn_comes_last),
		cmocka_unit_test(quiet_is_enough),
		cmocka_unit_test(it_settles_nothing),
		cmocka_unit_test(it_may_be_done_before),
		cmocka_unit_test(the_last_receipt_of_the_others_is_not_the_end),
		cmocka_unit_test(in_a_crowd_who_lacks_most_of_a_block_waits),
	};

	return cmocka_run_group_tests_name("tx_straggle", tests, NULL, NULL);
}
