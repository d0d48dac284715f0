/* wanted.h - the chunks of a job by their digests. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_WANTED_H
#define RECEIVER_WANTED_H

#include "common/digest.h"

#include <stdint.h>

#define WANTED_NONE UINT32_MAX

/* Eight to sixteen bytes a chunk. Its order is drawn by lot: digests come from anybody. */
struct wanted {
	const uint8_t (*digests)[SHA256_LEN]; /* borrowed */
	uint64_t mask, key[4];
	uint32_t *slot; /* of chunks, WANTED_NONE: free */
};

/* -ENOMEM, -EIO. */
int wanted_init(struct wanted *w, const uint8_t (*digests)[SHA256_LEN], uint32_t n);
void wanted_fini(struct wanted *w);

/* The first chunk with this digest; WANTED_NONE: there is none. */
uint32_t wanted_find(const struct wanted *w, const uint8_t digest[static SHA256_LEN]);

#endif
