/* rxlarge.c - the unfinished large blocks of a receiver: their symbols and the memory for them.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rxlarge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MIN  8
#define BLOCKS_MAX  256
#define STATE_SHARE 8 /* of the memory, this part may be spent on states besides */
#define SLOTS_MIN   (RXLARGE_LOADS + 2)
#define SLOTS_WANT  32 /* smaller pieces rather than fewer slots */
#define LOADS_SHARE 4  /* of the slots, this part may be the decoder's */

/* --- memory --- */

static size_t state_words(const struct rxlarges *s)
{
	return 2 * bitmap_words(s->max_k) + bitmap_words(s->max_parity);
}

static int alloc_blocks(struct rxlarges *s)
{
	s->b = calloc(s->cap, sizeof(*s->b));
	s->order = calloc(s->cap, sizeof(*s->order));
	s->free = calloc(s->cap, sizeof(*s->free));
	s->words = calloc(s->cap, state_words(s) * sizeof(*s->words));
	if (!s->b || !s->order || !s->free || !s->words)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->cap; i++) {
		s->b[i].have.words = s->words + i * state_words(s);
		s->b[i].disk.words = s->b[i].have.words + bitmap_words(s->max_k);
		s->b[i].parity.words = s->b[i].disk.words + bitmap_words(s->max_k);
		s->free[i] = (uint16_t)i;
	}
	return 0;
}

static int alloc_solver(struct rxlarges *s)
{
	struct rxlarge_solver *v = &s->solver;
	size_t most = MIN(rxlarges_keep(s), MIN(s->max_k, s->max_parity));

	v->lost = calloc(most, sizeof(*v->lost));
	v->src = calloc(s->max_k, sizeof(*v->src));
	v->symbols = calloc(most, sizeof(*v->symbols));
	v->place = calloc(s->max_parity, sizeof(*v->place));
	if (!v->lost || !v->src || !v->symbols || !v->place)
		return -ENOMEM;
	for (unsigned i = 0; i < RXLARGE_LOADS; i++) {
		v->load[i].src = calloc(s->n_pieces * s->per_piece, sizeof(*v->load[i].src));
		if (!v->load[i].src)
			return -ENOMEM;
	}
	return fft16_new(&s->codec, s->max_k, s->max_parity);
}

static int alloc_slots(struct rxlarges *s, size_t memory)
{
	size_t slot_len;
	int r;

	s->per_piece = piece_symbols(s->max_symbol);
	while (s->per_piece > PIECE_SYMBOLS_MIN &&
	       memory / s->per_piece / s->max_symbol < SLOTS_WANT)
		s->per_piece /= 2;
	s->per_slot = MIN(s->per_piece, s->max_k);
	slot_len = (size_t)s->per_slot * s->max_symbol;
	if (memory / slot_len < SLOTS_MIN)
		return -EFBIG;
	r = arena_init(&s->arena, memory, slot_len, SLOTS_MIN);
	if (r < 0)
		return r;
	s->n_pieces = 1;
	while (s->n_pieces < RXLARGE_PIECES && s->n_pieces * s->per_piece < s->max_k &&
	       RXLARGE_LOADS * 2 * s->n_pieces * LOADS_SHARE <= s->arena.n)
		s->n_pieces *= 2;
	for (uint32_t i = 0; i < RXLARGE_LOADS * s->n_pieces; i++)
		(void)arena_take(&s->arena);
	s->max_parity_slots = MAX(s->arena.n_free * 3 / 4, 1);
	s->slots = calloc(s->arena.n, sizeof(*s->slots));
	s->indices = calloc(s->arena.n, s->per_slot * sizeof(*s->indices));
	return s->slots && s->indices ? alloc_solver(s) : -ENOMEM;
}

