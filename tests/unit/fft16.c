/* fft16.c - tests of proto/fft16. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <limits.h>

#include "proto/fft16.h"
#include "proto/fft16_kernel.h"

static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

/* The code once more, straight from its definition and slowly. */

static uint16_t mul(uint16_t a, uint16_t b)
{
	uint16_t product = 0;

	for (; b; b >>= 1) {
		if (b & 1)
			product ^= a;
		a = (uint16_t)(a << 1 ^ (a & 0x8000 ? 0x100b : 0));
	}
	return product;
}

static uint16_t inverse(uint16_t a)
{
	uint16_t r = 1;

	for (unsigned e = 65534; e; e >>= 1) {
		if (e & 1)
			r = mul(r, a);
		a = mul(a, a);
	}
	return r;
}

/* Cantor's basis, found anew. */
static uint16_t basis[16];

static void find_basis(void)
{
	basis[0] = 1;
	for (unsigned b = 1; b < 16; b++)
		while ((mul(basis[b], basis[b]) ^ basis[b]) != basis[b - 1])
			basis[b] = (uint16_t)(basis[b] + 2);
}

static uint16_t point(unsigned j)
{
	uint16_t w = 0;

	for (unsigned b = 0; b < 16; b++)
		w ^= j >> b & 1 ? basis[b] : 0;
	return w;
}

static uint16_t word(const uint8_t *sym, size_t at)
{
	return (uint16_t)(sym[at] | sym[at + 1] << 8);
}

static void reference(unsigned k, uint8_t *const *src, size_t len, unsigned p, uint8_t *parity)
{
	memset(parity, 0, len);
	for (unsigned i = 0; i < k; i++) {
		uint16_t c = inverse(point(32768 + p) ^ point(i));

		for (size_t at = 0; src[i] && at < len; at += 2) {
			uint16_t product = mul(c, word(src[i], at));

			parity[at] ^= (uint8_t)product;
			parity[at + 1] ^= (uint8_t)(product >> 8);
		}
	}
}

/* A block with its parity, each symbol in memory of its own, for a sanitizer. */
struct code {
	struct fft16 *f;
	unsigned k, n;
	size_t len;
	uint8_t **src, **got;
	struct fft16_parity *parity, *some;
	uint16_t *lost;
};

static uint8_t *symbol(size_t len, struct rng *rng)
{
	uint8_t *sym = malloc(len ? len : 1);

	assert_non_null(sym);
	for (size_t i = 0; i < len; i++)
		sym[i] = (uint8_t)rng_u64(rng);
	return sym;
}

static void *array(size_t n, size_t size)
{
	void *a = calloc(n ? n : 1, size);

	assert_non_null(a);
	return a;
}

static struct fft16_block block(const struct code *c, uint8_t **src)
{
	return (struct fft16_block){ c->k, c->len, src };
}

static void code_init(struct code *c, const struct fft16_kernel *kernel, struct rng *rng)
{
	struct fft16_block b;

	assert_int_equal(fft16_new_with(&c->f, c->k, c->n, kernel), 0);
	c->src = array(c->k, sizeof(*c->src));
	c->got = array(c->k, sizeof(*c->got));
	c->parity = array(c->n, sizeof(*c->parity));
	c->some = array(c->n, sizeof(*c->some));
	c->lost = array(c->k, sizeof(*c->lost));
	for (unsigned i = 0; i < c->k; i++) {
		c->src[i] = symbol(c->len, rng);
		c->got[i] = symbol(c->len, rng);
	}
	for (unsigned p = 0; p < c->n; p++)
		c->parity[p] = (struct fft16_parity){ p, symbol(c->len, rng) };
	b = block(c, c->src);
	assert_int_equal(fft16_encode(c->f, &b, c->parity, c->n), 0);
}

static void code_fini(struct code *c)
{
	fft16_free(c->f);
	for (unsigned i = 0; i < c->k; i++) {
		free(c->src[i]);
		free(c->got[i]);
	}
	for (unsigned p = 0; p < c->n; p++)
		free(c->parity[p].data);
	free(c->src);
	free(c->got);
	free(c->parity);
	free(c->some);
	free(c->lost);
}

