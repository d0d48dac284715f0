/* rx_report.c - tests of proto/rx: answers to a PROBE, and objections. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"
#include "tests/unit/rx_rig.h"

#define MIB ((uint64_t)1 << 20)

/* RIG_NODE is 2: of 3 receivers it is asked by every third PROBE, number 1, 4, ... */
static const struct probe probe = { .phase = PHASE_RUN, .sequence = 1, .report_every = 3 };

static void begin(struct rx_rig *r)
{
	struct rx_conf conf = rig_conf();

	rig_init(r, &conf);
	r->size[0] = 4 * RIG_BLOCK;
	r->sow = true;
	rig_join(r);
	rig_see(r);
}

static void who_is_asked_answers(void **state)
{
	struct probe p = probe;
	struct rx_rig r;

	begin(&r);
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "A? ");
	assert_int_equal(r.report.sequence, 1);
	p.sequence = 2;
	rig_probe(&r, p, true, false);
	p.sequence = 3;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "");
	p.sequence = 4;
	p.report_every = 0;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_fini(&r);
}

static void strangers_and_the_end_are_not_reported(void **state)
{
	struct rx_conf conf = rig_conf();
	struct msg eot = rig_cmd(CMD_EOT);
	struct rx_rig r;

	rig_init(&r, &conf);
	r.sow = true;
	rig_probe(&r, probe, false, false); /* the sender has not heard us yet */
	assert_string_equal(rig_see(&r), "AA ");
	rig_fini(&r);

	begin(&r);
	rig_probe(&r, probe, true, false);
	assert_int_equal(rig_send(&r, &eot), 0);
	rx_set_health(r.rx, r.now, 7, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_fini(&r);
}

/* What came after the PROBE belongs to the next one, even if the answer leaves later. */
static void counters_are_those_of_the_probe(void **state)
{
	const struct rx_counters *c;
	struct rx_rig r;
	uint64_t packets, bytes;
	nsec_t at;

	begin(&r);
	c = rx_counters(r.rx);
	rig_probe(&r, probe, true, false);
	packets = c->packets;
	bytes = c->bytes;
	at = r.now;
	rig_blocks(&r, 0, 0, 2);
	r.sequence += 10;
	rig_blocks(&r, 0, 2, 3);
	r.now += MS;
	rx_set_health(r.rx, r.now, 0, 2 * MIB);
	assert_string_equal(rig_see(&r), "A? ");
	assert_int_equal(r.report.heard, packets);
	assert_int_equal(r.report.missed, 0);
	assert_int_equal(r.report.bytes, bytes);
	assert_int_equal(r.report.time_us, (uint32_t)(at / NSEC_PER_USEC));
	assert_int_equal(r.report.backlog, 2048);
	assert_int_equal(r.report.complete, 3 * RIG_BLOCK);
	rig_probe(&r, probe, true, false);
	assert_string_equal(rig_see(&r), "A? ");
	assert_int_equal(r.report.heard, c->packets);
	assert_int_equal(r.report.missed, 10);
	assert_int_equal(r.report.bytes, c->bytes);
	rig_fini(&r);
}

/* However late it was read. */
static void the_time_is_that_of_the_arrival(void **state)
{
	struct rx_rig r;

	begin(&r);
	rx_set_arrival(r.rx, r.now - 70 * MS);
	rig_probe(&r, probe, true, false);
	assert_string_equal(rig_see(&r), "A? ");
	assert_int_equal(r.report.time_us, (uint32_t)((r.now - 70 * MS) / NSEC_PER_USEC));
	rig_fini(&r);
}

static void drops_are_objected_to_at_most_every_100_ms(void **state)
{
	struct probe p = probe;
	struct rx_rig r;

	begin(&r);
	rx_set_health(r.rx, r.now, 0, 0);
	p.sequence = 2;
	rig_probe(&r, p, true, false);
	assert_string_equal(rig_see(&r), "");
	rx_set_health(r.rx, r.now, 5, 0);
	assert_string_equal(rig_see(&r), "A! ");
	assert_int_equal(r.report.dropped, 5);
	assert_int_equal(r.report.sequence, 2);
	rx_set_health(r.rx, r.now, 5, 0);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rx_set_health(r.rx, r.now, 6, 0);
	assert_string_equal(rig_see(&r), "A! ");
	rx_set_health(r.rx, r.now, 7, 0);
	assert_string_equal(rig_run(&r, 99 * MS), "");
	assert_string_equal(rig_run(&r, 1 * MS), "A! ");
	assert_int_equal(r.report.dropped, 7);
	assert_int_equal(r.report.time_us, (uint32_t)(r.now / NSEC_PER_USEC));

	rx_set_health(r.rx, r.now, 8, 0); /* an answer says it as well */
	rig_probe(&r, probe, true, false);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "A? ");
	assert_int_equal(r.report.dropped, 8);
	rig_fini(&r);
}

