/* expand.c - tests of common/expand: what is no whole piece is refused, and nothing is read or
 * written beside the buffers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/expand.h"
#include "proto/types.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define ROOM 262144 /* of each buffer; behind it lies memory that nobody may touch */

static struct expand *ex;
static uint8_t *in_end, *out_end;

static uint8_t *guarded(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + ROOM, page, PROT_NONE) < 0)
		return NULL;
	return p + ROOM;
}

static int make(void **state)
{
	in_end = guarded();
	out_end = guarded();
	return !in_end || !out_end || expand_new(&ex) < 0;
}

static int unmake(void **state)
{
	expand_free(ex);
	return 0;
}

/* Both buffers end where memory does. */
static int expand_at_the_edge(const uint8_t *wire, size_t len, size_t out_len)
{
	memcpy(in_end - len, wire, len);
	return expand_piece(ex, in_end - len, len, out_end - out_len, out_len);
}

/* The length of its zlib form. */
static size_t deflated(const uint8_t *data, size_t len, uint8_t *wire, size_t cap)
{
	uLongf n = cap;

	assert_int_equal(compress2(wire, &n, data, len, 9), Z_OK);
	return n;
}

static void fill(struct rng *rng, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)rng_below(rng, 1 + rng_below(rng, 40));
}

static void zlibs_own(void **state)
{
	static uint8_t data[ROOM], wire[ROOM];
	struct rng rng = rng_init(1);

	for (size_t len = 0; len < 200000; len += 1 + len / 3) {
		size_t n;

		fill(&rng, data, len);
		n = deflated(data, len, wire, sizeof(wire));
		assert_int_equal(expand_at_the_edge(wire, n, len), 0);
		assert_memory_equal(out_end - len, data, len);
	}
}

static void not_this_long(void **state)
{
	static uint8_t data[20000], wire[30000];
	struct rng rng = rng_init(2);
	size_t n;

	fill(&rng, data, sizeof(data));
	n = deflated(data, sizeof(data), wire, sizeof(wire));
	for (size_t len = 0; len < 300; len++) {
		assert_int_equal(expand_at_the_edge(wire, n, len), -EBADMSG);
		assert_int_equal(expand_at_the_edge(wire, n, sizeof(data) - 1 - len), -EBADMSG);
		assert_int_equal(expand_at_the_edge(wire, n, sizeof(data) + 1 + len), -EBADMSG);
	}
}

/* Cut off anywhere, and with anything behind it. */
static void not_whole(void **state)
{
	static uint8_t data[3000], wire[4000];
	struct rng rng = rng_init(3);
	size_t n;

	fill(&rng, data, sizeof(data));
	n = deflated(data, sizeof(data), wire, sizeof(wire));
	for (size_t len = 0; len < n; len++)
		assert_int_equal(expand_at_the_edge(wire, len, sizeof(data)), -EBADMSG);
	for (size_t more = 1; more < 20; more++)
		assert_int_equal(expand_at_the_edge(wire, n + more, sizeof(data)), -EBADMSG);
	assert_int_equal(expand_at_the_edge(wire, n, sizeof(data)), 0);
}

/* 256 KiB of zeros take 300 bytes: no more comes out than there is room for. */
static void a_bomb(void **state)
{
	static uint8_t data[ROOM], wire[1000];
	size_t n = deflated(data, sizeof(data), wire, sizeof(wire));

	for (size_t len = 0; len < 5000; len += 7)
		assert_int_equal(expand_at_the_edge(wire, n, len), -EBADMSG);
	assert_int_equal(expand_at_the_edge(wire, n, ROOM), 0);
}

static void other_formats(void **state)
{
	const struct {
		const uint8_t *wire;
		size_t len;
	} v[] = {
		{ BYTES(0x79, 0x9c, 3, 0, 0, 0, 0, 1) },             /* method 9 */
		{ BYTES(0x78, 0x9d, 3, 0, 0, 0, 0, 1) },             /* check bits */
		{ BYTES(0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0, 0, 1) }, /* a dictionary */
		{ BYTES(0x78, 0x9c, 3, 0, 0, 0, 0, 2) },             /* checksum */
		{ BYTES(0x78, 0x9c, 7, 0, 0, 0, 0, 1) },             /* a block of type 3 */
		{ BYTES(3, 0) },                                     /* no head */
		{ BYTES(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0,
			0) }, /* gzip */
	};
	static const uint8_t good[] = { 0x78, 0x9c, 3, 0, 0, 0, 0, 1 };

	assert_int_equal(expand_at_the_edge(good, sizeof(good), 0), 0);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (expand_at_the_edge(v[i].wire, v[i].len, 0) != -EBADMSG)
			fail_msg("case %zu", i);
}

/* What zlib takes comes out the same; igzip takes a few damaged pieces more (incomplete codes),
 * which their digests betray. */
static void damaged(void **state)
{
	static uint8_t data[4000], wire[6000], hurt[6000], back[4000];
	struct rng rng = rng_init(4);
	unsigned refused = 0;

	for (unsigned i = 0; i < 3000; i++) {
		size_t len = 1 + (size_t)rng_below(&rng, sizeof(data)), n;
		uLongf out = len, in;
		bool good;
		int r;

		fill(&rng, data, len);
		in = n = deflated(data, len, wire, sizeof(wire));
		memcpy(hurt, wire, n);
		hurt[rng_below(&rng, n)] ^= (uint8_t)(1u << rng_below(&rng, 8));
		good = uncompress2(back, &out, hurt, &in) == Z_OK && out == len && in == n;
		r = expand_at_the_edge(hurt, n, len);
		refused += r < 0;
		if (good) {
			assert_int_equal(r, 0);
			assert_memory_equal(out_end - len, back, len);
		}
	}
	assert_true(refused > 2900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zlibs_own),     cmocka_unit_test(not_this_long),
		cmocka_unit_test(not_whole),     cmocka_unit_test(a_bomb),
		cmocka_unit_test(other_formats), cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests_name("expand", tests, make, unmake);
}
