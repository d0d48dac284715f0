/* finisher.c - what may wait for a disk as long as it likes, in a thread of its own. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/finisher.h"

static void serve(struct worker_job *job)
{
	struct finish *f = (struct finish *)job;

	f->serve(f);
}

void finisher_submit(struct worker *w, struct finish *finish)
{
	finish->job = (struct worker_job){ .serve = serve };
	worker_submit(w, &finish->job);
	worker_go(w);
}

struct finish *finisher_take(struct worker *w)
{
	return (struct finish *)worker_take(w);
}
