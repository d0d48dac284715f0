/* rs.c - tests of proto/rs. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <limits.h>

#include "proto/rs.h"

static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

/* The code once more, straight from its definition and slowly. */

static uint8_t mul(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (; b; b >>= 1) {
		if (b & 1)
			product ^= a;
		a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0));
	}
	return product;
}

static uint8_t power(uint8_t a, unsigned n)
{
	uint8_t r = 1;

	while (n--)
		r = mul(r, a);
	return r;
}

static uint8_t inverse(uint8_t a)
{
	return power(a, 254);
}

static uint8_t point(unsigned j)
{
	return j ? power(2, j - 1) : 0;
}

static uint8_t coefficient(unsigned b, unsigned i, unsigned p)
{
	uint8_t above = 1, below = 1;

	for (unsigned t = 0; t < b; t++) {
		if (t == i)
			continue;
		above = mul(above, point(b + p) ^ point(t));
		below = mul(below, point(i) ^ point(t));
	}
	return mul(above, inverse(below));
}

static void reference(unsigned b, unsigned k, const uint8_t *src, size_t len, unsigned p,
		      uint8_t *parity)
{
	memset(parity, 0, len);
	for (unsigned i = 0; i < k; i++) {
		uint8_t c = coefficient(b, i, p);

		for (size_t at = 0; at < len; at++)
			parity[at] ^= mul(c, src[i * len + at]);
	}
}

static void field_is_0x11d(void **state)
{
	assert_int_equal(power(2, 8), 0x1d);
	assert_int_equal(power(2, 25), 0x03);
	assert_int_equal(mul(0x53, 0xca), 0x8f);
	assert_int_equal(inverse(0x53), 0x8c);
}

/* One byte a symbol; what libnorm sends for the same source. */
static const struct {
	unsigned b, k;
	const uint8_t *src; /* NULL: 0, 1, 2, ... */
	unsigned n;
	uint8_t parity[4];
} vectors[] = {
	{ 4, 4, (const uint8_t *)"\x01\x02\x03\x04", 4, { 0x87, 0x2e, 0x1a, 0xbf } },
	{ 3, 3, (const uint8_t *)"\xde\xad\xbe", 3, { 0x3c, 0x8f, 0x66 } },
	{ 5, 3, (const uint8_t *)"\xde\xad\xbe", 3, { 0xbd, 0x9f, 0x51 } },
	{ 64, 64, NULL, 4, { 0x46, 0x50, 0xe1, 0x4d } },
	{ 64, 50, NULL, 4, { 0x34, 0xca, 0x92, 0xcb } },
	{ 2, 2, (const uint8_t *)"\x01\x00", 1, { 0x03 } },
	{ 2, 2, (const uint8_t *)"\x00\x01", 1, { 0x02 } },
};

static void vectors_of_libnorm(void **state)
{
	uint8_t count[64], parity[4];
	struct rs *rs;

	for (unsigned i = 0; i < sizeof(count); i++)
		count[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const uint8_t *src = vectors[i].src ? vectors[i].src : count;

		assert_int_equal(rs_new(&rs, vectors[i].b, vectors[i].n), 0);
		assert_int_equal(rs_encode(rs, vectors[i].k, src, 1, 0, vectors[i].n, parity),
				 0);
		assert_memory_equal(parity, vectors[i].parity, vectors[i].n);
		rs_free(rs);
	}
}

static void new_refuses(void **state)
{
	struct rs *rs;

	assert_int_equal(rs_new(&rs, 0, 4), -EINVAL);
	assert_int_equal(rs_new(&rs, 256, 0), -EINVAL);
	assert_int_equal(rs_new(&rs, 64, 192), -EINVAL);
	assert_int_equal(rs_new(&rs, 1, UINT_MAX), -EINVAL);
	no_memory = true;
	assert_int_equal(rs_new(&rs, 64, 8), -ENOMEM);
	no_memory = false;
	rs_free(NULL);
}

static void encode_refuses(void **state)
{
	uint8_t src[5] = { 0 }, parity[3] = { 9, 9, 9 };
	struct rs *rs;

	assert_int_equal(rs_new(&rs, 4, 2), 0);
	assert_int_equal(rs_encode(rs, 0, src, 1, 0, 1, parity), -EINVAL);
	assert_int_equal(rs_encode(rs, 5, src, 1, 0, 1, parity), -EINVAL);
	assert_int_equal(rs_encode(rs, 4, src, 1, 0, 3, parity), -EINVAL);
	assert_int_equal(rs_encode(rs, 4, src, 1, 2, 1, parity), -EINVAL);
	assert_int_equal(rs_encode(rs, 4, src, 1, UINT_MAX, 2, parity), -EINVAL);
	assert_int_equal(rs_encode(rs, 4, src, 1, 2, 0, parity), 0);
	assert_int_equal(parity[0], 9);
	rs_free(rs);
}

