/* sink.h - where the bytes of an object go. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_SINK_H
#define RECEIVER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;

/* Called in any thread, but write() in one at a time. 0 or -errno. */
struct sink_ops {
	/* Up to `front` all of the object has been written, for good. */
	int (*write)(struct sink *s, uint64_t off, const void *data, size_t len,
		     uint64_t front);
	int (*read)(struct sink *s, uint64_t off, void *buf, size_t len);
};

/* Embedded in whatever has the bytes. */
struct sink {
	const struct sink_ops *ops;
	uint64_t size;     /* of the object */
	unsigned n_chores; /* requests that are served by threads: it is not to go away */
	bool slow;         /* to write takes longer than packets may wait */
	bool closed;       /* of no more use: what is asked for is not served */
};

#endif