int rxlarges_init(struct rxlarges *s, const struct rxlarges_conf *conf)
{
	size_t share = conf->counting ? conf->memory : conf->memory / STATE_SHARE;
	size_t state;
	int r;

	*s = (struct rxlarges){
		.max_k = conf->max_k,
		.max_parity = conf->max_parity,
		.max_symbol = conf->max_symbol,
		.counting = conf->counting,
		.due_first = -1,
		.due_last = -1,
	};
	if (conf->max_k < 1 || conf->max_k > FFT16_MAX || conf->max_parity < 1 ||
	    conf->max_parity > FFT16_MAX || conf->max_symbol < 1)
		return -EINVAL;
	state = sizeof(*s->b) + sizeof(*s->order) + sizeof(*s->free) +
		state_words(s) * sizeof(*s->words);
	s->cap = (uint32_t)CLAMP(share / state, BLOCKS_MIN, BLOCKS_MAX);
	r = alloc_blocks(s);
	if (r == 0 && !conf->counting)
		r = alloc_slots(s, conf->memory);
	if (r < 0)
		rxlarges_fini(s);
	return r;
}

void rxlarges_fini(struct rxlarges *s)
{
	free(s->b);
	free(s->order);
	free(s->free);
	free(s->words);
	arena_fini(&s->arena);
	free(s->slots);
	free(s->indices);
	free(s->solver.lost);
	free(s->solver.src);
	free(s->solver.symbols);
	free(s->solver.place);
	for (unsigned i = 0; i < RXLARGE_LOADS; i++)
		free(s->solver.load[i].src);
	fft16_free(s->codec);
	*s = (struct rxlarges){ 0 };
}

bool rxlarges_fit(const struct rxlarges *s, const struct rxlarge_shape *shape)
{
	return s->b && shape->k <= s->max_k && shape->n_parity <= s->max_parity &&
	       shape->symbol_len <= s->max_symbol;
}

uint32_t rxlarges_keep(const struct rxlarges *s)
{
	return s->counting ? s->max_parity : s->max_parity_slots * s->per_slot;
}

uint32_t rxlarges_parity_slots(const struct rxlarges *s, uint32_t n)
{
	return s->counting ? 0 : (n + s->per_slot - 1) / s->per_slot;
}

/* --- blocks --- */

struct rxlarge *rxlarges_at(const struct rxlarges *s, uint32_t i)
{
	return &s->b[s->order[i]];
}

uint32_t rxlarges_lower_bound(const struct rxlarges *s, uint64_t key)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rxlarges_at(s, mid)->key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct rxlarge *rxlarges_find(struct rxlarges *s, uint64_t key)
{
	uint32_t i;

	if (s->recent && s->recent->key == key)
		return s->recent;
	i = rxlarges_lower_bound(s, key);
	if (i == s->n || rxlarges_at(s, i)->key != key)
		return NULL;
	s->recent = rxlarges_at(s, i);
	return s->recent;
}

uint32_t rxlarges_room(const struct rxlarges *s)
{
	return s->cap - s->n;
}

static void reset(struct rxlarge *b, uint64_t key, const struct rxlarge_shape *shape)
{
	uint64_t *have = b->have.words, *disk = b->disk.words, *parity = b->parity.words;

	*b = (struct rxlarge){
		.key = key,
		.k = shape->k,
		.n_parity = shape->n_parity,
		.symbol_len = shape->symbol_len,
		.last_len = shape->last_len,
		.open = -1,
		.first = -1,
		.last = -1,
	};
	bitmap_init(&b->have, have, shape->k);
	bitmap_init(&b->disk, disk, shape->k);
	bitmap_init(&b->parity, parity, shape->n_parity);
	rxtimer_init(&b->timer);
}

struct rxlarge *rxlarges_get(struct rxlarges *s, uint64_t key,
			     const struct rxlarge_shape *shape)
{
	struct rxlarge *b = rxlarges_find(s, key);
	uint32_t i;
	uint16_t at;

	if (b || !rxlarges_room(s) || !rxlarges_fit(s, shape))
		return b;
	i = rxlarges_lower_bound(s, key);
	at = s->free[s->cap - s->n - 1];
	memmove(s->order + i + 1, s->order + i, (s->n - i) * sizeof(*s->order));
	s->order[i] = at;
	s->n++;
	s->recent = &s->b[at];
	reset(s->recent, key, shape);
	return s->recent;
}