static void decode_refuses(void **state)
{
	static const struct {
		unsigned k;
		uint16_t esi[5];
	} cases[] = {
		{ 0, { 0 } },           { 5, { 0, 1, 2, 3, 4 } },
		{ 3, { 0, 1, 1 } }, /* another slot's source symbol */
		{ 3, { 0, 1, 5 } }, /* parity 2 of 2 */
		{ 3, { 0, 3, 3 } }, /* one parity for two */
		{ 3, { 0, 1, 65535 } }, { 3, { 1, 0, 2 } },
	};
	uint8_t sym[5] = { 1, 2, 3, 4, 5 };
	struct rs *rs;

	assert_int_equal(rs_new(&rs, 4, 2), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint16_t esi[5];

		memcpy(esi, cases[i].esi, sizeof(esi));
		assert_int_equal(rs_decode(rs, cases[i].k, sym, 1, esi), -EINVAL);
		assert_memory_equal(sym, "\1\2\3\4\5", 5);
		assert_memory_equal(esi, cases[i].esi, sizeof(esi));
	}
	rs_free(rs);
}

/* A block with its parity, at an odd address and with a guard byte behind. */
struct block {
	struct rs *rs;
	unsigned b, k, np;
	size_t len;
	uint8_t *mem, *src, *parity, *work;
	uint16_t esi[255];
};

static void block_init(struct block *bl, struct rng *rng)
{
	size_t n = (2 * bl->k + bl->np) * bl->len;

	bl->mem = malloc(n + 4);
	assert_non_null(bl->mem);
	bl->src = bl->mem + 1;
	bl->parity = bl->src + bl->k * bl->len + 1;
	bl->work = bl->parity + bl->np * bl->len + 1;
	for (size_t i = 0; i < bl->k * bl->len; i++)
		bl->src[i] = (uint8_t)rng_u64(rng);
	bl->parity[-1] = bl->work[-1] = bl->work[bl->k * bl->len] = 0xa5;
	assert_int_equal(rs_new(&bl->rs, bl->b, bl->np), 0);
	assert_int_equal(rs_encode(bl->rs, bl->k, bl->src, bl->len, 0, bl->np, bl->parity), 0);
	assert_int_equal(bl->parity[-1], 0xa5);
	assert_int_equal(bl->work[-1], 0xa5);
}

static void block_fini(struct block *bl)
{
	rs_free(bl->rs);
	free(bl->mem);
}

/* Decodes with parity p standing in for source i wherever parity_in[i] == p >= 0. */
static void assert_recovers(struct block *bl, const int *parity_in)
{
	memcpy(bl->work, bl->src, bl->k * bl->len);
	for (unsigned i = 0; i < bl->k; i++) {
		int p = parity_in[i];

		bl->esi[i] = (uint16_t)(p < 0 ? i : bl->k + (unsigned)p);
		if (p >= 0)
			memcpy(bl->work + i * bl->len, bl->parity + (size_t)p * bl->len,
			       bl->len);
	}
	assert_int_equal(rs_decode(bl->rs, bl->k, bl->work, bl->len, bl->esi), 0);
	assert_memory_equal(bl->work, bl->src, bl->k * bl->len);
	assert_int_equal(bl->work[-1], 0xa5);
	assert_int_equal(bl->work[bl->k * bl->len], 0xa5);
	for (unsigned i = 0; i < bl->k; i++)
		assert_int_equal(bl->esi[i], i);
}

/* Tries the parity symbols of `set` in the missing slots, in rising and in falling order. */
static void recover_with(struct block *bl, unsigned missing, unsigned set)
{
	int up[8], down[8], lo = 0, hi = (int)bl->np - 1;

	for (unsigned i = 0; i < bl->k; i++) {
		up[i] = down[i] = -1;
		if (!(missing >> i & 1))
			continue;
		while (!(set >> lo & 1))
			lo++;
		while (!(set >> hi & 1))
			hi--;
		up[i] = lo++;
		down[i] = hi--;
	}
	assert_recovers(bl, up);
	assert_recovers(bl, down);
}

/* Any k of the k + np symbols, for every small code. */
static void any_k_symbols_suffice(void **state)
{
	struct rng rng = rng_init(4);

	for (unsigned b = 1; b <= 5; b++)
		for (unsigned k = 1; k <= b; k++)
			for (unsigned np = 0; np <= 5; np++) {
				struct block bl = { .b = b, .k = k, .np = np, .len = 3 };

				block_init(&bl, &rng);
				for (unsigned m = 0; m < 1u << k; m++)
					for (unsigned set = 0; set < 1u << np; set++)
						if (__builtin_popcount(m) ==
						    __builtin_popcount(set))
							recover_with(&bl, m, set);
				block_fini(&bl);
			}
}

/* A random subset of `n` of 0 .. of-1, in random order. */
static void choose(struct rng *rng, unsigned *set, unsigned n, unsigned of)
{
	unsigned all[255];

	for (unsigned i = 0; i < of; i++)
		all[i] = i;
	for (unsigned i = 0; i < n; i++) {
		unsigned j = i + (unsigned)rng_below(rng, of - i);

		set[i] = all[j];
		all[j] = all[i];
	}
}

