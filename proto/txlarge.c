/* txlarge.c - the large blocks that a sender works on: pieces in memory, parity, what is owed.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/txlarge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/piece.h"

#define BLOCKS_MIN 64u
#define BLOCKS_MAX 1024u
#define UNIT_MAX   8u /* pieces that are added at once */

static int alloc_blocks(struct txlarges *s, uint32_t max_k)
{
	size_t words = bitmap_words(max_k) + recent_words(max_k);

	s->b = calloc(s->cap, sizeof(*s->b));
	s->order = calloc(s->cap, sizeof(*s->order));
	s->pieces = calloc(s->cap, s->max_pieces * sizeof(*s->pieces));
	s->slots = calloc(s->cap, s->max_slots * sizeof(*s->slots));
	s->words = calloc(s->cap, words * sizeof(*s->words));
	s->symbols = calloc(s->max_parity, sizeof(*s->symbols));
	s->src = calloc(s->per_piece * UNIT_MAX, sizeof(*s->src));
	if (!s->b || !s->order || !s->pieces || !s->slots || !s->words || !s->symbols ||
	    !s->src)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->cap; i++) {
		s->b[i].pieces = s->pieces + (size_t)i * s->max_pieces;
		s->b[i].slots = s->slots + (size_t)i * s->max_slots;
		s->b[i].want.words = s->words + i * words;
		recent_init(&s->b[i].recent, s->b[i].want.words + bitmap_words(max_k), max_k);
	}
	return 0;
}

/* All parity of one block, and pieces to make it of. */
static uint32_t slots_min(uint32_t max_parity, uint32_t per_piece)
{
	return piece_count(max_parity, per_piece) + UNIT_MAX;
}

size_t txlarges_memory_least(uint32_t max_parity, size_t symbol_len)
{
	uint32_t n = piece_symbols(symbol_len);

	return slots_min(max_parity, n) * n * symbol_len;
}

int txlarges_init(struct txlarges *s, const struct txlarges_conf *conf)
{
	size_t slot_len;
	uint32_t min;
	int r;

	*s = (struct txlarges){
		.symbol_len = conf->symbol_len,
		.max_parity = conf->max_parity,
		.counting = conf->counting,
		.per_piece = piece_symbols(conf->symbol_len),
	};
	if (conf->max_k == 0 || conf->max_k > FFT16_MAX || conf->max_parity == 0 ||
	    conf->max_parity > FFT16_MAX || conf->symbol_len == 0 || conf->symbol_len % 2)
		return -EINVAL;
	slot_len = s->per_piece * s->symbol_len;
	s->max_pieces = piece_count(conf->max_k, s->per_piece);
	s->max_slots = piece_count(conf->max_parity, s->per_piece);
	min = slots_min(conf->max_parity, s->per_piece);
	if (conf->counting) /* as many slots, but nothing in them */
		r = arena_init(&s->arena, conf->memory / slot_len, 1, min);
	else
		r = arena_init(&s->arena, conf->memory, slot_len, min);
	s->cap = CLAMP(s->arena.n, BLOCKS_MIN, BLOCKS_MAX);
	if (r == 0)
		r = alloc_blocks(s, conf->max_k);
	if (r == 0 && !conf->counting)
		r = fft16_new(&s->codec, conf->max_k, conf->max_parity);
	if (r < 0)
		txlarges_fini(s);
	return r;
}

void txlarges_fini(struct txlarges *s)
{
	arena_fini(&s->arena);
	fft16_free(s->codec);
	free(s->b);
	free(s->order);
	free(s->pieces);
	free(s->slots);
	free(s->words);
	free(s->symbols);
	free(s->src);
	*s = (struct txlarges){ 0 };
}

/* --- blocks --- */

struct txlarge *txlarges_at(const struct txlarges *s, uint32_t i)
{
	return &s->b[s->order[i]];
}

