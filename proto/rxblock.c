/* rxblock.c - the unfinished blocks of a receiver. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rxblock.h"

#include "proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFS_MIN       2
#define BUFS_MAX       8000
#define BLOCKS_PER_BUF 4
#define PARITY_MAX     256 /* parity symbols told apart beside the source symbols */

static int alloc_all(struct rxblocks *s)
{
	size_t have = bitmap_words(s->max_symbols), disk = bitmap_words(s->max_k);

	s->b = calloc(s->cap, sizeof(*s->b));
	s->order = calloc(s->cap, sizeof(*s->order));
	s->free_blocks = calloc(s->cap, sizeof(*s->free_blocks));
	s->free_bufs = calloc(s->n_bufs, sizeof(*s->free_bufs));
	s->esis = calloc(s->cap, s->max_k * sizeof(*s->esis));
	s->words = calloc(s->cap, (have + disk) * sizeof(*s->words));
	s->memory = calloc(s->n_bufs, s->buf_len);
	if (!s->b || !s->order || !s->free_blocks || !s->free_bufs || !s->esis || !s->words ||
	    !s->memory)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->cap; i++) {
		s->b[i].esi = s->esis + (size_t)i * s->max_k;
		s->b[i].have.words = s->words + i * (have + disk);
		s->b[i].disk.words = s->b[i].have.words + have;
		s->free_blocks[i] = (uint16_t)i;
	}
	for (uint32_t i = 0; i < s->n_bufs; i++)
		s->free_bufs[i] = (uint16_t)i;
	s->n_free_bufs = s->n_bufs;
	return 0;
}

/* What a buffer costs, with the states that come with it: these outweigh tiny symbols. */
static size_t buffer_cost(const struct rxblocks *s)
{
	size_t words = bitmap_words(s->max_symbols) + bitmap_words(s->max_k);
	size_t state = sizeof(*s->b) + sizeof(*s->order) + sizeof(*s->free_blocks) +
		       s->max_k * sizeof(*s->esis) + words * sizeof(*s->words);

	return s->buf_len + sizeof(*s->free_bufs) + BLOCKS_PER_BUF * state;
}

int rxblocks_init(struct rxblocks *s, size_t memory, uint32_t max_k, size_t symbol_len)
{
	int r;

	*s = (struct rxblocks){
		.max_k = max_k,
		.max_symbols = max_k + PARITY_MAX,
		.buf_len = max_k * symbol_len,
	};
	if (memory / s->buf_len < BUFS_MIN)
		return -EFBIG;
	s->n_bufs = (uint32_t)CLAMP(memory / buffer_cost(s), BUFS_MIN, BUFS_MAX);
	s->cap = s->n_bufs * BLOCKS_PER_BUF;
	r = alloc_all(s);
	if (r < 0)
		rxblocks_fini(s);
	return r;
}

void rxblocks_fini(struct rxblocks *s)
{
	free(s->b);
	free(s->order);
	free(s->free_blocks);
	free(s->free_bufs);
	free(s->esis);
	free(s->words);
	free(s->memory);
	*s = (struct rxblocks){ 0 };
}

bool rxblocks_fit(const struct rxblocks *s, uint32_t k, size_t symbol_len)
{
	return s->memory && k <= s->max_k && k * symbol_len <= s->buf_len;
}

struct rxblock *rxblocks_at(const struct rxblocks *s, uint32_t i)
{
	return &s->b[s->order[i]];
}

uint32_t rxblocks_lower_bound(const struct rxblocks *s, uint64_t key)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rxblocks_at(s, mid)->key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct rxblock *rxblocks_find(const struct rxblocks *s, uint64_t key)
{
	uint32_t i = rxblocks_lower_bound(s, key);

	return i < s->n && rxblocks_at(s, i)->key == key ? rxblocks_at(s, i) : NULL;
}

static void reset(struct rxblocks *s, struct rxblock *b, uint64_t key, uint32_t k,
		  uint32_t symbol_len)
{
	uint16_t *esi = b->esi;
	uint64_t *have = b->have.words, *disk = b->disk.words;

	*b = (struct rxblock){ .key = key, .k = k, .symbol_len = symbol_len, .esi = esi };
	bitmap_init(&b->have, have, k + PARITY_MAX);
	bitmap_init(&b->disk, disk, k);
	for (uint32_t i = 0; i < k; i++)
		esi[i] = RXBLOCK_NO_SYMBOL;
	b->buf = s->free_bufs[--s->n_free_bufs];
}

bool rxblocks_room(const struct rxblocks *s)
{
	return s->n < s->cap;
}

struct rxblock *rxblocks_get(struct rxblocks *s, uint64_t key, uint32_t k, uint32_t symbol_len)
{
	uint32_t i = rxblocks_lower_bound(s, key);
	uint16_t pos;

	if (i < s->n && rxblocks_at(s, i)->key == key)
		return rxblocks_at(s, i);
	if (!rxblocks_room(s) || !s->n_free_bufs || !rxblocks_fit(s, k, symbol_len))
		return NULL;
	pos = s->free_blocks[s->cap - s->n - 1];
	memmove(s->order + i + 1, s->order + i, (s->n - i) * sizeof(*s->order));
	s->order[i] = pos;
	s->n++;
	reset(s, &s->b[pos], key, k, symbol_len);
	return &s->b[pos];
}