/* Decodes with lost[] and some[] as set, each of n. */
static void assert_recovers(struct code *c, unsigned n)
{
	struct fft16_block b = block(c, c->got);

	for (unsigned i = 0; i < c->k; i++)
		memcpy(c->got[i], c->src[i], c->len);
	for (unsigned j = 0; j < n; j++)
		memset(c->got[c->lost[j]], 0xa5, c->len);
	assert_int_equal(fft16_decode(c->f, &b, c->lost, c->some, n), 0);
	for (unsigned i = 0; i < c->k; i++)
		assert_memory_equal(c->got[i], c->src[i], c->len);
}

static void lose_at_random(struct code *c, struct rng *rng, unsigned n, unsigned parity_span)
{
	unsigned lost = 0, some = 0;

	for (unsigned i = 0; i < c->k; i++)
		if (rng_below(rng, c->k - i) < n - lost)
			c->lost[lost++] = (uint16_t)i;
	for (unsigned p = 0; p < parity_span; p++)
		if (rng_below(rng, parity_span - p) < n - some)
			c->some[some++] = c->parity[p];
	assert_recovers(c, n);
}

static void field_is_that_of_the_document(void **state)
{
	static const uint16_t want[16] = {
		0x0001, 0x015e, 0x001a, 0x1cf2, 0x169a, 0xbbac, 0xfde2, 0x468a,
		0x0712, 0x1b76, 0xad6c, 0x4640, 0xa79e, 0xf2b4, 0xf77a, 0x7fe2,
	};

	assert_memory_equal(basis, want, sizeof(want));
	assert_int_equal(mul(0x8000, 2), 0x100b);
	assert_int_equal(mul(0x1234, inverse(0x1234)), 1);
}

static void refuses(void **state)
{
	uint8_t a[2] = { 1, 2 }, b[2] = { 3, 4 }, p[2] = { 9, 9 }, q[2] = { 9, 9 };
	uint8_t *src[3] = { a, b, a };
	struct fft16_parity falls[] = { { 1, p }, { 0, q } }, twice[] = { { 1, p }, { 1, q } };
	struct fft16_parity far[] = { { 4, p } }, good[] = { { 0, p }, { 3, q } };
	const uint16_t lost[][2] = { { 0, 1 }, { 1, 0 }, { 1, 1 }, { 0, 2 } };
	struct fft16_block ok = { 2, 2, src }, none = { 0, 2, src }, big = { 3, 2, src };
	struct fft16_block odd = { 2, 1, src };
	struct fft16 *f;

	assert_int_equal(fft16_new(&f, 0, 4), -EINVAL);
	assert_int_equal(fft16_new(&f, 4, 0), -EINVAL);
	assert_int_equal(fft16_new(&f, 32769, 4), -EINVAL);
	assert_int_equal(fft16_new(&f, 4, UINT_MAX), -EINVAL);
	no_memory = true;
	assert_int_equal(fft16_new(&f, 4, 4), -ENOMEM);
	no_memory = false;
	fft16_free(NULL);

	assert_int_equal(fft16_new(&f, 2, 4), 0);
	assert_int_equal(fft16_encode(f, &ok, falls, 2), -EINVAL);
	assert_int_equal(fft16_encode(f, &ok, twice, 2), -EINVAL);
	assert_int_equal(fft16_add(f, &ok, far, 1), -EINVAL);
	assert_int_equal(fft16_encode(f, &none, good, 1), -EINVAL);
	assert_int_equal(fft16_encode(f, &big, good, 1), -EINVAL);
	assert_int_equal(fft16_encode(f, &odd, good, 1), -EINVAL);
	assert_int_equal(fft16_decode(f, &ok, lost[0], twice, 2), -EINVAL);
	assert_int_equal(fft16_decode(f, &big, lost[0], good, 1), -EINVAL);
	for (unsigned i = 1; i < ARRAY_LEN(lost); i++)
		assert_int_equal(fft16_decode(f, &ok, lost[i], good, 2), -EINVAL);
	assert_memory_equal(a, ((uint8_t[]){ 1, 2 }), 2);
	assert_memory_equal(p, ((uint8_t[]){ 9, 9 }), 2);
	assert_int_equal(fft16_encode(f, &ok, good, 0), 0);
	assert_int_equal(fft16_decode(f, &ok, lost[0], good, 0), 0);
	fft16_free(f);
}

