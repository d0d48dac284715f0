/* peers.c - the senders we hear, and those we have done with. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/peers.h"

#include <errno.h>

void peers_fini(struct peers *p)
{
	for (unsigned i = 0; i < p->n; i++)
		session_free(p->list[i].session);
	p->n = 0;
}

static bool is_peer(const struct peer *p, const struct addr *from, const struct msg_session *id)
{
	return p->sender_id == id->sender_id && p->instance_id == id->instance_id &&
	       addr_equal(&p->from, from);
}

struct peer *peers_find(struct peers *p, const struct addr *from, const struct msg_session *id)
{
	if (p->last < p->n && is_peer(&p->list[p->last], from, id))
		return &p->list[p->last];
	for (unsigned i = 0; i < p->n; i++) {
		if (is_peer(&p->list[i], from, id)) {
			p->last = i;
			return &p->list[i];
		}
	}
	return NULL;
}

struct peer *peers_find_sender(struct peers *p, const struct msg_session *id)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct peer *peer = &p->list[i];

		if (peer->session && peer->sender_id == id->sender_id &&
		    peer->instance_id == id->instance_id)
			return peer;
	}
	return NULL;
}

/* A sender that starts again has another port, perhaps, but its id and its host. */
struct peer *peers_earlier(struct peers *p, const struct addr *from,
			   const struct msg_session *id)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct peer *peer = &p->list[i];

		if (peer->session && peer->sender_id == id->sender_id &&
		    peer->instance_id != id->instance_id && addr_same_host(&peer->from, from))
			return peer;
	}
	return NULL;
}

static void forget(struct peers *p, struct peer *peer)
{
	session_free(peer->session);
	*peer = p->list[--p->n];
}

/* Of those with a session, or without, the one not heard for longest that may go. */
static struct peer *victim(struct peers *p, bool live)
{
	struct peer *oldest = NULL;

	for (unsigned i = 0; i < p->n; i++) {
		struct peer *peer = &p->list[i];

		if ((peer->session != NULL) != live || (live && !session_idle(peer->session)))
			continue;
		if (!oldest || peer->heard_at < oldest->heard_at)
			oldest = peer;
	}
	return oldest;
}

static unsigned n_live(const struct peers *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n += p->list[i].session != NULL;
	return n;
}

/* PEERS_LIVE < PEERS_MAX: a full table has some that are over. */
static bool make_room(struct peers *p)
{
	bool live = n_live(p) == PEERS_LIVE;
	struct peer *peer;

	if (!live && p->n < PEERS_MAX)
		return true;
	peer = victim(p, live);
	if (peer)
		forget(p, peer);
	return peer != NULL;
}

int peers_add(struct peers *p, nsec_t now, const struct addr *from,
	      const struct msg_session *id, struct session *session)
{
	if (!make_room(p))
		return -ENOBUFS;
	p->list[p->n++] = (struct peer){
		.from = *from,
		.sender_id = id->sender_id,
		.instance_id = id->instance_id,
		.heard_at = now,
		.session = session,
	};
	return 0;
}

void peers_end(struct peers *p, unsigned i)
{
	struct peer *peer = &p->list[i];

	if (session_resumable(peer->session)) {
		forget(p, peer);
		return;
	}
	session_free(peer->session);
	peer->session = NULL;
}
