/* map.c - which bytes of a job's content lie in its stage, for the run after this one. */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "SOWR", version, job's id, content's size, number of ranges, {offset, length} of each, all
 * big-endian; then the SHA-256 of all that.
 */
#include "receiver/map.h"

#include "common/file.h"
#include "proto/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC     0x534f5752 /* "SOWR" */
#define VERSION   1
#define HEAD_LEN  (4 + 1 + SHA256_LEN + 8 + 4)
#define RANGE_LEN 16
#define NEW_NAME  "map.new"
#define NAME      "map"

static int by_offset(const void *a, const void *b)
{
	const struct map_range *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

uint32_t map_join(struct map_range *ranges, uint32_t n)
{
	uint32_t out = 0;

	if (n > 1)
		qsort(ranges, n, sizeof(*ranges), by_offset);
	for (uint32_t i = 0; i < n; i++) {
		struct map_range *last = &ranges[out ? out - 1 : 0];
		uint64_t end = ranges[i].off + ranges[i].len;

		if (out == 0 || ranges[i].off > last->off + last->len)
			ranges[out++] = ranges[i];
		else if (end > last->off + last->len)
			last->len = end - last->off;
	}
	return out;
}

static size_t len_of(uint32_t n)
{
	return HEAD_LEN + (size_t)n * RANGE_LEN + SHA256_LEN;
}

static int encode(uint8_t *buf, const struct map_id *id, const struct map_range *ranges,
		  uint32_t n)
{
	size_t len = len_of(n);
	struct wr w = wr_init(buf, len - SHA256_LEN);

	wr_u32(&w, MAGIC);
	wr_u8(&w, VERSION);
	wr_bytes(&w, id->job, SHA256_LEN);
	wr_u64(&w, id->content_size);
	wr_u32(&w, n);
	for (uint32_t i = 0; i < n; i++) {
		wr_u64(&w, ranges[i].off);
		wr_u64(&w, ranges[i].len);
	}
	return digest_bytes(buf, len - SHA256_LEN, buf + len - SHA256_LEN);
}

static int write_new(int dir, const uint8_t *buf, size_t len)
{
	int fd = openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);
	int r = fd < 0 ? -errno : file_write_all(fd, buf, len);

	close_fd(&fd);
	if (r == 0 && renameat(dir, NEW_NAME, dir, NAME) < 0)
		r = -errno;
	return r;
}

int map_save(int dir, const struct map_id *id, const struct map_range *ranges, uint32_t n)
{
	uint8_t *buf = malloc(len_of(n));
	int r = buf ? encode(buf, id, ranges, n) : -ENOMEM;

	if (r == 0)
		r = write_new(dir, buf, len_of(n));
	free(buf);
	return r;
}

/* The ranges are what map_save() demands, or none are taken. */
static int decode_ranges(struct rd *r, const struct map_id *id, struct map_range *ranges,
			 uint32_t n)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct map_range *m = &ranges[i];

		m->off = rd_u64(r);
		m->len = rd_u64(r);
		if ((i > 0 && m->off <= end) || m->len == 0 || m->off > id->content_size ||
		    m->len > id->content_size - m->off)
			return -EBADMSG;
		end = m->off + m->len;
	}
	return rd_done(r) ? 0 : -EBADMSG;
}

static int decode(const uint8_t *buf, size_t len, const struct map_id *id,
		  struct map_range **ret, uint32_t *ret_n)
{
	uint8_t sum[SHA256_LEN];
	struct rd r = rd_init(buf, len - SHA256_LEN);
	uint32_t n, magic = rd_u32(&r);
	uint8_t version = rd_u8(&r);
	const uint8_t *job = rd_bytes(&r, SHA256_LEN);
	uint64_t size = rd_u64(&r);
	struct map_range *ranges;
	int e;

	n = rd_u32(&r);
	if (!rd_ok(&r) || magic != MAGIC || version != VERSION || n > MAP_RANGES_MAX ||
	    size != id->content_size || memcmp(job, id->job, SHA256_LEN) != 0)
		return -EBADMSG;
	e = digest_bytes(buf, len - SHA256_LEN, sum);
	if (e == 0 && memcmp(sum, buf + len - SHA256_LEN, SHA256_LEN) != 0)
		e = -EBADMSG;
	ranges = e < 0 ? NULL : calloc(n + 1u, sizeof(*ranges));
	if (!ranges)
		return e < 0 ? e : -ENOMEM;
	e = decode_ranges(&r, id, ranges, n);
	if (e < 0) {
		free(ranges);
		return e;
	}
	*ret = ranges;
	*ret_n = n;
	return 0;
}

static int read_whole(int fd, uint8_t **ret, size_t *ret_len)
{
	struct stat st;
	uint8_t *buf;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)len_of(0) ||
	    st.st_size > (off_t)len_of(MAP_RANGES_MAX))
		return -EBADMSG;
	buf = malloc((size_t)st.st_size);
	if (!buf)
		return -ENOMEM;
	r = file_pread_all(fd, buf, (size_t)st.st_size, 0);
	if (r < 0) {
		free(buf);
		return r;
	}
	*ret = buf;
	*ret_len = (size_t)r;
	return r < (int)len_of(0) ? -EBADMSG : 0;
}

int map_load(int dir, const struct map_id *id, struct map_range **ret, uint32_t *ret_n)
{
	int fd = openat(dir, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t *buf = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	r = read_whole(fd, &buf, &len);
	if (r == 0)
		r = decode(buf, len, id, ret, ret_n);
	close_fd(&fd);
	free(buf);
	return r;
}
