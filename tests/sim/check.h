/* check.h - the properties that must hold after every step and at the end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "proto/tx.h"
#include "tests/sim/sim.h"

struct session;

/* What is remembered of a sender's packets. */
struct sender_check {
	double level; /* bytes above the rate; the largest over all windows that end now */
	double rate;  /* since level_at */
	double burst; /* the largest allowed so far */
	nsec_t level_at;
	uint64_t packets, bytes;
	uint16_t sequence;
	unsigned at_once; /* packets since the clock moved */
	nsec_t at;
	uint64_t idle; /* wake-ups for nothing */
};

struct session_check {
	uint64_t packets, heard;
	uint64_t idle;
	unsigned at_once;
	nsec_t at;
};

void check_sent(struct sender *s, const struct packet *p);
void check_feedback(struct session *s, const struct packet *p);
/* After everything was drained. `idle`: a wake-up that had nothing to do. */
void check_sender_quiet(struct sender *s, nsec_t deadline, bool idle);
void check_session_quiet(struct session *s, nsec_t deadline, bool idle);
/* The sender goes on. */
void check_settled(struct sender *s);
/* When all is over. */
void check_end(struct sim *sim);
/* NACKs sent by all hosts; source blocks and objects of all senders. */
uint64_t count_nacks(const struct sim *sim);
uint64_t count_blocks(const struct sim *sim);

#endif
