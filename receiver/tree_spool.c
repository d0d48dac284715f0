/* tree_spool.c - a content in zlib form: as it comes it goes into a file of the stage, the
 * spool, and each chunk to its place when it is whole, expanded and compared.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_spool.h"
#include "receiver/tree_internal.h"

#include "common/expand.h"
#include "common/file.h"
#include "proto/types.h"
#include "receiver/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME     "spool"
#define WHOLE    UINT32_MAX
#define PER_STEP ((uint64_t)32 << 20) /* bytes that chunks become in one step, at most */

/* What is written while chunks are taken from it, by two threads, is atomic. */
struct tree_spool {
	int fd;
	atomic_bool used;    /* something was written, now or by an earlier run */
	bool resumed;        /* the earlier run's */
	atomic_bool skipped; /* nothing of it is needed */
	/* Of each chunk: bytes that were written, some perhaps twice; WHOLE: it was taken. */
	atomic_uint *came;
	atomic_bool ready; /* chunks may have come that were not tried yet */
	atomic_uint high;  /* nothing of this chunk came, or of one behind it */
	uint32_t low;      /* those before it were taken */
	uint32_t looked;   /* chunks that an earlier run left were tried so far */
	uint8_t *in;       /* MANIFEST_CHUNK bytes */
	struct expand *expand;
};

static uint64_t stored_len(const struct tree *t, uint32_t chunk)
{
	return t->m->stored[chunk + 1] - t->m->stored[chunk];
}

/* --- beginning and end --- */

int tree_spool_init(struct tree *t)
{
	struct tree_spool *s;

	if (!t->m->stored)
		return 0;
	s = t->spool = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->came = calloc(t->m->n_chunks, sizeof(*s->came));
	s->in = malloc(MANIFEST_CHUNK);
	return s->came && s->in ? expand_new(&s->expand) : -ENOMEM;
}

void tree_spool_fini(struct tree *t)
{
	struct tree_spool *s = t->spool;

	if (!s)
		return;
	close_fd(&s->fd);
	expand_free(s->expand);
	free(s->came);
	free(s->in);
	free(s);
}

