/* handout.h - what one session asks for, served in the loop's thread or handed out to others.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_HANDOUT_H
#define RECEIVER_HANDOUT_H

#include "proto/rx.h"
#include "receiver/chores.h"

struct handout {
	struct rx *rx;
	struct chores *chores;
	/* The sink of an object; NULL: it has none. */
	struct sink *(*find)(void *session, uint64_t object);
	void *session;
	unsigned n_chores; /* requests that are served by threads */
};

/* Serves what the session asks for, or hands it out as far as there is room. Whether it asked.
 */
bool handout_work(struct handout *h, nsec_t now);

/* A chore was served. The sink that it was the last one of, if that is closed; else NULL. */
struct sink *handout_served(struct handout *h, nsec_t now, const struct chore *chore);

#endif
