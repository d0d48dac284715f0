/* rxlarge_work.c - what the unfinished large blocks of a receiver want written, read, decoded.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rxlarge.h"

#include <string.h>

/* struct work's slot: that of the arena, or one of these behind them. */
static uint32_t codec_slot(const struct rxlarges *s)
{
	return s->arena.n;
}

static uint32_t solved_slot(const struct rxlarges *s)
{
	return s->arena.n + 1;
}

/* --- runs of symbols of a piece --- */

/* The first symbol from `i` on that is in the piece, or is not; PIECE_SYMBOLS: none. */
static uint32_t next_held(const struct rxlarge_slot *p, uint32_t i, bool held)
{
	while (i < PIECE_SYMBOLS && (p->held[i / 64] >> (i % 64) & 1) != held)
		i++;
	return i;
}

static bool runs_left(const struct rxlarge_slot *p)
{
	return next_held(p, p->cursor, true) < PIECE_SYMBOLS;
}

/* Object bytes of n symbols from `first` on: the last one of the block may be short. */
static size_t run_len(const struct rxlarge *b, uint32_t first, uint32_t n)
{
	size_t len = (size_t)n * b->symbol_len;

	return first + n == b->k ? len - b->symbol_len + b->last_len : len;
}

/* A request for the next run of a piece. */
static struct rxlarge *run_work(struct rxlarges *s, enum work_op op, int32_t slot,
				struct work *ret)
{
	struct rxlarge_slot *p = &s->slots[slot];
	struct rxlarge *b = &s->b[p->block];
	uint32_t from = next_held(p, p->cursor, true), end = next_held(p, from, false);

	p->cursor = end;
	p->n_out++;
	b->n_out++;
	*ret = (struct work){
		.op = op,
		.slot = (uint32_t)slot,
		.offset = (uint64_t)(p->base + from) * b->symbol_len,
		.data = arena_at(&s->arena, slot) + (size_t)from * b->symbol_len,
		.len = run_len(b, p->base + from, end - from),
	};
	return b;
}

static struct rxlarge *store_work(struct rxlarges *s, struct work *ret)
{
	int32_t slot = s->due_first;
	struct rxlarge *b;

	if (slot < 0)
		return NULL;
	b = run_work(s, WORK_WRITE, slot, ret);
	if (!runs_left(&s->slots[slot]))
		s->due_first = s->slots[slot].next;
	return b;
}

/* --- decoding --- */

/* Where each parity symbol is, and memory for the lost symbols: the same, in another order. */
static void lay_out(struct rxlarges *s, const struct rxlarge *b)
{
	struct rxlarge_solver *v = &s->solver;
	uint32_t i = 0, missing = 0;

	for (int32_t slot = b->first; slot >= 0; slot = s->slots[slot].next) {
		uint32_t at = (uint32_t)slot * s->per_slot;

		for (uint32_t j = 0; j < s->slots[slot].n; j++) {
			missing = bitmap_next_clear(&b->have, missing);
			v->place[s->indices[at + j]] = i;
			v->lost[i++] = (uint16_t)missing;
			v->src[missing++] =
				arena_at(&s->arena, slot) + (size_t)j * b->symbol_len;
		}
	}
	v->n = i;
}

static void begin(struct rxlarges *s, struct rxlarge *b)
{
	struct rxlarge_solver *v = &s->solver;
	uint32_t n = 0;

	v->b = b;
	v->next = v->written = 0;
	v->codec_out = false;
	memset(v->src, 0, b->k * sizeof(*v->src));
	lay_out(s, b);
	for (uint32_t p = 0; (p = bitmap_next(&b->parity, p)) < b->n_parity; p++)
		v->symbols[n++] = (struct fft16_parity){ p, v->src[v->lost[v->place[p]]] };
	s->n_waiting--;
	b->state = RXLARGE_ADDING;
}

/* Blocks are decoded in their order, so that the object grows from its start. */
static void begin_next(struct rxlarges *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct rxlarge *b = rxlarges_at(s, i);

		if (b->state == RXLARGE_STORING && !b->n_closed && !b->dead) {
			begin(s, b);
			return;
		}
	}
}

/* Which source symbols are to be read, and where they go. False: no piece is left. */
static bool load(struct rxlarges *s, unsigned i)
{
	struct rxlarge_solver *v = &s->solver;
	struct rxlarge_load *l = &v->load[i];
	const struct rxlarge *b = v->b;
	struct rxlarge_slot *p = &s->slots[i];
	uint8_t *data = arena_at(&s->arena, (int32_t)i);
	uint32_t first = bitmap_next(&b->have, v->next);

	if (first == b->k) {
		v->next = b->k;
		return false;
	}
	*l = (struct rxlarge_load){ .used = true };
	*p = (struct rxlarge_slot){ .block = (uint16_t)(b - s->b), .next = -1 };
	p->base = first - first % s->per_piece;
	p->n = (uint16_t)MIN(s->per_piece, b->k - p->base);
	v->next = p->base + p->n;
	for (uint32_t j = 0; j < p->n; j++) {
		if (!bitmap_has(&b->have, p->base + j))
			continue;
		p->held[j / 64] |= (uint64_t)1 << (j % 64);
		l->src[j] = data + (size_t)j * b->symbol_len;
	}
	if (v->next == b->k) /* the codec wants the last one padded */
		memset(data + (size_t)(p->n - 1) * b->symbol_len + b->last_len, 0,
		       b->symbol_len - b->last_len);
	return true;
}

