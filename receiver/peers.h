/* peers.h - the senders we hear, and those we have done with. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_PEERS_H
#define RECEIVER_PEERS_H

#include "common/addr.h"
#include "receiver/session.h"

#define PEERS_LIVE 16 /* with a session */
#define PEERS_MAX  64

/* A sender, in one of its participations. */
struct peer {
	struct addr from;
	uint32_t sender_id;
	uint16_t instance_id;
	nsec_t heard_at;
	struct session *session; /* NULL: it is over, and late packets of it mean nothing */
};

/* Zeroed, it is empty. */
struct peers {
	struct peer list[PEERS_MAX];
	unsigned n;
	unsigned last; /* found last: usually the next one, too */
};

/* Frees the sessions. */
void peers_fini(struct peers *p);

/* The peer of a sender's own message; NULL: a new one. Borrowed until the table changes. */
struct peer *peers_find(struct peers *p, const struct addr *from, const struct msg_session *id);
/* The peer with a session that another receiver's feedback speaks to; NULL: none. */
struct peer *peers_find_sender(struct peers *p, const struct msg_session *id);
/* An earlier participation of the same sender that still has a session; NULL: none. */
struct peer *peers_earlier(struct peers *p, const struct addr *from,
			   const struct msg_session *id);

/*
 * Enters a new peer and its session, which belongs to the table from now on. Those that are
 * over make room, and then the session that has no file in progress and was not heard for
 * longest, which is freed. -ENOBUFS: none of them can go; the session is still the caller's.
 */
int peers_add(struct peers *p, nsec_t now, const struct addr *from,
	      const struct msg_session *id, struct session *session);

/* Frees the session at `i` and remembers the peer, or, when it may come back, does not. */
void peers_end(struct peers *p, unsigned i);

#endif
