/* job_internal.h - what the files of job share. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_JOB_INTERNAL_H
#define SENDER_JOB_INTERNAL_H

#include "sender/input.h"
#include "sender/job.h"
#include "sender/stash.h"

#define JOB_INFO_MAX  (JOBINFO_NAME_MAX + 256)
#define JOB_NO_OBJECT UINT64_MAX

/*
 * doc/PROTOCOL.md, "A job". Digests that are known beforehand skip HASHING; when nobody holds
 * anything they come last.
 *
 *	BEGIN -> MANIFEST --> [HASHING] -> DIGESTS -> content -> DONE
 *	                 `--> CONTENT -> digests -> DONE
 *
 * Of standard input: BEGIN -> CONTENT, part by part -> DONE.
 */
enum job_state {
	JOB_BEGIN,    /* nothing is queued */
	JOB_MANIFEST, /* until all have it */
	JOB_HASHING,  /* somebody holds data: all of it is read for the digests */
	JOB_DIGESTS,  /* until all have them */
	JOB_CONTENT,  /* is sent, and hashed on the way */
	JOB_DONE,     /* all is queued */
};

struct job {
	struct job_conf conf;
	enum job_state state;
	struct scan *scan;
	struct pack *pack;
	struct sums sums; /* while reads are under way those look after it */
	struct source_tree *tree;
	struct stash *stash;     /* what is read of the content instead; NULL: it is the tree */
	uint8_t *lost;           /* entries, a byte each */
	uint32_t n_read, n_lost; /* of those that are read at all */
	unsigned n_failed;       /* for any reason */
	unsigned reads;          /* of the tree, or of the part, under way */
	uint64_t largest;

	/* A job of ours. */
	char name[JOBINFO_NAME_MAX + 1];
	struct pack_wire wire;
	uint64_t manifest, digests, content; /* numbers of objects; JOB_NO_OBJECT */
	uint8_t sum[SHA256_LEN];             /* of the digests */
	bool complete;                       /* all digests are known */
	bool hashing;                        /* a thread is at it */
	bool broken;                         /* an object was withdrawn */
	uint64_t to_hash, hashed;
	int64_t scanned_at; /* seconds since 1970 */
	bool unsaved;       /* digests that the cache does not have */

	/* Standard input; `content` is the number of its last part. */
	struct input *input;
	struct input_part part;

	/* Files by themselves. */
	uint32_t *order;   /* entries as they were named */
	uint32_t *objects; /* the entry of each object */
	uint32_t n_fed;
};

/* Files by themselves (job_files.c). */
int job_files_init(struct job *j);
bool job_files_feed(struct job *j, struct tx *tx, nsec_t now);

/* A manifest, its digests and its content (job_tree.c). */
int job_tree_init(struct job *j, const char *first_path);
void job_tree_save(struct job *j);
bool job_tree_feed(struct job *j, struct tx *tx, nsec_t now);

/* Standard input (job_pipe.c). */
int job_pipe_init(struct job *j);
bool job_pipe_feed(struct job *j, struct tx *tx, nsec_t now);

/* job_tree.c, for job_pipe.c, too. */
int job_fit_name(struct job *j, const char *first_path);
int job_add(struct job *j, struct tx *tx, nsec_t now, enum jobinfo_role role, uint64_t size);

/* Instead of hashing (job_stash.c): all of it is read, compressed and kept, so that nothing can
 * change while it is sent. */
int job_stash_make(struct job *j);
/* The plan is made again: its chunks are those in the stash. */
void job_stash_use(struct job *j);
/* Says why it cannot be; `r`. */
int job_stash_failed(int r);

/* Names files that were lost on the way, and frees the list. */
void job_note_losses(struct job *j, struct source_loss *losses);

#endif
