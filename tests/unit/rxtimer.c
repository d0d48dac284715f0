/* rxtimer.c - tests of proto/rxtimer. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/rxtimer.h"

#define SILENCE 20

static struct rxtimer_now at(nsec_t now)
{
	return (struct rxtimer_now){ .now = now,
				     .silence = SILENCE,
				     .repair_at = -NSEC_PER_SEC };
}

#define MSEC_SILENCE (20 * NSEC_PER_MSEC)

static struct rxtimer_now at_msec(nsec_t now, nsec_t repair_at)
{
	return (struct rxtimer_now){ .now = now * NSEC_PER_MSEC,
				     .silence = MSEC_SILENCE,
				     .repair_at = repair_at * NSEC_PER_MSEC };
}

static enum rxtimer_action repair(struct rxtimer *t, uint32_t d, nsec_t now, uint32_t target,
				  uint32_t parity)
{
	const struct rxtimer_packet p = { true, target, parity };

	return rxtimer_heard(t, d, at(now), &p);
}

/* doc/PROTOCOL.md, "Repair of large blocks": the count of a request. */
static void need_is_what_the_protocol_says(void **state)
{
	static const struct {
		uint32_t target, heard, d;
		nsec_t since;
		uint32_t need;
	} cases[] = {
		{ 0, 0, 7, 5, 7 },                  /* no repair was heard of */
		{ 10, 0, 7, 5, 10 },                /* all that is needed is coming */
		{ 10, 0, 10, 5, 10 },               /* just so */
		{ 10, 0, 11, 5, 11 },               /* one is lacking */
		{ 10, 4, 7, 5, 11 },                /* what is past does not come again */
		{ 10, 0, 7, SILENCE, 7 },           /* late: the sender knows why */
		{ 10, 2, 7, SILENCE, 7 },           /* it may yet come */
		{ 10, 6, 7, SILENCE, 13 },          /* but it would not do */
		{ 10, 6, 7, RXTIMER_PATIENCE, 17 }, /* nothing is coming */
		{ 10, 10, 7, 5, 17 },               /* all has come */
		{ 10, 10, 7, SILENCE, 17 },         /* long ago */
		{ 10, 4, 0, 5, 10 },                /* nothing is lacking */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rxtimer t;

		rxtimer_init(&t);
		t.target = cases[i].target;
		t.heard = cases[i].heard;
		t.heard_at = 1000;
		assert_int_equal(rxtimer_need(&t, cases[i].d, at(1000 + cases[i].since)),
				 cases[i].need);
		assert_int_equal(rxtimer_covered(&t, cases[i].d, at(1000 + cases[i].since)),
				 cases[i].need == cases[i].target);
		assert_int_equal(rxtimer_late(&t, at(1000 + cases[i].since)),
				 cases[i].since == SILENCE && cases[i].heard < 10);
	}
}

static void the_first_transmission_sets_nothing(void **state)
{
	const struct rxtimer_packet p = { .repair = false };
	struct rxtimer t;

	rxtimer_init(&t);
	assert_int_equal(rxtimer_heard(&t, 5, at(10), &p), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_OFF);
	assert_int_equal(t.at, NSEC_NEVER);
	assert_int_equal(t.heard_at, 10);
	assert_int_equal(rxtimer_due(&t, 5, at(10)), RXTIMER_NOTHING);
}

static void what_was_sent_is_asked_for_after_a_while(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_sent(&t, 5, at(100), 7);
	assert_int_equal(t.state, RXTIMER_BACKOFF);
	assert_int_equal(t.at, 107);
	assert_int_equal(rxtimer_due(&t, 5, at(107)), RXTIMER_ASK);
	rxtimer_asked(&t, at(107), 5, 3);
	assert_int_equal(t.at, 107 + SILENCE + 3);
	rxtimer_sent(&t, 5, at(110), 1); /* a request is out */
	assert_int_equal(t.at, 107 + SILENCE + 3);
	assert_int_equal(rxtimer_due(&t, 5, at(130)), RXTIMER_ASK);
	rxtimer_off(&t);
	assert_int_equal(t.at, NSEC_NEVER);
}

