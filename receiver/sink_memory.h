/* sink_memory.h - an object that is kept in memory until all of it is there. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SINK_MEMORY_H
#define RECEIVER_SINK_MEMORY_H

#include "receiver/sink.h"

struct sink_memory {
	struct sink sink;
	uint8_t *data;
};

/* -ENOMEM. What was not written reads as zeros, and takes no memory. */
int sink_memory_open(struct sink_memory *s, uint64_t size);
/* Fine when zeroed. Requests come back to a sink that is closed. */
void sink_memory_close(struct sink_memory *s);

#endif