static void a_growing_backlog_is_objected_to(void **state)
{
	struct rx_rig r;

	begin(&r);
	rx_set_health(r.rx, r.now, 0, 20 * MIB);
	assert_string_equal(rig_see(&r), "A! ");
	rig_probe(&r, probe, true, false);
	assert_string_equal(rig_see(&r), "A? ");
	rx_set_health(r.rx, r.now, 0, 21 * MIB); /* hardly more than was said */
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rx_set_health(r.rx, r.now, 0, 24 * MIB);
	assert_string_equal(rig_see(&r), "A! ");
	assert_int_equal(r.report.backlog, 24 * 1024);
	rx_set_health(r.rx, r.now, 0, 0);
	rx_set_health(r.rx, r.now, 0, 7 * MIB);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rx_set_health(r.rx, r.now, 0, 11 * MIB);
	assert_string_equal(rig_see(&r), "A! ");
	rig_fini(&r);
}

static void objections_are_spread(void **state)
{
	unsigned early = 0, n = 200;

	for (unsigned i = 0; i < n; i++) {
		struct rx_conf conf = rig_conf();
		struct rx_rig r;

		conf.seed = i;
		rig_init(&r, &conf);
		r.sow = true;
		rig_join(&r);
		r.backoff = 4;
		rig_probe(&r, (struct probe){ .phase = PHASE_RUN }, true, false);
		rig_see(&r);
		rx_set_health(r.rx, r.now, 1, 0);
		early += strcmp(rig_run(&r, 20 * MS), "") != 0;
		assert_true(strlen(r.text) || strcmp(rig_run(&r, 30 * MS), "A! ") == 0);
		rig_fini(&r);
	}
	assert_in_range(early, n / 3, 2 * n / 3);
}

/* Of 100 messages, `lost` do not come. */
static void lose(struct rx_rig *r, unsigned lost)
{
	r->sequence += (uint16_t)lost;
	for (unsigned i = lost; i < 100; i++) {
		struct msg cc = rig_cmd(CMD_CC);

		assert_int_equal(rig_send(r, &cc), 0);
	}
}

/* PROBEs that ask are lost, too: it says so by itself, at most ten times a second. */
static void much_loss_is_told_unasked(void **state)
{
	struct probe p = probe;
	struct rx_rig r;
	nsec_t first;

	begin(&r);
	p.report_every = 0;
	rig_probe(&r, p, true, false);
	lose(&r, 5);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	lose(&r, 50);
	lose(&r, 1);
	assert_string_equal(rig_run(&r, 20 * MS), "AL ");
	first = r.now;
	assert_int_equal(r.report.missed, rx_counters(r.rx)->missed);
	assert_int_equal(r.report.heard, rx_counters(r.rx)->packets);
	assert_in_range(r.report.missed, 50, 56);
	lose(&r, 50);
	lose(&r, 1);
	assert_string_equal(rig_run(&r, 60 * MS), "");
	assert_string_equal(rig_run(&r, 60 * MS), "AL ");
	assert_true(r.now - first <= 120 * MS);
	assert_string_equal(rig_run(&r, NSEC_PER_SEC), "");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_asked_answers),
		cmocka_unit_test(strangers_and_the_end_are_not_reported),
		cmocka_unit_test(counters_are_those_of_the_probe),
		cmocka_unit_test(the_time_is_that_of_the_arrival),
		cmocka_unit_test(drops_are_objected_to_at_most_every_100_ms),
		cmocka_unit_test(a_growing_backlog_is_objected_to),
		cmocka_unit_test(objections_are_spread),
		cmocka_unit_test(much_loss_is_told_unasked),
	};

	return cmocka_run_group_tests_name("rx_report", tests, NULL, NULL);
}
