/* quant.c - tests of proto/quant. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <math.h>

#include "proto/quant.h"

static void rtt_vectors(void **state)
{
	static const struct {
		nsec_t rtt;
		uint8_t q;
	} v[] = {
		{ INT64_MIN, 0 },
		{ 0, 0 },
		{ 1, 0 },
		{ 1000, 0 },
		{ 1001, 1 },
		{ 32 * NSEC_PER_USEC, 31 },
		{ 33 * NSEC_PER_USEC, 32 },
		{ 100 * NSEC_PER_USEC, 0x2e },
		{ 1 * NSEC_PER_MSEC, 0x4c },
		{ 20 * NSEC_PER_MSEC, 0x73 },
		{ 250 * NSEC_PER_MSEC, 0x94 },
		{ 500 * NSEC_PER_MSEC, 0x9d },
		{ 1 * NSEC_PER_SEC, 0xa6 },
		{ 10 * NSEC_PER_SEC, 0xc4 },
		{ 1000 * NSEC_PER_SEC, 0xff },
		{ NSEC_NEVER, 0xff },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(quant_rtt_encode(v[i].rtt), v[i].q);
}

/* Every byte decodes to the RFC's formula and encodes back to itself; rounding is upward. */
static void rtt_every_byte(void **state)
{
	for (int q = 0; q <= 255; q++) {
		double want = q <= 31 ? (q + 1) * 1e-6 : 1000 / exp((255 - q) / 13.0);
		nsec_t rtt = quant_rtt_decode((uint8_t)q);

		assert_true(fabs((double)rtt - want * 1e9) <= 0.51);
		assert_int_equal(quant_rtt_encode(rtt), q);
		assert_int_equal(quant_rtt_encode(rtt + 1), q < 255 ? q + 1 : 255);
	}
}

static void gsize_vectors(void **state)
{
	static const struct {
		double gsize;
		uint8_t q;
	} v[] = {
		{ -1, 0x0 },  { 1, 0x0 },   { 10, 0x0 },  { 11, 0x8 },  { 50, 0x8 },
		{ 51, 0x1 },  { 100, 0x1 }, { 500, 0x9 }, { 1e3, 0x2 }, { 1001, 0xa },
		{ 1e4, 0x3 }, { 1e8, 0x7 }, { 2e8, 0xf }, { 5e8, 0xf }, { 1e9, 0xf },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(quant_gsize_encode(v[i].gsize), v[i].q);
	for (uint8_t q = 0; q < 16; q++)
		assert_int_equal(quant_gsize_encode(quant_gsize_decode(q)), q);
}

static void rate_vectors(void **state)
{
	static const struct {
		double rate;
		uint16_t q;
	} v[] = {
		{ NAN, 0 },         { -5, 0 },        { 0, 0 },         { 0.5, 0x0cd0 },
		{ 1, 0x19a0 },      { 32e3, 0x51f4 }, { 1e6, 0x19a6 },  { 1.25e9, 0x2009 },
		{ 9.9999, 0x19a1 }, { 1e15, 0x19af }, { 1e30, 0xffff }, { INFINITY, 0xffff },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(quant_rate_encode(v[i].rate), v[i].q);
	assert_true(fabs(quant_rate_decode(0x2009) - 1.25e9) < 1e6);
	assert_true(quant_rate_decode(0x0001) == 0); /* NRL's zero */
}

/* A normalised value survives; the error of any rate is at most half a step, 0.125 %. */
static void rate_round_trip(void **state)
{
	for (unsigned exponent = 0; exponent < 16; exponent++)
		for (unsigned mantissa = 410; mantissa < 4096; mantissa++) {
			uint16_t q = (uint16_t)(mantissa << 4 | exponent);

			assert_int_equal(quant_rate_encode(quant_rate_decode(q)), q);
		}
	for (double rate = 1; rate < 9e15; rate *= 1.0037) {
		double back = quant_rate_decode(quant_rate_encode(rate));

		assert_true(fabs(back / rate - 1) < 0.00125);
	}
}

static void loss_vectors(void **state)
{
	static const struct {
		double loss;
		uint16_t q;
	} v[] = {
		{ NAN, 0 },     { -1, 0 },    { 0, 0 },     { 0.0001, 6 },
		{ 0.5, 32767 }, { 1, 65535 }, { 2, 65535 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(quant_loss_encode(v[i].loss), v[i].q);
	assert_true(quant_loss_decode(65535) == 1);
	assert_true(fabs(quant_loss_decode(0x0174) - 0.00568) < 1e-5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtt_vectors),     cmocka_unit_test(rtt_every_byte),
		cmocka_unit_test(gsize_vectors),   cmocka_unit_test(rate_vectors),
		cmocka_unit_test(rate_round_trip), cmocka_unit_test(loss_vectors),
	};

	return cmocka_run_group_tests_name("quant", tests, NULL, NULL);
}
