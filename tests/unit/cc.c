/* cc.c - tests of proto/cc, most of them in a closed loop with a model of paths. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/cc.h"
#include "proto/loss.h"
#include "proto/quant.h"

#define MS     NSEC_PER_MSEC
#define S      NSEC_PER_SEC
#define PACKET 1400
#define PATHS  2
#define FLIGHT 4096

/* A packet or an answer on its way; in order of arrival, since each path is first in first
 * out. */
struct flight {
	nsec_t at;
	uint16_t sequence;
	bool probe;
	uint16_t cc_sequence;
	nsec_t sent_at;
	struct ext_cc answer;
};

struct queue {
	struct flight f[FLIGHT];
	unsigned head, tail;
};

static void put(struct queue *q, const struct flight *f)
{
	assert_true(q->tail - q->head < FLIGHT);
	q->f[q->tail++ % FLIGHT] = *f;
}

static bool take(struct queue *q, nsec_t now, struct flight *ret)
{
	if (q->head == q->tail || q->f[q->head % FLIGHT].at > now)
		return false;
	*ret = q->f[q->head++ % FLIGHT];
	return true;
}

struct path {
	double rate; /* bytes a second */
	nsec_t room, delay;
	double loss;
	bool deaf; /* its feedback is lost */
	nsec_t busy_until, rtt;
	struct queue down, up;
	struct loss losses;
	struct ccmeter meter;
	uint64_t packets, bytes, dropped;
};

struct world {
	struct cc cc;
	struct path path[PATHS];
	unsigned n;
	nsec_t now, probe_at, send_at;
	uint16_t sequence, cc_sequence;
	uint64_t sent;
	struct rng rng;
	bool idle;
	double most; /* that the host sends; 0: any */
};

static const struct cc_conf conf = {
	.min = PACKET, .start = 40 * PACKET, .max = 1e9, .packet = PACKET, .robust = 20
};

static struct world *world(unsigned n)
{
	struct world *w = test_calloc(1, sizeof(*w));

	assert_non_null(w);
	w->n = n;
	w->now = S;
	w->rng = rng_init(5);
	cc_init(&w->cc, &conf, w->now);
	for (unsigned i = 0; i < n; i++) {
		w->path[i] =
			(struct path){ .rate = 1250000, .room = 50 * MS, .delay = 20 * MS };
		loss_init(&w->path[i].losses);
	}
	w->probe_at = w->send_at = w->now;
	return w;
}

static void emit(struct world *w, bool probe)
{
	struct flight f = { .sequence = w->sequence++,
			    .probe = probe,
			    .cc_sequence = w->cc_sequence,
			    .sent_at = w->now };

	for (unsigned i = 0; i < w->n; i++) {
		struct path *p = &w->path[i];

		p->busy_until = MAX(p->busy_until, w->now);
		if (p->busy_until - w->now > p->room || rng_unit(&w->rng) < p->loss) {
			p->dropped++;
			continue;
		}
		p->busy_until += (nsec_t)((probe ? 60 : PACKET) / p->rate * 1e9);
		f.at = p->busy_until + p->delay;
		put(&p->down, &f);
	}
	w->sent++;
}

static void ask(struct cc *c, nsec_t now, uint16_t sequence, bool busy, uint64_t bytes)
{
	cc_on_probe(c, now, &(struct cc_probe){ sequence, 100 * MS, bytes, busy });
}

static void probe(struct world *w)
{
	nsec_t interval;

	ask(&w->cc, w->now, ++w->cc_sequence, !w->idle, w->sent * PACKET);
	emit(w, true);
	interval = cc_interval(&w->cc);
	w->probe_at = w->now + (interval ? interval : 100 * MS);
}