static const struct {
	unsigned k, n;
	size_t len;
} codes[] = {
	{ 1, 1, 2 },     { 1, 40, 64 },    { 2, 3, 0 },     { 3, 300, 62 },
	{ 7, 8, 66 },    { 33, 5, 1400 },  { 64, 64, 128 }, { 65, 64, 30 },
	{ 100, 7, 126 }, { 255, 257, 34 }, { 600, 90, 6 },
};

/* With every kernel, whole. */
static void parity_is_that_of_the_definition(void **state)
{
	struct rng rng = rng_init(1);
	uint8_t want[1400];

	for (const struct fft16_kernel *const *k = fft16_kernels(); *k; k++)
		for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
			struct code c = { .k = codes[i].k,
					  .n = codes[i].n,
					  .len = codes[i].len };

			code_init(&c, *k, &rng);
			for (unsigned p = 0; p < c.n; p += 1 + c.n / 20) {
				reference(c.k, c.src, c.len, p, want);
				assert_memory_equal(c.parity[p].data, want, c.len);
			}
			code_fini(&c);
		}
}

/* Any k of the k + n symbols, for every small code. */
static void any_k_symbols_suffice(void **state)
{
	struct rng rng = rng_init(2);

	for (unsigned k = 1; k <= 5; k++)
		for (unsigned n = 1; n <= 6; n++) {
			struct code c = { .k = k, .n = n, .len = 4 };

			code_init(&c, fft16_kernels()[0], &rng);
			for (unsigned m = 0; m < 1u << k; m++)
				for (unsigned set = 0; set < 1u << n; set++) {
					unsigned lost = 0, some = 0;

					if (__builtin_popcount(m) != __builtin_popcount(set))
						continue;
					for (unsigned i = 0; i < k; i++)
						if (m >> i & 1)
							c.lost[lost++] = (uint16_t)i;
					for (unsigned p = 0; p < n; p++)
						if (set >> p & 1)
							c.some[some++] = c.parity[p];
					assert_recovers(&c, lost);
				}
			code_fini(&c);
		}
}

static void random_losses_are_recovered(void **state)
{
	struct rng rng = rng_init(3);

	for (const struct fft16_kernel *const *k = fft16_kernels(); *k; k++)
		for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
			struct code c = { .k = codes[i].k,
					  .n = codes[i].n,
					  .len = codes[i].len };
			unsigned most = MIN(c.k, c.n);

			code_init(&c, *k, &rng);
			lose_at_random(&c, &rng, most, c.n);
			lose_at_random(&c, &rng, most, most);
			for (unsigned r = 0; r < 20; r++)
				lose_at_random(&c, &rng, (unsigned)rng_below(&rng, most + 1),
					       c.n);
			code_fini(&c);
		}
}

/* One word a symbol: those of `first`, then multiples of 0x9e37 from 0 on. */
static const struct {
	unsigned k, n_first;
	uint16_t first[3];
	uint16_t parity[7];
} vectors[] = {
	{ 1, 1, { 1 }, { 0x965c, 0x87e0, 0x5547, 0x1f97, 0x2434, 0x6459, 0x9d99 } },
	{ 2, 2, { 0, 1 }, { 0x87e0, 0x965c, 0x1f97, 0x5547, 0xd117, 0x61e1, 0x694c } },
	{ 3,
	  3,
	  { 1, 0x1234, 0xffff },
	  { 0xcce4, 0x32db, 0xb4b7, 0x2198, 0xd3bf, 0xcc6c, 0xef53 } },
	{ 8000, 0, { 0 }, { 0xd756, 0xa379, 0x9b11, 0x0043, 0x4e18, 0xc297, 0x2e74 } },
	{ 32768, 0, { 0 }, { 0xaf54, 0x22ce, 0xcaa5, 0x301f, 0xfa05, 0x6f3b, 0xa426 } },
};

