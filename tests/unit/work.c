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
		cmocka_unit_test(other_work_is_refused),
	};

	return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