static struct rxlarge *codec_work(struct rxlarges *s, enum work_op op,
				  const struct fft16_block *block, struct work *ret)
{
	struct rxlarge_solver *v = &s->solver;

	v->codec_out = true;
	v->b->n_out++;
	*ret = (struct work){
		.op = op,
		.slot = codec_slot(s),
		.large = s->codec,
		.block = *block,
		.symbols = v->symbols,
		.n = v->n,
		.lost = v->lost,
	};
	return v->b;
}

static struct rxlarge *add_work(struct rxlarges *s, unsigned i, struct work *ret)
{
	struct rxlarge_load *l = &s->solver.load[i];
	const struct rxlarge_slot *p = &s->slots[i];
	struct fft16_block block = {
		.k = p->n,
		.len = s->solver.b->symbol_len,
		.src = l->src,
		.first = p->base,
	};

	l->adding = true;
	return codec_work(s, WORK_ADD, &block, ret);
}

static struct rxlarge *solve_work(struct rxlarges *s, struct work *ret)
{
	const struct rxlarge *b = s->solver.b;
	struct fft16_block block = { .k = b->k, .len = b->symbol_len, .src = s->solver.src };

	return codec_work(s, WORK_SOLVE, &block, ret);
}

/* Reads go ahead of the codec. */
static struct rxlarge *adding_work(struct rxlarges *s, struct work *ret)
{
	struct rxlarge_solver *v = &s->solver;
	bool any = false;

	for (unsigned i = 0; i < RXLARGE_LOADS; i++) {
		struct rxlarge_load *l = &v->load[i];

		if (!l->used && !load(s, i))
			continue;
		any = true;
		if (runs_left(&s->slots[i]))
			return run_work(s, WORK_READ, (int32_t)i, ret);
		if (!s->slots[i].n_out && !l->adding && !v->codec_out)
			return add_work(s, i, ret);
	}
	if (any)
		return NULL;
	v->b->state = RXLARGE_SOLVING;
	return solve_work(s, ret);
}

/* Lost symbols that are adjacent, and lie so in memory, are written at once. */
static struct rxlarge *writing_work(struct rxlarges *s, struct work *ret)
{
	struct rxlarge_solver *v = &s->solver;
	struct rxlarge *b = v->b;
	const uint16_t *lost = v->lost + v->written;
	uint32_t left = v->n - v->written, n = 1;

	if (!left)
		return NULL;
	while (n < left && lost[n] == lost[0] + n &&
	       v->src[lost[n]] == v->src[lost[0]] + (size_t)n * b->symbol_len)
		n++;
	v->written += n;
	b->n_out++;
	*ret = (struct work){
		.op = WORK_WRITE,
		.slot = solved_slot(s),
		.offset = (uint64_t)lost[0] * b->symbol_len,
		.data = v->src[lost[0]],
		.len = run_len(b, lost[0], n),
	};
	return b;
}

static struct rxlarge *solver_work(struct rxlarges *s, struct work *ret)
{
	struct rxlarge_solver *v = &s->solver;

	if (!v->b && s->n_waiting)
		begin_next(s);
	if (!v->b || v->b->dead)
		return NULL;
	switch (v->b->state) {
	case RXLARGE_ADDING:
		return adding_work(s, ret);
	case RXLARGE_WRITING:
		return writing_work(s, ret);
	case RXLARGE_GATHERING:
	case RXLARGE_STORING:
	case RXLARGE_SOLVING: /* the codec has it */
	case RXLARGE_DONE:
		break;
	}
	return NULL;
}

bool rxlarges_busy(const struct rxlarges *s)
{
	return s->n && (s->due_first >= 0 || s->n_waiting || s->solver.b);
}

struct rxlarge *rxlarges_work(struct rxlarges *s, struct work *ret)
{
	struct rxlarge *b;

	if (!rxlarges_busy(s))
		return NULL;
	b = store_work(s, ret);
	return b ? b : solver_work(s, ret);
}

/* --- requests that returned --- */

static void on_stored(struct rxlarges *s, int32_t slot, struct rxlarge *b)
{
	arena_give(&s->arena, slot);
	b->n_closed--;
	if (b->dead || b->state != RXLARGE_STORING || b->n_closed)
		return;
	if (b->have.count == b->k)
		b->state = RXLARGE_DONE;
	else
		s->n_waiting++;
}

static void on_codec(struct rxlarges *s)
{
	struct rxlarge_solver *v = &s->solver;

	v->codec_out = false;
	if (v->b->state == RXLARGE_SOLVING)
		v->b->state = RXLARGE_WRITING;
	for (unsigned i = 0; i < RXLARGE_LOADS; i++)
		if (v->load[i].adding)
			v->load[i] = (struct rxlarge_load){ .used = false };
}

struct rxlarge *rxlarges_work_done(struct rxlarges *s, const struct work *w)
{
	struct rxlarge_slot *p = w->slot < s->arena.n ? &s->slots[w->slot] : NULL;
	struct rxlarge *b = p ? &s->b[p->block] : s->solver.b;

	b->n_out--;
	if (p) {
		p->n_out--;
		if (w->op == WORK_WRITE && !p->n_out && !runs_left(p))
			on_stored(s, (int32_t)w->slot, b);
	} else if (w->slot == codec_slot(s)) {
		on_codec(s);
	} else if (!b->n_out && s->solver.written == s->solver.n) {
		b->state = RXLARGE_DONE;
	}
	return b;
}