/* Every one answers at once. */
static void hear(struct path *p, nsec_t now, const struct flight *f)
{
	nsec_t rtt = p->rtt ? p->rtt : 100 * MS;
	struct flight up = { .at = now + p->delay, .sent_at = f->sent_at };
	double loss;

	p->packets++;
	p->bytes += f->probe ? 60 : PACKET;
	loss_heard(&p->losses, now, f->sequence, rtt);
	if (!f->probe)
		return;
	ccmeter_probe(&p->meter, now, p->packets, p->bytes);
	loss = loss_event_fraction(&p->losses);
	up.answer = (struct ext_cc){
		.cc_sequence = f->cc_sequence,
		.cc_flags = loss > 0 ? 0 : CC_FLAG_START,
		.cc_loss = quant_loss_encode(loss),
		.cc_rate = quant_rate_encode(loss > 0 ? cc_equation(PACKET, rtt, loss)
						      : 2 * p->meter.rate),
	};
	put(&p->up, &up);
}

static double rate(const struct world *w)
{
	return w->most > 0 ? MIN(w->most, w->cc.value) : w->cc.value;
}

static void run(struct world *w, nsec_t time)
{
	struct flight f;

	for (nsec_t end = w->now + time; w->now < end; w->now += MS / 10) {
		if (w->now >= w->probe_at)
			probe(w);
		for (; w->send_at <= w->now && !w->idle;
		     w->send_at += (nsec_t)(PACKET / rate(w) * 1e9))
			emit(w, false);
		w->send_at = MAX(w->send_at, w->now);
		for (unsigned i = 0; i < w->n; i++) {
			struct path *p = &w->path[i];

			while (take(&p->down, w->now, &f))
				hear(p, w->now, &f);
			while (take(&p->up, w->now, &f)) {
				if (p->deaf)
					continue;
				p->rtt = w->now - f.sent_at;
				cc_on_feedback(&w->cc, w->now, i + 1, &f.answer, p->rtt);
			}
		}
	}
}

/* The share of its path that a receiver got within `time`, and what was dropped there. */
static double use(struct world *w, unsigned i, nsec_t time, double *lost)
{
	struct path *p = &w->path[i];
	uint64_t bytes = p->bytes, dropped = p->dropped, sent = w->sent;

	run(w, time);
	*lost = (double)(p->dropped - dropped) / (double)(w->sent - sent);
	return (double)(p->bytes - bytes) / ((double)time / 1e9) / p->rate;
}

static void one_path_is_filled(void **state)
{
	static const struct {
		double rate;
		nsec_t room, delay;
	} v[] = {
		{ 1250000, 50 * MS, 20 * MS },
		{ 250000, 100 * MS, 30 * MS },
		{ 6250000, 20 * MS, 5 * MS },
		{ 1250000, 100 * MS, 50 * MS },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct world *w = world(1);
		double lost, share;

		w->path[0].rate = v[i].rate;
		w->path[0].room = v[i].room;
		w->path[0].delay = v[i].delay;
		run(w, 10 * S);
		assert_false(w->cc.slow_start);
		share = use(w, 0, 30 * S, &lost);
		print_message("%.2f of %.0f bytes a second, %.4f lost\n", share, v[i].rate,
			      lost);
		assert_true(share > 0.8);
		assert_true(lost < 0.02);
		test_free(w);
	}
}

static void slow_start_doubles(void **state)
{
	struct world *w = world(1);
	double before = w->cc.value, top = 0;

	for (int i = 0; i < 40 && w->cc.slow_start; i++) {
		run(w, 40 * MS); /* a round trip */
		assert_true(w->cc.value <= 2 * before + 1);
		before = w->cc.value;
		top = MAX(top, before);
	}
	assert_true(top > 8 * conf.start);
	test_free(w);
}

static void the_slowest_rules(void **state)
{
	struct world *w = world(2);
	double lost;

	w->path[1].rate = 300000;
	run(w, 20 * S);
	assert_true(use(w, 1, 20 * S, &lost) > 0.8);
	assert_true(lost < 0.03);
	assert_int_equal(w->cc.clr, 2);
	/* it leaves, and the other is followed at a packet per RTT more in each */
	cc_forget(&w->cc, 2);
	w->n = 1;
	assert_int_equal(w->cc.clr, 1);
	run(w, 10 * S);
	assert_true(use(w, 0, 20 * S, &lost) > 0.8);
	test_free(w);
}