static void lose_at_random(struct block *bl, struct rng *rng, unsigned e)
{
	unsigned slot[255], parity[255];
	int in[255];

	choose(rng, slot, e, bl->k);
	choose(rng, parity, e, bl->np);
	for (unsigned i = 0; i < bl->k; i++)
		in[i] = -1;
	for (unsigned m = 0; m < e; m++)
		in[slot[m]] = (int)parity[m];
	assert_recovers(bl, in);
}

static const struct {
	unsigned b, k, np;
	size_t len;
} codes[] = {
	{ 1, 1, 254, 1 },      { 254, 254, 1, 7 },    { 254, 1, 1, 1400 },
	{ 64, 64, 32, 1400 },  { 64, 50, 32, 1401 },  { 64, 1, 191, 33 },
	{ 128, 127, 127, 65 }, { 127, 127, 128, 31 }, { 200, 200, 55, 15 },
	{ 200, 113, 55, 64 },  { 20, 20, 8, 2048 },   { 20, 19, 8, 2049 },
	{ 20, 7, 8, 9000 },    { 255, 255, 0, 16 },   { 16, 16, 4, 0 },
	{ 2, 2, 253, 5 },
};

static void random_losses_are_recovered(void **state)
{
	struct rng rng = rng_init(5);

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct block bl = {
			.b = codes[i].b, .k = codes[i].k, .np = codes[i].np, .len = codes[i].len
		};
		unsigned most = MIN(bl.k, bl.np);

		block_init(&bl, &rng);
		lose_at_random(&bl, &rng, 0);
		lose_at_random(&bl, &rng, most);
		for (unsigned n = 0; n < 20; n++)
			lose_at_random(&bl, &rng, (unsigned)rng_below(&rng, most + 1));
		block_fini(&bl);
	}
}

/* The kernel's parity is the definition's, whole or in any part. */
static void parity_is_that_of_the_definition(void **state)
{
	struct rng rng = rng_init(6);
	uint8_t want[64], part[4 * 64];

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct block bl = { .b = codes[i].b,
				    .k = codes[i].k,
				    .np = codes[i].np,
				    .len = MIN(codes[i].len, 3) };

		block_init(&bl, &rng);
		for (unsigned n = 0; bl.np && n < 6; n++) {
			unsigned p = (unsigned)rng_below(&rng, bl.np);
			unsigned count = MIN(1 + n % 4, bl.np - p);
			unsigned k = 1 + (unsigned)rng_below(&rng, bl.k);

			reference(bl.b, bl.k, bl.src, bl.len, p, want);
			assert_memory_equal(bl.parity + p * bl.len, want, bl.len);
			assert_int_equal(rs_encode(bl.rs, k, bl.src, bl.len, p, count, part),
					 0);
			reference(bl.b, k, bl.src, bl.len, p + count - 1, want);
			assert_memory_equal(part + (count - 1) * bl.len, want, bl.len);
		}
		block_fini(&bl);
	}
}

/* Requests that resemble each other, in any order: the tables kept from one are not the
 * other's. */
static void requests_do_not_mix(void **state)
{
	const uint8_t src[6] = { 1, 20, 30, 4, 5, 60 };
	struct rng rng = rng_init(7);
	uint8_t want, got[2], sym[6];
	struct rs *rs;

	assert_int_equal(rs_new(&rs, 6, 3), 0);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned k = 5 + (unsigned)rng_below(&rng, 2);
		unsigned first = (unsigned)rng_below(&rng, 2);
		unsigned n = 1 + (unsigned)rng_below(&rng, 2);
		uint16_t esi[6] = { 0, 6, 2, 3, 4, 5 };

		assert_int_equal(rs_encode(rs, k, src, 1, first, n, got), 0);
		for (unsigned r = 0; r < n; r++) {
			reference(6, k, src, 1, first + r, &want);
			assert_int_equal(got[r], want);
		}
		if (rng_below(&rng, 2))
			continue;
		memcpy(sym, src, 6);
		reference(6, 6, src, 1, 0, &sym[1]);
		assert_int_equal(rs_decode(rs, 6, sym, 1, esi), 0);
		assert_memory_equal(sym, src, 6);
	}
	rs_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_is_0x11d),
		cmocka_unit_test(vectors_of_libnorm),
		cmocka_unit_test(new_refuses),
		cmocka_unit_test(encode_refuses),
		cmocka_unit_test(decode_refuses),
		cmocka_unit_test(any_k_symbols_suffice),
		cmocka_unit_test(random_losses_are_recovered),
		cmocka_unit_test(parity_is_that_of_the_definition),
		cmocka_unit_test(requests_do_not_mix),
	};

	return cmocka_run_group_tests_name("rs", tests, NULL, NULL);
}
