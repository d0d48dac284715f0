/* jobinfo.c - tests of proto/jobinfo. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/bytes.h"
#include "proto/jobinfo.h"

#define MAGIC         'S', 'O', 'W', 1
#define NAME          1, 0, 1, 'a'
#define ZEROS         0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define DIGEST(first) 4, 0, 32, first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ZEROS
#define ROLE(role)    0x80, 0, 1, role
#define JOB           0x81, 0, 32, ZEROS, ZEROS
#define RAW_SIZE      0x82, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1
#define OFFSET(n)     0x83, 0, 8, 0, 0, 0, 0, 0, 0, 0, n
#define SIZE(n)       0x84, 0, 8, 0, 0, 0, 0, 0, 0, 0, n
#define PART          NAME, DIGEST(9), ROLE(4), JOB
#define TOO_MUCH      0, 8, 0x80, 0, 0, 0, 0, 0, 0, 0 /* 2^63 */

static const uint8_t full[] = {
	MAGIC, 1,   0,   3,   'a', '/', 'b', 2,    0,    2,    1,    0xed, 3,  0,  12, 255,
	255,   255, 255, 255, 255, 255, 254, 0x3b, 0x9a, 0xc9, 0xff, 4,    0,  32, 0,  1,
	2,     3,   4,   5,   6,   7,   8,   9,    10,   11,   12,   13,   14, 15, 16, 17,
	18,    19,  20,  21,  22,  23,  24,  25,   26,   27,   28,   29,   30, 31,
};
#define WITHOUT_DIGEST (sizeof(full) - 35)

static struct jobinfo sample(bool has_digest)
{
	struct jobinfo info = {
		.name = "a/b",
		.name_len = 3,
		.mode = 0755,
		.mtime_sec = -2,
		.mtime_nsec = 999999999,
		.has_digest = has_digest,
	};

	for (uint8_t i = 0; has_digest && i < DIGEST_LEN; i++)
		info.digest[i] = i;
	return info;
}

static void both_ways(void **state)
{
	for (int has_digest = 0; has_digest <= 1; has_digest++) {
		size_t len = has_digest ? sizeof(full) : WITHOUT_DIGEST;
		struct jobinfo info = sample(has_digest), back;
		uint8_t buf[sizeof(full)];

		assert_int_equal(jobinfo_encode(&info, buf, sizeof(buf)), len);
		assert_memory_equal(buf, full, len);
		for (size_t cap = 0; cap < len; cap++)
			assert_int_equal(jobinfo_encode(&info, buf, cap), -ENOSPC);
		assert_int_equal(jobinfo_decode(&back, full, len), 0);
		assert_int_equal(back.name_len, 3);
		assert_memory_equal(back.name, "a/b", 3);
		assert_int_equal(back.mode, 0755);
		assert_int_equal(back.mtime_sec, -2);
		assert_int_equal(back.mtime_nsec, 999999999);
		assert_int_equal(back.has_digest, has_digest);
		assert_memory_equal(back.digest, info.digest, DIGEST_LEN);
	}
}

static void roles_both_ways(void **state)
{
	for (uint8_t role = JOBINFO_FILE; role <= JOBINFO_PART; role++) {
		struct jobinfo info = sample(true), back;
		uint8_t buf[256];
		int len;

		info.role = role;
		if (role != JOBINFO_FILE)
			memcpy(info.job, info.digest, DIGEST_LEN);
		info.has_raw_size = role == JOBINFO_MANIFEST;
		info.raw_size = info.has_raw_size ? 0x123456789a : 0;
		info.has_size = role == JOBINFO_PART;
		info.offset = info.has_size ? 0x123456789a : 0;
		info.size = info.has_size ? INT64_MAX : 0;
		len = jobinfo_encode(&info, buf, sizeof(buf));
		assert_true(len > 0);
		assert_int_equal(jobinfo_decode(&back, buf, (size_t)len), 0);
		assert_int_equal(back.role, role);
		assert_memory_equal(back.job, info.job, DIGEST_LEN);
		assert_int_equal(back.has_raw_size, info.has_raw_size);
		assert_int_equal(back.raw_size, info.raw_size);
		assert_int_equal(back.offset, info.offset);
		assert_int_equal(back.has_size, info.has_size);
		assert_int_equal(back.size, info.size);
		for (int cut = 0; cut < len; cut++)
			assert_int_equal(jobinfo_encode(&info, buf, (size_t)cut), -ENOSPC);
	}
}

