/* ext.c - tests of proto/ext. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/ext.h"
#include "proto/types.h"
#include "proto/wire.h"
#include "tests/equal.h"

static int decode(struct exts *e, const uint8_t *buf, size_t len, uint8_t fec_id)
{
	struct rd r = rd_init(buf, len);

	return ext_decode(e, &r, fec_id);
}

static void fti_of_each_fec_id(void **state)
{
	const struct {
		uint8_t fec_id;
		struct fti fti;
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ FEC_RS8,
		  { .object_size = 70001,
		    .segment_size = 1024,
		    .max_block_len = 16,
		    .num_parity = 4 },
		  BYTES(64, 3, 0, 0, 0, 1, 0x11, 0x71, 4, 0, 16, 4) },
		{ FEC_SB_SYST,
		  { .object_size = 150001,
		    .segment_size = 1024,
		    .max_block_len = 16,
		    .num_parity = 4,
		    .fec_instance_id = 7 },
		  BYTES(64, 4, 0, 0, 0, 2, 0x49, 0xf1, 0, 7, 4, 0, 0, 16, 0, 4) },
		{ FEC_RS,
		  { .object_size = 400000,
		    .segment_size = 500,
		    .max_block_len = 300,
		    .num_parity = 20,
		    .m = 16,
		    .g = 1 },
		  BYTES(64, 4, 0, 0, 0, 6, 0x1a, 0x80, 16, 1, 1, 0xf4, 1, 0x2c, 0, 0x14) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct exts e, want = { .present = EXT_HAS_FTI, .fti = v[i].fti };
		uint8_t buf[64];
		struct wr w = wr_init(buf, sizeof(buf));

		assert_int_equal(decode(&e, v[i].wire, v[i].len, v[i].fec_id), 0);
		assert_true(exts_equal(&e, &want));
		assert_int_equal(ext_encode(&e, &w, v[i].fec_id), 0);
		assert_int_equal(wr_len(&w), v[i].len);
		assert_memory_equal(buf, v[i].wire, v[i].len);
	}
}

/* All at once, in the order that the header promises. */
static void order_of_encoding(void **state)
{
	static const uint8_t auth[] = { 0x10, 0, 1, 2, 3, 4 }, ack[] = { 'p', 'o', 'n', 'g' };
	static const uint8_t want[] = {
		3,   3, 0,    9,    0x0d, 0x36, 1,   2,   0x4e, 0x23, 5,   6,  /* CC */
		1,   2, 16,   0,    1,    2,    3,   4,                        /* AUTH */
		64,  3, 255,  255,  255,  255,  255, 255, 5,    0x78, 200, 55, /* FTI */
		65,  2, 'p',  'o',  'n',  'g',  0,   0,                        /* APP_ACK */
		128, 0, 0x19, 0xa6,                                            /* RATE */
		178, 0, 1,    2,                                               /* TARGET */
		179, 1, 3,    4,                                               /* HOLDINGS */
	};
	const struct exts e = {
		.present = EXT_HAS_AUTH | EXT_HAS_CC | EXT_HAS_FTI | EXT_HAS_APP_ACK |
			   EXT_HAS_RATE | EXT_HAS_TARGET | EXT_HAS_HOLDINGS,
		.cc = { 9, 0x0d, 0x36, 0x0102, 0x4e23, 0x0506 },
		.auth = auth,
		.auth_len = sizeof(auth),
		.fti = { NORM_OBJECT_MAX - 1, 1400, 200, 55, 0, 0, 0 },
		.app_ack = ack,
		.app_ack_len = sizeof(ack),
		.send_rate = 0x19a6,
		.target = 258,
		.holdings = { .holds = true, .lacks = 772 },
	};
	struct exts back;
	uint8_t buf[sizeof(want)];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(ext_encode(&e, &w, FEC_RS8), 0);
	assert_int_equal(wr_len(&w), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	assert_int_equal(decode(&back, buf, sizeof(buf), FEC_RS8), 0);
	assert_int_equal(back.present, e.present);
	assert_true(cc_equal(&back.cc, &e.cc));
	assert_int_equal(back.auth_len, sizeof(auth));
	assert_memory_equal(back.auth, auth, sizeof(auth));
	assert_int_equal(back.app_ack_len, 6); /* NRL's padding belongs to it */
	assert_int_equal(back.send_rate, 0x19a6);
	assert_int_equal(back.target, 258);
	assert_true(holdings_equal(&back.holdings, &e.holdings));
	for (size_t cap = 0; cap < sizeof(want); cap++) {
		w = wr_init(buf, cap);
		assert_int_equal(ext_encode(&e, &w, FEC_RS8), -ENOSPC);
	}
}

static void decoder_skips_and_refuses(void **state)
{
	const struct {
		int err;
		unsigned present;
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ 0, 0, NULL, 0 },
		{ 0, 0, BYTES(7, 1, 0, 0) },
		{ 0, 0, BYTES(7, 2, 0, 0, 0, 0, 0, 0) },
		{ 0, 0, BYTES(200, 0, 0, 0) },
		{ 0, EXT_HAS_RATE, BYTES(127, 1, 0, 0, 128, 9, 0, 1, 255, 1, 1, 1) },
		{ 0, EXT_HAS_AUTH, BYTES(1, 1, 0, 0) },
		{ 0, 0, BYTES(7, 1, 0, 0, 7, 1, 0, 0) },            /* unknown ones repeat */
		{ -EBADMSG, 0, BYTES(7) },                          /* HET alone */
		{ -EBADMSG, 0, BYTES(7, 0, 0, 0) },                 /* HEL 0 */
		{ -EBADMSG, 0, BYTES(7, 2, 0, 0) },                 /* past the end */
		{ -EBADMSG, 0, BYTES(200, 0, 0) },                  /* fixed, cut off */
		{ -EBADMSG, 0, BYTES(128, 0, 0, 1, 128, 0, 0, 1) }, /* twice */
		{ -EBADMSG, 0, BYTES(3, 2, 0, 0, 0, 0, 0, 0) },     /* short EXT_CC */
		{ -EBADMSG, 0, BYTES(3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
		{ -EBADMSG, 0, BYTES(64, 2, 0, 0, 0, 0, 0, 0) },             /* short EXT_FTI */
		{ -EBADMSG, 0, BYTES(64, 3, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0) }, /* E = 0 */
		{ -EBADMSG, 0, BYTES(64, 3, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0) }, /* B = 0 */
		{ -EBADMSG, 0, BYTES(64, 4, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct exts e = { .present = ~0u };

		assert_int_equal(decode(&e, v[i].wire, v[i].len, FEC_RS8), v[i].err);
		assert_int_equal(e.present, v[i].err ? ~0u : v[i].present);
	}
}

/* Reserved flags are ignored. */
static void flags_of_holdings(void **state)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		uint8_t wire[] = { HET_HOLDINGS, (uint8_t)flags, 0xff, 0xfe }, buf[4];
		struct wr w = wr_init(buf, sizeof(buf));
		struct exts e;

		assert_int_equal(decode(&e, wire, sizeof(wire), 0), 0);
		assert_int_equal(e.present, EXT_HAS_HOLDINGS);
		assert_int_equal(e.holdings.holds, flags & 1);
		assert_int_equal(e.holdings.busy, flags >> 1 & 1);
		assert_int_equal(e.holdings.lacks, 0xfffe);
		assert_int_equal(ext_encode(&e, &w, 0), 0);
		wire[1] = flags & 3;
		assert_memory_equal(buf, wire, sizeof(wire));
	}
}

/* Where no FEC Encoding ID is known its FTI is one more unknown extension. */
static void fti_without_fec_id(void **state)
{
	struct exts e;

	assert_int_equal(decode(&e, BYTES(64, 1, 0, 0), 0), 0);
	assert_int_equal(e.present, 0);
}

static void encoder_refuses(void **state)
{
	static const uint8_t zeros[1024];
	static const struct {
		uint8_t fec_id;
		struct exts e;
	} v[] = {
		{ 0, { .present = EXT_HAS_AUTH, .auth = zeros, .auth_len = 4 } },
		{ 0, { .present = EXT_HAS_AUTH, .auth = zeros, .auth_len = 1022 } },
		{ 0, { .present = EXT_HAS_APP_ACK, .app_ack = zeros, .app_ack_len = 1019 } },
		{ 0, { .present = EXT_HAS_FTI, .fti = { 1, 1, 1 } } },
		{ FEC_RS8, { .present = EXT_HAS_FTI, .fti = { NORM_OBJECT_MAX, 1, 1 } } },
		{ FEC_RS8, { .present = EXT_HAS_FTI, .fti = { 1, 0, 1 } } },
		{ FEC_RS8, { .present = EXT_HAS_FTI, .fti = { 1, 1, 0 } } },
		{ FEC_RS8, { .present = EXT_HAS_FTI, .fti = { 1, 1, 256 } } },
		{ FEC_RS8, { .present = EXT_HAS_FTI, .fti = { 1, 1, 1, 256 } } },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		uint8_t buf[2048];
		struct wr w = wr_init(buf, sizeof(buf));

		assert_int_equal(ext_encode(&v[i].e, &w, v[i].fec_id), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fti_of_each_fec_id),
		cmocka_unit_test(order_of_encoding),
		cmocka_unit_test(decoder_skips_and_refuses),
		cmocka_unit_test(flags_of_holdings),
		cmocka_unit_test(fti_without_fec_id),
		cmocka_unit_test(encoder_refuses),
	};

	return cmocka_run_group_tests_name("ext", tests, NULL, NULL);
}
