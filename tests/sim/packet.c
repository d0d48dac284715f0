/* packet.c - a datagram on its way, shared by all who will hear it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/packet.h"

#include <stdlib.h>
#include <string.h>

struct packet *packet_new(uint32_t from, const void *head, size_t head_len, const void *tail,
			  size_t tail_len)
{
	struct packet *p = malloc(sizeof(*p) + head_len + tail_len);

	if (!p)
		abort();
	p->refs = 1;
	p->from = from;
	p->forged = false;
	p->len = head_len + tail_len;
	if (head_len)
		memcpy(p->data, head, head_len);
	if (tail_len)
		memcpy(p->data + head_len, tail, tail_len);
	return p;
}

struct packet *packet_ref(struct packet *p)
{
	p->refs++;
	return p;
}

void packet_unref(struct packet *p)
{
	if (p && --p->refs == 0)
		free(p);
}

uint64_t packet_hash(const struct packet *p, uint64_t h)
{
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof(word) <= p->len; i += sizeof(word)) {
		memcpy(&word, p->data + i, sizeof(word));
		h = (h ^ word) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	for (; i < p->len; i++)
		h = (h ^ p->data[i]) * 0x100000001b3u;
	return h;
}