static void decoder_skips_and_refuses(void **state)
{
	const struct {
		int err;
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ -EPROTONOSUPPORT, NULL, 0 },
		{ -EPROTONOSUPPORT, BYTES('S', 'O', 'W') },
		{ -EPROTONOSUPPORT, BYTES('S', 'O', 'W', 2, NAME) },
		{ -EPROTONOSUPPORT, BYTES('S', 'O', 'W', 'S', '.', 't', 'x', 't') },
		{ 0, BYTES(MAGIC, NAME) },
		{ 0, BYTES(MAGIC, 0x7f, 0, 0, NAME, 0x7f, 0, 1, 9, 0, 0, 0, 0, 0, 0) },
		{ -EPROTONOSUPPORT, BYTES(MAGIC, NAME, 0x85, 0, 0) },
		{ 0, BYTES(MAGIC, NAME, DIGEST(0), ROLE(1), JOB) },
		{ 0, BYTES(MAGIC, NAME, DIGEST(0), ROLE(1), JOB, RAW_SIZE) },
		{ 0, BYTES(MAGIC, NAME, DIGEST(9), ROLE(2), JOB) },
		{ 0, BYTES(MAGIC, JOB, ROLE(3), NAME) },
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(1), JOB) },            /* no digest */
		{ -EBADMSG, BYTES(MAGIC, NAME, DIGEST(9), ROLE(1), JOB) }, /* another job's */
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3)) },                 /* no job */
		{ -EBADMSG, BYTES(MAGIC, NAME, JOB) },                     /* no role */
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(0), JOB) },
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(5), JOB) },
		{ 0, BYTES(MAGIC, PART, OFFSET(0)) },
		{ 0, BYTES(MAGIC, PART, OFFSET(7), SIZE(7)) },
		{ -EBADMSG, BYTES(MAGIC, PART) }, /* no offset */
		{ -EBADMSG, BYTES(MAGIC, PART, SIZE(7)) },
		{ -EBADMSG, BYTES(MAGIC, PART, OFFSET(7), SIZE(6)) },
		{ -EBADMSG, BYTES(MAGIC, PART, 0x83, TOO_MUCH) },
		{ -EBADMSG, BYTES(MAGIC, PART, OFFSET(0), 0x84, TOO_MUCH) },
		{ -EBADMSG, BYTES(MAGIC, PART, OFFSET(0), RAW_SIZE) },
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(4), JOB, OFFSET(0)) }, /* no digest */
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3), JOB, OFFSET(0)) }, /* no part */
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3), JOB, SIZE(0)) },
		{ -EBADMSG, BYTES(MAGIC, NAME, OFFSET(0)) },
		{ -EBADMSG, BYTES(MAGIC, NAME, SIZE(0)) },
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3), ROLE(3), JOB) },
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3), JOB, JOB) },
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3), JOB, RAW_SIZE) }, /* no manifest */
		{ -EBADMSG, BYTES(MAGIC, NAME, RAW_SIZE) },
		{ -EBADMSG, BYTES(MAGIC, NAME, JOB, 0x80, 0, 2, 0, 3) },       /* long role */
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(3), 0x81, 0, 1, 0) },      /* short job */
		{ -EBADMSG, BYTES(MAGIC, NAME, ROLE(1), JOB, 0x82, 0, 1, 0) }, /* short size */
		{ -EBADMSG, BYTES(MAGIC) },                                    /* no name */
		{ -EBADMSG, BYTES(MAGIC, 1, 0, 0) },                           /* empty */
		{ -EBADMSG, BYTES(MAGIC, 1, 0, 3, 'a', 0, 'b') },              /* NUL */
		{ -EBADMSG, BYTES(MAGIC, NAME, NAME) },                        /* twice */
		{ -EBADMSG, BYTES(MAGIC, NAME, 2, 0, 2, 0, 0, 2, 0, 2, 0, 0) },
		{ -EBADMSG, BYTES(MAGIC, NAME, 2, 0, 1, 0) },          /* short mode */
		{ -EBADMSG, BYTES(MAGIC, NAME, 2, 0, 3, 0, 0, 0) },    /* long mode */
		{ -EBADMSG, BYTES(MAGIC, NAME, 2, 0, 2, 0x10, 0) },    /* not permissions */
		{ -EBADMSG, BYTES(MAGIC, NAME, 3, 0, 4, 0, 0, 0, 0) }, /* short mtime */
		{ -EBADMSG, BYTES(MAGIC, NAME, 3, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0x9a,
				  0xca, 0) },                 /* nsec = 1e9 */
		{ -EBADMSG, BYTES(MAGIC, NAME, 4, 0, 1, 0) }, /* short digest */
		{ -EBADMSG, BYTES(MAGIC, NAME, 9) },          /* cut off */
		{ -EBADMSG, BYTES(MAGIC, NAME, 9, 0) },
		{ -EBADMSG, BYTES(MAGIC, NAME, 9, 0, 2, 0) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct jobinfo info = { .name_len = 99 };

		assert_int_equal(jobinfo_decode(&info, v[i].wire, v[i].len), v[i].err);
		assert_int_equal(info.name_len, v[i].err ? 99 : 1);
		if (v[i].err == 0)
			assert_int_equal(info.mode, 0644);
	}
}

