/* inode.h - a file of this host as the key of a hash table. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_INODE_H
#define SENDER_INODE_H

#include "proto/types.h"

static inline uint64_t inode_hash(uint64_t dev, uint64_t ino)
{
	struct rng rng = rng_init(dev * 31 + ino);

	return rng_u64(&rng);
}

#endif
