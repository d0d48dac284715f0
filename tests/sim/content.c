/* content.c - object bytes as a function of their place. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/content.h"

#include <string.h>

uint64_t content_key(uint32_t sender_id, uint64_t object)
{
	struct rng r = rng_init((uint64_t)sender_id << 32 ^ (object & 0xffff));

	return rng_u64(&r);
}

static uint64_t word_at(uint64_t key, uint64_t i)
{
	uint64_t w = (key + i) * 0x9e3779b97f4a7c15u;

	return w ^ w >> 29;
}

/* Up to the end of the 8 bytes in which `offset` lies. */
static size_t piece(uint64_t key, uint64_t offset, size_t len, uint8_t buf[static 8])
{
	uint64_t w = word_at(key, offset / 8);
	size_t skip = offset % 8;

	memcpy(buf, (const uint8_t *)&w + skip, 8 - skip);
	return MIN(len, 8 - skip);
}

void content_fill(uint64_t key, uint64_t offset, uint8_t *buf, size_t len)
{
	uint8_t tmp[8];
	size_t n = len && offset % 8 ? piece(key, offset, len, tmp) : 0;

	if (n)
		memcpy(buf, tmp, n);
	buf += n;
	offset += n;
	len -= n;
	for (n = 0; n < len / 8; n++) {
		uint64_t w = word_at(key, offset / 8 + n);

		memcpy(buf + 8 * n, &w, 8);
	}
	if (len % 8) {
		piece(key, offset + 8 * n, len % 8, tmp);
		memcpy(buf + 8 * n, tmp, len % 8);
	}
}

bool content_matches(uint64_t key, uint64_t offset, const uint8_t *buf, size_t len)
{
	uint8_t want[1024];
	size_t n;

	for (; len; buf += n, offset += n, len -= n) {
		n = MIN(len, sizeof(want));
		content_fill(key, offset, want, n);
		if (memcmp(buf, want, n) != 0)
			return false;
	}
	return true;
}
