/* tally.c - what came of the files of one session, for its receipt and its report. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tally_fini(struct tally *t)
{
	free(t->digests);
}

/* Without memory for it there will be no digest of all; the files are none the worse. */
static void keep_digest(struct tally *t, uint64_t object, const uint8_t *digest)
{
	struct tally_digest *d;
	size_t cap = t->cap_digests ? 2 * t->cap_digests : 16;

	if (t->forgot)
		return;
	if (t->n_digests == t->cap_digests) {
		d = realloc(t->digests, cap * sizeof(*d));
		if (!d) {
			t->forgot = true;
			return;
		}
		t->digests = d;
		t->cap_digests = cap;
	}
	d = &t->digests[t->n_digests++];
	d->object = object;
	memcpy(d->digest, digest, DIGEST_LEN);
}

void tally_add(struct tally *t, uint64_t object, const struct file_result *file)
{
	t->files[file->status]++;
	if (file->status == FILE_VERIFIED)
		keep_digest(t, object, file->digest);
	if (file->status == FILE_VERIFIED || file->status == FILE_UNVERIFIED)
		t->bytes += file->size;
	else if (!t->reason[0])
		snprintf(t->reason, sizeof(t->reason), "%.100s: %s", file->name,
			 file->reason ? file->reason : file_status_name(file->status));
}

void tally_job(struct tally *t, const struct job_result *job)
{
	for (unsigned i = 0; i < FILE_N_STATUSES; i++)
		t->files[i] += job->files[i];
	t->bytes += job->bytes;
	t->stuck += job->stuck;
	if (job->reason && !t->reason[0])
		snprintf(t->reason, sizeof(t->reason), "%s", job->reason);
}

void tally_hook(struct tally *t, const char *name, const char *failed)
{
	t->hooks_failed++;
	if (!t->reason[0])
		snprintf(t->reason, sizeof(t->reason), "%.100s: hook: %s", name, failed);
}

uint64_t tally_count(const struct tally *t)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < FILE_N_STATUSES; i++)
		n += t->files[i];
	return n;
}

enum receipt_status tally_status(const struct tally *t)
{
	if (t->files[FILE_CORRUPT])
		return RECEIPT_CORRUPT;
	if (t->files[FILE_FAILED])
		return RECEIPT_IO;
	if (t->files[FILE_REFUSED])
		return RECEIPT_REFUSED;
	if (t->files[FILE_WITHDRAWN] || t->files[FILE_INCOMPLETE])
		return RECEIPT_PARTIAL;
	if (t->stuck)
		return RECEIPT_STUCK;
	return t->hooks_failed ? RECEIPT_HOOK : RECEIPT_COMPLETE;
}

static int by_object(const void *a, const void *b)
{
	const struct tally_digest *x = a, *y = b;

	return (x->object > y->object) - (x->object < y->object);
}

int tally_digest(struct tally *t, uint8_t ret[static DIGEST_LEN])
{
	struct digest *d;
	int r = t->forgot ? -ENOMEM : digest_new(&d);

	if (r < 0)
		return r;
	if (t->n_digests)
		qsort(t->digests, t->n_digests, sizeof(*t->digests), by_object);
	for (size_t i = 0; i < t->n_digests; i++)
		digest_update(d, t->digests[i].digest, DIGEST_LEN);
	r = digest_final(d, ret);
	digest_free(d);
	return r;
}
