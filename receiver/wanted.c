/* wanted.c - the chunks of a job by their digests. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/wanted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Who does not know the key cannot choose digests that meet (multilinear hashing). */
static uint64_t hash(const struct wanted *w, const uint8_t digest[static SHA256_LEN])
{
	uint64_t word[4], h = 0;

	memcpy(word, digest, sizeof(word));
	for (int i = 0; i < 4; i++)
		h += (word[i] >> 32) * (w->key[i] | 1) +
		     (word[i] & UINT32_MAX) * ((w->key[i] << 32 | w->key[i] >> 32) | 1);
	return h >> 32;
}

/* Where it is, or would be. */
static uint32_t *slot_of(const struct wanted *w, const uint8_t digest[static SHA256_LEN])
{
	uint64_t i = hash(w, digest) & w->mask;

	while (w->slot[i] != WANTED_NONE &&
	       memcmp(w->digests[w->slot[i]], digest, SHA256_LEN) != 0)
		i = (i + 1) & w->mask;
	return &w->slot[i];
}

int wanted_init(struct wanted *w, const uint8_t (*digests)[SHA256_LEN], uint32_t n)
{
	uint64_t cap = 16;

	while (cap < 2 * (uint64_t)n)
		cap *= 2;
	*w = (struct wanted){ .digests = digests, .mask = cap - 1 };
	if (getrandom(w->key, sizeof(w->key), 0) != sizeof(w->key))
		return -EIO;
	w->slot = malloc(cap * sizeof(*w->slot));
	if (!w->slot)
		return -ENOMEM;
	memset(w->slot, 0xff, cap * sizeof(*w->slot));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t *slot = slot_of(w, digests[i]);

		if (*slot == WANTED_NONE)
			*slot = i;
	}
	return 0;
}

void wanted_fini(struct wanted *w)
{
	free(w->slot);
	w->slot = NULL;
}

uint32_t wanted_find(const struct wanted *w, const uint8_t digest[static SHA256_LEN])
{
	return *slot_of(w, digest);
}
