/* holes.c - which chunks of a sparse file hold data. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/holes.h"

#include <errno.h>
#include <unistd.h>

#include "proto/manifest.h"

static int64_t seek(int fd, uint64_t from, int whence)
{
	off_t at = lseek(fd, (off_t)from, whence);

	return at < 0 ? -errno : at;
}

int holes_next(int fd, uint64_t size, uint64_t *pos, uint64_t *ret_len)
{
	int64_t data, hole;
	uint64_t end;

	if (*pos >= size)
		return 0;
	data = seek(fd, *pos, SEEK_DATA);
	if (data == -ENXIO || data >= (int64_t)size)
		return 0;
	if (data == -EINVAL)
		data = (int64_t)*pos;
	if (data < 0)
		return (int)data;
	hole = seek(fd, (uint64_t)data, SEEK_HOLE);
	if (hole == -EINVAL)
		hole = (int64_t)size;
	if (hole < 0)
		return (int)hole;
	*pos = (uint64_t)data / MANIFEST_CHUNK * MANIFEST_CHUNK;
	end = ((uint64_t)hole + MANIFEST_CHUNK - 1) / MANIFEST_CHUNK * MANIFEST_CHUNK;
	*ret_len = MIN(end, size) - *pos;
	return 1;
}
