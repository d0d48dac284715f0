/* distinct.h - which chunks are equal to one before, by their digests and lengths. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_DISTINCT_H
#define SENDER_DISTINCT_H

#include "proto/manifest.h"
#include "sender/sums.h"

struct distinct {
	uint32_t *slot; /* open addressing: a chunk's number and one more; 0: empty */
	uint64_t mask;
	const struct manifest_chunk *chunks; /* both borrowed */
	const struct sums *sums;
	uint8_t zero[SHA256_LEN]; /* the digest of a whole chunk of zeros */
};

/* Room for `n` of them, numbered as in both arrays. -ENOMEM, -EIO; distinct_fini() in every
 * case. */
int distinct_init(struct distinct *d, uint32_t n, const struct manifest_chunk *chunks,
		  const struct sums *sums);
void distinct_fini(struct distinct *d);

/* A whole chunk of zeros. */
bool distinct_is_zero(const struct distinct *d, const uint8_t *sum, uint32_t len);

/* Where the number, and one more, of an equal chunk is, or belongs: then it is 0. */
uint32_t *distinct_find(const struct distinct *d, const uint8_t *sum, uint32_t len);

#endif