bool rxblocks_attach(struct rxblocks *s, struct rxblock *b)
{
	if (!s->n_free_bufs)
		return false;
	b->buf = s->free_bufs[--s->n_free_bufs];
	b->state = RXBLOCK_FILLING;
	return true;
}

static void detach(struct rxblocks *s, struct rxblock *b)
{
	if (b->buf >= 0)
		s->free_bufs[s->n_free_bufs++] = (uint16_t)b->buf;
	b->buf = -1;
}

void rxblock_begin(struct rxblock *b, enum rxblock_state state)
{
	b->state = state;
	b->run_first = b->run_n = 0;
}

static bool holds_parity(const struct rxblock *b)
{
	return bitmap_next(&b->have, b->k) < b->have.n;
}

/* Parity that is given up was sent in vain; source symbols only cost a write and a read. */
static bool goes_before(const struct rxblock *a, const struct rxblock *b)
{
	if (holds_parity(a) != holds_parity(b))
		return holds_parity(b);
	return a->heard_at < b->heard_at;
}

bool rxblocks_spill(struct rxblocks *s, const struct rxblock *keep)
{
	struct rxblock *first = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		struct rxblock *b = rxblocks_at(s, i);

		if (b == keep || b->state != RXBLOCK_FILLING || b->busy || b->dead)
			continue;
		if (!first || goes_before(b, first))
			first = b;
	}
	if (!first)
		return false;
	rxblock_begin(first, RXBLOCK_SPILLING);
	return true;
}

void rxblocks_spilled(struct rxblocks *s, struct rxblock *b)
{
	for (uint32_t i = 0; i < b->k; i++) {
		if (b->esi[i] != RXBLOCK_NO_SYMBOL && b->esi[i] >= b->k) {
			bitmap_clear(&b->have, b->esi[i]);
			b->esi[i] = RXBLOCK_NO_SYMBOL;
		}
	}
	detach(s, b);
	b->state = RXBLOCK_SPILLED;
}

void rxblocks_drop(struct rxblocks *s, struct rxblock *b)
{
	uint32_t i = rxblocks_lower_bound(s, b->key);

	detach(s, b);
	memmove(s->order + i, s->order + i + 1, (s->n - i - 1) * sizeof(*s->order));
	s->n--;
	s->free_blocks[s->cap - s->n - 1] = (uint16_t)(b - s->b);
}

uint8_t *rxblock_data(const struct rxblocks *s, const struct rxblock *b)
{
	return s->memory + (size_t)b->buf * s->buf_len;
}

uint32_t rxblock_sources(const struct rxblock *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->k; i++)
		n += b->esi[i] == i;
	return n;
}

uint32_t rxblock_deficit(const struct rxblock *b)
{
	return b->k - MIN(b->k, b->have.count);
}

/* A slot for a parity symbol: the highest one without any symbol. As long as the block lacks
 * symbols there is one. */
static uint32_t free_slot(const struct rxblock *b)
{
	uint32_t i = b->k - 1;

	while (i > 0 && b->esi[i] != RXBLOCK_NO_SYMBOL)
		i--;
	return i;
}

static void put(const struct rxblocks *s, struct rxblock *b, uint32_t slot, uint32_t esi,
		const uint8_t *data, size_t len)
{
	uint8_t *dst = rxblock_data(s, b) + (size_t)slot * b->symbol_len;

	memcpy(dst, data, len);
	memset(dst + len, 0, b->symbol_len - len);
	b->esi[slot] = (uint16_t)esi;
	bitmap_set(&b->have, esi);
}

/* The parity symbol in the slot of a source symbol that came moves to another. */
static void make_way(const struct rxblocks *s, struct rxblock *b, uint32_t slot)
{
	uint32_t to = free_slot(b);
	uint8_t *data = rxblock_data(s, b);

	memcpy(data + (size_t)to * b->symbol_len, data + (size_t)slot * b->symbol_len,
	       b->symbol_len);
	b->esi[to] = b->esi[slot];
}

bool rxblock_store(const struct rxblocks *s, struct rxblock *b, uint32_t esi,
		   const uint8_t *data, size_t len)
{
	uint32_t slot = esi;

	if (esi >= b->have.n || len > b->symbol_len || bitmap_has(&b->have, esi) ||
	    !rxblock_deficit(b))
		return false;
	if (esi >= b->k)
		slot = free_slot(b);
	else if (b->esi[slot] != RXBLOCK_NO_SYMBOL)
		make_way(s, b, slot);
	put(s, b, slot, esi, data, len);
	return true;
}

void rxblock_hold(const struct rxblocks *s, struct rxblock *b, uint32_t i)
{
	if (!bitmap_has(&b->have, i)) {
		if (b->esi[i] != RXBLOCK_NO_SYMBOL && b->state == RXBLOCK_FILLING &&
		    rxblock_deficit(b))
			make_way(s, b, i);
		else if (b->esi[i] != RXBLOCK_NO_SYMBOL)
			bitmap_clear(&b->have, b->esi[i]);
		b->esi[i] = (uint16_t)i;
		bitmap_set(&b->have, i);
	}
	bitmap_set(&b->disk, i);
}

void rxblock_unhold(struct rxblock *b, uint32_t i)
{
	if (!bitmap_clear(&b->disk, i))
		return;
	bitmap_clear(&b->have, i);
	b->esi[i] = RXBLOCK_NO_SYMBOL;
}
