/* txblock.c - the blocks that a sender holds in memory or owes a repair. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/txblock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFS_MIN       4
#define BUFS_MAX       8192
#define BLOCKS_MIN     1024
#define BLOCKS_PER_BUF 4

static size_t buffer_len(const struct txblocks *s)
{
	return (s->max_k + s->parity_cap) * s->symbol_len;
}

size_t txblocks_memory_least(uint32_t max_k, uint32_t max_symbols, size_t symbol_len)
{
	uint32_t parity = MIN(max_symbols - max_k, TXBLOCK_PARITY_CAP);

	return BUFS_MIN * (max_k + parity) * symbol_len;
}

static int alloc_all(struct txblocks *s, uint32_t max_symbols)
{
	size_t words = bitmap_words(max_symbols) + recent_words(s->max_k);

	s->b = calloc(s->cap, sizeof(*s->b));
	s->order = calloc(s->cap, sizeof(*s->order));
	s->free_blocks = calloc(s->cap, sizeof(*s->free_blocks));
	s->free_bufs = calloc(s->n_bufs, sizeof(*s->free_bufs));
	s->words = calloc(s->cap, words * sizeof(*s->words));
	s->memory = calloc(s->n_bufs, buffer_len(s));
	if (!s->b || !s->order || !s->free_blocks || !s->free_bufs || !s->words || !s->memory)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->cap; i++) {
		bitmap_init(&s->b[i].want, s->words + i * words, max_symbols);
		recent_init(&s->b[i].recent,
			    s->words + (i + 1) * words - recent_words(s->max_k), s->max_k);
		s->free_blocks[i] = (uint16_t)i;
	}
	for (uint32_t i = 0; i < s->n_bufs; i++)
		s->free_bufs[i] = (uint16_t)i;
	s->n_free_bufs = s->n_bufs;
	return 0;
}

int txblocks_init(struct txblocks *s, size_t memory, uint32_t max_k, uint32_t max_symbols,
		  size_t symbol_len)
{
	uint32_t n_parity = max_symbols - max_k;
	int r;

	if (max_k == 0 || max_symbols < max_k || symbol_len == 0)
		return -EINVAL;
	*s = (struct txblocks){
		.max_k = max_k,
		.parity_cap = MIN(n_parity, TXBLOCK_PARITY_CAP),
		.symbol_len = symbol_len,
	};
	s->n_bufs = (uint32_t)CLAMP(memory / buffer_len(s), BUFS_MIN, BUFS_MAX);
	s->cap = MAX(s->n_bufs * BLOCKS_PER_BUF, BLOCKS_MIN);
	r = alloc_all(s, max_symbols);
	if (r < 0)
		txblocks_fini(s);
	return r;
}

void txblocks_fini(struct txblocks *s)
{
	free(s->b);
	free(s->order);
	free(s->free_blocks);
	free(s->free_bufs);
	free(s->words);
	free(s->memory);
	*s = (struct txblocks){ 0 };
}

struct txblock *txblocks_at(const struct txblocks *s, uint32_t i)
{
	return &s->b[s->order[i]];
}

uint32_t txblocks_lower_bound(const struct txblocks *s, uint64_t key)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (txblocks_at(s, mid)->key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct txblock *txblocks_find(const struct txblocks *s, uint64_t key)
{
	uint32_t i = txblocks_lower_bound(s, key);

	return i < s->n && txblocks_at(s, i)->key == key ? txblocks_at(s, i) : NULL;
}

struct txblock *txblocks_get(struct txblocks *s, uint64_t key, uint32_t k)
{
	uint32_t i = txblocks_lower_bound(s, key);
	struct txblock *b;
	struct bitmap want;
	struct recent recent;
	uint16_t pos;

	if (i < s->n && txblocks_at(s, i)->key == key)
		return txblocks_at(s, i);
	if (s->n == s->cap)
		return NULL;
	pos = s->free_blocks[s->cap - s->n - 1];
	memmove(s->order + i + 1, s->order + i, (s->n - i) * sizeof(*s->order));
	s->order[i] = pos;
	s->n++;
	b = &s->b[pos];
	want = b->want;
	bitmap_init(&want, want.words, want.n);
	recent = b->recent;
	recent_clear(&recent);
	*b = (struct txblock){ .key = key, .k = k, .buf = -1, .want = want, .recent = recent };
	return b;
}

static void detach(struct txblocks *s, struct txblock *b)
{
	if (b->buf >= 0)
		s->free_bufs[s->n_free_bufs++] = (uint16_t)b->buf;
	b->buf = -1;
	b->parity_n = 0;
	b->state = TXBLOCK_IDLE;
}

void txblocks_drop(struct txblocks *s, struct txblock *b)
{
	uint32_t i = txblocks_lower_bound(s, b->key);

	detach(s, b);
	memmove(s->order + i, s->order + i + 1, (s->n - i - 1) * sizeof(*s->order));
	s->n--;
	s->free_blocks[s->cap - s->n - 1] = (uint16_t)(b - s->b);
}

bool txblock_pending(const struct txblock *b)
{
	return b->want.count || b->parity_target > b->parity_sent;
}

static struct txblock *oldest_done(const struct txblocks *s)
{
	struct txblock *oldest = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		struct txblock *b = txblocks_at(s, i);

		if (b->state != TXBLOCK_READY || b->fresh || b->encoding || txblock_pending(b))
			continue;
		if (!oldest || b->sent_at < oldest->sent_at)
			oldest = b;
	}
	return oldest;
}

bool txblocks_attach(struct txblocks *s, struct txblock *b)
{
	if (!s->n_free_bufs) {
		struct txblock *victim = oldest_done(s);

		if (!victim)
			return false;
		txblocks_drop(s, victim);
	}
	b->buf = s->free_bufs[--s->n_free_bufs];
	b->state = TXBLOCK_EMPTY;
	b->parity_n = 0;
	return true;
}

uint8_t *txblock_source(const struct txblocks *s, const struct txblock *b)
{
	return s->memory + (size_t)b->buf * buffer_len(s);
}

uint8_t *txblock_parity(const struct txblocks *s, const struct txblock *b)
{
	return txblock_source(s, b) + b->k * s->symbol_len;
}
