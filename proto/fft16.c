/* fft16.c - systematic Reed-Solomon over GF(2^16) for large blocks, by additive FFT. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/fft16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fft16_field.h"
#include "proto/fft16_kernel.h"

/*
 * The code. Source symbol i belongs to the point w(i), parity p to w(32768 + p); below, points
 * go by these numbers, whose sums are XORs. One polynomial f of degree < 32768 has the source
 * symbols as its values at the points 0 .. 32767 (zeros from k on), and the parity symbols at
 * the others: W_15 is 1 there and its derivative is 1, so that Lagrange's formula loses all its
 * factors but
 *
 *	parity p = sum over i of source i / (p' + i), p' = 32768 + p,
 *
 * a Cauchy matrix: each square part of it is regular, hence any k symbols give the others.
 *
 * Fast sums. Cut the points into chunks of 2^t. For a source chunk A let g_A be the polynomial
 * of degree < 2^t through its values, W_A(y) = W_t(y) + W_t(A) the one with the roots A: by
 * Lagrange in A, where the derivative of W_A is 1,
 *
 *	sum over i in A of source i / (y + i) = g_A(y) / W_A(y),
 *
 * and in a parity chunk C the value W_A(y) is one number, C >> t ^ A >> t. So the parity
 * symbols of C are the values of one polynomial of degree < 2^t, the sum over A of g_A times a
 * constant. In the basis of Lin, Chung and Han ("Novel polynomial basis and its application to
 * Reed-Solomon erasure codes", 2014) both g_A from values and values from the sum take t / 2
 * multiplications a symbol: inverse() and forward(). That is t / 2 + 1 multiplications for each
 * source symbol, and depends on the parity wanted but not on the size of the code.
 *
 * Decoding. Leave the lost x out of the sums: what a parity symbol y then lacks is its syndrome
 * s_y = sum over lost x of x's symbol / (y + x). As many y as x are a Cauchy system, whose
 * inverse is known:
 *
 *	x's symbol = B(x) / A'(x) * sum over y of (A(y) / B'(y) * s_y) / (x + y)
 *
 * (fft16_field.h), fast sums once more, from the parity chunks to those source chunks that lack
 * something, and on the way to the lost points only.
 */

#define HALVES     512u /* tables: of the numbers 0 .. 255 and 0, 256, 512, .. */
#define CACHE_LINE 64u
#define AHEAD      8u           /* symbols */
#define BUFFER_MIN (256u << 10) /* stays in the L2 cache */

struct fft16 {
	const struct fft16_kernel *kernel;
	unsigned max_k, max_parity;
	struct fft16_field field;
	size_t buffer_len;

	/* In one piece of memory behind this struct. */
	uint8_t *tables;
	uint8_t *buffer;    /* slots of 2^t rows */
	const uint8_t **in; /* of max_k: the source symbols at hand, or NULL */
	uint16_t *known;    /* of max_parity: points of parity symbols */
	uint16_t *lost_log, *known_log;
};

/* What one call does, in one stripe after the other. */
struct pass {
	struct fft16 *f;
	const struct fft16_block *b;
	const struct fft16_parity *parity;
	const uint16_t *lost; /* of n, when decoding */
	unsigned n;
	bool add; /* to what the parity symbols hold */

	unsigned t;       /* log2 of the points in a chunk */
	unsigned n_chunk; /* parity chunks in use */

	size_t at, len; /* columns of the stripe */
	size_t row_len;
	uint8_t *target; /* of a syndrome: slot */
	unsigned scale;  /* of a recovered symbol: logarithm */
};

/* Points in ascending order. */
struct points {
	const uint16_t *at;
	unsigned n;
};

typedef void emit_fn(const struct pass *p, uint8_t *row, const uint16_t *point);

static unsigned log2_up(unsigned n)
{
	unsigned t = 0;

	while (1u << t < n)
		t++;
	return t;
}

static struct fft16_factor factor(const struct fft16 *f, unsigned number)
{
	size_t len = f->kernel->table_len;