uint32_t rxlarge_deficit(const struct rxlarge *b)
{
	return b->k - MIN(b->k, b->have.count + b->parity.count);
}

/* --- slots --- */

/* What was gathered is to be written. */
static void close_piece(struct rxlarges *s, struct rxlarge *b)
{
	int32_t slot = b->open;

	if (slot < 0)
		return;
	b->open = -1;
	b->n_closed++;
	s->slots[slot].next = -1;
	if (s->due_first < 0)
		s->due_first = slot;
	else
		s->slots[s->due_last].next = slot;
	s->due_last = slot;
}

static void free_parity(struct rxlarges *s, struct rxlarge *b)
{
	while (b->first >= 0) {
		int32_t slot = b->first;

		b->first = s->slots[slot].next;
		s->n_parity--;
		arena_give(&s->arena, slot);
	}
	b->last = -1;
}

/* Takes the block's pieces off the list of what is to be written. */
static void forget_closed(struct rxlarges *s, const struct rxlarge *b)
{
	int32_t slot = s->due_first, next;
	int32_t *link = &s->due_first;

	s->due_last = -1;
	for (; slot >= 0; slot = next) {
		next = s->slots[slot].next;
		if (&s->b[s->slots[slot].block] == b) {
			s->slots[slot].cursor = s->per_piece;
			if (!s->slots[slot].n_out)
				arena_give(&s->arena, slot);
			*link = next;
		} else {
			s->due_last = slot;
			link = &s->slots[slot].next;
		}
	}
}

static bool is_waiting(const struct rxlarge *b)
{
	return b->state == RXLARGE_STORING && !b->n_closed && b->have.count < b->k;
}

/* What is not handed out goes at once, so that nothing more is handed out. */
static void strip(struct rxlarges *s, struct rxlarge *b)
{
	s->n_waiting -= is_waiting(b) && !b->dead;
	if (b->open >= 0)
		arena_give(&s->arena, b->open);
	b->open = -1;
	forget_closed(s, b);
}

void rxlarges_drop(struct rxlarges *s, struct rxlarge *b)
{
	uint32_t i = rxlarges_lower_bound(s, b->key);

	strip(s, b);
	b->dead = true;
	if (b->n_out)
		return;
	free_parity(s, b);
	if (s->solver.b == b)
		s->solver.b = NULL;
	memmove(s->order + i, s->order + i + 1, (s->n - i - 1) * sizeof(*s->order));
	s->n--;
	s->free[s->cap - s->n - 1] = (uint16_t)(b - s->b);
	s->recent = NULL;
}

/* Writes what was gathered of the block that was heard longest ago. */
static void close_oldest(struct rxlarges *s, const struct rxlarge *keep)
{
	struct rxlarge *oldest = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		struct rxlarge *b = rxlarges_at(s, i);

		if (b == keep || b->open < 0)
			continue;
		if (!oldest || b->timer.heard_at < oldest->timer.heard_at)
			oldest = b;
	}
	if (oldest)
		close_piece(s, oldest);
}

/* Forgets the parity of the block that was heard longest ago. False: there is none. */
static bool give_up_parity(struct rxlarges *s, const struct rxlarge *keep)
{
	struct rxlarge *oldest = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		struct rxlarge *b = rxlarges_at(s, i);

		if (b == keep || b->first < 0 || b->dead || b->state != RXLARGE_GATHERING)
			continue;
		if (!oldest || b->timer.heard_at < oldest->timer.heard_at)
			oldest = b;
	}
	if (!oldest)
		return false;
	free_parity(s, oldest);
	bitmap_init(&oldest->parity, oldest->parity.words, oldest->parity.n);
	return true;
}

/*
 * Parity has a part of the slots only, so there is always one that holds a piece, or will. A
 * piece can always be written, and then its slot is free: who does not find one now will find
 * one when the requests have been served.
 */
