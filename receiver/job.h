/* job.h - one object on its way into a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_JOB_H
#define RECEIVER_JOB_H

#include "proto/types.h"
#include "receiver/finisher.h"
#include "receiver/offer.h"

/*
 *	RECEIVING --every byte written--> WAITING --digest known--> STORING --> stored or failed
 *	    \______________\__________job_drop()_____________________> DROPPED
 */
enum job_state {
	JOB_RECEIVING,
	JOB_WAITING, /* for the digest */
	JOB_STORING, /* the finisher verifies, syncs and renames */
	JOB_DROPPED, /* of no more use; a thread may still have it */
};

struct job {
	uint64_t object, size;
	struct offer offer;
	enum job_state state;
	struct sink_file *sink;
	bool out;          /* `finish` is the finisher's */
	unsigned n_chores; /* requests that are served by threads */
	struct finish finish;
	void *owner; /* the session */
};

/* Opens the file below dirfd. -ENOMEM, or what sink_open() says. */
int job_new(struct job **ret, int dirfd, const struct offer *offer, uint64_t size);
/* Removes the temporary file unless it was stored. Not while job_busy(), unless the threads
 * have ended. */
void job_free(struct job *j);

/* Whether some thread has it, or its sink. */
bool job_busy(const struct job *j);

/* INFO came again; it may have brought the digest. */
void job_info(struct job *j, struct worker *f, const struct offer *offer);

/* Every byte was written: the finisher gets it as soon as there is a digest, or none can come.
 */
void job_complete(struct job *j, struct worker *f);

/* The session has no use for it: to be freed now, or when it is not busy any more. */
void job_drop(struct job *j);

#endif
