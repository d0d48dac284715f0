/* distinct.c - which chunks are equal to one before, by their digests and lengths. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/distinct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int distinct_init(struct distinct *d, uint32_t n, const struct manifest_chunk *chunks,
		  const struct sums *sums)
{
	static const uint8_t zeros[MANIFEST_CHUNK];
	uint64_t cap = 16;

	while (cap < 2 * (uint64_t)n)
		cap *= 2;
	*d = (struct distinct){ .mask = cap - 1, .chunks = chunks, .sums = sums };
	d->slot = calloc(cap, sizeof(*d->slot));
	return d->slot ? digest_bytes(zeros, sizeof(zeros), d->zero) : -ENOMEM;
}

void distinct_fini(struct distinct *d)
{
	free(d->slot);
	d->slot = NULL;
}

bool distinct_is_zero(const struct distinct *d, const uint8_t *sum, uint32_t len)
{
	return len == MANIFEST_CHUNK && memcmp(sum, d->zero, SHA256_LEN) == 0;
}

uint32_t *distinct_find(const struct distinct *d, const uint8_t *sum, uint32_t len)
{
	uint64_t at;

	memcpy(&at, sum, sizeof(at));
	for (at &= d->mask; d->slot[at]; at = (at + 1) & d->mask) {
		uint32_t i = d->slot[at] - 1;

		if (d->chunks[i].len == len && memcmp(d->sums->sum[i], sum, SHA256_LEN) == 0)
			break;
	}
	return &d->slot[at];
}
