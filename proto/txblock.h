/* txblock.h - the blocks that a sender holds in memory or owes a repair. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_TXBLOCK_H
#define PROTO_TXBLOCK_H

#include "proto/recent.h"
#include "proto/types.h"

/*
 *	IDLE --attach--> EMPTY --READ handed out--> READING --done--> READY --buffer taken
 *away--> IDLE
 *
 * An IDLE block only remembers what was asked of it. `encoding` is set while an ENCODE is out.
 */
enum txblock_state {
	TXBLOCK_IDLE,
	TXBLOCK_EMPTY,
	TXBLOCK_READING,
	TXBLOCK_READY,
};

struct txblock {
	uint64_t key; /* key.h */
	enum txblock_state state;
	bool encoding;
	bool fresh; /* its first transmission is not over */
	uint32_t k;
	int32_t buf; /* index of its buffer, -1: none */

	uint32_t parity_sent;            /* parity symbols 0 .. parity_sent-1 are used up */
	uint32_t parity_target;          /* send up to here */
	uint32_t parity_first, parity_n; /* those that lie encoded in the buffer */
	struct bitmap want;              /* symbols asked for by name: source and parity */
	nsec_t sent_at;                  /* when something of it was last sent */
	struct recent recent;            /* source symbols, by when they were */

	uint32_t round; /* repair round in which round_base was taken (RFC order) */
	uint32_t round_base;
};

/* All blocks, found by key and walked in order of keys. */
struct txblocks {
	struct txblock *b;
	uint16_t *order; /* positions in b of the blocks in use, by key */
	uint16_t *free_blocks;
	uint16_t *free_bufs;
	uint32_t n, cap; /* blocks in use, at most */
	uint32_t n_free_bufs, n_bufs;
	uint32_t parity_cap; /* parity symbols that fit into a buffer behind the source symbols
			      */
	uint32_t max_k;
	size_t symbol_len;
	uint8_t *memory;
	uint64_t *words;
};

#define TXBLOCK_PARITY_CAP 16

/* What txblocks_init() takes in any case. */
size_t txblocks_memory_least(uint32_t max_k, uint32_t max_symbols, size_t symbol_len);

/*
 * Memory for blocks of max_k symbols of symbol_len bytes; as many buffers as fit into `memory`,
 * four at least. max_symbols: source and parity of one block. -EINVAL, -ENOMEM.
 */
int txblocks_init(struct txblocks *s, size_t memory, uint32_t max_k, uint32_t max_symbols,
		  size_t symbol_len);
void txblocks_fini(struct txblocks *s);

struct txblock *txblocks_find(const struct txblocks *s, uint64_t key);
/* Finds or makes an IDLE block; NULL: all are in use. */
struct txblock *txblocks_get(struct txblocks *s, uint64_t key, uint32_t k);
/* Forgets it; not while work is out. Later blocks in the walk move down. */
void txblocks_drop(struct txblocks *s, struct txblock *b);
/* The i-th block by key, i < s->n; the position of the first with a key >= `key`. */
struct txblock *txblocks_at(const struct txblocks *s, uint32_t i);
uint32_t txblocks_lower_bound(const struct txblocks *s, uint64_t key);

/*
 * Gives an IDLE block a buffer; takes it from the block that was sent longest ago and owes
 * nothing. False: every buffer is needed.
 */
bool txblocks_attach(struct txblocks *s, struct txblock *b);

/* Memory of a block that is not IDLE: k source symbols, and parity_cap parity symbols. */
uint8_t *txblock_source(const struct txblocks *s, const struct txblock *b);
uint8_t *txblock_parity(const struct txblocks *s, const struct txblock *b);

/* Something is owed. */
bool txblock_pending(const struct txblock *b);

#endif
