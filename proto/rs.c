/* rs.c - systematic Reed-Solomon over GF(2^8): the coefficients; ISA-L multiplies. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/erasure_code.h>

#include "proto/wire.h"

/*
 * Every symbol is a value of one polynomial of degree < B: position i < B (source, or virtual
 * zero from k on) at x_i, parity p at x_{B+p}. Any B known values give every other one by
 * Lagrange's formula,
 *
 *	f(y) = sum over known z of f(z) * w(y) / (w(z) * (y + z)),
 *
 * where w(v) is the product of v + z over all known z but v itself. So decoding is encoding
 *from other points, with no system of equations to solve: the missing symbols are a matrix of e
 *rows times the k symbols at hand. That is as much work for the kernel as syndromes and an e x
 *e multiplication, in one pass. Virtual zeros count in w and contribute nothing to the sum.
 *
 * Products of points are sums of logarithms. With log 0 := 0 the factor v + v drops out of w by
 * itself, and w for a set of known points is that of the source points, divided by the factors
 * of the missing and multiplied by those of the parity symbols that stand in for them.
 */

#define ORDER       255u  /* of the multiplicative group: exponents count modulo this */
#define TABLE_BYTES 32u   /* of one coefficient in ISA-L's tables */
#define STRIPE      2048u /* columns worked on at a time: k of them stay in the L2 cache */

/* The kernel's tables for parity first .. first+n-1 of a block of k. */
struct plan {
	unsigned k, first, n; /* n 0: of no use */
	uint8_t *tables;
};

struct rs {
	unsigned max_block, n_parity;
	uint8_t log[256], exp[3 * ORDER];
	uint8_t point[RS8_MAX];
	uint8_t weight[RS8_MAX]; /* log w of each position when all source symbols are known */

	struct plan plan[2]; /* the blocks of an object have at most two lengths */
	unsigned last_plan;

	/* Work memory of one call. */
	uint8_t known[RS8_MAX];   /* position of the symbol in each of the k slots */
	uint8_t missing[RS8_MAX]; /* slots that hold parity */
	unsigned n_missing;
	uint8_t known_weight[RS8_MAX];
	uint8_t *in[RS8_MAX], *out[RS8_MAX];
	uint8_t *matrix; /* rows x k coefficients */
	uint8_t *stripe; /* the parity symbols of a decode, STRIPE bytes of each */
	uint8_t memory[];
};

static void init_field(struct rs *rs)
{
	uint8_t x = 1;

	for (unsigned i = 0; i < ORDER; i++) {
		rs->exp[i] = rs->exp[i + ORDER] = rs->exp[i + 2 * ORDER] = x;
		rs->log[x] = (uint8_t)i;
		x = gf_mul(x, 2);
	}
}

static void init_points(struct rs *rs)
{
	for (unsigned j = 1; j < RS8_MAX; j++)
		rs->point[j] = rs->exp[j - 1];
	for (unsigned j = 0; j < rs->max_block + rs->n_parity; j++) {
		unsigned sum = 0;

		for (unsigned t = 0; t < rs->max_block; t++)
			sum += rs->log[rs->point[j] ^ rs->point[t]];
		rs->weight[j] = (uint8_t)(sum % ORDER);
	}
}

int rs_new(struct rs **ret, unsigned max_block, unsigned n_parity)
{
	size_t cells, stripes;
	struct rs *rs;

	if (max_block < 1 || max_block > RS8_MAX || n_parity > RS8_MAX - max_block)
		return -EINVAL;
	cells = (size_t)max_block * n_parity;
	stripes = MIN(max_block, n_parity);
	rs = calloc(1, sizeof(*rs) + (2 * TABLE_BYTES + 1) * cells + STRIPE * stripes);
	if (!rs)
		return -ENOMEM;
	rs->max_block = max_block;
	rs->n_parity = n_parity;
	rs->plan[0].tables = rs->memory;
	rs->plan[1].tables = rs->plan[0].tables + TABLE_BYTES * cells;
	rs->stripe = rs->plan[1].tables + TABLE_BYTES * cells;
	rs->matrix = rs->stripe + STRIPE * stripes;
	init_field(rs);
	init_points(rs);
	*ret = rs;
	return 0;
}

void rs_free(struct rs *rs)
{
	free(rs);
}

/* log w(position) for the points that are known now. */
static uint8_t weight(const struct rs *rs, unsigned position)
{
	unsigned v = rs->point[position], sum = rs->weight[position];

	for (unsigned m = 0; m < rs->n_missing; m++) {
		unsigned slot = rs->missing[m];

		sum += rs->log[v ^ rs->point[rs->known[slot]]];
		sum += ORDER - rs->log[v ^ rs->point[slot]];
	}
	return (uint8_t)(sum % ORDER);
}

