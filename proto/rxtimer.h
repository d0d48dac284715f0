/* rxtimer.h - when to ask for repair of one large block (doc/PROTOCOL.md, "Repair of large
 * blocks"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RXTIMER_H
#define PROTO_RXTIMER_H

#include "proto/types.h"

/*
 *	OFF --sent once, not covered--> BACKOFF --time--> ASKED --time--> ASKED ...
 *	 |                               ^   |              |
 *	 |                        passed |   | covered      | T as asked
 *	 |                               |   v              |
 *	 `----repair is heard---------> ARRIVING <----------'
 *
 * "Covered": what the sender has promised, and what has not come yet, is all that is lacking.
 */
enum rxtimer_state {
	RXTIMER_OFF,
	RXTIMER_BACKOFF,
	RXTIMER_ASKED,
	RXTIMER_ARRIVING,
};

struct rxtimer {
	enum rxtimer_state state;
	bool polled;      /* BACKOFF: a POLL has set it */
	nsec_t at;        /* when something has to be done; OFF: never */
	nsec_t heard_at;  /* a packet of the block, or a promise */
	nsec_t gained_at; /* a symbol that was lacking, or the first promise after it */
	bool promised;    /* that promise came */
	nsec_t asked_at;  /* the last request, */
	uint32_t asked;   /* and the parity target that it named */
	unsigned tries;   /* requests since a repair was heard */
	uint32_t target;  /* T: the highest that was announced */
	uint32_t heard;   /* h: one past the highest parity symbol heard */
};

/* Whoever hears the sender repair something waits for his own turn, but no longer than this. */
#define RXTIMER_PATIENCE (250 * NSEC_PER_MSEC)
/* What is promised, and does not come, is believed no longer than this: it may be forged. */
#define RXTIMER_BELIEF NSEC_PER_SEC

struct rxtimer_now {
	nsec_t now;
	nsec_t silence;   /* after which a repair has passed: 2 GRTT */
	nsec_t repair_at; /* when a repair of any block was heard */
};

/* What a packet of the block tells. */
struct rxtimer_packet {
	bool repair;
	uint32_t target; /* 0: none */
	uint32_t parity; /* one past the number of the parity symbol; 0: a source symbol */
};

enum rxtimer_action {
	RXTIMER_NOTHING,
	RXTIMER_WAIT, /* the repair has passed: rxtimer_wait(), if symbols are lacking */
	RXTIMER_ASK,  /* rxtimer_asked() after the request, or rxtimer_off() without one */
};

void rxtimer_init(struct rxtimer *t);

/*
 * The promised repair stopped short of its last symbol, or did not begin: lost, or the sender
 * is slow to compute it. The sender knows.
 */
bool rxtimer_late(const struct rxtimer *t, struct rxtimer_now at);
/*
 * The count of a request for a block that lacks d symbols: the parity target that it needs;
 * when late that if it is more than was promised, otherwise d.
 */
uint32_t rxtimer_need(const struct rxtimer *t, uint32_t d, struct rxtimer_now at);
/* Whether what is promised, and still coming, will do. */
bool rxtimer_covered(const struct rxtimer *t, uint32_t d, struct rxtimer_now at);

/* A packet of the block came; d is what is lacking after it. NOTHING or WAIT. */
enum rxtimer_action rxtimer_heard(struct rxtimer *t, uint32_t d, struct rxtimer_now at,
				  const struct rxtimer_packet *p);
/* It brought a symbol that was lacking; to be called before rxtimer_heard(). */
void rxtimer_gained(struct rxtimer *t, nsec_t now);
/* The sender promises parity, unasked. */
void rxtimer_promise(struct rxtimer *t, nsec_t now, uint32_t target);
/* Everything of the block was sent, and d symbols are lacking: to be asked for after `wait`. */
void rxtimer_sent(struct rxtimer *t, uint32_t d, struct rxtimer_now at, nsec_t wait);
/*
 * The same by a POLL: it knows the slots, so the first sets a running back-off anew. Another
 * one, unless it promises what is lacking, can only shorten it: whoever repeats POLLs must not
 * put us off.
 */
void rxtimer_polled(struct rxtimer *t, uint32_t d, struct rxtimer_now at, nsec_t wait);
/* `at` has come. */
enum rxtimer_action rxtimer_due(struct rxtimer *t, uint32_t d, struct rxtimer_now at);

void rxtimer_wait(struct rxtimer *t, nsec_t until);
/* Asked for `target`; if nothing answers, again after twice as long each time and `wait`. */
void rxtimer_asked(struct rxtimer *t, struct rxtimer_now at, uint32_t target, nsec_t wait);
void rxtimer_off(struct rxtimer *t);
/* GRTT has fallen to a part of what it was: so do the times that are left. */
void rxtimer_hasten(struct rxtimer *t, nsec_t now, double part);

#endif
