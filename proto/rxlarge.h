/* rxlarge.h - the unfinished large blocks of a receiver: their symbols and their decoding. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RXLARGE_H
#define PROTO_RXLARGE_H

#include "proto/arena.h"
#include "proto/bitmap.h"
#include "proto/piece.h"
#include "proto/rxtimer.h"
#include "proto/work.h"

/*
 *	GATHERING --any k symbols--> STORING --all on disk--> ADDING --> SOLVING --> WRITING
 *	                                |                                               |
 *	                                `--all on disk, nothing lost--> DONE <----------'
 *
 * Source symbols go to disk as they come, a piece (piece.h) at a time; parity stays in memory
 * until there is enough of it. Then one block at a time is decoded: its source symbols are read
 * back piece by piece and added to the parity (ADDING), the lost ones come of that (SOLVING),
 * in the very memory of the parity, and are written. No symbol is written twice, and none that
 * was on disk before.
 */
enum rxlarge_state {
	RXLARGE_GATHERING,
	RXLARGE_STORING,
	RXLARGE_ADDING,
	RXLARGE_SOLVING,
	RXLARGE_WRITING,
	RXLARGE_DONE,
};

struct rxlarge {
	uint64_t key; /* key.h */
	enum rxlarge_state state;
	bool dead;    /* forget it when the last request returned */
	bool late;    /* it began with a repair */
	uint32_t end; /* one past the highest source symbol that came */
	uint32_t k, n_parity, symbol_len;
	uint32_t last_len;    /* bytes of the last source symbol */
	struct bitmap have;   /* source symbols in memory, on their way to disk, or there */
	struct bitmap disk;   /* those that are there */
	struct bitmap parity; /* parity symbols in memory */
	int32_t open;         /* slot of the piece that is being gathered; -1: none */
	int32_t first, last;  /* slots of parity, a list; -1: none */
	unsigned n_closed; /* slots with symbols that are not on disk yet, but the open one */
	unsigned n_out;    /* requests that did not return */
	struct rxtimer timer;
};

/* What a block is. */
struct rxlarge_shape {
	uint32_t k, n_parity, symbol_len, last_len;
};

/* What is in a slot of the arena: a piece, or parity. */
struct rxlarge_slot {
	uint16_t block;
	uint16_t n;      /* symbols in it */
	uint32_t base;   /* piece: its first source symbol */
	uint32_t cursor; /* piece: from here on nothing was handed out to be written */
	unsigned n_out;  /* piece: requests that did not return */
	int32_t next;    /* in the list of parity, or of what is to be written; -1: none */
	uint64_t held[PIECE_SYMBOLS / 64]; /* piece: which symbols are in it */
};

#define RXLARGE_LOADS  2 /* one is read while another is added */
#define RXLARGE_PIECES 8 /* in one of them, at most */

enum rxlarge_load_state {
	RXLARGE_LOAD_FREE,
	RXLARGE_LOAD_DUE, /* to be read */
	RXLARGE_LOAD_READING,
	RXLARGE_LOAD_READY, /* to be added */
	RXLARGE_LOAD_ADDING,
};

/*
 * Source symbols on their way through the decoder: pieces that lie at a multiple of their
 * number, a power of two. To add a few to d parity symbols costs as much as to add d, so the
 * more parity there is the more pieces are added at once.
 */
struct rxlarge_load {
	enum rxlarge_load_state state;
	uint32_t base, n; /* these symbols, */
	uint8_t **src;    /* of which those that are there are not NULL */
};

/* The block that is being decoded. */
struct rxlarge_solver {
	struct rxlarge *b;            /* NULL: none */
	uint32_t next;                /* ADDING: first source symbol that was not looked at */
	uint32_t written;             /* WRITING: lost symbols handed out to be written */
	bool codec_out;               /* an ADD or SOLVE did not return */
	uint32_t per_load;            /* source symbols in one, at most */
	uint32_t n;                   /* lost symbols, */
	uint16_t *lost;               /* these, */
	uint8_t **src;                /* which come to src[lost[i]], */
	struct fft16_parity *symbols; /* from so many parity symbols */
	uint32_t *place; /* of a parity symbol: which of the lost ones comes into its memory */
	struct rxlarge_load load[RXLARGE_LOADS];
};