static void without_feedback_it_falls(void **state)
{
	struct world *w = world(1);
	double high;

	run(w, 10 * S);
	high = w->cc.value;
	w->path[0].deaf = true;
	run(w, S);
	assert_true(w->cc.value < high / 100);
	run(w, 30 * S);
	assert_true(w->cc.value == conf.min);
	assert_int_equal(w->cc.clr, 0);
	assert_true(w->cc.slow_start);
	w->path[0].deaf = false;
	run(w, 60 * S);
	assert_true(w->cc.value > high / 4);
	test_free(w);
}

static void a_break_lets_it_fall_to_the_start(void **state)
{
	struct world *w = world(1);

	run(w, 10 * S);
	assert_true(w->cc.value > 4 * conf.start);
	w->idle = true;
	run(w, 5 * S);
	assert_true(w->cc.value == conf.start);
	assert_int_equal(w->cc.clr, 1); /* it still answers */
	test_free(w);
}

/* There is something to send, but this host is slow. */
static void what_is_not_used_does_not_grow(void **state)
{
	struct world *w = world(1);

	w->most = 200000;
	run(w, 10 * S);
	assert_true(w->cc.value < 4.5 * w->most);
	w->path[0].loss = 0.0001; /* one event, and the equation would allow more */
	run(w, 20 * S);
	assert_true(w->cc.value < 4.5 * w->most);
	test_free(w);
}

/* --- one message at a time --- */

static struct ext_cc answer(uint16_t sequence, uint8_t flags, double loss, double rate)
{
	return (struct ext_cc){ .cc_sequence = sequence,
				.cc_flags = flags,
				.cc_loss = quant_loss_encode(loss),
				.cc_rate = quant_rate_encode(rate) };
}

static void lies_are_bounded(void **state)
{
	struct rng rng = rng_init(3);
	struct cc c;
	nsec_t now = S;

	cc_init(&c, &conf, now);
	for (uint32_t i = 0; i < 200000; i++) {
		struct ext_cc e = { .cc_sequence = (uint16_t)(i / 10 - rng_below(&rng, 6)),
				    .cc_flags = (uint8_t)rng_u64(&rng),
				    .cc_rtt = (uint8_t)rng_u64(&rng),
				    .cc_loss = (uint16_t)rng_u64(&rng),
				    .cc_rate = (uint16_t)rng_u64(&rng) };
		struct cc_node list[CC_LISTED];
		double before = c.value;

		if (i % 10 == 0) {
			ask(&c, now, (uint16_t)(i / 10), true, (uint64_t)i << 32);
			assert_true(cc_list(&c, list) <= CC_LISTED);
			before = MIN(before, c.value);
		}
		now += MS;
		cc_on_feedback(&c, now, (uint32_t)rng_below(&rng, 40), &e,
			       (nsec_t)rng_u64(&rng) / 1000000);
		assert_true(isfinite(c.value) && c.value >= conf.min && c.value <= conf.max);
		assert_true(cc_interval(&c) >= 0 && cc_interval(&c) <= 10 * S);
		/* twice, or a packet per RTT of 1 ms for the 20 ms that count at most */
		assert_true(c.value <= MAX(2 * before, before + 20000.0 * PACKET));
	}
}

static void the_highest_rate_is_reached_no_sooner(void **state)
{
	struct ext_cc e;
	struct cc c;
	nsec_t now = S;

	cc_init(&c, &conf, now);
	for (uint16_t i = 1; i <= 10; i++) { /* answers at once, and says it can take all */
		ask(&c, now, i, true, (uint64_t)i << 32);
		now += 10 * MS;
		e = answer(i, CC_FLAG_START, 0, 1e12);
		cc_on_feedback(&c, now, 7, &e, 10 * MS);
	}
	assert_true(c.value <= 2 * conf.start); /* 100 ms: one GRTT */
	e = answer(10, 0, 0.01, 1e12);
	e.cc_sequence = 11; /* the answer to what was not asked */
	cc_on_feedback(&c, now, 8, &e, 10 * MS);
	assert_true(c.slow_start);
}

