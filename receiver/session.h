/* session.h - what one sender sends, from its first packet to our receipt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SESSION_H
#define RECEIVER_SESSION_H

#include "common/addr.h"
#include "common/udp_in.h"
#include "proto/census.h"
#include "proto/msg.h"
#include "proto/types.h"
#include "receiver/chores.h"
#include "receiver/finisher.h"
#include "receiver/have.h"
#include "receiver/hook.h"
#include "receiver/limits.h"
#include "receiver/output.h"
#include "receiver/report.h"
#include "receiver/self.h"

/* What all sessions share; borrowed, and outlives them. */
struct session_conf {
	const struct output *output;
	struct worker *finisher;
	struct worker *looker; /* another one, for jobs */
	struct worker *pourer; /* for standard output; NULL: that is not the output */
	const struct have_from *from;
	struct chores *chores;
	struct report *report;
	struct hook *hook; /* NULL: none */
	const struct limits *limits;
	uint32_t node_id; /* ours */
	const struct self *self;
	enum announce_state state; /* when a session begins */
	uint64_t free;             /* then, too */
	size_t memory;             /* for the symbols of unfinished blocks, each session */
	nsec_t inactivity;         /* a sender is gone after this silence */
	bool once;                 /* a plain NORM sender is done with when it pauses */
};

struct session;

/* A session with the sender whose first packet came by `origin`. -EINVAL, -ENOMEM. */
int session_new(struct session **ret, const struct session_conf *conf,
		const struct hook_origin *origin, const struct msg_session *id, uint64_t seed,
		nsec_t now);
/* Removes unfinished files. Not while session_over() is false, unless the threads have ended.
 */
void session_free(struct session *s);

/* A packet of the sender, or another receiver's feedback to it. What rx_input() says. */
int session_input(struct session *s, nsec_t now, const struct udp_datagram *d);

/* How many datagrams the socket has dropped since it was opened, and how many bytes wait there.
 */
void session_health(struct session *s, nsec_t now, uint64_t dropped, uint64_t waiting);

/* The next feedback for the sender, to be sent by unicast; 0: none now. */
int session_output(struct session *s, nsec_t now, uint8_t *buf, size_t cap);

/* When to call session_output() and session_over() again if nothing comes in. */
nsec_t session_deadline(const struct session *s, nsec_t now);

/* A chore of this session was served. */
void session_served(struct session *s, nsec_t now, const struct chore *chore);
/* The finisher gave back a request of session_of(). */
struct session *session_of(const struct finish *finish);
void session_finished(struct session *s, nsec_t now, struct finish *finish);
/* A hook whose owner is `s` has ended. */
void session_hooked(struct session *s, nsec_t now, const struct hook_end *end);

/* The same sender began anew: this one is gone. */
void session_replaced(struct session *s, nsec_t now);
/* We are asked to end: gives up what is unfinished and says so in a receipt. */
void session_interrupt(struct session *s, nsec_t now);

/* Whether it is over and may be freed. */
bool session_over(const struct session *s, nsec_t now);
/* Whether the sender may come back and go on: it was not heard any more, but said no good-bye.
 */
bool session_resumable(const struct session *s);
/* Whether it has unfinished files, or the sender counts on us. */
bool session_busy(const struct session *s);
/* Whether all came, and it is being verified and stored. */
bool session_storing(const struct session *s);
/* Whether it may be freed at once and nothing is lost but that it was heard. */
bool session_idle(const struct session *s);
/* Whether there was more to it than a stray packet. */
bool session_counts(const struct session *s);
/* Whether standard output has still to get something of it; that ends now. */
bool session_pouring(const struct session *s);
void session_stop_pour(struct session *s);
/* Whether the sender only asks who is there. */
bool session_is_census(const struct session *s);
/* Whether the receipt is still to be heard by the sender. */
bool session_unconfirmed(const struct session *s);

/* Object bytes complete, of those known so far. */
void session_progress(const struct session *s, uint64_t *done, uint64_t *total);

#endif
