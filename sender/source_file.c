/* source_file.c - one outgoing file: read, hashed on the way, and watched for changes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/source_file.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW 262144
#define DIRECT 65536 /* reads as long as this go past the window, without a copy */

struct source_file {
	int fd;
	struct source_info info; /* at the start */
	struct digest *digest;
	uint64_t hashed; /* bytes from the start that were read in order and hashed */
	uint8_t *window; /* the last of them: file bytes [hashed - window_len, hashed) */
	size_t window_len;
	bool has_sum;
	uint8_t sum[SHA256_LEN]; /* once all are hashed */
};

static struct source_info info_of(const struct stat *st)
{
	return (struct source_info){
		.size = (uint64_t)st->st_size,
		.mode = st->st_mode & 07777,
		.mtime_sec = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.ctime_sec = st->st_ctim.tv_sec,
		.ctime_nsec = (uint32_t)st->st_ctim.tv_nsec,
	};
}

static int open_regular(struct source_file *s, const char *path)
{
	struct stat st;

	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EOPNOTSUPP;
	s->info = info_of(&st);
	return 0;
}

int source_open(struct source_file **ret, const char *path)
{
	struct source_file *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->window = calloc(1, WINDOW);
	r = s->window ? digest_new(&s->digest) : -ENOMEM;
	if (r == 0)
		r = open_regular(s, path);
	if (r < 0) {
		source_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void source_close(struct source_file *s)
{
	if (!s)
		return;
	close_fd(&s->fd);
	digest_free(s->digest);
	free(s->window);
	free(s);
}

const struct source_info *source_info(const struct source_file *s)
{
	return &s->info;
}

bool source_same(const struct source_info *a, const struct source_info *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_sec == b->mtime_sec && a->mtime_nsec == b->mtime_nsec &&
	       a->ctime_sec == b->ctime_sec && a->ctime_nsec == b->ctime_nsec;
}

bool source_changed(const struct source_file *s)
{
	struct source_info is;
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return true;
	is = info_of(&st);
	return !source_same(&s->info, &is);
}

/* The change is looked for behind the read: what was read before it happened is good. */
static int read_unchanged(struct source_file *s, uint64_t off, void *buf, size_t len)
{
	int r = file_pread_all(s->fd, buf, len, off);

	if (r < 0)
		return r;
	return (size_t)r < len || source_changed(s) ? -ESTALE : 0;
}

/* The next `len` bytes in order, into `buf` and the digest. */
static int read_next(struct source_file *s, void *buf, size_t len)
{
	int r;

	s->window_len = 0;
	r = read_unchanged(s, s->hashed, buf, len);
	if (r < 0)
		return r;
	digest_update(s->digest, buf, len);
	s->hashed += len;
	return 0;
}

static int fill_window(struct source_file *s, uint64_t max)
{
	uint64_t left = s->info.size - s->hashed;
	size_t n = left < WINDOW ? (size_t)left : WINDOW;
	int r;

	if (max < n)
		n = (size_t)max;
	r = read_next(s, s->window, n);
	if (r == 0)
		s->window_len = n;
	return r;
}

/* Copies what the window has of [off, off + len) from its start on. */
static size_t from_window(const struct source_file *s, uint64_t off, uint8_t *buf, size_t len)
{
	uint64_t start = s->hashed - s->window_len;
	size_t n;

	if (off < start || off >= s->hashed)
		return 0;
	n = (size_t)(s->hashed - off);
	n = n < len ? n : len;
	memcpy(buf, s->window + (off - start), n);
	return n;
}

int source_read_at(struct source_file *s, uint64_t off, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (off > s->info.size || len > s->info.size - off)
		return -EINVAL;
	while (len > 0) {
		size_t n = from_window(s, off, to, len);
		int r = 0;

		if (n == 0 && off == s->hashed && len < DIRECT) {
			r = fill_window(s, WINDOW);
		} else if (n == 0) {
			n = len;
			r = off == s->hashed ? read_next(s, to, n)
					     : read_unchanged(s, off, to, n);
		}
		if (r < 0)
			return r;
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

int source_hash(struct source_file *s, uint64_t max)
{
	while (max > 0 && s->hashed < s->info.size) {
		uint64_t before = s->hashed;
		int r = fill_window(s, max);

		if (r < 0)
			return r;
		max -= s->hashed - before;
	}
	return s->hashed < s->info.size;
}

int source_digest(struct source_file *s, uint8_t ret[static SHA256_LEN])
{
	int r = source_hash(s, UINT64_MAX);

	if (r == 0 && source_changed(s))
		r = -ESTALE;
	if (r == 0 && !s->has_sum) {
		r = digest_final(s->digest, s->sum);
		s->has_sum = r == 0;
	}
	if (r == 0)
		memcpy(ret, s->sum, SHA256_LEN);
	return r;
}