static void a_promise_that_covers_silences(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_promise(&t, 100, 6);
	rxtimer_promise(&t, 100, 3);
	rxtimer_sent(&t, 6, at(100), 7);
	assert_int_equal(t.state, RXTIMER_ARRIVING);
	assert_int_equal(t.at, 100 + SILENCE);

	rxtimer_init(&t);
	rxtimer_promise(&t, 95, 6);
	rxtimer_sent(&t, 7, at(100), 7); /* not quite */
	assert_int_equal(t.state, RXTIMER_BACKOFF);
	assert_int_equal(rxtimer_need(&t, 7, at(107)), 7);
}

static void others_repair_silences_when_it_covers(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_sent(&t, 5, at(100), 10);
	assert_int_equal(repair(&t, 4, 102, 4, 1), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_BACKOFF); /* one more is needed */
	assert_int_equal(t.at, 110);
	assert_int_equal(rxtimer_need(&t, 4, at(110)), 5);
	assert_int_equal(repair(&t, 3, 104, 5, 2), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_ARRIVING);
	assert_int_equal(t.at, 104 + SILENCE);
}

/* The promise may have been heard without its timer: what is due is looked at again. */
static void what_is_covered_when_due_waits(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_sent(&t, 5, at(100), 10);
	rxtimer_promise(&t, 101, 5);
	assert_int_equal(rxtimer_due(&t, 5, at(110)), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_ARRIVING);
	assert_int_equal(t.at, 101 + SILENCE);
}

static void a_repair_passes_by_its_last_symbol(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	assert_int_equal(repair(&t, 9, 100, 3, 1), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_ARRIVING);
	assert_int_equal(t.at, 100 + SILENCE);
	assert_int_equal(repair(&t, 8, 101, 3, 0), RXTIMER_NOTHING); /* a source symbol */
	assert_int_equal(repair(&t, 8, 101, 3, 3), RXTIMER_WAIT);
	rxtimer_wait(&t, 105);
	assert_int_equal(t.state, RXTIMER_BACKOFF);
	assert_int_equal(rxtimer_due(&t, 8, at(105)), RXTIMER_ASK);
	assert_int_equal(rxtimer_need(&t, 8, at(105)), 11);
}

static void a_repair_passes_by_silence(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	repair(&t, 9, 100, 3, 1);
	t.heard_at = 110; /* another GRTT, or a packet that told nothing */
	assert_int_equal(rxtimer_due(&t, 9, at(120)), RXTIMER_NOTHING);
	assert_int_equal(t.at, 130);
	assert_int_equal(rxtimer_due(&t, 9, at(130)), RXTIMER_WAIT);
}

/* What was on its way when the request left carries the old target. */
static void a_request_is_answered_by_its_target(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_asked(&t, at(100), 9, 30);
	assert_int_equal(repair(&t, 8, 105, 4, 1), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_ASKED);
	assert_int_equal(t.at, 100 + SILENCE + 30);
	assert_int_equal(repair(&t, 7, 110, 9, 2), RXTIMER_NOTHING);
	assert_int_equal(t.state, RXTIMER_ARRIVING);
}

/* Twice as long each time, until a repair is heard. */
static void requests_become_rarer(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	for (unsigned i = 0; i < 12; i++) {
		nsec_t wait = MSEC_SILENCE << MIN(i, 8);

		rxtimer_asked(&t, at_msec(1000, -1000), 9, 0);
		assert_int_equal(t.at, 1000 * NSEC_PER_MSEC + MIN(wait, RXTIMER_PATIENCE));
	}
	t.heard_at = 1000 * NSEC_PER_MSEC;
	repair(&t, 5, 1000 * NSEC_PER_MSEC, 9, 1);
	rxtimer_asked(&t, at_msec(1000, -1000), 9, 0);
	assert_int_equal(t.at, 1000 * NSEC_PER_MSEC + MSEC_SILENCE);
}

