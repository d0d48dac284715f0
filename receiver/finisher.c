/* finisher.c - files that are complete: verified, synced and renamed in a thread of their own.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/finisher.h"

static void serve(struct worker_job *job)
{
	struct finish *f = (struct finish *)job;

	f->result = sink_finish(f->sink, f->has_expected ? f->expected : NULL, f->digest);
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
