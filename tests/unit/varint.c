/* varint.c - tests of proto/varint. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/types.h"
#include "proto/varint.h"

static void both_ways(void **state)
{
	const struct {
		uint64_t v;
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ 0, BYTES(0) },
		{ 127, BYTES(0x7f) },
		{ 128, BYTES(0x80, 1) },
		{ 300, BYTES(0xac, 2) },
		{ UINT32_MAX, BYTES(0xff, 0xff, 0xff, 0xff, 0x0f) },
		{ UINT64_MAX, BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t buf[VARINT_MAX];
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd r = rd_init(v[i].wire, v[i].len);

		wr_varint(&w, v[i].v);
		assert_true(wr_ok(&w));
		assert_int_equal(wr_len(&w), v[i].len);
		assert_memory_equal(buf, v[i].wire, v[i].len);
		assert_int_equal(rd_varint(&r), v[i].v);
		assert_true(rd_done(&r));
		for (size_t cut = 0; cut < v[i].len; cut++) {
			r = rd_init(v[i].wire, cut);
			rd_varint(&r);
			assert_false(rd_ok(&r));
		}
	}
}

static void refuses_too_much(void **state)
{
	const struct {
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2) },
		{ BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct rd r = rd_init(v[i].wire, v[i].len);

		assert_int_equal(rd_varint(&r), 0);
		assert_false(rd_ok(&r));
	}
}

static void bounds(void **state)
{
	struct rd r = rd_init((const uint8_t[]){ 5, 5 }, 2);

	assert_int_equal(rd_varint_max(&r, 5), 5);
	assert_true(rd_ok(&r));
	assert_int_equal(rd_varint_max(&r, 4), 0);
	assert_false(rd_ok(&r));
}

static void zigzag(void **state)
{
	static const struct {
		int64_t v;
		uint64_t coded;
	} v[] = {
		{ 0, 0 },
		{ -1, 1 },
		{ 1, 2 },
		{ -2, 3 },
		{ INT64_MAX, UINT64_MAX - 1 },
		{ INT64_MIN, UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t buf[VARINT_MAX];
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd r;

		wr_zigzag(&w, v[i].v);
		r = rd_init(buf, wr_len(&w));
		assert_int_equal(rd_varint(&r), v[i].coded);
		r = rd_init(buf, wr_len(&w));
		assert_true(rd_zigzag(&r) == v[i].v);
		assert_true(rd_done(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refuses_too_much),
		cmocka_unit_test(bounds),
		cmocka_unit_test(zigzag),
	};

	return cmocka_run_group_tests_name("varint", tests, NULL, NULL);
}
