/* rxblock.h - the unfinished blocks of a receiver: symbols in memory, and what is known to be
 * on disk. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RXBLOCK_H
#define PROTO_RXBLOCK_H

#include "proto/bitmap.h"
#include "proto/types.h"

#define RXBLOCK_NO_SYMBOL UINT16_MAX

/*
 *	FILLING --k symbols--> (LOADING) --> DECODING --> WRITING --> gone
 *	   |  ^----symbol----SPILLED
 *	   `--memory short--> SPILLING --> SPILLED
 *
 * A block that lacks symbols and whose memory others need more is SPILLED: its source symbols
 * go to the sink, its parity is given up, and it takes a buffer again when a symbol arrives. At
 * most one request (work.h) is out for a block. What is on disk is loaded if the others do not
 * do without decoding, and is not written again.
 */
enum rxblock_state {
	RXBLOCK_FILLING,
	RXBLOCK_SPILLING,
	RXBLOCK_SPILLED,
	RXBLOCK_LOADING,
	RXBLOCK_DECODING,
	RXBLOCK_WRITING,
};

struct rxblock {
	uint64_t key; /* key.h */
	enum rxblock_state state;
	bool busy; /* a request is out */
	bool dead; /* drop it when that request returns */
	uint32_t k;
	int32_t buf; /* -1: none */
	uint32_t symbol_len;
	uint16_t *esi;             /* rs_decode(): what each of the k slots holds */
	struct bitmap have;        /* symbols received, source and parity */
	struct bitmap disk;        /* source symbols that are on disk */
	uint32_t run_first, run_n; /* symbols of the last request */

	uint32_t parity_target; /* highest the sender announced */
	uint32_t parity_heard;  /* one past the highest parity symbol heard */
	nsec_t heard_at;
	nsec_t gained_at; /* a symbol that was lacking came */
	bool over;        /* the transmission that is heard has ended */
	bool late;        /* it began with a repair */
};

struct rxblocks {
	struct rxblock *b;
	uint16_t *order;
	uint16_t *free_blocks;
	uint16_t *free_bufs;
	uint16_t *esis;
	uint64_t *words;
	uint8_t *memory;
	uint32_t n, cap, n_free_bufs, n_bufs;
	uint32_t max_k, max_symbols;
	size_t buf_len;
};

/*
 * Buffers for blocks of up to max_k symbols of symbol_len bytes and states for a few times as
 * many, together within `memory` bytes. Two buffers it is at least, and -EFBIG when these alone
 * do not fit. -ENOMEM.
 */
int rxblocks_init(struct rxblocks *s, size_t memory, uint32_t max_k, size_t symbol_len);
void rxblocks_fini(struct rxblocks *s);

/* Whether blocks of this shape can be held. */
bool rxblocks_fit(const struct rxblocks *s, uint32_t k, size_t symbol_len);

struct rxblock *rxblocks_find(const struct rxblocks *s, uint64_t key);
/* Whether one more block may begin. */
bool rxblocks_room(const struct rxblocks *s);
/* Finds or makes a FILLING block with a buffer. NULL: none is free, or it does not fit. */
struct rxblock *rxblocks_get(struct rxblocks *s, uint64_t key, uint32_t k, uint32_t symbol_len);
/* Gives a SPILLED block a buffer again and makes it FILLING. False: none is free. */
bool rxblocks_attach(struct rxblocks *s, struct rxblock *b);
/* The FILLING block that was heard longest ago, of those without parity if there is one,
 * becomes SPILLING. False: there is none but `keep`. */
bool rxblocks_spill(struct rxblocks *s, const struct rxblock *keep);
/* Takes away the buffer: SPILLING becomes SPILLED, parity is forgotten. */
void rxblocks_spilled(struct rxblocks *s, struct rxblock *b);
void rxblocks_drop(struct rxblocks *s, struct rxblock *b);
struct rxblock *rxblocks_at(const struct rxblocks *s, uint32_t i);
uint32_t rxblocks_lower_bound(const struct rxblocks *s, uint64_t key);

uint8_t *rxblock_data(const struct rxblocks *s, const struct rxblock *b);

/*
 * Stores symbol esi of a FILLING block: zero-padded, into its own slot or, parity, into the
 * slot of a missing source symbol. False: we have it, or need no more of this kind.
 */
bool rxblock_store(const struct rxblocks *s, struct rxblock *b, uint32_t esi,
		   const uint8_t *data, size_t len);

/* Source symbol i of a FILLING, SPILLING or SPILLED block was on disk all the time. */
void rxblock_hold(const struct rxblocks *s, struct rxblock *b, uint32_t i);
/* It is lacking, if what is on disk was all we had of it. */
void rxblock_unhold(struct rxblock *b, uint32_t i);
/* The next state, whose runs of symbols begin with the first one. */
void rxblock_begin(struct rxblock *b, enum rxblock_state state);

/* Symbols of any kind that are still needed; source symbols received. */
uint32_t rxblock_deficit(const struct rxblock *b);
uint32_t rxblock_sources(const struct rxblock *b);

#endif
