/* request.c - tests of proto/request. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "proto/request.h"
#include "proto/types.h"
#include "tests/equal.h"

#define ITEM(object, sbn, esi) 5, 0, 0, object, 0, 0, sbn, esi

static struct request segment(uint8_t form, uint32_t sbn, uint16_t first, uint16_t last)
{
	return (struct request){ .form = form,
				 .flags = NACK_SEGMENT,
				 .fec_id = FEC_RS8,
				 .first = { .sbn = sbn, .esi = first },
				 .last = { .sbn = sbn, .esi = last } };
}

static void expect(struct request_reader *r, struct request want)
{
	struct request q;

	assert_int_equal(request_next(r, &q), 1);
	assert_true(request_equal(&q, &want));
}

static void reads_each_form(void **state)
{
	static const uint8_t body[] = {
		1, 1, 0, 16, ITEM(0, 2, 3), ITEM(0, 2, 9), /* ITEMS */
		2, 1, 0, 16, ITEM(0, 4, 1), ITEM(0, 4, 7), /* RANGES */
		3, 1, 0, 8,  ITEM(0, 5, 6),                /* ERASURES */
		1, 1, 0, 0,                                /* nothing asked for */
		1, 8, 0, 8,  ITEM(7, 0, 0),                /* OBJECT */
	};
	struct request_reader r;
	struct request object = { NACK_FORM_ITEMS, NACK_OBJECT, 5, 7, 7, { 0 }, { 0 } }, q;

	request_reader_init(&r, body, sizeof(body));
	expect(&r, segment(NACK_FORM_ITEMS, 2, 3, 3));
	expect(&r, segment(NACK_FORM_ITEMS, 2, 9, 9));
	expect(&r, segment(NACK_FORM_RANGES, 4, 1, 7));
	expect(&r, segment(NACK_FORM_ERASURES, 5, 6, 6));
	expect(&r, object);
	assert_int_equal(request_next(&r, &q), 0);
	assert_int_equal(request_next(&r, &q), 0);
}

/* How many requests a body yields, or the error that ends it. */
static int count(const uint8_t *body, size_t len)
{
	struct request_reader r;
	struct request q;
	int n = 0, more;

	request_reader_init(&r, body, len);
	while ((more = request_next(&r, &q)) > 0)
		n++;
	assert_int_equal(request_next(&r, &q), more); /* and it stays so */
	return more < 0 ? more : n;
}

static void reader_skips_and_refuses(void **state)
{
	const struct {
		int want;
		const uint8_t *body;
		size_t len;
	} v[] = {
		{ 0, NULL, 0 },
		{ 1, BYTES(9, 1, 0, 2, 1, 1, 1, 1, 0, 8, ITEM(0, 0, 0)) }, /* form */
		{ 1, BYTES(0, 1, 0, 0, 1, 1, 0, 8, ITEM(0, 0, 0)) },       /* form */
		{ 1, BYTES(1, 0xf0, 0, 1, 0, 1, 1, 0, 8, ITEM(0, 0, 0)) }, /* no level */
		{ 2, BYTES(1, 1, 0, 18, ITEM(0, 0, 0), 6, 0, ITEM(0, 0, 1), 1, 1, 0, 8,
			   ITEM(0, 0, 2)) }, /* FEC Encoding ID 6 hides what follows */
		{ 0, BYTES(2, 1, 0, 16, ITEM(0, 0, 0), 0, 0, 0, 0, 0, 0, 0, 0) },
		{ -EBADMSG, BYTES(1) },
		{ -EBADMSG, BYTES(1, 1, 0) },
		{ -EBADMSG, BYTES(1, 1, 0, 9, ITEM(0, 0, 0)) },
		{ -EBADMSG, BYTES(1, 1, 0, 7, 5, 0, 0, 0, 0, 0, 0) },
		{ -EBADMSG, BYTES(1, 1, 0, 9, ITEM(0, 0, 0), 5) },
		{ -EBADMSG, BYTES(1, 1, 0, 3, 5, 0, 0) },
		{ -EBADMSG, BYTES(2, 1, 0, 8, ITEM(0, 0, 0)) },
		{ -EBADMSG, BYTES(2, 1, 0, 16, ITEM(0, 0, 0), 2, 0, 0, 0, 0, 0, 0, 0) },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		int n = count(v[i].body, v[i].len);

		/* an error may come after good requests: what counts is that it comes */
		assert_int_equal(n, v[i].want);
	}
}

