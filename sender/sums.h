/* sums.h - the digests of a content's chunks, as far as they are known. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_SUMS_H
#define SENDER_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

enum sums_state {
	SUM_UNKNOWN,
	SUM_KNOWN,
	SUM_SPOILED, /* its file changed: what stands there is no chunk's digest */
};

struct sums {
	uint32_t n, n_unknown;
	uint8_t (*sum)[SHA256_LEN];
	uint8_t *state; /* enum sums_state */
};

/* -ENOMEM. sums_fini() in every case. */
int sums_init(struct sums *s, uint32_t n);
void sums_fini(struct sums *s);

/* Each at most once a chunk. */
void sums_set(struct sums *s, uint32_t chunk, const uint8_t sum[static SHA256_LEN]);
void sums_spoil(struct sums *s, uint32_t chunk);

static inline bool sums_complete(const struct sums *s)
{
	return s->n_unknown == 0;
}

#endif
