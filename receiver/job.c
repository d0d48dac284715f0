/* job.c - one object on its way into a file. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

bool job_busy(const struct job *j)
{
	return j->out || j->n_chores;
}

static void store(struct job *j, struct worker *f)
{
	if (j->state != JOB_WAITING || (j->offer.ours && !j->offer.has_digest))
		return;
	j->state = JOB_STORING;
	j->finish.has_expected = j->offer.has_digest;
	memcpy(j->finish.expected, j->offer.digest, DIGEST_LEN);
	j->finish.sink = j->sink;
	j->out = true;
	finisher_submit(f, &j->finish);
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
	store(j, f);
}

void job_drop(struct job *j)
{
	j->state = JOB_DROPPED;
}