static void ranges_run_forward(void **state)
{
	static const struct {
		uint8_t level, fec_id;
		uint16_t object_first, object_last;
		struct fpi first, last;
		int want;
	} v[] = {
		{ NACK_SEGMENT, 5, 0, 0, { 1, 0, 4 }, { 1, 0, 4 }, 1 },
		{ NACK_SEGMENT, 5, 0, 0, { 1, 0, 4 }, { 1, 0, 3 }, -EBADMSG },
		{ NACK_SEGMENT, 5, 0, 0, { 1, 0, 4 }, { 2, 0, 3 }, 1 },
		{ NACK_SEGMENT, 5, 0, 0, { 2, 0, 4 }, { 1, 0, 5 }, -EBADMSG },
		{ NACK_SEGMENT, 5, 9, 8, { 1, 0, 4 }, { 1, 0, 5 }, -EBADMSG },
		{ NACK_BLOCK, 5, 0, 0, { 1, 0, 4 }, { 1, 0, 3 }, 1 },
		{ NACK_BLOCK, 5, 0, 0, { 0xfffffe, 0, 0 }, { 1, 0, 0 }, 1 },
		{ NACK_BLOCK, 5, 0, 0, { 1, 0, 0 }, { 0xfffffe, 0, 0 }, -EBADMSG },
		{ NACK_BLOCK, 2, 0, 0, { 0xfffe, 0, 0 }, { 1, 0, 0 }, 1 },
		{ NACK_BLOCK, 129, 0, 0, { 0xfffffffe, 0, 0 }, { 1, 0, 0 }, 1 },
		{ NACK_BLOCK, 129, 0, 0, { 2, 0, 0 }, { 1, 0, 0 }, -EBADMSG },
		{ NACK_BLOCK, 5, 1, 2, { 2, 0, 0 }, { 1, 0, 0 }, 1 },
		{ NACK_OBJECT, 5, 0xffff, 1, { 2, 0, 0 }, { 1, 0, 0 }, 1 },
		{ NACK_OBJECT, 5, 1, 0xffff, { 0 }, { 0 }, -EBADMSG },
		{ NACK_INFO, 5, 1, 1, { 2, 0, 2 }, { 1, 0, 1 }, 1 },
		{ NACK_SEGMENT | NACK_INFO, 5, 0, 0, { 1, 0, 4 }, { 1, 0, 3 }, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct request q = { NACK_FORM_RANGES,  v[i].level,       v[i].fec_id,
				     v[i].object_first, v[i].object_last, v[i].first,
				     v[i].last };
		struct request_writer w;
		uint8_t buf[64];

		request_writer_init(&w, buf, sizeof(buf), v[i].fec_id, false);
		assert_int_equal(request_put(&w, &q), 0);
		assert_int_equal(count(buf, request_writer_len(&w)), v[i].want);
	}
}

/* SEGMENT before BLOCK before OBJECT; INFO stays beside them; the rest goes. */
static void level_of_flags(void **state)
{
	static const struct {
		uint8_t flags, level;
	} v[] = {
		{ 0x01, 0x01 }, { 0x02, 0x02 }, { 0x04, 0x04 }, { 0x08, 0x08 },
		{ 0x0f, 0x05 }, { 0x0a, 0x02 }, { 0x0c, 0x0c }, { 0xf1, 0x01 },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const uint8_t body[] = { 1, v[i].flags, 0, 8, ITEM(1, 2, 3) };
		struct request_reader r;
		struct request q;

		request_reader_init(&r, body, sizeof(body));
		assert_int_equal(request_next(&r, &q), 1);
		assert_int_equal(q.flags, v[i].level);
	}
}

struct put {
	uint8_t form, flags;
	uint16_t object;
	uint32_t sbn;
	uint16_t esi;
};

static void writer_groups(void **state)
{
	static const struct put puts[] = {
		{ 1, 1, 0, 5, 15 }, { 1, 1, 0, 5, 16 }, { 1, 1, 0, 6, 15 },
		{ 1, 5, 0, 6, 16 }, { 1, 2, 0, 7, 0 },  { 1, 2, 0, 9, 0 },
		{ 1, 2, 1, 0, 0 },  { 1, 8, 2, 0, 0 },  { 1, 8, 4, 0, 0 },
	};
	static const uint8_t nrl[] = {
		1, 1, 0, 16, ITEM(0, 5, 15), ITEM(0, 5, 16), /* one block */
		1, 1, 0, 8,  ITEM(0, 6, 15),                 /* another */
		1, 5, 0, 8,  ITEM(0, 6, 16),                 /* other flags */
		1, 2, 0, 16, ITEM(0, 7, 0),  ITEM(0, 9, 0),  /* blocks of one object */
		1, 2, 0, 8,  ITEM(1, 0, 0),                  /* of another */
		1, 8, 0, 16, ITEM(2, 0, 0),  ITEM(4, 0, 0),  /* objects */
	};
	static const uint8_t merged[] = {
		1,
		1,
		0,
		24,
		ITEM(0, 5, 15),
		ITEM(0, 5, 16),
		ITEM(0, 6, 15),
		1,
		5,
		0,
		8,
		ITEM(0, 6, 16),
		1,
		2,
		0,
		24,
		ITEM(0, 7, 0),
		ITEM(0, 9, 0),
		ITEM(1, 0, 0),
		1,
		8,
		0,
		16,
		ITEM(2, 0, 0),
		ITEM(4, 0, 0),
	};
	struct request_writer w;
	uint8_t buf[256];

	for (int merge = 0; merge <= 1; merge++) {
		request_writer_init(&w, buf, sizeof(buf), FEC_RS8, merge);
		for (size_t i = 0; i < ARRAY_LEN(puts); i++) {
			struct request q = { .form = puts[i].form,
					     .flags = puts[i].flags,
					     .object_first = puts[i].object,
					     .first = { puts[i].sbn, 0, puts[i].esi } };

			assert_int_equal(request_put(&w, &q), 0);
		}
		assert_int_equal(request_writer_len(&w), merge ? sizeof(merged) : sizeof(nrl));
		assert_memory_equal(buf, merge ? merged : nrl, request_writer_len(&w));
	}
}

/* A full body is still the valid body of what did fit. */
static void writer_stops_when_full(void **state)
{
	uint8_t buf[64];

	for (size_t cap = 0; cap <= sizeof(buf); cap++) {
		struct request_writer w;
		int n = 0;

		request_writer_init(&w, buf, cap, FEC_RS8, true);
		for (uint16_t esi = 0; esi < 10; esi++) {
			struct request q = segment(NACK_FORM_ITEMS, 1, esi, esi);
			int err = request_put(&w, &q);

			assert_int_equal(err, cap < 12u + 8u * esi ? -ENOSPC : 0);
			n += err == 0;
		}
		assert_int_equal(count(buf, request_writer_len(&w)), n);
	}
}

/* The 16-bit length of a request does not overflow: a new header is opened. */
static void writer_splits_long_requests(void **state)
{
	static uint8_t buf[70000];
	struct request_writer w;
	int n = 0;

	request_writer_init(&w, buf, sizeof(buf), FEC_SB_SYST, true);
	for (uint32_t sbn = 0;; sbn++, n++) {
		struct request q = segment(NACK_FORM_ITEMS, sbn, 1, 1);

		if (request_put(&w, &q) < 0)
			break;
	}
	assert_int_equal(n, (70000 - 8) / 12);
	assert_int_equal(count(buf, request_writer_len(&w)), n);
}

static void writer_refuses(void **state)
{
	static const struct {
		uint8_t form, flags, fec_id;
	} v[] = { { 0, 1, 5 }, { 4, 1, 5 }, { 1, 0, 5 }, { 1, 0x10, 5 }, { 1, 1, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct request q = { .form = v[i].form, .flags = v[i].flags };
		struct request_writer w;
		uint8_t buf[64];

		request_writer_init(&w, buf, sizeof(buf), v[i].fec_id, true);
		assert_int_equal(request_put(&w, &q), -EINVAL);
		assert_int_equal(request_writer_len(&w), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_form),
		cmocka_unit_test(reader_skips_and_refuses),
		cmocka_unit_test(ranges_run_forward),
		cmocka_unit_test(level_of_flags),
		cmocka_unit_test(writer_groups),
		cmocka_unit_test(writer_stops_when_full),
		cmocka_unit_test(writer_splits_long_requests),
		cmocka_unit_test(writer_refuses),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