static void whom_the_list_names(void **state)
{
	struct cc_node list[CC_LISTED];
	struct ext_cc e;
	struct cc c;

	cc_init(&c, &conf, S);
	ask(&c, S, 1, true, 0);
	assert_int_equal(cc_list(&c, list), 0);
	assert_int_equal(cc_interval(&c), 0);
	e = answer(1, 0, 0.01, 5e5);
	cc_on_feedback(&c, 2 * S, 5, &e, 40 * MS);
	e = answer(1, 0, 0.04, 2e5);
	cc_on_feedback(&c, 2 * S, 6, &e, 40 * MS);
	e = answer(1, 0, 0.03, 2e5);
	cc_on_feedback(&c, 2 * S, 7, &e, 40 * MS);
	assert_int_equal(c.clr, 6);
	assert_int_equal(cc_list(&c, list), 3);
	assert_true(fabs(quant_rate_decode(list[0].rate) / cc_equation(PACKET, 40 * MS, 0.04) -
			 1) < 0.01);
	assert_int_equal(list[0].node_id, 6);
	assert_int_equal(list[0].flags, CC_FLAG_CLR | CC_FLAG_RTT);
	assert_int_equal(list[1].node_id, 7);
	assert_int_equal(list[1].flags, CC_FLAG_PLR | CC_FLAG_RTT);
	assert_int_equal(list[2].node_id, 5);
	assert_int_equal(list[2].flags, CC_FLAG_RTT);
	/* who leaves is not waited for */
	e = answer(1, CC_FLAG_LEAVE, 0.04, 2e5);
	cc_on_feedback(&c, 2 * S, 6, &e, 40 * MS);
	assert_int_equal(c.clr, 7);
}

/* libnorm's NACKs say no loss, and twice what came, which is nothing after a pause. */
static void a_nack_that_tells_no_loss(void **state)
{
	struct ext_cc e;
	struct cc c;

	cc_init(&c, &conf, S);
	ask(&c, S, 1, true, 0);
	e = answer(1, 0, 0.01, 5e5);
	cc_on_feedback(&c, S + 40 * MS, 5, &e, 40 * MS);
	assert_true(c.value >= conf.start);
	e = answer(1, 0, 0, 3);
	cc_on_feedback(&c, S + 80 * MS, 5, &e, 40 * MS);
	assert_true(c.value >= conf.start);
	assert_true(c.peers[0].loss > 0.009);
	cc_on_feedback(&c, S + 80 * MS, 6, &e, 40 * MS); /* nor is it known from before */
	assert_true(c.value >= conf.start);
}

/* TCP at 1 % and 100 ms, as RFC 5740 §5.5.2 computes it. */
static void the_equation(void **state)
{
	double x = cc_equation(1000, 100 * MS, 0.01);
	double by_hand = 1000 / (0.1 * (0.0816497 + 12 * 0.0612372 * 0.01 * 1.0032));

	assert_true(fabs(x / by_hand - 1) < 1e-4);
}

static void the_meter_waits_for_some_packets(void **state)
{
	struct ccmeter m = { 0 };

	ccmeter_probe(&m, S, 1, 100);
	ccmeter_probe(&m, S + 10 * MS, 3, 2100);
	assert_true(m.rate == 0);
	ccmeter_probe(&m, S + 20 * MS, 5, 4100);
	assert_true(fabs(m.rate - 200000) < 1);
	ccmeter_probe(&m, 3 * S + 20 * MS, 5, 4100);
	assert_true(m.rate == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_path_is_filled),
		cmocka_unit_test(slow_start_doubles),
		cmocka_unit_test(the_slowest_rules),
		cmocka_unit_test(without_feedback_it_falls),
		cmocka_unit_test(a_break_lets_it_fall_to_the_start),
		cmocka_unit_test(what_is_not_used_does_not_grow),
		cmocka_unit_test(lies_are_bounded),
		cmocka_unit_test(the_highest_rate_is_reached_no_sooner),
		cmocka_unit_test(whom_the_list_names),
		cmocka_unit_test(a_nack_that_tells_no_loss),
		cmocka_unit_test(the_equation),
		cmocka_unit_test(the_meter_waits_for_some_packets),
	};

	return cmocka_run_group_tests_name("cc", tests, NULL, NULL);
}