	return (struct fft16_factor){ f->tables + (number & 255) * len,
				      f->tables + (256 + (number >> 8)) * len };
}

static struct fft16_factor power(const struct fft16 *f, unsigned log)
{
	return factor(f, f->field.exp[log % FFT16_ORDER]);
}

/* log of 1 / (y + x) for points of a parity and a source chunk, or what stands for it there */
static unsigned quotient_log(const struct pass *p, unsigned chunk, unsigned other)
{
	return FFT16_ORDER - p->f->field.log[(chunk ^ other) >> p->t];
}

static size_t slot_len(const struct pass *p)
{
	return p->row_len << p->t;
}

static uint8_t *slot(const struct pass *p, unsigned i)
{
	return p->f->buffer + i * slot_len(p);
}

/* Those of `from` that lie below `end`; `from` is left with the others. */
static struct points split(struct points *from, unsigned end)
{
	struct points below = { from->at, 0 };

	while (below.n < from->n && from->at[below.n] < end)
		below.n++;
	from->at += below.n;
	from->n -= below.n;
	return below;
}

/* One past the last source symbol at hand. */
static unsigned end_of(const struct fft16_block *b)
{
	return b->first + b->k;
}

/* Rows that are narrower than their symbols lie far apart: the processor does not foresee that.
 */
static void prefetch(const struct pass *p, unsigned i)
{
	if (p->len == p->b->len || i >= end_of(p->b) || !p->f->in[i])
		return;
	for (size_t at = 0; at < p->len; at += CACHE_LINE)
		__builtin_prefetch(p->f->in[i] + p->at + at);
}

/*
 * From the values of a polynomial at the points `point` .. + 2^t - 1 to its coefficients, in
 * place. The first n values, n > 0, are source symbols, loaded on the way; the others are zero.
 */
static void load_inverse(const struct pass *p, uint8_t *row, unsigned t, unsigned point,
			 unsigned n)
{
	const struct fft16_kernel *k = p->f->kernel;
	unsigned half = t ? 1u << (t - 1) : 0;
	size_t half_len = half * p->row_len;
	struct fft16_factor c = factor(p->f, t ? point >> (t - 1) : 0);

	if (t == 0 && p->f->in[point]) {
		prefetch(p, point + AHEAD);
		k->load(row, p->f->in[point] + p->at, p->len);
	} else if (t == 0) {
		memset(row, 0, p->row_len);
	} else if (n <= half) {
		load_inverse(p, row, t - 1, point, n);
		memcpy(row + half_len, row, half_len);
		k->mul_add(row, row + half_len, c, half_len);
	} else {
		load_inverse(p, row, t - 1, point, half);
		load_inverse(p, row + half_len, t - 1, point + half, n - half);
		k->inverse(row, row + half_len, c, half_len);
	}
}

/* The same without loading. */
static void inverse(const struct pass *p, uint8_t *row, unsigned t, unsigned point)
{
	unsigned half = t ? 1u << (t - 1) : 0;
	size_t half_len = half * p->row_len;

	if (t == 0)
		return;
	inverse(p, row, t - 1, point);
	inverse(p, row + half_len, t - 1, point + half);
	p->f->kernel->inverse(row, row + half_len, factor(p->f, point >> (t - 1)), half_len);
}

/*
 * From coefficients to the values at those of the points `point` .. + 2^t - 1 that are wanted;
 * each is given away as soon as it is there. Of two halves that are not both wanted one is
 * computed, in the place of the first.
 */
static void forward(const struct pass *p, uint8_t *row, unsigned t, unsigned point,
		    struct points wanted, emit_fn *emit)
{
	const struct fft16_kernel *k = p->f->kernel;
	unsigned half, c;
	struct points first;
	size_t half_len;

	if (t == 0) {
		emit(p, row, wanted.at);
		return;
	}
	half = 1u << (t - 1);
	half_len = half * p->row_len;
	c = point >> (t - 1);
	first = split(&wanted, point + half);
	if (first.n && wanted.n)
		k->forward(row, row + half_len, factor(p->f, c), half_len);
	else
		k->mul_add(row, row + half_len, factor(p->f, first.n ? c : c ^ 1), half_len);
	if (first.n)
		forward(p, row, t - 1, point, first, emit);
	if (wanted.n)
		forward(p, first.n ? row + half_len : row, t - 1, point + half, wanted, emit);
}

