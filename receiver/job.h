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
	JOB_DROPPED, /* of no more use; the finisher may still have it */
};

struct job {
	uint64_t object, size;
	struct offer offer;
	enum job_state state;
	struct sink_file *sink;
	bool out;            /* `finish` is the finisher's */
	uint64_t hash_asked; /* the finisher hashed, or was told to hash, up to here */
	struct finish finish;
	void *owner; /* the session */
};

/* Opens the file below dirfd. -ENOMEM, or what sink_open() says. */
int job_new(struct job **ret, int dirfd, const struct offer *offer, uint64_t size);
/* Removes the temporary file unless it was stored. Not while `out`, unless the finisher has
 * ended. */
void job_free(struct job *j);

/* WORK_WRITE and WORK_READ. What is whole from the start is hashed on the way. */
int job_write(struct job *j, struct finisher *f, uint64_t off, const void *data, size_t len);
int job_read(struct job *j, uint64_t off, void *data, size_t len);

/* INFO came again; it may have brought the digest. */
void job_info(struct job *j, struct finisher *f, const struct offer *offer);

/* Every byte was written: the finisher gets it as soon as there is a digest, or none can come.
 */
void job_complete(struct job *j, struct finisher *f);

/* The session has no use for it: to be freed now, or when the finisher gives it back. */
void job_drop(struct job *j);

/* The finisher gave the job back. True: it is over, and unless it was dropped `finish` has the
 * result; false: it goes on. */
bool job_returned(struct job *j, struct finisher *f);

#endif
