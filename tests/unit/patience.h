/* patience.h - how tests with a virtual clock wait for reap's threads and hooks. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_PATIENCE_H
#define TESTS_UNIT_PATIENCE_H

#include "common/clock.h"
#include "receiver/session.h"

/* Virtual time must not pass while a thread waits for a slow disk, nor too fast while a hook
 * runs. */
static inline void patience(const struct session_conf *sc, struct loop *loop, nsec_t pause)
{
	struct loop_event ev;

	worker_wait(sc->finisher);
	if (sc->looker)
		worker_wait(sc->looker);
	if (sc->chores->worker)
		worker_wait(sc->chores->worker);
	if (sc->hook)
		loop_wait(loop, clock_now() + pause, &ev, 1);
}

#endif
