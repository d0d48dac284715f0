/* txlarge.h - the large blocks that a sender works on: pieces in memory, parity, what is owed.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_TXLARGE_H
#define PROTO_TXLARGE_H

#include "proto/arena.h"
#include "proto/recent.h"
#include "proto/types.h"
#include "proto/work.h"

/*
 * A large block is never in memory as a whole. What has to be done with its source symbols is
 * done in a pass: its pieces (piece.h) are read in order, used and given back.
 *
 *	        ,--> FIRST: sent for the first time, and added to the first parity --.
 *	REST --+---> PARITY: added to further parity ---------------------------------+--> REST
 *	        `--> AGAIN: sent as far as symbols were asked for by name -----------'
 *
 * Parity stays in memory, in slots of as many symbols as a piece has, until the block is
 * forgotten.
 */
enum txlarge_pass {
	TXLARGE_REST,
	TXLARGE_FIRST,
	TXLARGE_PARITY,
	TXLARGE_AGAIN,
};

struct txpiece {
	int32_t slot; /* of the arena; -1: not in memory */
	bool ready;   /* read */
	bool added;   /* to all parity of this pass */
};

struct txlarge {
	uint64_t key; /* key.h */
	bool in_use;
	bool dead; /* forget it when the last request returned */
	bool held; /* do not forget it for another one */
	uint32_t k, n_pieces;

	enum txlarge_pass pass;
	uint32_t next;   /* first piece that was not yet asked for in this pass */
	uint32_t unit;   /* so many pieces are added at once */
	uint32_t n_held; /* pieces in memory */
	unsigned n_out;  /* requests that did not return */
	struct txpiece *pieces;
	struct bitmap want; /* source symbols asked for by name */

	uint32_t sent;          /* FIRST: source symbols sent */
	uint32_t parity_ready;  /* parity symbols 0 .. parity_ready-1 are encoded */
	uint32_t parity_end;    /* this pass encodes up to here */
	uint32_t parity_sent;   /* 0 .. parity_sent-1 are used up */
	uint32_t parity_target; /* send up to here */
	uint32_t n_slots;       /* of parity */
	int32_t *slots;

	nsec_t sent_at;       /* when something of it was last sent */
	struct recent recent; /* source symbols, by when they were */
	nsec_t polled_at;     /* end of the first transmission; NSEC_NEVER: not yet */
	uint32_t unasked;     /* parity target without a request */
	nsec_t asked_at;      /* the first request for parity; 0: none */
	uint32_t largest; /* the most that a receiver lacked, as far as they said soon after */
	uint32_t once;    /* parity for who did not hear the end, the last time; 0: all seem to
			     have */
	uint32_t told;    /* parity target that a packet has announced */
	bool learned;     /* the threshold knows it */
};

struct txlarges {
	struct txlarge *b; /* cap of them */
	uint32_t cap;
	uint16_t *order; /* positions in b, by key; without dead ones */
	uint32_t n;
	struct arena arena;
	uint32_t per_piece, max_pieces, max_slots, max_parity;
	size_t symbol_len;
	bool counting;
	bool adding; /* an ADD is out: there is one codec */
	struct fft16 *codec;
	struct fft16_parity *symbols; /* of that ADD */
	uint8_t **src;

	struct txpiece *pieces;
	int32_t *slots;
	uint64_t *words;
};

struct txlarges_conf {
	size_t memory; /* bytes for pieces and parity; some slots there are at least */
	uint32_t max_k, max_parity;
	size_t symbol_len;
	bool counting; /* nothing is stored: memory and codec are left out */
};

int txlarges_init(struct txlarges *s, const struct txlarges_conf *conf); /* -EINVAL, -ENOMEM */
/* What it takes for pieces and parity in any case. */
size_t txlarges_memory_least(uint32_t max_parity, size_t symbol_len);
void txlarges_fini(struct txlarges *s);

struct txlarge *txlarges_find(const struct txlarges *s, uint64_t key); /* NULL: unknown */
/*
 * Finds or makes a block, at REST; forgets for it, if need be, the one that was sent longest
 * ago and owes nothing. NULL: all are needed.
 */
struct txlarge *txlarges_get(struct txlarges *s, uint64_t key, uint32_t k);
/* Gives its memory back; with requests out it is `dead` until they return. */
void txlarges_forget(struct txlarges *s, struct txlarge *b);
/* The i-th by key, i < s->n. */
struct txlarge *txlarges_at(const struct txlarges *s, uint32_t i);

/*
 * Begins a pass of a block at REST. FIRST and PARITY encode parity up to `parity_end`, at least
 * what is ready. To add a piece costs as much for each parity symbol, whatever the size of the
 * piece, so that several are added at once where there is much parity. False: no memory for it,
 * though others were forgotten; the block is as before.
 */
bool txlarges_begin(struct txlarges *s, struct txlarge *b, enum txlarge_pass pass,
		    uint32_t parity_end);
/*
 * Makes room for the block by taking the parity of the others at REST from memory, but what can
 * be sent now; it is encoded again when it is needed. For one block only, the one to be served
 * first; otherwise they would take it from each other in turns. False: none of them has any.
 */
bool txlarges_starve(struct txlarges *s, const struct txlarge *b);

/* The next request of the block's pass: READ without object and offset, but with `*ret_piece`,
 * or ADD. False: none now. `ahead`: pieces that may be in memory besides those that are
 * gathered to be added. */
bool txlarges_work(struct txlarges *s, struct txlarge *b, uint32_t ahead, struct work *ret,
		   uint32_t *ret_piece);
/* A READ (ADD) of that piece returned. */
void txlarges_done(struct txlarges *s, struct txlarge *b, enum work_op op, uint32_t piece);

/* FIRST, AGAIN: source symbol esi if its piece is in memory; NULL: not yet. With `counting`
 * some pointer that must not be followed. */
const uint8_t *txlarge_source(const struct txlarges *s, const struct txlarge *b, uint32_t esi);
/* It was sent: its piece may go. */
void txlarges_sent(struct txlarges *s, struct txlarge *b, uint32_t esi);
/* p < parity_ready. */
const uint8_t *txlarge_parity(const struct txlarges *s, const struct txlarge *b, uint32_t p);

/* Something is owed beyond the first transmission. */
bool txlarge_pending(const struct txlarge *b);

#endif
