/* squeeze.c - tests of common/squeeze: what becomes shorter, and comes back. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/expand.h"
#include "common/squeeze.h"
#include "proto/types.h"

#define LEN 262144

static struct squeeze *sq;
static struct expand *ex;
static uint8_t in[LEN], out[LEN], back[LEN];

static int make(void **state)
{
	return squeeze_new(&sq) < 0 || expand_new(&ex) < 0;
}

static int unmake(void **state)
{
	squeeze_free(sq);
	expand_free(ex);
	squeeze_free(NULL);
	expand_free(NULL);
	return 0;
}

static void noise(struct rng *rng, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)rng_u64(rng);
}

/* Words of a small language. */
static void text(struct rng *rng, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)("etaoin shrdlu \n"[rng_below(rng, 15)]);
}

/* Its length; it comes back as it was, and nothing stands behind it. */
static size_t squeezed(size_t len)
{
	size_t n;

	memset(out, 0x5a, sizeof(out));
	n = squeeze_piece(sq, in, len, out);
	for (size_t i = len; i < sizeof(out); i++)
		assert_int_equal(out[i], 0x5a);
	if (n == 0)
		return len;
	assert_true(n <= len - len / 16);
	memset(back, 0xa5, sizeof(back));
	assert_int_equal(expand_piece(ex, out, n, back, len), 0);
	assert_memory_equal(back, in, len);
	return n;
}

static void text_becomes_shorter(void **state)
{
	struct rng rng = rng_init(1);

	text(&rng, in, LEN);
	assert_in_range(squeezed(LEN), LEN / 4, LEN * 2 / 3);
	assert_in_range(squeezed(1000), 300, 800);
	memset(in, 0, LEN);
	assert_in_range(squeezed(LEN), 10, LEN / 100);
}

static void noise_stays(void **state)
{
	struct rng rng = rng_init(2);

	noise(&rng, in, LEN);
	assert_int_equal(squeezed(LEN), LEN);
	assert_int_equal(squeezed(20000), 20000);
	assert_int_equal(squeezed(1), 1);
	assert_int_equal(squeezed(0), 0);
	/* a twentieth saved does not pay, a fifth does */
	memset(in + 10000, 0, 20000 / 20);
	assert_int_equal(squeezed(20000), 20000);
	memset(in + 10000, 0, 20000 / 5);
	assert_in_range(squeezed(20000), 15000, 18000);
}

/* Samples find text that is a quarter of a piece, wherever it stands. */
static void a_part_is_enough(void **state)
{
	struct rng rng = rng_init(3);

	for (size_t at = 0; at + LEN / 3 + 2048 <= LEN; at += 10000) {
		noise(&rng, in, LEN);
		text(&rng, in + at, LEN / 3 + 2048);
		assert_in_range(squeezed(LEN), LEN / 2, LEN - LEN / 16);
	}
}

static void any_length(void **state)
{
	struct rng rng = rng_init(4);

	text(&rng, in, LEN);
	for (size_t len = 0; len < 300; len++)
		squeezed(len);
	for (unsigned i = 0; i < 300; i++) {
		size_t len = (size_t)rng_below(&rng, LEN + 1), cut = 0;

		if (len > 0)
			cut = (size_t)rng_below(&rng, len);
		noise(&rng, in, cut);
		text(&rng, in + cut, len - cut);
		squeezed(len);
	}
}

/* A resumed job needs the same bytes in the next run. */
static void the_same_each_time(void **state)
{
	static uint8_t first[LEN], between[LEN];
	struct rng rng = rng_init(5);
	struct squeeze *other;
	size_t n;

	text(&rng, in, LEN);
	n = squeeze_piece(sq, in, LEN, first);
	for (unsigned i = 0; i < 20; i++) {
		text(&rng, between, LEN);
		squeeze_piece(sq, between, (size_t)rng_below(&rng, LEN), out);
		assert_int_equal(squeeze_piece(sq, in, LEN, out), n);
		assert_memory_equal(out, first, n);
	}
	assert_int_equal(squeeze_new(&other), 0);
	assert_int_equal(squeeze_piece(other, in, LEN, out), n);
	assert_memory_equal(out, first, n);
	squeeze_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_shorter), cmocka_unit_test(noise_stays),
		cmocka_unit_test(a_part_is_enough),     cmocka_unit_test(any_length),
		cmocka_unit_test(the_same_each_time),
	};

	return cmocka_run_group_tests_name("squeeze", tests, make, unmake);
}
