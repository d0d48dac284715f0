/* packet.h - a datagram on its way, shared by all who will hear it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_PACKET_H
#define TESTS_SIM_PACKET_H

#include "proto/types.h"

/* Exactly `len` bytes are allocated, so that a sanitizer sees whoever reads past the end. */
struct packet {
	unsigned refs;
	uint32_t from; /* index of the sender or session that sent it */
	bool forged;   /* nobody of the simulation sent it */
	size_t len;
	uint8_t data[];
};

struct packet *packet_new(uint32_t from, const void *head, size_t head_len, const void *tail,
			  size_t tail_len);
struct packet *packet_ref(struct packet *p);
void packet_unref(struct packet *p);
/* A number that depends on every byte. */
uint64_t packet_hash(const struct packet *p, uint64_t h);

#endif