static uint32_t lower_bound(const struct txlarges *s, uint64_t key)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (txlarges_at(s, mid)->key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct txlarge *txlarges_find(const struct txlarges *s, uint64_t key)
{
	uint32_t i = lower_bound(s, key);

	return i < s->n && txlarges_at(s, i)->key == key ? txlarges_at(s, i) : NULL;
}

bool txlarge_pending(const struct txlarge *b)
{
	return !b->dead && (b->want.count || b->parity_target > b->parity_sent);
}

static bool forgettable(const struct txlarge *b)
{
	return b->pass == TXLARGE_REST && !b->n_out && !b->held && !txlarge_pending(b);
}

/*
 * The first one that owes nothing, with parity in memory if `slots`. In this order, what is in
 * memory is what lies above some key, which the PROBE tells.
 */
static bool forget_first(struct txlarges *s, const struct txlarge *keep, bool slots)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct txlarge *b = txlarges_at(s, i);

		if (b == keep || !forgettable(b) || (slots && !b->n_slots))
			continue;
		txlarges_forget(s, b);
		return true;
	}
	return false;
}

/* One that is not in use, or NULL. */
static struct txlarge *unused(const struct txlarges *s)
{
	for (uint32_t i = 0; i < s->cap; i++)
		if (!s->b[i].in_use)
			return &s->b[i];
	return NULL;
}

static void insert(struct txlarges *s, struct txlarge *b)
{
	uint32_t i = lower_bound(s, b->key);

	memmove(s->order + i + 1, s->order + i, (s->n - i) * sizeof(*s->order));
	s->order[i] = (uint16_t)(b - s->b);
	s->n++;
}

struct txlarge *txlarges_get(struct txlarges *s, uint64_t key, uint32_t k)
{
	struct txlarge *b = txlarges_find(s, key);

	if (b)
		return b;
	b = unused(s);
	if (!b && forget_first(s, NULL, false))
		b = unused(s);
	if (!b)
		return NULL;
	*b = (struct txlarge){
		.key = key,
		.in_use = true,
		.k = k,
		.n_pieces = piece_count(k, s->per_piece),
		.pieces = b->pieces,
		.slots = b->slots,
		.want = b->want,
		.recent = b->recent,
		.polled_at = NSEC_NEVER,
	};
	bitmap_init(&b->want, b->want.words, k);
	recent_clear(&b->recent);
	for (uint32_t i = 0; i < b->n_pieces; i++)
		b->pieces[i] = (struct txpiece){ .slot = -1 };
	insert(s, b);
	return b;
}

static void drop_piece(struct txlarges *s, struct txlarge *b, struct txpiece *p)
{
	arena_give(&s->arena, p->slot);
	p->slot = -1;
	b->n_held--;
}

void txlarges_forget(struct txlarges *s, struct txlarge *b)
{
	uint32_t i = lower_bound(s, b->key);

	if (!b->dead) {
		memmove(s->order + i, s->order + i + 1, (s->n - i - 1) * sizeof(*s->order));
		s->n--;
	}
	b->dead = true;
	if (b->n_out)
		return;
	for (i = 0; i < b->n_pieces; i++)
		if (b->pieces[i].slot >= 0)
			drop_piece(s, b, &b->pieces[i]);
	while (b->n_slots)
		arena_give(&s->arena, b->slots[--b->n_slots]);
	b->in_use = false;
}

/* --- passes --- */

/* Slots that the block must get so that its pass can go on. */
static uint32_t needed_slots(const struct txlarge *b)
{
	uint32_t want = MIN(b->unit, b->n_held + b->n_pieces - b->next);

	return b->pass != TXLARGE_REST && want > b->n_held ? want - b->n_held : 0;
}

/* Slots that nobody needs: whatever is begun, each pass can go on to its end. */
static uint32_t spare_slots(const struct txlarges *s)
{
	uint32_t needed = 0;

	for (uint32_t i = 0; i < s->n; i++)
		needed += needed_slots(txlarges_at(s, i));
	return s->arena.n_free > needed ? s->arena.n_free - needed : 0;
}

static void zero_parity(struct txlarges *s, struct txlarge *b)
{
	if (s->counting)
		return;
	for (uint32_t p = b->parity_ready; p < b->parity_end; p++)
		memset((uint8_t *)txlarge_parity(s, b, p), 0, s->symbol_len);
}