/* Other blocks are being repaired: ours may be the next, for a while. */
static void other_repair_is_worth_waiting(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	t.heard_at = 1000 * NSEC_PER_MSEC;
	rxtimer_gained(&t, t.heard_at);
	t.target = 10;
	assert_int_equal(rxtimer_need(&t, 8, at_msec(1030, 1005)), 8);
	assert_int_equal(rxtimer_need(&t, 8, at_msec(1030, 1015)), 10);
	assert_int_equal(rxtimer_need(&t, 8, at_msec(1249, 1240)), 10);
	assert_int_equal(rxtimer_need(&t, 8, at_msec(1250, 1240)), 18);

	rxtimer_asked(&t, at_msec(1000, 0), 18, 0);
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1020, 1010)), RXTIMER_NOTHING);
	assert_int_equal(t.at, 1030 * NSEC_PER_MSEC);
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1245, 1240)), RXTIMER_NOTHING);
	assert_int_equal(t.at, 1250 * NSEC_PER_MSEC);
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1250, 1240)), RXTIMER_ASK);
	rxtimer_asked(&t, at_msec(1250, 0), 18, 0); /* twice as long each time */
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1749, 1748)), RXTIMER_NOTHING);
	assert_int_equal(t.at, 1750 * NSEC_PER_MSEC);
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1750, 1748)), RXTIMER_ASK);

	repair(&t, 8, 1300 * NSEC_PER_MSEC, 18, 9);
	t.state = RXTIMER_ARRIVING;
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1320, 1310)), RXTIMER_NOTHING);
	assert_int_equal(t.at, 1330 * NSEC_PER_MSEC);
	assert_int_equal(rxtimer_due(&t, 8, at_msec(1330, 1310)), RXTIMER_WAIT);
}

/* A late POLL knows the slots; the timer that the repair before it set does not. */
static void a_poll_sets_the_back_off_anew(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_wait(&t, 105);
	rxtimer_polled(&t, 5, at(101), 40);
	assert_int_equal(t.at, 141);
}

static void a_repeated_poll_can_only_shorten(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_polled(&t, 5, at(100), 40);
	for (nsec_t now = 101; now < 150; now++) {
		rxtimer_polled(&t, 5, at(now), 40);
		assert_int_equal(t.state, RXTIMER_BACKOFF);
		assert_int_equal(t.at, 140);
	}
	rxtimer_polled(&t, 5, at(102), 30);
	assert_int_equal(t.at, 132);
	rxtimer_wait(&t, 200); /* another back-off */
	rxtimer_polled(&t, 5, at(190), 40);
	assert_int_equal(t.at, 230);
	rxtimer_polled(&t, 5, at(191), 40);
	assert_int_equal(t.at, 230);
}

/* What was set when GRTT seemed long does not last as long. */
static void a_shorter_grtt_hastens(void **state)
{
	struct rxtimer t;

	rxtimer_init(&t);
	rxtimer_hasten(&t, 100, 0.5);
	assert_int_equal(t.at, NSEC_NEVER);
	rxtimer_wait(&t, 180);
	rxtimer_hasten(&t, 100, 0.25);
	assert_int_equal(t.at, 120);
	rxtimer_hasten(&t, 130, 0.25); /* it is due */
	assert_int_equal(t.at, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(need_is_what_the_protocol_says),
		cmocka_unit_test(the_first_transmission_sets_nothing),
		cmocka_unit_test(what_was_sent_is_asked_for_after_a_while),
		cmocka_unit_test(a_promise_that_covers_silences),
		cmocka_unit_test(others_repair_silences_when_it_covers),
		cmocka_unit_test(what_is_covered_when_due_waits),
		cmocka_unit_test(a_repair_passes_by_its_last_symbol),
		cmocka_unit_test(a_repair_passes_by_silence),
		cmocka_unit_test(a_request_is_answered_by_its_target),
		cmocka_unit_test(requests_become_rarer),
		cmocka_unit_test(other_repair_is_worth_waiting),
		cmocka_unit_test(a_poll_sets_the_back_off_anew),
		cmocka_unit_test(a_repeated_poll_can_only_shorten),
		cmocka_unit_test(a_shorter_grtt_hastens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
