/* chores.h - what sessions ask for (proto/work.h), served at once or by threads beside the
 * loop.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_CHORES_H
#define RECEIVER_CHORES_H

#include "common/worker.h"
#include "proto/work.h"
#include "receiver/sink.h"

/* Handed out at a time, of all sessions: some MB that wait for a disk. */
#define CHORES_MAX 64

struct chore {
	struct worker_job job; /* the pool's own */
	struct work work;
	struct sink *sink; /* READ, WRITE */
	uint64_t front;    /* WRITE: up to here the object is complete and written */
	int result;        /* for rx_work_done() */
	void *session;
	struct chore *next; /* free */
};

struct chores {
	struct worker *worker; /* NULL: everything is served at once */
	bool small;            /* to leave them small work, too, pays when packets wait */
	bool rushed;           /* packets wait */
	struct chore list[CHORES_MAX];
	struct chore *free;
	uint64_t bytes; /* to be written */
};

/* n_threads may be 0. What worker_new() says. */
int chores_init(struct chores *c, unsigned n_threads, struct loop *loop);
/* Ends the threads; what waits is not served. Fine when zeroed. */
void chores_fini(struct chores *c);

/* Whether one more may be handed out. */
bool chores_room(const struct chores *c);
/* Serves it here. */
void chores_serve(struct chore *chore);
/* There is room, and there are threads: hands a copy out. */
void chores_submit(struct chores *c, const struct chore *chore);
/* Now is the time to serve what was handed out. */
void chores_go(struct chores *c);
/* Copies one that was served and makes room. False: none. */
bool chores_take(struct chores *c, struct chore *ret);
/* When there is no room: until there will be. */
void chores_wait(struct chores *c);

#endif