/* The k coefficients of the symbol at `position`. */
static void interpolate(const struct rs *rs, unsigned k, unsigned position, uint8_t *row)
{
	unsigned y = rs->point[position], w = weight(rs, position);

	for (unsigned i = 0; i < k; i++) {
		unsigned z = rs->point[rs->known[i]];

		row[i] = rs->exp[w + (ORDER - rs->known_weight[i]) + (ORDER - rs->log[y ^ z])];
	}
}

static void weigh_known(struct rs *rs, unsigned k)
{
	for (unsigned i = 0; i < k; i++)
		rs->known_weight[i] = weight(rs, rs->known[i]);
}

static const struct plan *encode_plan(struct rs *rs, unsigned k, unsigned first, unsigned n)
{
	struct plan *p;

	for (unsigned i = 0; i < ARRAY_LEN(rs->plan); i++) {
		p = &rs->plan[i];
		if (p->k == k && p->first == first && p->n == n) {
			rs->last_plan = i;
			return p;
		}
	}
	rs->last_plan = !rs->last_plan;
	p = &rs->plan[rs->last_plan];
	rs->n_missing = 0;
	for (unsigned i = 0; i < k; i++)
		rs->known[i] = (uint8_t)i;
	weigh_known(rs, k);
	for (unsigned r = 0; r < n; r++)
		interpolate(rs, k, rs->max_block + first + r, rs->matrix + r * k);
	ec_init_tables((int)k, (int)n, rs->matrix, p->tables);
	p->k = k;
	p->first = first;
	p->n = n;
	return p;
}

int rs_encode(struct rs *rs, unsigned k, const uint8_t *src, size_t len, unsigned first,
	      unsigned n, uint8_t *parity)
{
	const struct plan *p;

	if (k < 1 || k > rs->max_block || n > rs->n_parity || first > rs->n_parity - n)
		return -EINVAL;
	if (n == 0)
		return 0;
	p = encode_plan(rs, k, first, n);
	for (size_t at = 0; at < len; at += STRIPE) {
		for (unsigned i = 0; i < k; i++)
			rs->in[i] = (uint8_t *)src + i * len + at; /* only read */
		for (unsigned r = 0; r < n; r++)
			rs->out[r] = parity + r * len + at;
		ec_encode_data((int)MIN(STRIPE, len - at), (int)k, (int)n, p->tables, rs->in,
			       rs->out);
	}
	return 0;
}

/* Fills known and missing. Every esi is a peer's word until it passed here. */
static int survey(struct rs *rs, unsigned k, const uint16_t *esi)
{
	bool seen[RS8_MAX] = { false };

	if (k < 1 || k > rs->max_block)
		return -EINVAL;
	rs->n_missing = 0;
	for (unsigned i = 0; i < k; i++) {
		unsigned p = (unsigned)esi[i] - k;

		rs->known[i] = (uint8_t)i;
		if (esi[i] == i)
			continue;
		if (esi[i] < k || p >= rs->n_parity || seen[p])
			return -EINVAL;
		seen[p] = true;
		rs->known[i] = (uint8_t)(rs->max_block + p);
		rs->missing[rs->n_missing++] = (uint8_t)i;
	}
	return 0;
}

/* One stripe in place: parity is moved out of the slots that the results go to. */
static void recover(struct rs *rs, unsigned k, uint8_t *sym, size_t len, size_t cols)
{
	for (unsigned i = 0; i < k; i++)
		rs->in[i] = sym + i * len;
	for (unsigned m = 0; m < rs->n_missing; m++) {
		unsigned slot = rs->missing[m];

		rs->out[m] = rs->in[slot];
		rs->in[slot] = rs->stripe + m * STRIPE;
		memcpy(rs->in[slot], rs->out[m], cols);
	}
	ec_encode_data((int)cols, (int)k, (int)rs->n_missing, rs->plan[0].tables, rs->in,
		       rs->out);
}

int rs_decode(struct rs *rs, unsigned k, uint8_t *sym, size_t len, uint16_t *esi)
{
	int err = survey(rs, k, esi);

	if (err < 0)
		return err;
	if (rs->n_missing == 0)
		return 0;
	weigh_known(rs, k);
	for (unsigned m = 0; m < rs->n_missing; m++)
		interpolate(rs, k, rs->missing[m], rs->matrix + m * k);
	rs->plan[0].n = 0;
	ec_init_tables((int)k, (int)rs->n_missing, rs->matrix, rs->plan[0].tables);
	for (size_t at = 0; at < len; at += STRIPE)
		recover(rs, k, sym + at, len, MIN(STRIPE, len - at));
	for (unsigned m = 0; m < rs->n_missing; m++)
		esi[rs->missing[m]] = rs->missing[m];
	return 0;
}
