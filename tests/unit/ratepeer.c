/* ratepeer.c - tests of proto/ratepeer. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/ratepeer.h"

#define MS NSEC_PER_MSEC

static const struct rate_sent sent = {
	.time = 100 * MS, .packets = 10000, .bytes = 14000000, .rate = 140e6
};

static struct ratepeer peer(void)
{
	struct ratepeer p;

	ratepeer_init(&p, 7, NSEC_PER_SEC);
	p.last = (struct rx_report){
		.time_us = UINT32_MAX - 50, /* all of them are about to wrap */
		.heard = UINT32_MAX - 5,
		.missed = 3,
		.dropped = UINT32_MAX,
		.bytes = 1000,
	};
	return p;
}

/* The next report of `p`: so much was lost, it took `late` longer. */
static struct rx_report after(const struct ratepeer *p, unsigned lost, nsec_t late)
{
	struct rx_report rp = p->last;

	rp.time_us += (uint32_t)((sent.time + late) / NSEC_PER_USEC);
	rp.heard += (uint32_t)sent.packets - lost;
	rp.missed += lost;
	rp.bytes += 1400 * (sent.packets - lost);
	return rp;
}

static enum rate_sign step(struct ratepeer *p, unsigned lost, nsec_t late)
{
	struct rx_report rp = after(p, lost, late);

	ratepeer_sample(p, &rp, &sent);
	p->last = rp;
	return ratepeer_sign(p, false);
}

static void a_sample_is_a_difference(void **state)
{
	struct ratepeer p = peer();

	assert_int_equal(step(&p, 0, 0), SIGN_NONE);
	assert_true(p.is.loss == 0);
	assert_true(fabs(p.is.sent - 140e6) < 1);
	assert_true(fabs(p.is.delivered - 140e6) < 1);
	assert_int_equal(p.is.late, 0);
	assert_false(p.is.dropped);
	assert_int_equal(step(&p, 1000, 25 * MS), SIGN_LOSS);
	assert_true(fabs(p.is.loss - 0.1) < 1e-9);
	assert_true(fabs(p.is.delivered - 0.9 * 140e6 / 1.25) < 1);
	assert_int_equal(p.is.late, 25 * MS);
	assert_true(p.best >= 140e6 - 1);
}

/* A sample lies within what was sent, whatever the report says. */
static void lies_are_cut_off(void **state)
{
	static const struct rx_report lies[] = {
		{ .heard = 0x80000000, .bytes = 0 },
		{ .heard = 0, .bytes = UINT64_MAX },
		{ .time_us = 0, .heard = 12345, .bytes = 999 },
		{ .time_us = 0x7fffffff, .dropped = 1, .backlog = UINT32_MAX },
		{ 0 },
	};
	static const struct rate_sent intervals[] = { { 0 },
						      { .time = 1, .packets = 1, .bytes = 1 },
						      { 100 * MS, 10000, 14000000, 1e12 } };

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		for (size_t k = 0; k < ARRAY_LEN(intervals); k++) {
			struct ratepeer p = peer();

			ratepeer_sample(&p, &lies[i], &intervals[k]);
			assert_true(p.is.loss >= 0 && p.is.loss <= 1);
			assert_true(p.is.delivered >= 0 && p.is.delivered <= p.is.sent);
			assert_true(p.queue >= 0);
			assert_true(isfinite(p.is.noise));
			ratepeer_sign(&p, true);
			ratepeer_sign(&p, false);
			ratepeer_fine(&p);
			assert_true(p.base >= 0 && p.base <= 1);
			assert_true(p.groups >= 1);
		}
	}
}

static void normal_loss_is_no_sign(void **state)
{
	struct ratepeer p = peer();

	p.base = 0.1;
	assert_int_equal(step(&p, 1000, 0), SIGN_NONE);
	ratepeer_fine(&p);
	assert_int_equal(step(&p, 1150, 0), SIGN_NONE); /* within what chance brings */
	assert_int_equal(step(&p, 1400, 0), SIGN_LOSS);
	p = peer();
	assert_int_equal(step(&p, 20, 0), SIGN_NONE);
	assert_int_equal(step(&p, 100, 0), SIGN_LOSS);
}

/* Where losses come in groups the same difference means less. */
static void groups_are_learned(void **state)
{
	struct ratepeer p = peer();

	p.base = 0.1;
	for (int i = 0; i < 50; i++) {
		step(&p, i % 2 ? 700 : 1300, 0);
		ratepeer_fine(&p);
	}
	assert_true(p.groups > 20);
	assert_int_equal(step(&p, 1300, 0), SIGN_NONE);
}

