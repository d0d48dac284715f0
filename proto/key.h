/* key.h - one number for a block of an object, in sending order. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_KEY_H
#define PROTO_KEY_H

#include <stdint.h>

/* Objects are numbered from 0 with far fewer than 32 bits in one session. */
static inline uint64_t key_of(uint64_t object, uint64_t sbn)
{
	return object << 32 | (uint32_t)sbn;
}

static inline uint64_t key_object(uint64_t key)
{
	return key >> 32;
}

static inline uint32_t key_sbn(uint64_t key)
{
	return (uint32_t)key;
}

#endif
