/* sink_file.c - one incoming file: written beside its target, verified, then renamed over it.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/sink_file.h"
#include "receiver/extents.h"
#include "receiver/meta.h"
#include "receiver/safepath.h"
#include "receiver/space.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_PIECE 65536
#define TMP_MARK   ".reap-part"
/* What remains of a name for the temporary one: less two dots, 16 digits and the mark. */
#define TMP_BASE_MAX (NAME_MAX - 2 - 16 - (int)sizeof(TMP_MARK) + 1)

struct sink_file {
	struct sink_meta meta; /* but for its name */
	mode_t mode;
	char name[SAFEPATH_MAX + 1];
	const char *base;       /* the last component of `name` */
	char tmp[NAME_MAX + 1]; /* empty: there is none, or not any more */
	int parent, fd;
	struct extents written;
	struct digest *digest;
	uint64_t hashed; /* so many bytes from the start are in `digest` */
};

static int check_space(int parent, uint64_t size)
{
	struct space left;
	int r = space_left(parent, &left);

	if (r < 0)
		return r;
	return size > left.bytes ? -ENOSPC : 0;
}

/* What the umask, or the directory, left of 0666 is for later. To ask for the umask would
 * change it, for all threads. */
static int keep_mode(struct sink_file *s)
{
	struct stat st;

	if (s->meta.has_meta)
		return 0;
	if (fstat(s->fd, &st) < 0)
		return -errno;
	s->mode = st.st_mode & 0777;
	return meta_forgive(fchmod(s->fd, 0600));
}

static int open_tmp(struct sink_file *s)
{
	uint64_t chance;

	for (int tries = 0; tries < 16; tries++) {
		if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
			return -EIO;
		snprintf(s->tmp, sizeof(s->tmp), ".%.*s.%016" PRIx64 TMP_MARK, TMP_BASE_MAX,
			 s->base, chance);
		s->fd = openat(s->parent, s->tmp,
			       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       s->meta.has_meta ? 0600 : 0666);
		if (s->fd >= 0)
			return keep_mode(s);
		if (errno != EEXIST)
			break;
	}
	s->tmp[0] = '\0';
	return -errno;
}

bool sink_is_temporary(const char *name)
{
	size_t len = strlen(name), tail = 1 + 16 + sizeof(TMP_MARK) - 1;
	const char *chance;

	if (name[0] != '.' || len < 2 + tail || strcmp(name + len - tail + 17, TMP_MARK) != 0)
		return false;
	chance = name + len - tail;
	return chance[0] == '.' && strspn(chance + 1, "0123456789abcdef") == 16;
}

static int refuse_directory(const struct sink_file *s)
{
	struct stat st;

	if (fstatat(s->parent, s->base, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return -EISDIR;
	return 0;
}

static int open_parts(struct sink_file *s, int dirfd, const struct sink_meta *meta)
{
	int r = safepath_clean(meta->name, meta->name_len, s->name);

	if (r < 0)
		return r;
	s->parent = safepath_parent(dirfd, s->name, &s->base);
	if (s->parent < 0)
		return s->parent;
	if ((r = refuse_directory(s)) < 0 || (r = check_space(s->parent, meta->size)) < 0 ||
	    (r = open_tmp(s)) < 0)
		return r;
	return space_take(s->fd, meta->size, false);
}

int sink_open(struct sink_file **ret, int dirfd, const struct sink_meta *meta)
{
	struct sink_file *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->meta = *meta;
	s->meta.name = NULL;
	s->mode = meta->mode & 0777;
	s->fd = s->parent = -1;
	r = digest_new(&s->digest);
	if (r == 0)
		r = open_parts(s, dirfd, meta);
	if (r < 0) {
		sink_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sink_close(struct sink_file *s)
{
	if (!s)
		return;
	if (s->tmp[0])
		unlinkat(s->parent, s->tmp, 0);
	close_fd(&s->fd);
	close_fd(&s->parent);
	digest_free(s->digest);
	free(s);
}

static bool within(const struct sink_file *s, uint64_t off, size_t len)
{
	return off <= s->meta.size && len <= s->meta.size - off;
}

int sink_write_at(struct sink_file *s, uint64_t off, const void *data, size_t len)
{
	int r = within(s, off, len) ? file_pwrite_all(s->fd, data, len, off) : -EINVAL;

	if (r == 0)
		extents_add(&s->written, off, off + len);
	return r;
}

int sink_read_at(struct sink_file *s, uint64_t off, void *buf, size_t len)
{
	int r = within(s, off, len) ? file_pread_all(s->fd, buf, len, off) : -EINVAL;

	if (r < 0)
		return r;
	return (size_t)r == len ? 0 : -EIO; /* somebody cut our file */
}

static int hash_to(struct sink_file *s, uint64_t end)
{
	uint8_t piece[HASH_PIECE];

	while (s->hashed < end) {
		uint64_t left = end - s->hashed;
		size_t n = left < HASH_PIECE ? (size_t)left : HASH_PIECE;
		int r = sink_read_at(s, s->hashed, piece, n);

		if (r < 0)
			return r;
		digest_update(s->digest, piece, n);
		s->hashed += n;
	}
	return 0;
}

int sink_hash(struct sink_file *s, uint64_t end, uint64_t max)
{
	return end > s->hashed && end - s->hashed > max ? hash_to(s, s->hashed + max)
							: hash_to(s, end);
}

void sink_hash_hot(struct sink_file *s, uint64_t off, const void *data, size_t len)
{
	if (off != s->hashed)
		return;
	digest_update(s->digest, data, len);
	s->hashed += len;
}

static int set_meta(struct sink_file *s)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = s->meta.mtime_sec, .tv_nsec = (long)s->meta.mtime_nsec },
	};
	int r = meta_forgive(fchmod(s->fd, s->mode));

	if (s->meta.mtime_nsec >= 1000000000)
		times[1].tv_nsec = 0;
	if (r == 0 && s->meta.has_meta)
		r = meta_forgive(futimens(s->fd, times));
	return r;
}

static int move_into_place(struct sink_file *s)
{
	int r = set_meta(s);

	if (r < 0)
		return r;
	if (fsync(s->fd) < 0 || renameat(s->parent, s->tmp, s->parent, s->base) < 0)
		return -errno;
	s->tmp[0] = '\0';
	return fsync(s->parent) < 0 ? -errno : 0;
}

int sink_finish(struct sink_file *s, const uint8_t *expected, uint8_t ret[static SHA256_LEN])
{
	int r;

	if (!s->written.forgot && s->written.prefix < s->meta.size)
		return -ENODATA;
	r = hash_to(s, s->meta.size);
	if (r == 0)
		r = digest_final(s->digest, ret);
	s->hashed = 0; /* the digest starts afresh */
	if (r < 0)
		return r;
	if (expected && memcmp(expected, ret, SHA256_LEN) != 0)
		return -EBADMSG;
	return move_into_place(s);
}
