/* jobs.h - the objects of one session on their way into files, and what came of each. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_JOBS_H
#define RECEIVER_JOBS_H

#include "proto/rx.h"
#include "receiver/hook.h"
#include "receiver/job.h"
#include "receiver/limits.h"
#include "receiver/output.h"
#include "receiver/tally.h"

#define JOBS_RX  1024          /* objects in progress; each has two descriptors */
#define JOBS_MAX (2 * JOBS_RX) /* with those dropped that the finisher still has */

/* Borrowed. */
struct jobs_conf {
	struct rx *rx; /* of up to JOBS_RX objects */
	struct worker *finisher;
	struct report *report;
	struct hook *hook; /* NULL: none */
	const struct limits *limits;
	const struct hook_origin *origin; /* the sender is the peer */
	const struct output *output;
	void *owner; /* goes into each job */
};

/* Zeroed but for conf, it is empty. */
struct jobs {
	struct jobs_conf conf;
	struct job *list[JOBS_MAX];
	unsigned n;
	unsigned n_hooks; /* that have not ended */
	struct job *last; /* found last: usually the next one, too */
	bool named;       /* the one file that the output is, if it is one, has begun */
	struct tally tally;
};

/* Removes unfinished files. No job is busy, or the threads have ended. */
void jobs_fini(struct jobs *js);

/* The events of rx.h that tell of objects. */
void jobs_on_object(struct jobs *js, nsec_t now, const struct rx_event *ev);
void jobs_on_info(struct jobs *js, const struct rx_event *ev);
void jobs_on_complete(struct jobs *js, nsec_t now, const struct rx_event *ev);
void jobs_on_aborted(struct jobs *js, const struct rx_event *ev);

/* Where the bytes of an object go; NULL: it has no job. */
struct sink *jobs_sink(struct jobs *js, uint64_t object);

/* The last request of a sink that is closed came back. True: its job had been given up. */
bool jobs_unused(struct jobs *js, struct sink *sink);
/* The finisher has done with a file. */
void jobs_finished(struct jobs *js, struct finish *finish);
/* A hook for one of its files has ended. */
void jobs_hooked(struct jobs *js, const struct hook_end *end);

/* Gives up all that are not yet with the finisher to be stored. */
void jobs_fail_unfinished(struct jobs *js, const char *reason);

#endif