static void name_lengths(void **state)
{
	static const struct {
		size_t len;
		int decode, encode;
	} v[] = {
		{ JOBINFO_NAME_MAX, 0, 4 + 3 + JOBINFO_NAME_MAX + 5 + 15 },
		{ JOBINFO_NAME_MAX + 1, -EBADMSG, -EINVAL },
		{ 0, -EBADMSG, -EINVAL },
	};
	static const uint8_t head[] = { MAGIC, 1 };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct jobinfo info = sample(false), back;
		uint8_t wire[2048], name[2048], buf[2048];
		struct wr w = wr_init(wire, sizeof(wire));

		memset(name, 'n', sizeof(name));
		wr_bytes(&w, head, sizeof(head));
		wr_u16(&w, (uint16_t)v[i].len);
		wr_bytes(&w, name, v[i].len);
		assert_int_equal(jobinfo_decode(&back, wire, wr_len(&w)), v[i].decode);
		info.name = (const char *)name;
		info.name_len = v[i].len;
		assert_int_equal(jobinfo_encode(&info, buf, sizeof(buf)), v[i].encode);
	}
}

static void encoder_refuses(void **state)
{
	struct jobinfo v[] = { sample(true), sample(true), sample(true),  sample(true),
			       sample(true), sample(true), sample(false), sample(false),
			       sample(true), sample(true), sample(true) };
	uint8_t buf[128];

	v[0].name = "a\0b";
	v[1].mode = 010000;
	v[2].mtime_nsec = 1000000000;
	v[3].role = JOBINFO_PART + 1;
	v[4].has_raw_size = true;
	v[5].role = JOBINFO_MANIFEST; /* its digest is not the job's id */
	v[6].role = JOBINFO_MANIFEST;
	v[7].role = JOBINFO_PART; /* it has no digest */
	v[8].role = v[9].role = JOBINFO_PART;
	v[8].offset = (uint64_t)INT64_MAX + 1;
	v[9].offset = 2;
	v[9].has_size = true;
	v[9].size = 1;
	v[10].offset = 1;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(jobinfo_encode(&v[i], buf, sizeof(buf)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(roles_both_ways),
		cmocka_unit_test(decoder_skips_and_refuses),
		cmocka_unit_test(name_lengths),
		cmocka_unit_test(encoder_refuses),
	};

	return cmocka_run_group_tests_name("jobinfo", tests, NULL, NULL);
}
