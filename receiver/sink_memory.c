/* sink_memory.c - an object that is kept in memory until all of it is there. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/sink_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool within(const struct sink *s, uint64_t off, size_t len)
{
	return off <= s->size && len <= s->size - off;
}

static int write_memory(struct sink *s, uint64_t off, const void *data, size_t len,
			uint64_t front)
{
	struct sink_memory *m = (struct sink_memory *)s;

	(void)front;
	if (!within(s, off, len))
		return -EINVAL;
	memcpy(m->data + off, data, len);
	return 0;
}

static int read_memory(struct sink *s, uint64_t off, void *buf, size_t len)
{
	const struct sink_memory *m = (const struct sink_memory *)s;

	if (!within(s, off, len))
		return -EINVAL;
	memcpy(buf, m->data + off, len);
	return 0;
}

int sink_memory_open(struct sink_memory *s, uint64_t size)
{
	static const struct sink_ops ops = { .write = write_memory, .read = read_memory };
	uint8_t *data = size < SIZE_MAX ? calloc(size + 1, 1) : NULL;

	if (!data)
		return -ENOMEM;
	*s = (struct sink_memory){ .sink = { .ops = &ops, .size = size }, .data = data };
	return 0;
}

void sink_memory_close(struct sink_memory *s)
{
	free(s->data);
	s->data = NULL;
	s->sink.closed = true;
}