struct rxlarges {
	struct rxlarge *b;
	uint16_t *order; /* by key */
	uint16_t *free;
	uint64_t *words;
	uint32_t n, cap;
	struct rxlarge *recent; /* found last; NULL: look */
	uint32_t max_k, max_parity, max_symbol;
	bool counting;

	struct arena arena; /* the first RXLARGE_LOADS * n_pieces slots are the decoder's */
	uint32_t n_pieces;  /* that fit into one of its loads */
	struct rxlarge_slot *slots;
	uint16_t *indices;            /* of the parity symbols in each slot */
	uint32_t per_piece, per_slot; /* symbols */
	uint32_t n_parity, max_parity_slots;
	int32_t due_first, due_last; /* pieces to be written */
	unsigned n_waiting;          /* blocks that are to be decoded */
	struct fft16 *codec;
	struct rxlarge_solver solver;
};

struct rxlarges_conf {
	size_t memory; /* bytes for symbols; counting: for everything */
	uint32_t max_k, max_parity, max_symbol;
	bool counting; /* nothing is stored: no symbols, no requests, no codec */
};

/* -EFBIG: so little memory that no block could be decoded. -EINVAL, -ENOMEM. */
int rxlarges_init(struct rxlarges *s, const struct rxlarges_conf *conf);
void rxlarges_fini(struct rxlarges *s);
/* Whether blocks of this shape can be held. */
bool rxlarges_fit(const struct rxlarges *s, const struct rxlarge_shape *shape);
/* So many parity symbols of one block can be held, at most. */
uint32_t rxlarges_keep(const struct rxlarges *s);

/* Slots, of max_parity_slots, that so much parity of one block takes. */
uint32_t rxlarges_parity_slots(const struct rxlarges *s, uint32_t n);

struct rxlarge *rxlarges_find(struct rxlarges *s, uint64_t key); /* NULL: unknown */
struct rxlarge *rxlarges_at(const struct rxlarges *s, uint32_t i);
/* The first block with this key or a higher one is the i-th of s->n. */
uint32_t rxlarges_lower_bound(const struct rxlarges *s, uint64_t key);
/* So many more blocks may begin. */
uint32_t rxlarges_room(const struct rxlarges *s);
/* Finds or makes a block. NULL: no room, or it does not fit. */
struct rxlarge *rxlarges_get(struct rxlarges *s, uint64_t key,
			     const struct rxlarge_shape *shape);
/* Forgets a block; one with requests out is `dead` until the last of them returned, and is then
 * to be dropped again. */
void rxlarges_drop(struct rxlarges *s, struct rxlarge *b);

/* Symbols of any kind that are still needed. */
uint32_t rxlarge_deficit(const struct rxlarge *b);

/*
 * Source symbol i < k, with as many bytes as it has; parity symbol p < n_parity, symbol_len
 * bytes. 1: taken. 0: we have it, or need no more. -ENOBUFS: no memory for it now. With the
 * k-th symbol the block is no longer GATHERING: there is work. When counting it is DONE.
 */
int rxlarges_source(struct rxlarges *s, struct rxlarge *b, uint32_t i, const uint8_t *data);
int rxlarges_parity(struct rxlarges *s, struct rxlarge *b, uint32_t p, const uint8_t *data);
/*
 * Source symbol i was on disk all the time; no effect when enough symbols are here. Or it is
 * lacking, as what is on disk was all we had of it: only while GATHERING.
 */
void rxlarges_hold(struct rxlarges *s, struct rxlarge *b, uint32_t i);
void rxlarge_unhold(struct rxlarge *b, uint32_t i);
/* Pieces are to be written, or a block to be decoded. */
bool rxlarges_busy(const struct rxlarges *s);

/*
 * The next request and its block; NULL: none now. `offset` counts from the beginning of the
 * block, `object` is left out. Requests may return in any order.
 */
struct rxlarge *rxlarges_work(struct rxlarges *s, struct work *ret);
/* A request returned: its block, which may be DONE now, or dead without requests: drop it. */
struct rxlarge *rxlarges_work_done(struct rxlarges *s, const struct work *w);

#endif
