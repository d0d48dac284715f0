/* fuzz_fft16.c - large blocks: all kernels make the same parity, and it recovers what is lost.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "proto/bytes.h"
#include "proto/fft16.h"
#include "proto/fft16_kernel.h"

#define MAX_K      400u
#define MAX_PARITY 200u
#define MAX_LEN    160u

struct input {
	unsigned k, n, spread, first;
	size_t len;
	struct rng rng;
};

struct symbols {
	uint8_t source[MAX_K][MAX_LEN + 1], parity[MAX_PARITY][MAX_LEN + 1];
	uint8_t *src[MAX_K];
	struct fft16_parity set[MAX_PARITY];
};

static struct symbols want, got;
static uint16_t lost[MAX_K];

/* k, n <= k, parity symbols at random distances below `spread` from `first` on. */
static bool input_init(struct input *in, const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);

	in->k = 1 + rd_u16(&r) % MAX_K;
	in->n = rd_u16(&r) % (MIN(in->k, MAX_PARITY) + 1);
	in->first = rd_u16(&r) % FFT16_MAX;
	in->spread = 1 + rd_u8(&r) % 64;
	in->len = 2 * (rd_u8(&r) % (MAX_LEN / 2 + 1));
	in->rng = rng_init(rd_u32(&r));
	return rd_done(&r) && in->first + in->n * in->spread <= FFT16_MAX;
}

static void fill(struct symbols *s, struct input *in)
{
	unsigned index = in->first, left = in->n;

	for (unsigned i = 0; i < in->k; i++) {
		s->src[i] = s->source[i] + rng_below(&in->rng, 2);
		for (size_t at = 0; at < in->len; at++)
			s->src[i][at] = (uint8_t)rng_u64(&in->rng);
		if (rng_below(&in->rng, in->k - i) < left)
			lost[in->n - left--] = (uint16_t)i;
	}
	for (unsigned p = 0; p < in->n; p++) {
		s->set[p] = (struct fft16_parity){ index, s->parity[p] + p % 2 };
		index += 1 + (unsigned)rng_below(&in->rng, in->spread);
	}
}

static struct fft16 *codec(const struct input *in, const struct fft16_kernel *kernel)
{
	struct fft16 *f;

	CHECK(fft16_new_with(&f, in->k, MIN(in->first + in->n * in->spread + 1, FFT16_MAX),
			     kernel) == 0);
	return f;
}

static void compare(const struct input *in)
{
	for (unsigned i = 0; i < in->k; i++)
		CHECK(memcmp(got.src[i], want.src[i], in->len) == 0);
	for (unsigned p = 0; p < in->n; p++)
		CHECK(memcmp(got.set[p].data, want.set[p].data, in->len) == 0);
}

static void check_kernel(const struct input *in, const struct fft16_kernel *kernel)
{
	struct fft16_block b = { in->k, in->len, got.src };
	struct fft16 *f = codec(in, kernel);

	got = want;
	for (unsigned i = 0; i < in->k; i++)
		got.src[i] = got.source[i] + (want.src[i] - want.source[i]);
	for (unsigned p = 0; p < in->n; p++) {
		got.set[p].data = got.parity[p] + p % 2;
		memset(got.parity[p], 0x5a, sizeof(got.parity[p]));
	}
	CHECK(fft16_encode(f, &b, got.set, in->n) == 0);
	compare(in);
	for (unsigned j = 0; j < in->n; j++)
		memset(got.src[lost[j]], 0x5a, in->len);
	CHECK(fft16_decode(f, &b, lost, got.set, in->n) == 0);
	compare(in);
	fft16_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fft16_block b = { 0, 0, want.src };
	struct input in;
	struct fft16 *f;

	if (!input_init(&in, data, size))
		return 0;
	fill(&want, &in);
	b.k = in.k;
	b.len = in.len;
	f = codec(&in, &fft16_plain);
	CHECK(fft16_encode(f, &b, want.set, in.n) == 0);
	fft16_free(f);
	for (const struct fft16_kernel *const *k = fft16_kernels(); *k; k++)
		check_kernel(&in, *k);
	return 0;
}