static void vectors_of_the_document(void **state)
{
	static const unsigned index[] = { 0, 1, 2, 3, 255, 256, 32767 };
	uint8_t *words = array(32768, 2), **src = array(32768, sizeof(*src)), got[7][2];
	struct fft16_parity parity[7];
	struct fft16 *f;

	assert_int_equal(fft16_new(&f, 32768, 32768), 0);
	for (size_t v = 0; v < ARRAY_LEN(vectors); v++) {
		struct fft16_block b = { vectors[v].k, 2, src };

		for (unsigned i = 0; i < b.k; i++) {
			unsigned w = i < vectors[v].n_first ? vectors[v].first[i] : i * 0x9e37;

			src[i] = words + 2 * i;
			src[i][0] = (uint8_t)w;
			src[i][1] = (uint8_t)(w >> 8);
		}
		for (unsigned p = 0; p < 7; p++)
			parity[p] = (struct fft16_parity){ index[p], got[p] };
		assert_int_equal(fft16_encode(f, &b, parity, 7), 0);
		for (unsigned p = 0; p < 7; p++)
			assert_int_equal(word(got[p], 0), vectors[v].parity[p]);
	}
	fft16_free(f);
	free(words);
	free(src);
}

static void bytes_of_the_document(void **state)
{
	uint8_t a[] = { 0x01, 0x00, 0x34, 0x12 }, b[] = { 0xff, 0xff, 0x00, 0x80 }, got[4];
	uint8_t *src[2] = { a, b };
	struct fft16_parity parity = { 0, got };
	struct fft16 *f;

	assert_int_equal(fft16_new(&f, 2, 1), 0);
	assert_int_equal(fft16_encode(f, &(struct fft16_block){ 2, 4, src }, &parity, 1), 0);
	assert_memory_equal(got, ((uint8_t[]){ 0x71, 0x7c, 0x71, 0x54 }), 4);
	fft16_free(f);
}

/* Parity symbols alone, by twos, with others before and after, from an object for more and for
 * a longer block: always the same. */
static void parity_depends_on_nothing_else(void **state)
{
	struct rng rng = rng_init(4);
	struct code c = { .k = 90, .n = 200, .len = 70 };
	struct fft16_block b;
	uint8_t *src[1000] = { NULL }, got[3][70];
	struct fft16 *f;

	code_init(&c, fft16_kernels()[0], &rng);
	memcpy(src, c.src, c.k * sizeof(*src));
	assert_int_equal(fft16_new(&f, 1000, 32768), 0);
	for (unsigned r = 0; r < 300; r++) {
		unsigned n = 1 + r % 3, p = (unsigned)rng_below(&rng, c.n - n + 1);
		struct fft16_parity some[3];

		b = (struct fft16_block){ c.k + (unsigned)rng_below(&rng, 911), c.len, src };
		for (unsigned i = 0; i < n; i++)
			some[i] = (struct fft16_parity){ p + i, got[i] };
		if (n == 3)
			some[2].index += (unsigned)rng_below(&rng, 32768 - p - 2);
		assert_int_equal(fft16_encode(f, &b, some, n), 0);
		for (unsigned i = 0; i < n && some[i].index < c.n; i++)
			assert_memory_equal(got[i], c.parity[some[i].index].data, c.len);
	}
	fft16_free(f);
	code_fini(&c);
}

static void parts_add_up(void **state)
{
	struct rng rng = rng_init(5);
	struct code c = { .k = 300, .n = 20, .len = 94 };
	uint8_t *part[300], got[20][94] = { { 0 } };
	struct fft16_parity all[20];
	struct fft16_block b = { 300, 94, part };

	code_init(&c, fft16_kernels()[0], &rng);
	for (unsigned p = 0; p < c.n; p++)
		all[p] = (struct fft16_parity){ p, got[p] };
	for (unsigned from = 0, to; from < c.k; from = to) {
		to = MIN(c.k, from + 1 + (unsigned)rng_below(&rng, 100));
		for (unsigned i = 0; i < c.k; i++)
			part[i] = i >= from && i < to ? c.src[i] : NULL;
		assert_int_equal(fft16_add(c.f, &b, all, c.n), 0);
	}
	for (unsigned p = 0; p < c.n; p++)
		assert_memory_equal(got[p], c.parity[p].data, c.len);
	code_fini(&c);
}

/* Parts by their own numbers; then what is at hand is added to the parity before it is solved.
 */
