/* poll.c - tests of proto/poll. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/poll.h"

static const uint8_t wire[POLL_LEN] = {
	'S', 'O', 'W', 1, 2, 0, 0xff, 0xfe, 1, 2, 3, 4, 0, 8, 1, 0, 0, 16, 0x01, 0x02,
};

static void both_ways(void **state)
{
	uint8_t buf[POLL_LEN];
	struct poll p;

	assert_int_equal(poll_decode(&p, wire, sizeof(wire)), 0);
	assert_int_equal(p.object_id, 0xfffe);
	assert_int_equal(p.sbn, 0x01020304);
	assert_int_equal(p.n_blocks, 8);
	assert_int_equal(p.threshold, 256);
	assert_int_equal(p.step, 16);
	assert_int_equal(p.target, 0x0102);
	assert_int_equal(poll_encode(&p, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, wire, sizeof(buf));
	for (size_t n = 0; n < sizeof(buf); n++) {
		assert_int_equal(poll_encode(&p, buf, n), -ENOSPC);
		assert_int_equal(poll_decode(&p, wire, n), n < 5 ? -EPROTONOSUPPORT : -EBADMSG);
	}
}

static void refuses(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		int err;
	} v[] = {
		{ 0, 's', -EPROTONOSUPPORT }, { 3, 2, -EPROTONOSUPPORT },
		{ 4, 1, -EPROTONOSUPPORT }, /* a PROBE */
		{ 4, 3, -EPROTONOSUPPORT },   { 5, 1, 0 },
		{ 13, 0, -EBADMSG },          { 17, 0, -EBADMSG },
	};
	uint8_t buf[POLL_LEN + 1];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct poll p = { .sbn = 99 };

		memcpy(buf, wire, sizeof(wire));
		buf[v[i].at] = v[i].byte;
		assert_int_equal(poll_decode(&p, buf, sizeof(wire)), v[i].err);
		assert_int_equal(p.sbn, v[i].err ? 99 : 0x01020304);
	}
	memcpy(buf, wire, sizeof(wire));
	assert_int_equal(poll_decode(&(struct poll){ 0 }, buf, sizeof(buf)), -EBADMSG);
	assert_int_equal(poll_encode(&(struct poll){ .step = 1 }, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(poll_encode(&(struct poll){ .n_blocks = 1 }, buf, sizeof(buf)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