bool txlarges_begin(struct txlarges *s, struct txlarge *b, enum txlarge_pass pass,
		    uint32_t parity_end)
{
	uint32_t slots = b->n_slots, unit = 1;

	/* what is encoded at all is encoded to the end of a slot */
	if (pass != TXLARGE_AGAIN)
		slots = MAX(piece_count(parity_end, s->per_piece), b->n_slots);
	while (unit < UNIT_MAX && unit < slots - b->n_slots)
		unit *= 2;
	while (spare_slots(s) < slots - b->n_slots + unit) {
		if (unit > 1)
			unit /= 2;
		else if (!forget_first(s, b, true))
			return false;
	}
	while (b->n_slots < slots)
		b->slots[b->n_slots++] = arena_take(&s->arena);
	b->pass = pass;
	b->next = 0;
	b->unit = unit;
	b->parity_end = b->parity_ready;
	if (pass != TXLARGE_AGAIN)
		b->parity_end = MIN(slots * s->per_piece, s->max_parity);
	zero_parity(s, b);
	return true;
}

/* It owes parity that is in memory: that goes soon. */
static bool sendable(const struct txlarge *b)
{
	return b->parity_sent < MIN(b->parity_ready, b->parity_target);
}

bool txlarges_starve(struct txlarges *s, const struct txlarge *b)
{
	bool any = false;

	for (uint32_t i = 0; i < s->n; i++) {
		struct txlarge *other = txlarges_at(s, i);

		if (other == b || other->pass != TXLARGE_REST || other->n_out ||
		    sendable(other))
			continue;
		any |= other->n_slots > 0;
		while (other->n_slots)
			arena_give(&s->arena, other->slots[--other->n_slots]);
		other->parity_ready = other->parity_end = 0;
	}
	return any;
}

static uint32_t piece_first(const struct txlarges *s, uint32_t piece)
{
	return piece * s->per_piece;
}

static uint32_t piece_end(const struct txlarges *s, const struct txlarge *b, uint32_t piece)
{
	return MIN((piece + 1) * s->per_piece, b->k);
}

/* Whether the pass has something to do with this piece. */
static bool piece_wanted(const struct txlarges *s, const struct txlarge *b, uint32_t piece)
{
	return b->pass != TXLARGE_AGAIN ||
	       bitmap_next(&b->want, piece_first(s, piece)) < piece_end(s, b, piece);
}

static bool piece_used_up(const struct txlarges *s, const struct txlarge *b, uint32_t piece)
{
	const struct txpiece *p = &b->pieces[piece];

	if (b->pass == TXLARGE_AGAIN)
		return !piece_wanted(s, b, piece);
	return p->added && (b->pass == TXLARGE_PARITY || b->sent >= piece_end(s, b, piece));
}

static void release(struct txlarges *s, struct txlarge *b, uint32_t piece)
{
	struct txpiece *p = &b->pieces[piece];

	if (p->slot >= 0 && p->ready && piece_used_up(s, b, piece))
		drop_piece(s, b, p);
	while (b->next < b->n_pieces && !piece_wanted(s, b, b->next))
		b->next++;
	if (b->pass == TXLARGE_REST || b->next < b->n_pieces || b->n_held)
		return;
	b->parity_ready = b->parity_end;
	b->pass = TXLARGE_REST;
}

static bool read_work(struct txlarges *s, struct txlarge *b, uint32_t ahead, struct work *ret,
		      uint32_t *ret_piece)
{
	struct txpiece *p;

	while (b->next < b->n_pieces && !piece_wanted(s, b, b->next))
		b->next++;
	if (b->next == b->n_pieces || b->n_held >= b->unit + ahead)
		return false;
	while (b->n_held >= b->unit && !spare_slots(s))
		if (!forget_first(s, b, true))
			return false;
	p = &b->pieces[b->next];
	*p = (struct txpiece){ .slot = arena_take(&s->arena) };
	if (p->slot < 0)
		return false;
	p->added = b->parity_end == b->parity_ready;
	b->n_held++;
	b->n_out++;
	*ret_piece = b->next++;
	*ret = (struct work){ .op = WORK_READ };
	if (!s->counting)
		ret->data = arena_at(&s->arena, p->slot);
	return true;
}

