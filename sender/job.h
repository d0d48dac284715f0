/* job.h - what is to be sent: looked through, made objects of a session, read and hashed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_JOB_H
#define SENDER_JOB_H

#include "common/opt.h"
#include "proto/jobinfo.h"
#include "proto/tx.h"

struct job;
struct loop;
struct source_loss;
struct source_tree;
struct stash;

struct job_conf {
	bool plain;       /* files only, each an object, for receivers of other makes */
	unsigned segment; /* bytes that INFO may take */
	const struct opt_list *excludes; /* globs; NULL: none */
	bool one_file_system, owner, xattrs, delete;
	bool compress;    /* what becomes shorter by it; all is read before it is sent */
	uint32_t threads; /* to compress: see worker_all_threads() */
	uint64_t quick;   /* so many bytes are hashed before anybody is asked */
	const char *digest_cache; /* a file; NULL: none is kept */
	const char *input_name;   /* standard input is sent, as this file; NULL: files are */
	size_t input_part;        /* bytes of it in one object; 0: 64 MiB */
	/* Called now and then while it is prepared; NULL: not wanted. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	void *progress_arg;
};

/*
 * Walks through all that was named, and hashes it when that takes no time. 0; -EINVAL: the
 * user's mistake (no such file, two files of one name, ...); or another error. Each is logged.
 */
int job_new(struct job **ret, char *const *paths, unsigned n, const struct job_conf *conf);
/* Keeps the digests for the next run. */
void job_free(struct job *j);

/* Begins to read standard input, if it is that; wakes the loop when job_feed() has something to
 * do. -EAGAIN. job_stop() before the loop goes. */
int job_start(struct job *j, struct loop *loop);
void job_stop(struct job *j);

/* What receivers call it; "": it has none, as the files are sent one by one. */
const char *job_name(const struct job *j);
/* Whether a receipt's digest is that of a receiver which had this job, and no other. */
bool job_is_of(const struct job *j, const struct receipt *rc);
unsigned job_n_files(const struct job *j);
/* The name that standard input gets; NULL: files are sent. */
const char *job_input_name(const struct job *j);
uint64_t job_bytes(const struct job *j);   /* of all files; of standard input so far */
uint64_t job_largest(const struct job *j); /* object */
uint64_t job_total(const struct job *j);   /* bytes of all objects */
/* Files that could not be sent, or not to the end: each was logged when it was noticed. */
unsigned job_n_failed(const struct job *j);
/* Whether everything is read once before it is sent, and how much of it was. */
bool job_hashing(const struct job *j, uint64_t *ret_done, uint64_t *ret_total);

/*
 * Queues objects with the session as it comes to them, and calls tx_finish() behind the last.
 * True: there is more to do at once. Once done it costs nothing.
 */
bool job_feed(struct job *j, struct tx *tx, nsec_t now);

/*
 * Reading on its way, for a READ of the session or to hash. Between job_read_begin() and
 * job_read_end() it may be served in another thread, those of one tree one after the other and
 * in order; at most JOB_READS at a time.
 */
#define JOB_READS 16

struct job_read {
	const struct work *work; /* borrowed; NULL: only to hash */
	struct source_tree *tree;
	const uint8_t *memory;     /* instead of a tree, */
	const struct stash *stash; /* or this; none of them: it is not kept any more */
	uint64_t offset;           /* in there */
	uint64_t hash;             /* bytes to hash */
	bool only;                 /* no other was under way */

	int64_t result;             /* bytes hashed, 0 or -errno */
	bool complete;              /* all digests are known */
	struct source_loss *losses; /* files that failed on the way */
};

void job_read_begin(struct job *j, const struct work *w, struct job_read *ret);
/* If it is time to: hashes about `max` bytes. */
bool job_hash_begin(struct job *j, uint64_t max, struct job_read *ret);
void job_read_serve(struct job_read *r);
/* What tx_work_done() wants: 0, or -errno: the object is lost, which was logged. */
int job_read_end(struct job *j, const struct job_read *r);

/* All three, for a READ. */
int job_read(struct job *j, const struct work *w);

#endif
