/* spout.c - bytes that go to a pipe whose reader may be slow. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/spout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "proto/types.h"

#define GLANCE 100 /* ms between two looks at `stop` */

void spout_punch(int fd, uint64_t off, uint64_t len)
{
	if (len > 0)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
			  (off_t)len);
}

/* A pipe that is ready takes so much without waiting. */
static ssize_t write_some(int fd, const uint8_t *from, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n = 0;

	if (poll(&p, 1, GLANCE) > 0)
		n = write(fd, from, MIN(len, (size_t)PIPE_BUF));
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n < 0 ? -errno : n;
}

int spout_write(int fd, const void *buf, size_t len, const atomic_bool *stop,
		atomic_ullong *done)
{
	const uint8_t *from = buf;

	while (len > 0) {
		ssize_t n = atomic_load(stop) ? -ECANCELED : write_some(fd, from, len);

		if (n < 0)
			return (int)n;
		atomic_fetch_add(done, (size_t)n);
		from += n;
		len -= (size_t)n;
	}
	return 0;
}
