/* roster.h - the receivers that a sender knows: who is here, who has everything, who fell
 * silent. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_ROSTER_H
#define PROTO_ROSTER_H

#include "proto/fare.h"

/*
 * The life of a receiver at the sender:
 *
 *	ACTIVE --ACK(FLUSH)--> ACKED --RECEIPT--> FINISHED
 *	   \_______________\__ silent or busy too long __> DROPPED --heard again--> ACTIVE
 *	ACTIVE --loses too much--> BEHIND --the others are done--> ACTIVE
 *
 * FINISHED is final. Who was busy too long is back when it no longer is. A new object takes
 * ACKED back to ACTIVE. Who was barred stays DROPPED, or becomes FINISHED. BEHIND is not asked
 * for anything, and gets no repair.
 */
enum receiver_state {
	RECEIVER_ACTIVE,
	RECEIVER_ACKED,
	RECEIVER_FINISHED,
	RECEIVER_BEHIND,
	RECEIVER_DROPPED,
};

/* Longer than this nobody waits for a receiver that says that it is busy, and finds nothing of
 * what it lacks. */
#define ROSTER_BUSY_MAX (600 * NSEC_PER_SEC)

struct receiver {
	uint32_t node_id;
	enum receiver_state state;
	uint8_t receipt_status;
	uint8_t echo_announce; /* PROBEs that still have to list it */
	uint8_t echo_receipt;
	bool barred;
	nsec_t heard_at;
	nsec_t asked_at;        /* the first question it has not answered; 0: none */
	uint64_t acked_through; /* objects below this number are complete there */
	bool holds, busy;       /* as its last ACK(FLUSH) said */
	nsec_t busy_at; /* the first of those that said busy, and did not lack less; 0: none */
	uint16_t lacks, least_lacks; /* ... the latter since it is busy */
	struct fare fare;
	bool straggled, told; /* it was BEHIND, or is; and that was told */
};

struct roster {
	struct receiver *r; /* in order of appearance */
	uint32_t n, cap;
	uint32_t *index; /* hash of node ids to position + 1 */
	uint32_t index_mask;
	uint32_t count[RECEIVER_DROPPED + 1];
	uint32_t n_echo; /* how many have an echo outstanding */
	uint32_t cursor; /* where the next list of names begins */
};

int roster_init(struct roster *r, uint32_t cap); /* -ENOMEM, -EINVAL */
void roster_fini(struct roster *r);

struct receiver *roster_find(const struct roster *r, uint32_t node_id); /* NULL: unknown */
/* Finds or adds. NULL: full. */
struct receiver *roster_add(struct roster *r, nsec_t now, uint32_t node_id);
void roster_set_state(struct roster *r, struct receiver *rc, enum receiver_state state);

/* Drops it for good. */
void roster_bar(struct roster *r, struct receiver *rc);

/* It was heard: no question is open, and a dropped one is back if it is not barred. */
void roster_heard(struct roster *r, struct receiver *rc, nsec_t now);
/* It said that it is busy, and rc->lacks, or showed that it no longer is. */
void roster_busy(struct roster *r, struct receiver *rc, nsec_t now, bool busy);

/* The next `n` PROBEs list this node, as present (or, with `receipt`, as finished). */
void roster_echo(struct roster *r, struct receiver *rc, bool receipt, uint8_t n);

/*
 * Writes up to cap node ids of receivers in one of `states` (bit set of 1 << state), each
 * big-endian, beginning where the last list ended, and notes that they were asked. Returns how
 * many.
 */
uint32_t roster_ask(struct roster *r, nsec_t now, unsigned states, uint8_t *buf, uint32_t cap);
/* As many of those in `state` as there is room for; nothing is noted. */
uint32_t roster_list(const struct roster *r, enum receiver_state state, uint8_t *buf,
		     uint32_t cap);
/* The same as roster_ask() for outstanding echoes; every listing uses up one. */
uint32_t roster_take_echoes(struct roster *r, bool receipt, uint8_t *buf, uint32_t cap);

/* Drops those of `states` that were asked more than `bound` ago and did not answer, or are busy
 * too long; how many. */
uint32_t roster_drop_silent(struct roster *r, nsec_t now, unsigned states, nsec_t bound);

/* Questions were open while nobody could answer: they are asked anew, of the busy as well. */
void roster_forgive(struct roster *r);

/* A new object: who had everything no longer has. */
void roster_reopen(struct roster *r);

/* Whether one that is ACTIVE does not say that it is busy. */
bool roster_waits(const struct roster *r);
/* The smallest acked_through of those that are waited for (not dropped, no stragglers);
 * UINT64_MAX when none is. */
uint64_t roster_acked_through(const struct roster *r);

#endif