static void emit_parity(const struct pass *p, uint8_t *row, const uint16_t *point)
{
	uint8_t *sym = p->parity[point - p->f->known].data + p->at;

	if (p->add)
		p->f->kernel->store_add(sym, row, p->len);
	else
		p->f->kernel->store(sym, row, p->len);
}

static void emit_syndrome(const struct pass *p, uint8_t *row, const uint16_t *point)
{
	const struct fft16_kernel *k = p->f->kernel;
	size_t i = (size_t)(point - p->f->known);
	uint8_t *target = p->target + (*point & ((1u << p->t) - 1)) * p->row_len;

	k->load(target, p->parity[i].data + p->at, p->len);
	k->add(target, row, p->row_len);
	k->mul(target, power(p->f, p->f->known_log[i]), p->row_len);
}

static void emit_source(const struct pass *p, uint8_t *row, const uint16_t *point)
{
	const struct fft16_kernel *k = p->f->kernel;

	k->mul(row, power(p->f, p->scale + p->f->lost_log[point - p->lost]), p->row_len);
	k->store(p->b->src[*point - p->b->first] + p->at, row, p->len);
}

static bool chunk_is_zero(const struct pass *p, unsigned point, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p->f->in[point + i])
			return false;
	return true;
}

/* The first point of the chunk that a point lies in. */
static unsigned chunk_of(const struct pass *p, unsigned point)
{
	return point >> p->t << p->t;
}

/* From the source symbols to the polynomials of the parity chunks, in slot 1 and so on. */
static void collect(const struct pass *p)
{
	unsigned size = 1u << p->t, end = end_of(p->b);

	memset(slot(p, 1), 0, p->n_chunk * slot_len(p));
	for (unsigned i = chunk_of(p, p->b->first); i < p->b->first; i++)
		p->f->in[i] = NULL;
	for (unsigned from = chunk_of(p, p->b->first); from < end; from += size) {
		unsigned n = MIN(size, end - from), c = 1;
		struct points rest = { p->f->known, p->n };

		if (chunk_is_zero(p, from, n))
			continue;
		load_inverse(p, slot(p, 0), p->t, from, n);
		for (; rest.n; c++) {
			unsigned to = chunk_of(p, rest.at[0]);

			split(&rest, to + size);
			p->f->kernel->mul_add(slot(p, c), slot(p, 0),
					      power(p->f, quotient_log(p, to, from)),
					      slot_len(p));
		}
	}
}

static void encode_stripe(struct pass *p)
{
	struct points rest = { p->f->known, p->n };

	collect(p);
	for (unsigned c = 1; rest.n; c++) {
		unsigned to = chunk_of(p, rest.at[0]);

		forward(p, slot(p, c), p->t, to, split(&rest, to + (1u << p->t)), emit_parity);
	}
}

/* From slot 1 and so on to the polynomials of the weighed syndromes, each one slot before. */
static void correct(struct pass *p)
{
	struct points rest = { p->f->known, p->n };

	for (unsigned c = 0; rest.n; c++) {
		unsigned to = chunk_of(p, rest.at[0]);

		p->target = slot(p, c);
		memset(p->target, 0, slot_len(p));
		forward(p, slot(p, c + 1), p->t, to, split(&rest, to + (1u << p->t)),
			emit_syndrome);
		inverse(p, p->target, p->t, to);
	}
}

/* One polynomial for the source chunk, in the last slot; what it is to be scaled by as well. */
static uint8_t *gather(struct pass *p, unsigned from)
{
	struct points rest = { p->f->known, p->n };
	uint8_t *work = slot(p, p->n_chunk);

	p->scale = 0;
	if (p->n_chunk == 1) {
		memcpy(work, slot(p, 0), slot_len(p));
		p->scale = quotient_log(p, chunk_of(p, rest.at[0]), from);
		return work;
	}
	memset(work, 0, slot_len(p));
	for (unsigned c = 0; rest.n; c++) {
		unsigned to = chunk_of(p, rest.at[0]);

		split(&rest, to + (1u << p->t));
		p->f->kernel->mul_add(work, slot(p, c), power(p->f, quotient_log(p, to, from)),
				      slot_len(p));
	}
	return work;
}

