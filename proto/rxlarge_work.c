/* rxlarge_work.c - what the unfinished large blocks of a receiver want written, read, decoded.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rxlarge.h"

#include <string.h>

/* Source symbols for each parity symbol in a load, as far as there is room. */
#define LOAD_FACTOR 4

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

/* What was gathered in a piece, run by run. */
static struct rxlarge *run_work(struct rxlarges *s, int32_t slot, struct work *ret)
{
	struct rxlarge_slot *p = &s->slots[slot];
	struct rxlarge *b = &s->b[p->block];
	uint32_t from = next_held(p, p->cursor, true), end = next_held(p, from, false);

	p->cursor = end;
	p->n_out++;
	b->n_out++;
	*ret = (struct work){
		.op = WORK_WRITE,
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
	b = run_work(s, slot, ret);
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
	v->per_load = s->per_piece;
	while (v->per_load < LOAD_FACTOR * v->n && v->per_load < s->n_pieces * s->per_piece)
		v->per_load *= 2;
	for (unsigned i = 0; i < RXLARGE_LOADS; i++)
		v->load[i].state = RXLARGE_LOAD_FREE;
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

static int32_t load_slot(const struct rxlarges *s, unsigned i)
{
	return (int32_t)(i * s->n_pieces);
}

/* Which source symbols are read next, and where they go. False: none is left. */
static bool load(struct rxlarges *s, unsigned i)
{
	struct rxlarge_solver *v = &s->solver;
	struct rxlarge_load *l = &v->load[i];
	const struct rxlarge *b = v->b;
	uint8_t *data = arena_at(&s->arena, load_slot(s, i));
	uint32_t first = bitmap_next(&b->have, v->next);

	if (first == b->k) {
		v->next = b->k;
		return false;
	}
	l->state = RXLARGE_LOAD_DUE;
	l->base = first - first % v->per_load;
	l->n = MIN(v->per_load, b->k - l->base);
	v->next = l->base + l->n;
	for (uint32_t j = 0; j < l->n; j++)
		l->src[j] = bitmap_has(&b->have, l->base + j) ? data + (size_t)j * b->symbol_len
							      : NULL;
	if (v->next == b->k) /* the codec wants the last one padded */
		memset(data + (size_t)(l->n - 1) * b->symbol_len + b->last_len, 0,
		       b->symbol_len - b->last_len);
	return true;
}

/* From the first symbol that is there to the last one, the holes between them, too: what is
 * read of these is not looked at, and one long read costs less than many short ones. */
static struct rxlarge *read_work(struct rxlarges *s, unsigned i, struct work *ret)
{
	struct rxlarge *b = s->solver.b;
	struct rxlarge_load *l = &s->solver.load[i];
	uint32_t from = 0, end = l->n;

	while (!l->src[from])
		from++;
	while (!l->src[end - 1])
		end--;
	l->state = RXLARGE_LOAD_READING;
	b->n_out++;
	*ret = (struct work){
		.op = WORK_READ,
		.slot = (uint32_t)load_slot(s, i),
		.offset = (uint64_t)(l->base + from) * b->symbol_len,
		.data = l->src[from],
		.len = run_len(b, l->base + from, end - from),
	};
	return b;
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
	struct fft16_block block = {
		.k = l->n,
		.len = s->solver.b->symbol_len,
		.src = l->src,
		.first = l->base,
	};

	l->state = RXLARGE_LOAD_ADDING;
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

		if (l->state == RXLARGE_LOAD_FREE && !load(s, i))
			continue;
		any = true;
		if (l->state == RXLARGE_LOAD_DUE)
			return read_work(s, i, ret);
		if (l->state == RXLARGE_LOAD_READY && !v->codec_out)
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
		if (v->load[i].state == RXLARGE_LOAD_ADDING)
			v->load[i].state = RXLARGE_LOAD_FREE;
}

static void on_read(struct rxlarges *s, uint32_t slot)
{
	s->solver.load[slot / s->n_pieces].state = RXLARGE_LOAD_READY;
}

static void note_written(struct rxlarge *b, const struct work *w)
{
	uint32_t first = (uint32_t)(w->offset / b->symbol_len);
	uint32_t end = first + (uint32_t)((w->len - 1) / b->symbol_len) + 1;

	for (uint32_t i = first; i < end; i++)
		bitmap_set(&b->disk, i);
}

static void on_written(struct rxlarges *s, int32_t slot)
{
	struct rxlarge_slot *p = &s->slots[slot];

	p->n_out--;
	if (!p->n_out && !runs_left(p))
		on_stored(s, slot, &s->b[p->block]);
}

struct rxlarge *rxlarges_work_done(struct rxlarges *s, const struct work *w)
{
	bool piece = w->op == WORK_WRITE && w->slot < s->arena.n;
	struct rxlarge *b = piece ? &s->b[s->slots[w->slot].block] : s->solver.b;

	b->n_out--;
	if (w->op == WORK_WRITE)
		note_written(b, w);
	if (piece)
		on_written(s, (int32_t)w->slot);
	else if (w->op == WORK_READ)
		on_read(s, w->slot);
	else if (w->slot == codec_slot(s))
		on_codec(s);
	else if (!b->n_out && s->solver.written == s->solver.n)
		b->state = RXLARGE_DONE;
	return b;
}