static int32_t take(struct rxlarges *s, const struct rxlarge *b, bool parity)
{
	int32_t slot;

	if (parity && s->n_parity == s->max_parity_slots && !give_up_parity(s, b))
		return -1;
	slot = arena_take(&s->arena);
	if (!s->arena.n_free)
		close_oldest(s, parity ? NULL : b);
	if (slot < 0)
		return -1;
	s->n_parity += parity;
	s->slots[slot] = (struct rxlarge_slot){ .block = (uint16_t)(b - s->b), .next = -1 };
	return slot;
}

/* --- symbols --- */

/* Enough has come. */
static void on_full(struct rxlarges *s, struct rxlarge *b)
{
	b->state = s->counting ? RXLARGE_DONE : RXLARGE_STORING;
	close_piece(s, b);
	if (b->have.count == b->k && !b->n_closed)
		b->state = RXLARGE_DONE;
	s->n_waiting += is_waiting(b);
}

/* The slot for a source symbol; what was gathered elsewhere is written. */
static int32_t piece_slot(struct rxlarges *s, struct rxlarge *b, uint32_t i)
{
	uint32_t base = i - i % s->per_piece;

	if (b->open >= 0 && s->slots[b->open].base == base)
		return b->open;
	close_piece(s, b);
	b->open = take(s, b, false);
	if (b->open >= 0)
		s->slots[b->open].base = base;
	return b->open;
}

static bool keep_source(struct rxlarges *s, struct rxlarge *b, uint32_t i, const uint8_t *data)
{
	int32_t slot = piece_slot(s, b, i);
	struct rxlarge_slot *p;
	uint32_t at;

	if (slot < 0)
		return false;
	p = &s->slots[slot];
	at = i - p->base;
	memcpy(arena_at(&s->arena, slot) + (size_t)at * b->symbol_len, data,
	       i == b->k - 1 ? b->last_len : b->symbol_len);
	p->held[at / 64] |= (uint64_t)1 << (at % 64);
	p->n++;
	if (p->n == MIN(s->per_piece, b->k - p->base))
		close_piece(s, b);
	return true;
}

int rxlarges_source(struct rxlarges *s, struct rxlarge *b, uint32_t i, const uint8_t *data)
{
	if (b->state != RXLARGE_GATHERING || b->dead || bitmap_has(&b->have, i))
		return 0;
	if (!s->counting && !keep_source(s, b, i, data))
		return -ENOBUFS;
	bitmap_set(&b->have, i);
	b->end = MAX(b->end, i + 1);
	if (!rxlarge_deficit(b))
		on_full(s, b);
	return 1;
}

static bool keep_parity(struct rxlarges *s, struct rxlarge *b, uint32_t p, const uint8_t *data)
{
	int32_t slot = b->last;
	uint32_t at;

	if (slot < 0 || s->slots[slot].n == s->per_slot) {
		slot = take(s, b, true);
		if (slot < 0)
			return false;
		if (b->last < 0)
			b->first = slot;
		else
			s->slots[b->last].next = slot;
		b->last = slot;
	}
	at = s->slots[slot].n++;
	s->indices[(uint32_t)slot * s->per_slot + at] = (uint16_t)p;
	memcpy(arena_at(&s->arena, slot) + (size_t)at * b->symbol_len, data, b->symbol_len);
	return true;
}

int rxlarges_parity(struct rxlarges *s, struct rxlarge *b, uint32_t p, const uint8_t *data)
{
	if (b->state != RXLARGE_GATHERING || b->dead || bitmap_has(&b->parity, p))
		return 0;
	if (!s->counting && !keep_parity(s, b, p, data))
		return -ENOBUFS;
	bitmap_set(&b->parity, p);
	if (!rxlarge_deficit(b))
		on_full(s, b);
	return 1;
}

void rxlarges_hold(struct rxlarges *s, struct rxlarge *b, uint32_t i)
{
	if (b->state != RXLARGE_GATHERING || b->dead || !bitmap_set(&b->have, i))
		return;
	bitmap_set(&b->disk, i);
	if (!rxlarge_deficit(b))
		on_full(s, b);
}

void rxlarge_unhold(struct rxlarge *b, uint32_t i)
{
	if (b->state == RXLARGE_GATHERING && bitmap_clear(&b->disk, i))
		bitmap_clear(&b->have, i);
}
