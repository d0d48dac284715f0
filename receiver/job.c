/* job.c - one object on its way into a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/job.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Behind a hole the hash catches up with the front by this much for each write. */
#define CATCH_UP ((uint64_t)1 << 20)

struct job *job_of_sink(struct sink *s)
{
	return (struct job *)((char *)s - offsetof(struct job, sink));
}

struct job *job_of_finish(struct finish *f)
{
	return (struct job *)((char *)f - offsetof(struct job, store.finish));
}

/*
 * What comes next to what is hashed is hashed while it is in the cache, which costs a third
 * less than to read it again. What came behind a hole is read back when the hole is gone.
 */
static int write_piece(struct sink *s, uint64_t off, const void *data, size_t len,
		       uint64_t front)
{
	struct sink_file *file = job_of_sink(s)->file;
	int r = sink_write_at(file, off, data, len);

	if (r == 0)
		r = sink_hash(file, front, CATCH_UP);
	if (r == 0)
		sink_hash_hot(file, off, data, len);
	return r;
}

static int read_piece(struct sink *s, uint64_t off, void *buf, size_t len)
{
	return sink_read_at(job_of_sink(s)->file, off, buf, len);
}

static const struct sink_ops ops = { .write = write_piece, .read = read_piece };

int job_new(struct job **ret, int dirfd, const struct offer *offer, uint64_t size)
{
	struct sink_meta meta = {
		.name = offer->name,
		.name_len = strlen(offer->name),
		.size = size,
		.has_meta = offer->has_meta,
		.mode = offer->mode,
		.mtime_sec = offer->mtime_sec,
		.mtime_nsec = offer->mtime_nsec,
	};
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	r = sink_open(&j->file, dirfd, &meta);
	if (r < 0) {
		free(j);
		return r;
	}
	j->offer = *offer;
	j->sink = (struct sink){ .ops = &ops, .size = size };
	*ret = j;
	return 0;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	sink_close(j->file);
	free(j);
}

bool job_busy(const struct job *j)
{
	return j->out || j->sink.n_chores;
}

static void serve(struct finish *f)
{
	struct job_store *s = &job_of_finish(f)->store;

	s->result = sink_finish(s->file, s->has_expected ? s->expected : NULL, s->digest);
}

static void store(struct job *j, struct worker *f)
{
	if (j->state != JOB_WAITING || (j->offer.ours && !j->offer.has_digest))
		return;
	j->state = JOB_STORING;
	j->store.finish.serve = serve;
	j->store.file = j->file;
	j->store.has_expected = j->offer.has_digest;
	memcpy(j->store.expected, j->offer.digest, DIGEST_LEN);
	j->out = true;
	finisher_submit(f, &j->store.finish);
}

void job_info(struct job *j, struct worker *f, const struct offer *offer)
{
	if (!j->offer.ours || j->offer.has_digest || !offer->has_digest)
		return;
	j->offer.has_digest = true;
	memcpy(j->offer.digest, offer->digest, DIGEST_LEN);
	store(j, f);
}

void job_complete(struct job *j, struct worker *f)
{
	j->state = JOB_WAITING;
	j->sink.closed = true;
	store(j, f);
}

void job_drop(struct job *j)
{
	j->state = JOB_DROPPED;
	j->sink.closed = true;
}

enum file_status job_abort_status(int error)
{
	switch (error) {
	case -ESTALE:
		return FILE_WITHDRAWN;
	case -EPROTONOSUPPORT:
		return FILE_REFUSED;
	default:
		return FILE_FAILED;
	}
}

const char *job_abort_reason(int error)
{
	switch (error) {
	case -ESTALE:
		return "the sender gave it up";
	case -EPROTONOSUPPORT:
		return "it is of a kind, or its code is, that reap does not know";
	case -EFBIG:
		return "too large: a limit on files, or --memory for its blocks";
	default:
		return strerror(-error);
	}
}
