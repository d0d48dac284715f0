/* census.c - tests of proto/census. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/census.h"

#define MAGIC 'S', 'O', 'W', 1

static const uint8_t probe_wire[] = {
	MAGIC, 1,    3, 35, 9,                /* kind, phase, flags, spread */
	0xff,  0xfe, 0, 3,  0,    1,  0,  2,  /* objects, two announced */
	1,     2,    3, 4,  0,    1,  5,  6,  /* floor_sbn, one receipt, sequence */
	7,     8,    0, 3,  9,    10, 11, 12, /* position_object, report_every, position_sbn */
	0,     0,    0, 7,  0xff, 0,  0,  8,  /* announced */
	0,     0,    0, 9,                    /* receipts */
};

static void probe_both_ways(void **state)
{
	uint8_t buf[sizeof(probe_wire)];
	struct probe p;

	assert_int_equal(probe_decode(&p, probe_wire, sizeof(probe_wire)), 0);
	assert_int_equal(p.phase, PHASE_CATCHUP);
	assert_true(p.end_known);
	assert_true(p.census);
	assert_int_equal(p.n_early, 2);
	assert_int_equal(p.spread, 9);
	assert_int_equal(p.first_object, 0xfffe);
	assert_int_equal(p.end_object, 3);
	assert_int_equal(p.floor_object, 1);
	assert_int_equal(p.floor_sbn, 0x01020304);
	assert_int_equal(p.sequence, 0x0506);
	assert_int_equal(p.position_object, 0x0708);
	assert_int_equal(p.report_every, 3);
	assert_int_equal(p.position_sbn, 0x090a0b0c);
	assert_int_equal(p.n_announced, 2);
	assert_int_equal(p.n_receipts, 1);
	assert_true(probe_lists(p.announced, p.n_announced, 7));
	assert_true(probe_lists(p.announced, p.n_announced, 0xff000008));
	assert_false(probe_lists(p.announced, p.n_announced, 9));
	assert_true(probe_lists(p.receipts, p.n_receipts, 9));
	assert_false(probe_lists(NULL, 0, 0));
	assert_int_equal(probe_encode(&p, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, probe_wire, sizeof(buf));
	for (size_t n = 0; n < sizeof(buf); n++) {
		assert_int_equal(probe_encode(&p, buf, n), -ENOSPC);
		assert_int_equal(probe_decode(&p, probe_wire, n),
				 n < 5 ? -EPROTONOSUPPORT : -EBADMSG);
	}
}

static void probe_asks_some(void **state)
{
	static const struct {
		uint16_t every, sequence;
		uint32_t node_id;
		bool asks;
	} v[] = {
		{ 0, 0, 0, false },          { 0, 7, 1, false }, { 1, 65535, 12345, true },
		{ 3, 0, 9, true },           { 3, 1, 9, false }, { 3, 1, 8, true },
		{ 3, 2, 0xffffffff, false }, /* the sum does not wrap: 2^32 + 1 is 2 mod 3 */
		{ 3, 3, 0xffffffff, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct probe p = { .report_every = v[i].every, .sequence = v[i].sequence };

		assert_int_equal(probe_asks(&p, v[i].node_id), v[i].asks);
	}
}

/* The third list takes what is left. */
static void probe_names_stragglers(void **state)
{
	static const uint8_t ids[] = { 0, 0, 0, 7, 0xff, 0xee, 0xdd, 0xcc };
	const struct probe p = { .phase = PHASE_RUN,
				 .receipts = ids,
				 .n_receipts = 1,
				 .behind = ids,
				 .n_behind = 2 };
	uint8_t buf[PROBE_LEN + 12];
	struct probe q;

	assert_int_equal(probe_encode(&p, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(buf[6], 0x04);
	assert_int_equal(probe_decode(&q, buf, sizeof(buf)), 0);
	assert_int_equal(q.n_receipts, 1);
	assert_int_equal(q.n_behind, 2);
	assert_true(probe_lists(q.behind, q.n_behind, 0xffeeddcc));
	assert_false(probe_lists(q.behind, q.n_behind, 8));
	assert_int_equal(probe_decode(&q, buf, sizeof(buf) - 1), -EBADMSG);
	assert_int_equal(probe_decode(&q, buf, sizeof(buf) - 8), -EBADMSG);
	assert_int_equal(probe_encode(&p, buf, sizeof(buf) - 1), -ENOSPC);
}

static void probe_tells_the_job(void **state)
{
	static const uint8_t id[] = { 0, 0, 0, 7 };
	const struct probe p = {
		.phase = PHASE_RUN, .job = 0x01020304, .announced = id, .n_announced = 1
	};
	uint8_t buf[PROBE_LEN + 8];
	struct probe q;

	assert_int_equal(probe_encode(&p, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(buf[6], 0x08);
	assert_int_equal(probe_decode(&q, buf, sizeof(buf)), 0);
	assert_int_equal(q.job, 0x01020304);
	assert_true(probe_lists(q.announced, q.n_announced, 7));
	memset(buf + PROBE_LEN, 0, 4); /* that is no name */
	assert_int_equal(probe_decode(&q, buf, sizeof(buf)), -EBADMSG);
}

static void probe_refuses(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		int err;
	} v[] = {
		{ 0, 's', -EPROTONOSUPPORT },
		{ 3, 2, -EPROTONOSUPPORT },
		{ 4, 2, -EPROTONOSUPPORT },
		{ 5, 0, -EBADMSG },
		{ 5, 5, -EBADMSG },
		{ 6, 0xf3, 0 },        /* flags that we do not know */
		{ 6, 0x04, -EBADMSG }, /* a list, but it is not there */
		{ 7, 1, 0 },
		{ 15, 1, -EBADMSG },
		{ 15, 3, -EBADMSG },
		{ 14, 0xff, -EBADMSG },
		{ 21, 0, -EBADMSG },
		{ 20, 0xff, -EBADMSG },
	};
	static const struct probe bad[] = {
		{ .phase = 0 },
		{ .phase = 5 },
		{ .phase = PHASE_RUN, .n_early = 4 },
		{ .phase = PHASE_RUN, .n_announced = 65536 },
		{ .phase = PHASE_RUN, .n_receipts = 65536 },
	};
	uint8_t buf[sizeof(probe_wire)];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct probe p = { .floor_sbn = 99 };

		memcpy(buf, probe_wire, sizeof(buf));
		buf[v[i].at] = v[i].byte;
		assert_int_equal(probe_decode(&p, buf, sizeof(buf)), v[i].err);
		assert_int_equal(p.floor_sbn, v[i].err ? 99 : 0x01020304);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(probe_encode(&bad[i], buf, sizeof(buf)), -EINVAL);
}

static void announce_both_ways(void **state)
{
	static const uint8_t wire[] = {
		1,   2,   0,   4,   0,   3,   0,   0, /* version, state, lengths */
		0,   0,   1,   2,   3,   4,   5,   6,
		1,   2,   3,   4,   5,   6,   7,   8, /* free, machine */
		'h', 'o', 's', 't', '1', '.', '0',
	};
	uint8_t buf[sizeof(wire)], later[sizeof(wire) + 3] = { 0 };
	struct announce a;

	assert_int_equal(announce_decode(&a, wire, sizeof(wire)), 0);
	assert_int_equal(a.state, ANNOUNCE_STORING);
	assert_int_equal(a.free, 0x010203040506);
	assert_int_equal(a.machine, 0x0102030405060708);
	assert_int_equal(a.host_len, 4);
	assert_memory_equal(a.host, "host", 4);
	assert_int_equal(a.version_len, 3);
	assert_memory_equal(a.version, "1.0", 3);
	assert_int_equal(announce_encode(&a, buf, sizeof(buf)), sizeof(wire));
	assert_memory_equal(buf, wire, sizeof(wire));
	for (size_t n = 0; n < sizeof(wire); n++) {
		assert_int_equal(announce_encode(&a, buf, n), -ENOSPC);
		assert_int_equal(announce_decode(&a, wire, n), -EBADMSG);
	}
	memcpy(later, wire, sizeof(wire)); /* fields that a later program adds */
	assert_int_equal(announce_decode(&a, later, sizeof(later)), 0);
	assert_int_equal(a.version_len, 3);
	a = (struct announce){ 0 };
	assert_int_equal(announce_encode(&a, buf, sizeof(buf)), 24);
	assert_int_equal(announce_decode(&a, buf, 24), 0);
	assert_int_equal(a.host_len, 0);
}

static void announce_refuses(void **state)
{
	const struct {
		int err;
		const uint8_t *wire;
		size_t len;
	} v[] = {
#define REST 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
		{ -EPROTONOSUPPORT, BYTES(2, 0, 0, 0, 0, 0, 0, 0, REST) },
		{ -EPROTONOSUPPORT, BYTES(0, 0, 0, 0, 0, 0, 0, 0, REST) },
		{ -EBADMSG, BYTES(1, 0, 0, 0) }, /* what it was once */
		{ -EBADMSG, BYTES(1, 0, 0, 2, 0, 0, 0, 0, REST, 'x') },
		{ -EBADMSG, BYTES(1, 0, 0, 2, 0, 0, 0, 0, REST, 'x', 0) },
		{ -EBADMSG, BYTES(1, 0, 0, 0, 0, 2, 0, 0, REST, 'x', 0) },
		{ -EBADMSG, BYTES(1, 0, 0, 0, 0, 33, 0, 0, REST, REST, REST, 'x') },
#undef REST
	};
	char long_host[CENSUS_HOST_MAX + 1];
	uint8_t buf[256];
	struct announce a = { .host = long_host, .host_len = sizeof(long_host) };

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(announce_decode(&a, v[i].wire, v[i].len), v[i].err);
	memset(long_host, 'h', sizeof(long_host));
	assert_int_equal(announce_encode(&a, buf, sizeof(buf)), -EINVAL);
	a.host_len--;
	a.version = long_host;
	a.version_len = CENSUS_VERSION_MAX + 1;
	assert_int_equal(announce_encode(&a, buf, sizeof(buf)), -EINVAL);
	a.version_len--;
	assert_int_equal(announce_encode(&a, buf, sizeof(buf)), ANNOUNCE_MAX);
	assert_int_equal(announce_decode(&a, buf, ANNOUNCE_MAX), 0);
	buf[3]++;
	buf[ANNOUNCE_MAX] = 'h';
	assert_int_equal(announce_decode(&a, buf, ANNOUNCE_MAX + 1), -EBADMSG);
	a = (struct announce){ .host = "a\0b", .host_len = 3 };
	assert_int_equal(announce_encode(&a, buf, sizeof(buf)), -EINVAL);
}

static const uint8_t receipt_wire[] = {
	1,  3,  0,  2,  0,  0,  0,  9,  0,  0,  0,  8,  1,  0,  0,  7,   0,   0,  1,
	6,  0,  0,  1,  2,  3,  4,  5,  6,  0,  1,  2,  3,  4,  5,  6,   7,   8,  9,
	10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,  26,  27, 28,
	29, 30, 31, 0,  0,  0,  0,  1,  0,  0,  9,  0,  0,  2,  1,  'n', 'o',
};

static void receipt_both_ways(void **state)
{
	uint8_t buf[sizeof(receipt_wire)], later[sizeof(receipt_wire) + 1] = { 0 };
	struct receipt rc;

	assert_int_equal(receipt_decode(&rc, receipt_wire, sizeof(receipt_wire)), 0);
	assert_int_equal(rc.status, RECEIPT_REFUSED);
	assert_int_equal(rc.n_objects, 9);
	assert_int_equal(rc.n_verified, 8);
	assert_int_equal(rc.symbols, 0x01000007);
	assert_int_equal(rc.lost, 0x106);
	assert_int_equal(rc.bytes, 0x010203040506);
	for (int i = 0; i < DIGEST_LEN; i++)
		assert_int_equal(rc.digest[i], i);
	assert_int_equal(rc.needed, 0x01000009);
	assert_int_equal(rc.time_ms, 0x201);
	assert_int_equal(rc.text_len, 2);
	assert_memory_equal(rc.text, "no", 2);
	assert_int_equal(receipt_encode(&rc, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, receipt_wire, sizeof(buf));
	for (size_t n = 0; n < sizeof(buf); n++) {
		assert_int_equal(receipt_encode(&rc, buf, n), -ENOSPC);
		assert_int_equal(receipt_decode(&rc, receipt_wire, n), -EBADMSG);
	}
	memcpy(later, receipt_wire, sizeof(receipt_wire));
	assert_int_equal(receipt_decode(&rc, later, sizeof(later)), 0);
	assert_int_equal(rc.text_len, 2);
}

static void receipt_refuses(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		int err;
	} v[] = {
		{ 0, 2, -EPROTONOSUPPORT },
		{ 1, 0xff, 0 }, /* a status that we do not know is
				   for people to see */
		{ 3, 1, 0 },    /* the rest is a later program's */
		{ 3, 3, -EBADMSG },
		{ 73, 0, -EBADMSG }, /* NUL */
	};
	static const uint8_t text[CENSUS_TEXT_MAX + 1] = { 'x' };
	struct receipt rc = { .text = "a\0b", .text_len = 3 };
	uint8_t buf[512];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		memcpy(buf, receipt_wire, sizeof(receipt_wire));
		buf[v[i].at] = v[i].byte;
		assert_int_equal(receipt_decode(&rc, buf, sizeof(receipt_wire)), v[i].err);
	}
	rc = (struct receipt){ .text = "a\0b", .text_len = 3 };
	assert_int_equal(receipt_encode(&rc, buf, sizeof(buf)), -EINVAL);
	rc = (struct receipt){ .text = (const char *)text, .text_len = sizeof(text) };
	assert_int_equal(receipt_encode(&rc, buf, sizeof(buf)), -EINVAL);
}

static void names(void **state)
{
	assert_string_equal(announce_state_name(ANNOUNCE_IDLE), "idle");
	assert_string_equal(announce_state_name(ANNOUNCE_STORING), "storing");
	assert_string_equal(announce_state_name(ANNOUNCE_STORING + 1), "unknown");
	assert_string_equal(receipt_status_name(RECEIPT_COMPLETE), "complete");
	assert_string_equal(receipt_status_name(RECEIPT_INTERRUPTED), "interrupted");
	assert_string_equal(receipt_status_name(RECEIPT_HOOK), "hook failed");
	assert_string_equal(receipt_status_name(RECEIPT_STUCK), "not removed");
	assert_string_equal(receipt_status_name(RECEIPT_STUCK + 1), "unknown");
	assert_string_equal(receipt_status_name(255), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_both_ways),        cmocka_unit_test(probe_refuses),
		cmocka_unit_test(probe_names_stragglers), cmocka_unit_test(probe_tells_the_job),
		cmocka_unit_test(probe_asks_some),        cmocka_unit_test(announce_both_ways),
		cmocka_unit_test(announce_refuses),       cmocka_unit_test(receipt_both_ways),
		cmocka_unit_test(receipt_refuses),        cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
