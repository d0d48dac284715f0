/* tally.h - what came of the files of one session, for its receipt and its report. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TALLY_H
#define RECEIVER_TALLY_H

#include "proto/census.h"
#include "receiver/report.h"

struct tally_digest {
	uint64_t object;
	uint8_t digest[DIGEST_LEN];
};

/* Zeroed, it is empty. */
struct tally {
	uint64_t files[FILE_N_STATUSES];
	uint64_t hooks_failed;            /* for files, stored or not */
	uint64_t stuck;                   /* was to be removed, and was not */
	uint64_t bytes;                   /* stored */
	char reason[CENSUS_TEXT_MAX + 1]; /* of the first file, or hook, that failed */
	struct tally_digest *digests;     /* of those that were */
	size_t n_digests, cap_digests;
	bool forgot; /* no memory for one of them */
};

void tally_fini(struct tally *t);

void tally_add(struct tally *t, uint64_t object, const struct file_result *file);
void tally_job(struct tally *t, const struct job_result *job);
/* The hook for a file failed. */
void tally_hook(struct tally *t, const char *name, const char *failed);
uint64_t tally_count(const struct tally *t); /* files of any kind */

/* The worst of what happened to the files; COMPLETE for none. */
enum receipt_status tally_status(const struct tally *t);

/*
 * SHA-256 over the digests of the files that were stored, in the order of their objects
 * (doc/PROTOCOL.md, "Receipt"). 0, -ENOMEM (also when one of tally_add() had no memory), -EIO.
 */
int tally_digest(struct tally *t, uint8_t ret[static DIGEST_LEN]);

#endif