static void drops_and_disks(void **state)
{
	struct ratepeer p = peer();
	struct rx_report rp = after(&p, 50, 0);

	rp.dropped++;
	ratepeer_sample(&p, &rp, &sent);
	assert_int_equal(ratepeer_sign(&p, false), SIGN_DROPS);
	rp = after(&p, 0, 0); /* dropped, but nothing of ours */
	rp.dropped++;
	ratepeer_sample(&p, &rp, &sent);
	assert_int_equal(ratepeer_sign(&p, false), SIGN_NONE);

	rp = after(&p, 0, 0);
	rp.backlog = 4000;
	ratepeer_sample(&p, &rp, &sent);
	assert_int_equal(ratepeer_sign(&p, false), SIGN_NONE);
	p.last.backlog = 5120;
	rp.backlog = 10240; /* 5 of 14 MB */
	ratepeer_sample(&p, &rp, &sent);
	assert_int_equal(ratepeer_sign(&p, false), SIGN_BACKLOG);
	assert_true(p.is.delivered < 0.65 * p.is.sent && p.is.delivered > 0.6 * p.is.sent);
	p.last.backlog = 20000;
	rp.backlog = 15000; /* much, but less than before */
	ratepeer_sample(&p, &rp, &sent);
	assert_int_equal(ratepeer_sign(&p, false), SIGN_NONE);
}

static void a_queue_is_late_twice(void **state)
{
	struct ratepeer p = peer();

	assert_int_equal(step(&p, 0, 7 * MS), SIGN_NONE); /* perhaps a nap */
	assert_true(ratepeer_queues(&p));
	assert_int_equal(step(&p, 0, 3 * MS), SIGN_QUEUE);
	assert_int_equal(step(&p, 0, -9 * MS), SIGN_NONE);
	assert_false(ratepeer_queues(&p));
	assert_int_equal(step(&p, 0, 30 * MS), SIGN_NONE);
	assert_int_equal(ratepeer_sign(&p, true), SIGN_QUEUE); /* plain to see */

	p = peer(); /* a clock that runs by 80 millionths too slow */
	for (int i = 0; i < 10000; i++)
		assert_int_equal(step(&p, 0, 8000), SIGN_NONE);
}

static void innocent_or_not(void **state)
{
	struct ratepeer p = peer();

	step(&p, 1000, 0);
	ratepeer_suspect(&p);
	assert_true(p.suspect);
	step(&p, 1020, 0);
	assert_false(ratepeer_convict(&p));
	assert_false(p.suspect);
	assert_true(fabs(p.base - 0.101) < 0.001);
	assert_true(isinf(p.cap));

	p = peer();
	step(&p, 2000, 0); /* the path takes 8000 */
	ratepeer_suspect(&p);
	p.is.loss = 0;
	p.is.sent = p.is.delivered = 0.8 * p.test_delivered;
	assert_true(ratepeer_convict(&p));
	assert_true(p.base == 0);
	assert_true(fabs(p.cap - 0.8 * 140e6) < 1);

	p = peer(); /* at less it loses less, and still gets all it can */
	step(&p, 8000, 0);
	ratepeer_suspect(&p);
	p.is.loss = 0.6;
	p.is.delivered = p.test_delivered;
	assert_true(ratepeer_convict(&p));
	assert_true(p.base == 0);
	assert_true(fabs(p.cap - 0.2 * 140e6) < 1);

	p = peer(); /* nothing is heard of the test */
	step(&p, 8000, 0);
	ratepeer_suspect(&p);
	ratepeer_escape(&p);
	assert_false(p.suspect);
	assert_true(fabs(p.cap - 0.2 * 140e6) < 1);
	p = peer();
	step(&p, 1000, 0);
	ratepeer_suspect(&p);
	ratepeer_escape(&p);
	assert_true(isinf(p.cap));
}

static void what_it_can_do(void **state)
{
	struct ratepeer p = peer();
	struct rx_report rp = after(&p, 0, 0);
	struct rate_sent brief = sent;

	brief.time = 20 * MS; /* that may all be in its socket's buffer */
	brief.rate = 700e6;
	ratepeer_sample(&p, &rp, &brief);
	assert_true(p.best == 0);
	p = peer();
	step(&p, 0, 0);
	ratepeer_limit(&p, 100e6);
	assert_true(p.cap == 100e6 && p.best == 100e6);
	ratepeer_fine(&p); /* it got more after all */
	assert_true(fabs(p.cap - 140e6) < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_is_a_difference),
		cmocka_unit_test(lies_are_cut_off),
		cmocka_unit_test(normal_loss_is_no_sign),
		cmocka_unit_test(groups_are_learned),
		cmocka_unit_test(drops_and_disks),
		cmocka_unit_test(a_queue_is_late_twice),
		cmocka_unit_test(innocent_or_not),
		cmocka_unit_test(what_it_can_do),
	};

	return cmocka_run_group_tests_name("ratepeer", tests, NULL, NULL);
}
