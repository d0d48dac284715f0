/* pacer.c - tests of proto/pacer. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/pacer.h"

#define N_SENT 400

struct trace {
	nsec_t at[N_SENT];
	size_t bytes[N_SENT];
	long double paid[N_SENT]; /* the integral of the rate up to then */
	size_t n;
};

/* Over every interval: bytes <= integral of the rate + burst + one packet. */
static void assert_bound(const struct trace *t, uint64_t burst, size_t packet)
{
	for (size_t from = 0; from < t->n; from++) {
		uint64_t bytes = 0;

		for (size_t to = from; to < t->n; to++) {
			bytes += t->bytes[to];
			assert_true(bytes <=
				    (uint64_t)floorl(t->paid[to] - t->paid[from] + 1e-6L) +
					    burst + packet);
		}
	}
}

/* A caller that is sometimes prompt, sometimes late, sometimes gone for a while. */
static nsec_t delay(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return (nsec_t)rng_below(rng, 1000);
	case 1:
		return (nsec_t)rng_below(rng, 1000 * 1000);
	case 2:
		return rng_below(rng, 10) ? 0 : NSEC_PER_SEC;
	default:
		return 0;
	}
}

static uint64_t random_rate(struct rng *rng)
{
	return 1 + rng_u64(rng) % ((uint64_t)1 << (10 + rng_below(rng, 22)));
}

static void run(struct rng *rng, bool changes)
{
	uint64_t rate = random_rate(rng), burst = rng_below(rng, 65536), most = burst;
	nsec_t now = (nsec_t)rng_below(rng, 1u << 30);
	struct trace t = { .n = 0 };
	long double paid = 0;
	struct pacer p;

	pacer_init(&p, rate, burst, now);
	while (t.n < N_SENT) {
		nsec_t ready = pacer_ready_at(&p, now), later = MAX(now, ready) + delay(rng);

		if (changes && rng_below(rng, 8) == 0)
			later = now + (later - now) / 2; /* and the rate changes there */
		paid += (long double)rate * (long double)(later - now) * 1e-9L;
		now = later;
		if (ready <= now) {
			t.at[t.n] = now;
			t.paid[t.n] = paid;
			t.bytes[t.n] = 1 + rng_below(rng, 1500);
			pacer_sent(&p, now, t.bytes[t.n++]);
		} else {
			rate = random_rate(rng);
			burst = rng_below(rng, 65536);
			most = MAX(most, burst);
			pacer_set_rate(&p, rate, burst, now);
		}
	}
	assert_bound(&t, most, 1500);
}

static void bound_holds_in_every_interval(void **state)
{
	struct rng rng = rng_init(3);

	for (unsigned i = 0; i < 200; i++)
		run(&rng, i % 2);
}

/* After 10^6 packets the rate is right to the nanosecond, although none has a whole number. */
static void nothing_adds_up(void **state)
{
	static const struct {
		uint64_t rate;
		size_t packet;
	} cases[] = {
		{ 1250000000, 1400 }, /* 10 Gbit/s: 1120 ns */
		{ 1249999999, 1400 }, { 12500000000, 1399 }, { 3, 1 }, { 7777777, 1316 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t rate = cases[i].rate, packets = 1000 * 1000;
		struct pacer p;
		nsec_t now = 0;
		double want;

		pacer_init(&p, rate, 64 * cases[i].packet, now);
		for (uint64_t n = 0; n < packets; n++) {
			now = MAX(now, pacer_ready_at(&p, now));
			pacer_sent(&p, now, cases[i].packet);
		}
		want = (double)(packets * cases[i].packet) * 1e9 / (double)rate;
		assert_true(fabs((double)p.next_at - want) < 1.5);
		assert_true(p.frac < rate);
	}
}

static void first_burst_leaves_at_once(void **state)
{
	struct pacer p;

	pacer_init(&p, 1000, 3000, 50);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(pacer_ready_at(&p, 50) <= 50);
		pacer_sent(&p, 50, 1000);
	}
	assert_true(pacer_ready_at(&p, 50) == 50 + NSEC_PER_SEC);
}

static void unlimited_is_always_ready(void **state)
{
	struct pacer p;

	pacer_init(&p, 0, 0, 7);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(pacer_ready_at(&p, 7) <= 7);
		pacer_sent(&p, 7, 1 << 20);
	}
	pacer_set_rate(&p, 1000, 0, 8);
	assert_true(pacer_ready_at(&p, 8) <= 8);
	pacer_sent(&p, 8, 1000);
	assert_true(pacer_ready_at(&p, 8) == 8 + NSEC_PER_SEC);
	pacer_set_rate(&p, 0, 0, 9);
	assert_true(pacer_ready_at(&p, 9) <= 9);
}

/* A change of rate neither gives nor takes: half a second's debt at 1000 is 500 bytes. */
static void a_new_rate_pays_the_old_debt(void **state)
{
	struct pacer p;

	pacer_init(&p, 1000, 0, 0);
	pacer_sent(&p, 0, 1000);
	pacer_set_rate(&p, 250, 0, NSEC_PER_SEC / 2);
	assert_true(pacer_ready_at(&p, 0) == NSEC_PER_SEC / 2 + 2 * NSEC_PER_SEC);
	pacer_set_rate(&p, 250, 250, NSEC_PER_SEC / 2);
	assert_true(pacer_ready_at(&p, 0) == NSEC_PER_SEC / 2 + NSEC_PER_SEC);
}

static void extremes_stay_in_order(void **state)
{
	struct pacer p;

	pacer_init(&p, UINT64_MAX, UINT64_MAX, 0);
	pacer_sent(&p, 0, UINT32_MAX);
	assert_true(pacer_ready_at(&p, 0) <= 1);
	pacer_set_rate(&p, 1, UINT64_MAX, 0);
	assert_true(pacer_ready_at(&p, 0) <= 0);
	pacer_sent(&p, 0, UINT32_MAX);
	assert_true(pacer_ready_at(&p, 0) >= 0);
	pacer_set_rate(&p, UINT64_MAX, 0, 0);
	assert_true(pacer_ready_at(&p, 0) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound_holds_in_every_interval),
		cmocka_unit_test(nothing_adds_up),
		cmocka_unit_test(first_burst_leaves_at_once),
		cmocka_unit_test(unlimited_is_always_ready),
		cmocka_unit_test(a_new_rate_pays_the_old_debt),
		cmocka_unit_test(extremes_stay_in_order),
	};

	return cmocka_run_group_tests_name("pacer", tests, NULL, NULL);
}