uint64_t tree_spool_room(struct tree *t)
{
	uint64_t size = t->spool ? manifest_object_size(t->m) : 0;
	struct stat st;

	if (!t->spool || fstatat(t->stage.dir, NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return size;
	return size - MIN(size, (uint64_t)st.st_blocks * 512);
}

int tree_spool_open(struct tree *t)
{
	struct tree_spool *s = t->spool;
	uint64_t size = manifest_object_size(t->m);
	struct stat st;

	if (!s)
		return 0;
	s->fd = openat(t->stage.dir, NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	s->resumed = (uint64_t)st.st_size == size;
	s->used = s->resumed;
	if (s->resumed)
		return 0;
	return ftruncate(s->fd, 0) < 0 ? -errno : space_take(s->fd, size, false);
}

void tree_spool_drop(struct tree *t)
{
	if (!t->spool)
		return;
	unlinkat(t->stage.dir, NAME, 0);
	close_fd(&t->spool->fd);
}

bool tree_spool_used(const struct tree *t)
{
	return t->spool && t->spool->used;
}

bool tree_spool_resumed(const struct tree *t)
{
	return t->spool && t->spool->resumed;
}

/* --- chunks --- */

/* Its bytes as they shall be, as far as the digest tells; NULL: they are not there. */
static const uint8_t *expanded(struct tree *t, uint32_t chunk, int *ret_error)
{
	struct tree_spool *s = t->spool;
	size_t len = (size_t)stored_len(t, chunk), full = t->m->chunks[chunk].len;
	const uint8_t *data = len < full ? t->buf : s->in;
	int n = file_pread_all(s->fd, s->in, len, t->m->stored[chunk]);

	*ret_error = MIN(n, 0);
	if (n < (int)len ||
	    (len < full && expand_piece(s->expand, s->in, len, t->buf, full) < 0))
		return NULL;
	return tree_chunk_fits(t, chunk, data) ? data : NULL;
}

int tree_spool_take(struct tree *t, uint32_t chunk)
{
	const uint8_t *data;
	int r = 0;

	data = t->spool->skipped ? NULL : expanded(t, chunk, &r);
	if (!data)
		return r;
	r = tree_put_bytes(t, t->m->chunks[chunk].content_off, data, t->m->chunks[chunk].len);
	if (r < 0)
		return r;
	t->chunk[chunk] = CHUNK_HELD | CHUNK_GOOD;
	atomic_store(&t->spool->came[chunk], WHOLE);
	return 1;
}

/* So many bytes of the chunk were written. */
static void came(struct tree *t, uint32_t chunk, size_t n)
{
	struct tree_spool *s = t->spool;
	uint32_t before = atomic_load(&s->came[chunk]);

	if (before == WHOLE)
		return;
	if (atomic_load(&s->high) <= chunk)
		atomic_store(&s->high, chunk + 1);
	before = atomic_fetch_add(&s->came[chunk], (unsigned)n);
	if (before < stored_len(t, chunk) && before + n >= stored_len(t, chunk))
		atomic_store(&s->ready, true);
}

int tree_spool_write(struct tree *t, uint64_t off, const uint8_t *data, size_t len)
{
	int r = file_pwrite_all(t->spool->fd, data, len, off);

	atomic_store(&t->spool->used, true);
	for (uint32_t i = len ? manifest_stored_at(t->m, off) : 0; len > 0 && r == 0; i++) {
		size_t n = (size_t)MIN((uint64_t)len, t->m->stored[i + 1] - off);

		came(t, i, n);
		off += n;
		len -= n;
	}
	return r;
}

int tree_spool_read(struct tree *t, uint64_t off, uint8_t *buf, size_t len)
{
	int n = file_pread_all(t->spool->fd, buf, len, off);

	return n < 0 ? n : (size_t)n < len ? -EIO : 0;
}

void tree_spool_forget(struct tree *t, uint32_t chunk)
{
	if (!t->spool)
		return;
	atomic_store(&t->spool->skipped, false);
	atomic_store(&t->spool->came[chunk], 0);
}

bool tree_skipped(struct tree *t)
{
	return t->spool && atomic_load(&t->spool->skipped);
}

uint64_t tree_object_range(struct tree *t, uint32_t chunk, uint64_t *ret_len)
{
	const struct manifest_chunk *c = &t->m->chunks[chunk];

	*ret_len = t->m->stored ? stored_len(t, chunk) : c->len;
	if (tree_skipped(t))
		*ret_len = manifest_object_size(t->m);
	return tree_skipped(t) ? 0 : t->m->stored ? t->m->stored[chunk] : c->content_off;
}

void tree_skip(struct tree *t)
{
	if (tree_has_all(t))
		atomic_store(&t->spool->skipped, true);
}

bool tree_spool_has(const struct tree *t, uint32_t chunk)
{
	return t->spool->skipped || t->spool->came[chunk] == WHOLE;
}

bool tree_spool_look(struct tree *t)
{
	struct tree_spool *s = t->spool;
	uint64_t done = 0;
	bool more = true;

	while (more && done < PER_STEP) {
		pthread_mutex_lock(&t->lock);
		more = s->resumed && s->looked < t->m->n_chunks;
		if (more && !tree_chunk_here(t, s->looked))
			tree_spool_take(t, s->looked); /* what fails is seen again at the end */
		if (more)
			done += t->m->chunks[s->looked++].len;
		pthread_mutex_unlock(&t->lock);
	}
	return more;
}

bool tree_spool_ready(const struct tree *t)
{
	return t->spool && t->expects && atomic_load(&t->spool->ready);
}

/* One that came, and is not here otherwise. What is wrong is seen again at the end: perhaps
 * something came twice, and another part not at all. */
static void try_chunk(struct tree *t, uint32_t chunk)
{
	atomic_uint *came = &t->spool->came[chunk];

	pthread_mutex_lock(&t->lock);
	if (tree_chunk_here(t, chunk) || tree_spool_take(t, chunk) <= 0)
		atomic_store(came, 0);
	pthread_mutex_unlock(&t->lock);
}

void tree_spool_step(struct tree *t)
{
	struct tree_spool *s = t->spool;
	uint64_t done = 0;
	uint32_t i;

	atomic_store(&s->ready, false);
	while (s->low < t->m->n_chunks && atomic_load(&s->came[s->low]) == WHOLE)
		s->low++;
	for (i = s->low; i < atomic_load(&s->high) && done < PER_STEP; i++) {
		uint32_t n = atomic_load(&s->came[i]);

		if (n == WHOLE || n < stored_len(t, i))
			continue;
		try_chunk(t, i);
		done += t->m->chunks[i].len;
	}
	if (i < atomic_load(&s->high))
		atomic_store(&s->ready, true);
}
