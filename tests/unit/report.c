/* report.c - tests of proto/report. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/report.h"

static const uint8_t wire[REPORT_LEN] = {
	1, 1, 0xff, 0xfe, 0x80, 0, 0, 1, 0x80, 0, 0, 2, 0x80, 0, 0, 3, 0, 0, 0, 4,
	0, 0, 0,    5,    1,    2, 3, 4, 5,    6, 7, 8, 0,    0, 0, 1, 0, 0, 0, 9,
};

static void both_ways(void **state)
{
	uint8_t buf[REPORT_LEN];
	struct rx_report rp;

	assert_int_equal(report_decode(&rp, wire, sizeof(wire)), 0);
	assert_true(rp.objection);
	assert_false(rp.lossy);
	assert_int_equal(rp.sequence, 0xfffe);
	assert_int_equal(rp.time_us, 0x80000001);
	assert_int_equal(rp.heard, 0x80000002);
	assert_int_equal(rp.missed, 0x80000003);
	assert_int_equal(rp.dropped, 4);
	assert_int_equal(rp.backlog, 5);
	assert_int_equal(rp.bytes, 0x0102030405060708);
	assert_int_equal(rp.complete, 0x100000009);
	assert_int_equal(report_encode(&rp, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, wire, sizeof(buf));
	for (size_t n = 0; n < sizeof(buf); n++) {
		assert_int_equal(report_encode(&rp, buf, n), -ENOSPC);
		assert_int_equal(report_decode(&rp, wire, n), -EBADMSG);
	}
}

static void refuses(void **state)
{
	uint8_t buf[REPORT_LEN + 1] = { 0 };
	struct rx_report rp = { .heard = 99 };

	memcpy(buf, wire, sizeof(wire));
	assert_int_equal(report_decode(&rp, buf, sizeof(buf)), -EBADMSG);
	buf[0] = 2;
	assert_int_equal(report_decode(&rp, buf, sizeof(wire)), -EPROTONOSUPPORT);
	assert_int_equal(rp.heard, 99);
	buf[0] = 1;
	buf[1] = 2;
	assert_int_equal(report_decode(&rp, buf, sizeof(wire)), 0);
	assert_true(rp.lossy);
	assert_int_equal(report_encode(&rp, buf, sizeof(buf)), sizeof(wire));
	assert_int_equal(buf[1], 2);
	buf[1] = 0xfc; /* flags that we do not know */
	assert_int_equal(report_decode(&rp, buf, sizeof(wire)), 0);
	assert_false(rp.objection || rp.lossy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
