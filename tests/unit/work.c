/* work.c - tests of proto/work. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/rs.h"
#include "proto/work.h"

static void encode_and_decode_reach_the_codec(void **state)
{
	uint8_t sym[3] = { 0xde, 0xad, 0xbe }, parity[2];
	uint16_t esi[3] = { 0, 4, 2 };
	struct work w = { .k = 3, .symbol_len = 1, .data = sym, .esi = esi };

	assert_int_equal(rs_new(&w.codec, 5, 3), 0);
	w.op = WORK_ENCODE;
	w.first = 1;
	w.n = 2;
	w.parity = parity;
	assert_int_equal(work_codec(&w), 0);
	assert_memory_equal(parity, "\x9f\x51", 2);

	w.op = WORK_DECODE;
	sym[1] = parity[0];
	assert_int_equal(work_codec(&w), 0);
	assert_memory_equal(sym, "\xde\xad\xbe", 3);
	w.k = 6;
	assert_int_equal(work_codec(&w), -EINVAL);
	rs_free(w.codec);
}

static void large_blocks_reach_their_codec(void **state)
{
	uint8_t source[2][4] = { { 0x01, 0x00, 0x34, 0x12 }, { 0xff, 0xff, 0x00, 0x80 } };
	uint8_t sum[4] = { 0 }, got[4], *src[2] = { source[0], source[1] };
	struct fft16_parity parity = { 0, sum };
	uint16_t lost = 1;
	struct work w = { .op = WORK_ADD, .block = { 1, 4, src }, .symbols = &parity, .n = 1 };

	assert_int_equal(fft16_new(&w.large, 2, 1), 0);
	assert_int_equal(work_codec(&w), 0);
	w.block = (struct fft16_block){ 1, 4, src + 1, .first = 1 };
	assert_int_equal(work_codec(&w), 0);
	assert_memory_equal(sum, "\x71\x7c\x71\x54", 4); /* doc/PROTOCOL.md */

	w = (struct work){ .op = WORK_SOLVE,
			   .large = w.large,
			   .block = { 2, 4, src },
			   .symbols = &parity,
			   .n = 1,
			   .lost = &lost };
	src[1] = got;
	assert_int_equal(work_codec(&w), 0);
	assert_memory_equal(got, source[1], 4);
	lost = 2;
	assert_int_equal(work_codec(&w), -EINVAL);
	fft16_free(w.large);
}

static void other_work_is_refused(void **state)
{
	const struct work read = { .op = WORK_READ }, write = { .op = WORK_WRITE },
			  none = { 0 };

	assert_int_equal(work_codec(&read), -EINVAL);
	assert_int_equal(work_codec(&write), -EINVAL);
	assert_int_equal(work_codec(&none), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode_and_decode_reach_the_codec),
		cmocka_unit_test(large_blocks_reach_their_codec),
		cmocka_unit_test(other_work_is_refused),
	};

	return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
