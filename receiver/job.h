/* job.h - one object on its way into a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_JOB_H
#define RECEIVER_JOB_H

#include "proto/types.h"
#include "receiver/finisher.h"
#include "receiver/offer.h"
#include "receiver/report.h"
#include "receiver/sink.h"
#include "receiver/sink_file.h"

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

/* Its file, in the finisher's hands. */
struct job_store {
	struct finish finish;
	struct sink_file *file;
	bool has_expected;
	uint8_t expected[SHA256_LEN];
	int result;                 /* of sink_finish() */
	uint8_t digest[SHA256_LEN]; /* when the result is 0 or -EBADMSG */
};

struct job {
	struct sink sink; /* closed but when RECEIVING */
	uint64_t object;
	struct offer offer;
	enum job_state state;
	struct sink_file *file;
	bool out; /* `store` is the finisher's */
	struct job_store store;
};

/* Opens the file below dirfd. -ENOMEM, or what sink_open() says. */
int job_new(struct job **ret, int dirfd, const struct offer *offer, uint64_t size);
/* Removes the temporary file unless it was stored. Not while job_busy(), unless the threads
 * have ended. */
void job_free(struct job *j);
/* The job that a sink, or a request of the finisher's, belongs to. */
struct job *job_of_sink(struct sink *s);
struct job *job_of_finish(struct finish *f);

/* Whether some thread has it, or its sink. */
bool job_busy(const struct job *j);

/* INFO came again; it may have brought the digest. */
void job_info(struct job *j, struct worker *f, const struct offer *offer);

/* Every byte was written: the finisher gets it as soon as there is a digest, or none can come.
 */
void job_complete(struct job *j, struct worker *f);

/* The session has no use for it: to be freed now, or when it is not busy any more. */
void job_drop(struct job *j);

/* What it means that an object was aborted (rx.h, RX_EV_ABORTED). */
enum file_status job_abort_status(int error);
const char *job_abort_reason(int error);

#endif
