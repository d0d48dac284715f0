/* job.c - one object on its way into a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Enough for the thread to be worth waking, and little enough to be in a cache still. */
#define HASH_STEP ((uint64_t)2 << 20)

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
	r = sink_open(&j->sink, dirfd, &meta);
	if (r < 0) {
		free(j);
		return r;
	}
	j->offer = *offer;
	j->size = size;
	j->finish.owner = j;
	*ret = j;
	return 0;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	sink_close(j->sink);
	free(j);
}

static void submit(struct job *j, struct finisher *f, enum finish_op op)
{
	j->finish.op = op;
	j->finish.sink = j->sink;
	j->out = true;
	finisher_submit(f, &j->finish);
}

/*
 * Bytes that are hashed while they are in the cache cost a third less than those that are read
 * again. What comes out of order, or while the loop has more to do than it can, is the
 * thread's.
 */
static int hash(struct job *j, struct finisher *f, uint64_t off, const void *data, size_t len)
{
	int64_t hashed;

	if (j->out)
		return 0;
	if (!finisher_rushed(f)) {
		hashed = sink_hash_hot(j->sink, off, data, len);
		if (hashed < 0)
			return (int)hashed;
		j->hash_asked = (uint64_t)hashed;
	}
	if (sink_prefix(j->sink) - j->hash_asked >= HASH_STEP) {
		j->finish.end = j->hash_asked = sink_prefix(j->sink);
		submit(j, f, FINISH_HASH);
	}
	return 0;
}

int job_write(struct job *j, struct finisher *f, uint64_t off, const void *data, size_t len)
{
	int r = sink_write_at(j->sink, off, data, len);

	return r < 0 ? r : hash(j, f, off, data, len);
}

int job_read(struct job *j, uint64_t off, void *data, size_t len)
{
	return sink_read_at(j->sink, off, data, len);
}

static void store(struct job *j, struct finisher *f)
{
	if (j->state != JOB_WAITING || j->out || (j->offer.ours && !j->offer.has_digest))
		return;
	j->state = JOB_STORING;
	j->finish.has_expected = j->offer.has_digest;
	memcpy(j->finish.expected, j->offer.digest, DIGEST_LEN);
	submit(j, f, FINISH_STORE);
}

void job_info(struct job *j, struct finisher *f, const struct offer *offer)
{
	if (!j->offer.ours || j->offer.has_digest || !offer->has_digest)
		return;
	j->offer.has_digest = true;
	memcpy(j->offer.digest, offer->digest, DIGEST_LEN);
	store(j, f);
}

void job_complete(struct job *j, struct finisher *f)
{
	j->state = JOB_WAITING;
	store(j, f);
}

void job_drop(struct job *j)
{
	j->state = JOB_DROPPED;
}

bool job_returned(struct job *j, struct finisher *f)
{
	j->out = false;
	if (j->state == JOB_STORING || j->state == JOB_DROPPED)
		return true;
	store(j, f);
	return false;
}
