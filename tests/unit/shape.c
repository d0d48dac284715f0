/* shape.c - tests of sender/shape. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>
#include <unistd.h>

#include "proto/fec.h"
#include "sender/shape.h"

static void a_segment_fits_the_interface(void **state)
{
	static const struct {
		const char *group;
		unsigned mtu, given, is;
	} v[] = {
		{ "239.1.1.1", 1500, 0, 1400 },   { "239.1.1.1", 0, 0, 1400 },
		{ "239.1.1.1", 9000, 0, 1400 },   { "239.1.1.1", 1460, 0, 1400 },
		{ "239.1.1.1", 1459, 0, 1398 },   { "ff15::1", 1500, 0, 1400 },
		{ "ff15::1", 1400, 0, 1320 },     { "239.1.1.1", 1500, 1440, 1440 },
		{ "239.1.1.1", 1500, 1441, 0 },   { "ff15::1", 1500, 1421, 0 },
		{ "239.1.1.1", 0, 65000, 65000 }, { "239.1.1.1", 100, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct netplan plan = { .ifname = "eth0", .mtu = v[i].mtu };
		struct conf c = { .segment = v[i].given };

		assert_int_equal(addr_parse(&plan.group, v[i].group, 0), 0);
		assert_int_equal(shape_segment(&c, &plan), v[i].is ? 0 : -EINVAL);
		if (v[i].is)
			assert_int_equal(c.segment, v[i].is);
	}
}

static struct conf conf_of(enum fec_kind kind, unsigned k, uint64_t memory)
{
	return (struct conf){
		.segment = 1400,
		.memory = memory,
		.fec = { kind, k, 255 - k, FEC_LARGE_LEN },
	};
}

static void the_id_numbers_all_blocks(void **state)
{
	struct conf c = conf_of(FEC_SMALL, 64, 24 << 20);
	uint64_t most = (uint64_t)64 * 1400 << 24;

	assert_int_equal(shape_code(&c, most), 0);
	assert_int_equal(c.fec_id, FEC_AUTO);
	assert_int_equal(shape_code(&c, most + 1), 0);
	assert_int_equal(c.fec_id, FEC_129);
	c.fec_id = FEC_5;
	assert_int_equal(shape_code(&c, most), 0);
	assert_int_equal(shape_code(&c, most + 1), -EINVAL);
}

static void memory_is_not_exceeded(void **state)
{
	static const struct {
		enum fec_kind kind;
		unsigned k, segment;
		uint64_t memory;
		enum fec_kind is;
		int r;
	} v[] = {
		{ FEC_BY_RECEIVERS, 64, 1400, 24 << 20, FEC_BY_RECEIVERS, 0 },
		{ FEC_BY_RECEIVERS, 64, 1400, 1 << 20, FEC_SMALL, 0 },
		{ FEC_BY_RECEIVERS, 64, 65000, 24 << 20, FEC_SMALL, 0 },
		{ FEC_BY_RECEIVERS, 64, 65000, 8 << 20, FEC_SMALL, -EINVAL },
		{ FEC_LARGE, 64, 1400, 24 << 20, FEC_LARGE, 0 },
		{ FEC_LARGE, 64, 1400, 1 << 20, FEC_LARGE, -EINVAL },
		{ FEC_LARGE, 64, 65000, 24 << 20, FEC_LARGE, -EINVAL },
		{ FEC_SMALL, 200, 65000, 24 << 20, FEC_SMALL, -EINVAL },
		{ FEC_SMALL, 200, 65000, 64 << 20, FEC_SMALL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct conf c = conf_of(v[i].kind, v[i].k, v[i].memory);

		c.segment = v[i].segment;
		assert_int_equal(shape_code(&c, 1000), v[i].r);
		assert_int_equal(c.fec.kind, v[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_fits_the_interface),
		cmocka_unit_test(the_id_numbers_all_blocks),
		cmocka_unit_test(memory_is_not_exceeded),
	};

	return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