static void parts_may_be_given_alone(void **state)
{
	static const unsigned sizes[] = { 1, 64, 100, 128, 300 };
	struct rng rng = rng_init(6);

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct code c = { .k = 300, .n = 20, .len = 94 };
		uint8_t *part[300] = { NULL };
		struct fft16_block b = { .len = 94 };

		code_init(&c, fft16_kernels()[0], &rng);
		for (unsigned i = 0; i < c.n; i++)
			c.lost[i] = (uint16_t)(i * 15 + rng_below(&rng, 15));
		for (unsigned i = 0; i < c.k; i++)
			part[i] = c.src[i];
		for (unsigned i = 0; i < c.n; i++)
			part[c.lost[i]] = NULL;
		for (b.first = 0; b.first < c.k; b.first += sizes[s]) {
			b.k = MIN(sizes[s], c.k - b.first);
			b.src = part + b.first;
			assert_int_equal(fft16_add(c.f, &b, c.parity, c.n), 0);
		}
		memset(part, 0, sizeof(part));
		for (unsigned i = 0; i < c.n; i++)
			part[c.lost[i]] = c.got[c.lost[i]];
		b = (struct fft16_block){ 300, 94, part };
		assert_int_equal(fft16_decode(c.f, &b, c.lost, c.parity, c.n), 0);
		for (unsigned i = 0; i < c.n; i++)
			assert_memory_equal(c.got[c.lost[i]], c.src[c.lost[i]], c.len);
		code_fini(&c);
	}
}

/* What a session uses, and the corners of what there may be: few and many losses, parity at
 * hand from everywhere. */
static const struct {
	unsigned k, n, lost, span;
	size_t len;
} large[] = {
	{ 8000, 900, 80, 80, 1400 },     { 8000, 900, 800, 900, 64 },
	{ 8192, 8193, 3, 8193, 2 },      { 8193, 2000, 1500, 2000, 10 },
	{ 5000, 32768, 40, 32768, 2 },   { 32768, 40, 40, 40, 66 },
	{ 32768, 700, 300, 700, 130 },   { 32768, 32768, 32768, 32768, 2 },
	{ 32767, 32768, 1000, 9000, 2 }, { 2, 32768, 2, 32768, 6 },
};

static void large_blocks_are_recovered(void **state)
{
	struct rng rng = rng_init(6);
	uint8_t want[1400];

	for (size_t i = 0; i < ARRAY_LEN(large); i++) {
		struct code c = { .k = large[i].k, .n = large[i].n, .len = large[i].len };
		unsigned p = c.n - 1;

		code_init(&c, fft16_kernels()[0], &rng);
		reference(c.k, c.src, MIN(c.len, 4), p, want);
		assert_memory_equal(c.parity[p].data, want, MIN(c.len, 4));
		lose_at_random(&c, &rng, large[i].lost, large[i].span);
		code_fini(&c);
	}
}

/* The i-th lost symbol comes to where the i-th parity symbol from the end was. */
static void the_lost_may_take_the_place_of_parity(void **state)
{
	struct rng rng = rng_init(7);

	for (size_t i = 0; i < ARRAY_LEN(large); i++) {
		struct code c = { .k = large[i].k, .n = large[i].n, .len = large[i].len };
		unsigned n = MIN(large[i].lost, 300);
		uint8_t **src = array(c.k, sizeof(*src));
		struct fft16_block b = block(&c, src);

		code_init(&c, fft16_kernels()[0], &rng);
		for (unsigned j = 0; j < c.k; j++)
			src[j] = c.src[j];
		for (unsigned j = 0; j < n; j++) {
			c.lost[j] = (uint16_t)(j * (c.k / n));
			src[c.lost[j]] = c.parity[n - 1 - j].data;
		}
		assert_int_equal(fft16_decode(c.f, &b, c.lost, c.parity, n), 0);
		for (unsigned j = 0; j < n; j++)
			assert_memory_equal(src[c.lost[j]], c.src[c.lost[j]], c.len);
		free(src);
		code_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_is_that_of_the_document),
		cmocka_unit_test(refuses),
		cmocka_unit_test(parity_is_that_of_the_definition),
		cmocka_unit_test(vectors_of_the_document),
		cmocka_unit_test(bytes_of_the_document),
		cmocka_unit_test(parity_depends_on_nothing_else),
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(parts_may_be_given_alone),
		cmocka_unit_test(any_k_symbols_suffice),
		cmocka_unit_test(random_losses_are_recovered),
		cmocka_unit_test(large_blocks_are_recovered),
		cmocka_unit_test(the_lost_may_take_the_place_of_parity),
	};

	find_basis();
	return cmocka_run_group_tests_name("fft16", tests, NULL, NULL);
}
