/* job.h - the files to send: checked, made objects of a session, read and hashed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_JOB_H
#define SENDER_JOB_H

#include "proto/jobinfo.h"
#include "proto/tx.h"
#include "sender/source_file.h"

struct job;

struct job_conf {
	bool plain;       /* INFO is the file's name alone, for receivers of other makes */
	unsigned segment; /* bytes that INFO may take */
};

/*
 * Looks at every file once. 0; -EINVAL: the user's mistake (no such file, a directory, two
 * files of one name, ...); or another error of opening a file. Each is logged, and all of them
 * are.
 */
int job_new(struct job **ret, char *const *paths, unsigned n, const struct job_conf *conf);
void job_free(struct job *j);

unsigned job_n_files(const struct job *j);
uint64_t job_bytes(const struct job *j);   /* of all files */
uint64_t job_largest(const struct job *j); /* of one */
/* Files that could not be sent, or not to the end: each was logged when it was noticed. */
unsigned job_n_failed(const struct job *j);

/*
 * Queues files with the session while it has room, as much as takes some milliseconds; calls
 * tx_finish() when all are. True: there is more to do at once. Once done it costs nothing.
 */
bool job_feed(struct job *j, struct tx *tx, nsec_t now);

/*
 * A READ on its way. Between job_read_begin() and job_read_end() it may be served in another
 * thread, those of one source one after the other and in order; at most JOB_READS at a time.
 */
#define JOB_READS 16

struct job_read {
	struct source_file *source; /* NULL: it could not be opened */
	const struct work *work;    /* borrowed */
	bool last;                  /* then the digest is wanted */
	bool only;                  /* none of this source was under way */
	int result;
	uint8_t digest[DIGEST_LEN]; /* last: when the result is 0 */
};

void job_read_begin(struct job *j, const struct work *w, struct job_read *ret);
void job_read_serve(struct job_read *r);
/*
 * Hands the digest to the session when the last byte of a file was read. What tx_work_done()
 * wants: 0, or -errno: the file is lost, which was logged.
 */
int job_read_end(struct job *j, struct tx *tx, nsec_t now, const struct job_read *r);

/* All three. */
int job_read(struct job *j, struct tx *tx, nsec_t now, const struct work *w);

#endif