/* All parity is read before the first symbol is written, so both may be in the same memory. */
static void decode_stripe(struct pass *p)
{
	struct points rest = { p->lost, p->n };

	collect(p);
	correct(p);
	while (rest.n) {
		unsigned from = chunk_of(p, rest.at[0]);

		forward(p, gather(p, from), p->t, from, split(&rest, from + (1u << p->t)),
			emit_source);
	}
}

static unsigned n_chunks(const struct pass *p, unsigned t)
{
	struct points rest = { p->f->known, p->n };
	unsigned n = 0;

	for (; rest.n; n++)
		split(&rest, ((rest.at[0] >> t) + 1) << t);
	return n;
}

/* About how many rows are multiplied in forward() on the way to n of `chunks` << t points. */
static uint64_t forward_cost(unsigned chunks, unsigned t, unsigned n)
{
	uint64_t cost = 0;

	for (unsigned s = 1; s <= t; s++)
		cost += (uint64_t)MIN(chunks << (t - s), n) << (s - 1);
	return cost;
}

static uint64_t cost(const struct pass *p, unsigned t, unsigned n_chunk)
{
	unsigned sources = ((end_of(p->b) - 1) >> t) - (p->b->first >> t) + 1;
	uint64_t side = (uint64_t)sources << t, sums = side * n_chunk;
	uint64_t sum = side * t / 2 + sums + forward_cost(n_chunk, t, p->n);

	if (p->lost) {
		sum += ((uint64_t)n_chunk << t) * t / 2 + forward_cost(sources, t, p->n);
		sum += n_chunk == 1 ? side / 4 : sums;
	}
	return sum;
}

/* The cheapest chunk size of which a stripe fits into the buffer. */
static void choose_chunks(struct pass *p)
{
	unsigned most = log2_up(p->f->max_parity);
	uint64_t best = UINT64_MAX;

	for (unsigned t = 0; t <= most; t++) {
		unsigned n = n_chunks(p, t);
		uint64_t sum = cost(p, t, n);

		if (sum >= best || ((size_t)(n + 1) * FFT16_CELL << t) > p->f->buffer_len)
			continue;
		best = sum;
		p->t = t;
		p->n_chunk = n;
	}
}

static size_t cells(size_t len)
{
	return (len + FFT16_CELL - 1) / FFT16_CELL;
}

static void run(struct pass *p, void (*stripe)(struct pass *))
{
	size_t width, n;

	choose_chunks(p);
	width = p->f->buffer_len / ((size_t)(p->n_chunk + 1) * FFT16_CELL << p->t);
	n = (cells(p->b->len) + width - 1) / width;
	for (size_t i = 0; i < n; i++) {
		size_t from = cells(p->b->len) * i / n, to = cells(p->b->len) * (i + 1) / n;

		p->row_len = (to - from) * FFT16_CELL;
		p->at = from * FFT16_CELL;
		p->len = MIN(p->row_len, p->b->len - p->at);
		stripe(p);
	}
}

static int check(const struct fft16 *f, const struct pass *p)
{
	if (p->b->k < 1 || p->b->k > f->max_k || p->b->first > f->max_k - p->b->k ||
	    p->b->len % 2)
		return -EINVAL;
	for (unsigned i = 0; i < p->n; i++) {
		if (p->parity[i].index >= f->max_parity)
			return -EINVAL;
		if (i > 0 && p->parity[i].index <= p->parity[i - 1].index)
			return -EINVAL;
		if (p->lost && (p->lost[i] < p->b->first || p->lost[i] >= end_of(p->b)))
			return -EINVAL;
		if (p->lost && i > 0 && p->lost[i] <= p->lost[i - 1])
			return -EINVAL;
	}
	return 0;
}

