/* sums.c - the digests of a content's chunks, as far as they are known. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/sums.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/manifest.h"

int sums_init(struct sums *s, uint32_t n)
{
	*s = (struct sums){ .n = n, .n_unknown = n };
	s->sum = calloc((size_t)n + 1, sizeof(*s->sum));
	s->state = calloc((size_t)n + 1, 1);
	return s->sum && s->state ? 0 : -ENOMEM;
}

void sums_fini(struct sums *s)
{
	free(s->sum);
	free(s->state);
	*s = (struct sums){ 0 };
}

void sums_set(struct sums *s, uint32_t chunk, const uint8_t sum[static SHA256_LEN])
{
	assert(chunk < s->n && s->state[chunk] == SUM_UNKNOWN);
	memcpy(s->sum[chunk], sum, SHA256_LEN);
	s->state[chunk] = SUM_KNOWN;
	s->n_unknown--;
}

void sums_spoil(struct sums *s, uint32_t chunk)
{
	assert(chunk < s->n && s->state[chunk] != SUM_SPOILED);
	s->n_unknown -= s->state[chunk] == SUM_UNKNOWN;
	memset(s->sum[chunk], MANIFEST_LOST, SHA256_LEN);
	s->state[chunk] = SUM_SPOILED;
}