/* The piece after the last one of the unit that begins with `piece`. */
static uint32_t unit_end(const struct txlarge *b, uint32_t piece)
{
	return MIN(piece + b->unit, b->n_pieces);
}

static void fill_add(struct txlarges *s, const struct txlarge *b, uint32_t piece,
		     struct work *ret)
{
	uint32_t first = piece_first(s, piece), end = piece_end(s, b, unit_end(b, piece) - 1);

	for (uint32_t i = first; i < end; i++)
		s->src[i - first] = (uint8_t *)txlarge_source(s, b, i);
	for (uint32_t p = b->parity_ready; p < b->parity_end; p++)
		s->symbols[p - b->parity_ready] =
			(struct fft16_parity){ p, (uint8_t *)txlarge_parity(s, b, p) };
	*ret = (struct work){
		.op = WORK_ADD,
		.large = s->codec,
		.block = { end - first, s->symbol_len, s->src, .first = first },
		.symbols = s->symbols,
		.n = b->parity_end - b->parity_ready,
	};
}

/* All of the unit was read, and it was not added. */
static bool addable(const struct txlarge *b, uint32_t piece)
{
	for (uint32_t i = piece; i < unit_end(b, piece); i++)
		if (b->pieces[i].slot < 0 || !b->pieces[i].ready || b->pieces[i].added)
			return false;
	return true;
}

static void on_added(struct txlarges *s, struct txlarge *b, uint32_t piece)
{
	uint32_t end = unit_end(b, piece);

	for (uint32_t i = piece; i < end; i++)
		b->pieces[i].added = true;
	for (uint32_t i = piece; i < end; i++)
		release(s, b, i);
}

static bool add_work(struct txlarges *s, struct txlarge *b, struct work *ret,
		     uint32_t *ret_piece)
{
	for (uint32_t i = 0; i < b->next && b->n_held; i += b->unit) {
		if (!addable(b, i))
			continue;
		if (s->counting) {
			on_added(s, b, i);
			continue;
		}
		if (s->adding)
			return false;
		s->adding = true;
		b->n_out++;
		fill_add(s, b, i, ret);
		*ret_piece = i;
		return true;
	}
	return false;
}

bool txlarges_work(struct txlarges *s, struct txlarge *b, uint32_t ahead, struct work *ret,
		   uint32_t *ret_piece)
{
	if (b->pass == TXLARGE_REST || b->dead)
		return false;
	return add_work(s, b, ret, ret_piece) || read_work(s, b, ahead, ret, ret_piece);
}

void txlarges_done(struct txlarges *s, struct txlarge *b, enum work_op op, uint32_t piece)
{
	b->n_out--;
	if (op == WORK_ADD)
		s->adding = false;
	if (b->dead) {
		txlarges_forget(s, b);
		return;
	}
	if (op == WORK_ADD) {
		on_added(s, b, piece);
		return;
	}
	b->pieces[piece].ready = true;
	release(s, b, piece);
}

/* --- what lies in memory --- */

const uint8_t *txlarge_source(const struct txlarges *s, const struct txlarge *b, uint32_t esi)
{
	const struct txpiece *p = &b->pieces[esi / s->per_piece];

	if (p->slot < 0 || !p->ready)
		return NULL;
	if (s->counting)
		return arena_at(&s->arena, p->slot);
	return arena_at(&s->arena, p->slot) + (size_t)(esi % s->per_piece) * s->symbol_len;
}

void txlarges_sent(struct txlarges *s, struct txlarge *b, uint32_t esi)
{
	release(s, b, esi / s->per_piece);
}

const uint8_t *txlarge_parity(const struct txlarges *s, const struct txlarge *b, uint32_t p)
{
	if (s->counting)
		return arena_at(&s->arena, b->slots[p / s->per_piece]);
	return arena_at(&s->arena, b->slots[p / s->per_piece]) +
	       (size_t)(p % s->per_piece) * s->symbol_len;
}