static int start(struct pass *p)
{
	struct fft16 *f = p->f;
	int err = check(f, p);

	if (err < 0)
		return err;
	for (unsigned i = 0; i < p->b->k; i++)
		f->in[p->b->first + i] = p->b->src[i];
	for (unsigned i = 0; i < p->n; i++)
		f->known[i] = (uint16_t)(FFT16_PARITY + p->parity[i].index);
	return 0;
}

static int encode(struct pass p)
{
	int err = start(&p);

	if (err == 0 && p.n > 0)
		run(&p, encode_stripe);
	return err;
}

int fft16_encode(struct fft16 *f, const struct fft16_block *b,
		 const struct fft16_parity *parity, unsigned n)
{
	return encode((struct pass){ .f = f, .b = b, .parity = parity, .n = n });
}

int fft16_add(struct fft16 *f, const struct fft16_block *b, const struct fft16_parity *parity,
	      unsigned n)
{
	return encode((struct pass){ .f = f, .b = b, .parity = parity, .n = n, .add = true });
}

int fft16_decode(struct fft16 *f, const struct fft16_block *b, const uint16_t *lost,
		 const struct fft16_parity *parity, unsigned n)
{
	struct pass p = { .f = f, .b = b, .parity = parity, .lost = lost, .n = n };
	int err = start(&p);

	if (err < 0 || n == 0)
		return err;
	for (unsigned i = 0; i < n; i++)
		f->in[lost[i]] = NULL;
	fft16_weigh(&f->field, &(struct fft16_erasures){ .lost = lost,
							 .known = f->known,
							 .n = n,
							 .lost_log = f->lost_log,
							 .known_log = f->known_log });
	run(&p, decode_stripe);
	return 0;
}

static void init_tables(struct fft16 *f)
{
	for (unsigned i = 0; i < HALVES; i++) {
		uint16_t product[16] = { fft16_word(i < 256 ? i : (i - 256) << 8) };

		for (unsigned b = 1; b < 16; b++)
			product[b] = fft16_times_x(product[b - 1]);
		f->kernel->prepare(f->tables + i * f->kernel->table_len, product);
	}
}

/* What comes first wants the most alignment. */
int fft16_new_with(struct fft16 **ret, unsigned max_k, unsigned max_parity,
		   const struct fft16_kernel *kernel)
{
	size_t tables = HALVES * kernel->table_len, buffer, words;
	unsigned span, most;
	struct fft16 *f;
	uint8_t *memory;

	if (max_k < 1 || max_k > FFT16_MAX || max_parity < 1 || max_parity > FFT16_MAX)
		return -EINVAL;
	most = MIN(max_k, max_parity);
	span = log2_up(MAX(max_k, max_parity));
	buffer = MAX(BUFFER_MIN, (size_t)2 * FFT16_CELL << log2_up(max_parity));
	words = fft16_field_words(span) + max_parity + 2 * most;
	f = calloc(1, sizeof(*f) + FFT16_CELL + buffer + tables + max_k * sizeof(*f->in) +
			      words * sizeof(uint16_t));
	if (!f)
		return -ENOMEM;
	f->kernel = kernel;
	f->max_k = max_k;
	f->max_parity = max_parity;
	f->buffer_len = buffer;
	memory = (uint8_t *)(f + 1);
	f->buffer = memory + (FFT16_CELL - (uintptr_t)memory % FFT16_CELL);
	f->tables = f->buffer + buffer;
	f->in = (const uint8_t **)(f->tables + tables);
	f->known = (uint16_t *)(f->in + max_k);
	f->lost_log = f->known + max_parity;
	f->known_log = f->lost_log + most;
	fft16_field_init(&f->field, span, f->known_log + most);
	init_tables(f);
	*ret = f;
	return 0;
}

int fft16_new(struct fft16 **ret, unsigned max_k, unsigned max_parity)
{
	return fft16_new_with(ret, max_k, max_parity, fft16_kernels()[0]);
}

void fft16_free(struct fft16 *f)
{
	free(f);
}
