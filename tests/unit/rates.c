/* rates.c - tests of sender/rates. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/types.h"
#include "sender/rates.h"

#define MBIT 1000000ull

static void by_the_user_and_the_interface(void **state)
{
	static const struct {
		uint64_t rate, min_rate;
		int profile;
		unsigned speed, ttl;
		struct rates is;
	} v[] = {
		{ 950 * MBIT,
		  0,
		  PROFILE_SOW,
		  1000,
		  1,
		  { false, false, 950 * MBIT, 950 * MBIT, 950 * MBIT } },
		{ 950 * MBIT,
		  0,
		  PROFILE_NORM,
		  100,
		  1,
		  { false, false, 950 * MBIT, 950 * MBIT, 950 * MBIT } },
		{ 0,
		  0,
		  PROFILE_NORM,
		  1000,
		  1,
		  { false, false, 800 * MBIT, 800 * MBIT, 800 * MBIT } },
		{ 0,
		  0,
		  PROFILE_NORM,
		  0,
		  1,
		  { false, false, 100 * MBIT, 100 * MBIT, 100 * MBIT } },
		/* 1400 bytes of 1490 on the wire are our message */
		{ 0, 0, PROFILE_SOW, 1490, 1, { true, false, 100000, 142400000, 1424 * MBIT } },
		{ 0,
		  0,
		  PROFILE_SOW,
		  14900,
		  1,
		  { true, false, 100000, 200 * MBIT, 14240 * MBIT } },
		{ 0,
		  0,
		  PROFILE_SOW,
		  14900,
		  2,
		  { true, false, 100000, 20 * MBIT, 14240 * MBIT } },
		{ 0, 0, PROFILE_SOW, 0, 1, { true, false, 100000, 20 * MBIT, 10000 * MBIT } },
		{ RATE_NORM_CC,
		  0,
		  PROFILE_NORM,
		  1490,
		  9,
		  { true, true, 11392, 455680, 1424 * MBIT } },
		{ 0,
		  300 * MBIT,
		  PROFILE_SOW,
		  1490,
		  1,
		  { true, false, 300 * MBIT, 300 * MBIT, 1424 * MBIT } },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct conf c = { .rate = v[i].rate,
				  .min_rate = v[i].min_rate,
				  .profile = v[i].profile,
				  .segment = 1400 };
		struct netplan plan = { .speed = v[i].speed, .ttl = (int)v[i].ttl };
		struct rates r;

		assert_int_equal(rates_choose(&r, &c, &plan), 0);
		assert_int_equal(r.automatic, v[i].is.automatic);
		assert_int_equal(r.cc, v[i].is.cc);
		assert_int_equal(r.min, v[i].is.min);
		assert_int_equal(r.start, v[i].is.start);
		assert_int_equal(r.max, v[i].is.max);
	}
}

static void contradictions(void **state)
{
	struct netplan plan = { .speed = 100, .ttl = 1, .ifname = "eth0" };
	struct conf c = { .min_rate = 200 * MBIT, .segment = 1400 };
	struct rates r;

	assert_int_equal(rates_choose(&r, &c, &plan), -EINVAL);
	c.rate = 50 * MBIT; /* a fixed rate has no lowest */
	assert_int_equal(rates_choose(&r, &c, &plan), -EINVAL);
	c.rate = RATE_NORM_CC;
	assert_int_equal(rates_choose(&r, &c, &plan), -EINVAL);
	c.rate = 0;
	c.profile = PROFILE_NORM;
	assert_int_equal(rates_choose(&r, &c, &plan), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_user_and_the_interface),
		cmocka_unit_test(contradictions),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
