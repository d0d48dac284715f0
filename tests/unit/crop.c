/* crop.c - a job in memory, and what shall come of it on a disk, for the tests of receiver/. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "common/file.h"
#include "common/squeeze.h"
#include "proto/types.h"
#include "receiver/dirs.h"
#include "tests/unit/crop.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_ENTRIES 300000
#define MAX_RUNS    300000

void crop_noise(uint8_t *buf, size_t len, uint64_t seed)
{
	struct rng rng = rng_init(seed);

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(rng_u64(&rng) | 1);
}

void crop_text(uint8_t *buf, size_t len, uint64_t seed)
{
	struct rng rng = rng_init(seed);

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)("etaoin shrdlu\n"[rng_below(&rng, 14)]);
}

void crop_init(struct crop *c)
{
	memset(c, 0, sizeof(*c));
	c->draft.entries = calloc(MAX_ENTRIES, sizeof(*c->draft.entries));
	c->draft.runs = calloc(MAX_RUNS, sizeof(*c->draft.runs));
	c->draft.chunks = calloc(MAX_RUNS, sizeof(*c->draft.chunks));
	c->digests = calloc(MAX_RUNS, sizeof(*c->digests));
}

void crop_fini(struct crop *c)
{
	for (uint32_t i = 0; i < c->draft.n_entries; i++)
		free((char *)c->draft.entries[i].path);
	free(c->draft.entries);
	free(c->draft.runs);
	free(c->draft.chunks);
	free(c->digests);
	if (c->object != c->content)
		free(c->object);
	free(c->content);
	free(c->draft.stored);
	free(c->wire);
	manifest_fini(&c->m);
}

struct manifest_entry *crop_add(struct crop *c, enum manifest_type type, const char *path)
{
	struct manifest_entry *e = &c->draft.entries[c->draft.n_entries++];

	assert_true(c->draft.n_entries <= MAX_ENTRIES);
	e->type = (uint8_t)type;
	e->path = strdup(path);
	e->path_len = (uint16_t)strlen(path);
	e->mode = type == MANIFEST_DIR ? 0750 : 0640;
	e->mtime_sec = 1000000000 + c->draft.n_entries;
	e->mtime_nsec = 5000;
	e->first_run = c->draft.n_runs;
	return e;
}

struct manifest_entry *crop_add_link(struct crop *c, enum manifest_type type, const char *path,
				     const char *target)
{
	struct manifest_entry *e = crop_add(c, type, path);

	e->target = target;
	e->target_len = (uint16_t)strlen(target);
	return e;
}

static bool is_hole(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

/* The chunk with these bytes, which may be a new one. */
static struct manifest_chunk *chunk_of(struct crop *c, const uint8_t *data, size_t len)
{
	uint8_t sum[SHA256_LEN];
	struct manifest *m = &c->draft;
	struct manifest_chunk *chunk;

	assert_int_equal(digest_bytes(data, len, sum), 0);
	for (uint32_t i = m->n_chunks > 1000 ? m->n_chunks : 0; i < m->n_chunks; i++)
		if (memcmp(c->digests[i], sum, SHA256_LEN) == 0 && m->chunks[i].len == len)
			return &m->chunks[i];
	c->content = realloc(c->content, m->content_size + len);
	memcpy(c->content + m->content_size, data, len);
	memcpy(c->digests[m->n_chunks], sum, SHA256_LEN);
	chunk = &m->chunks[m->n_chunks++];
	*chunk = (struct manifest_chunk){ m->content_size, (uint32_t)len };
	m->content_size += len;
	return chunk;
}

static void add_run(struct crop *c, struct manifest_entry *e, uint64_t off,
		    const struct manifest_chunk *chunk)
{
	struct manifest *m = &c->draft;
	struct manifest_run *last = e->n_runs ? &m->runs[m->n_runs - 1] : NULL;

	if (last && last->file_off + last->len == off &&
	    last->content_off + last->len == chunk->content_off) {
		last->len += chunk->len;
		return;
	}
	m->runs[m->n_runs++] = (struct manifest_run){ off, chunk->len, chunk->content_off };
	e->n_runs++;
}

struct manifest_entry *crop_add_file(struct crop *c, const char *path, const uint8_t *data,
				     size_t size)
{
	struct manifest_entry *e = crop_add(c, MANIFEST_FILE, path);

	e->size = size;
	for (size_t off = 0; off < size; off += MANIFEST_CHUNK) {
		size_t len = MIN(size - off, MANIFEST_CHUNK);

		if (!is_hole(data + off, len))
			add_run(c, e, off, chunk_of(c, data + off, len));
	}
	if (c->n_files < CROP_FILES)
		c->files[c->n_files++] = (struct crop_file){ e->path, data };
	return e;
}

void crop_squeeze(struct crop *c)
{
	struct manifest *m = &c->draft;
	uint64_t *at = calloc(m->n_chunks + 1u, sizeof(*at));
	struct squeeze *squeeze;

	assert_int_equal(squeeze_new(&squeeze), 0);
	c->object = malloc(m->content_size);
	assert_true(at && c->object);
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		const uint8_t *from = c->content + m->chunks[i].content_off;
		size_t len = squeeze_piece(squeeze, from, m->chunks[i].len, c->object + at[i]);

		if (!len)
			memcpy(c->object + at[i], from, m->chunks[i].len);
		at[i + 1] = at[i] + (len ? len : m->chunks[i].len);
	}
	m->stored = at;
	squeeze_free(squeeze);
}

void crop_seal(struct crop *c)
{
	static const struct manifest_limits limits = { MAX_ENTRIES, (size_t)1 << 30 };
	size_t cap = manifest_encode_bound(&c->draft);

	if (!c->draft.stored)
		c->object = c->content;
	c->wire = malloc(cap);
	c->wire_len = (size_t)manifest_encode(&c->draft, c->wire, cap);
	assert_true((ssize_t)c->wire_len > 0);
	assert_int_equal(digest_bytes(c->wire, c->wire_len, c->job), 0);
	assert_int_equal(manifest_decode(&c->m, c->wire, c->wire_len, &limits), 0);
}

/* --- on the disk --- */

bool crop_is(int dirfd, const char *path, const uint8_t *data, size_t size)
{
	int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW);
	uint8_t *got = malloc(size + 1);
	bool same = fd >= 0 && file_pread_all(fd, got, size + 1, 0) == (int)size &&
		    memcmp(got, data, size) == 0;

	free(got);
	close_fd(&fd);
	return same;
}

void crop_write(int dirfd, const char *path, const uint8_t *data, size_t size)
{
	int fd;

	assert_int_equal(dirs_make(dirfd, path, dirs_parent_len(path)), 0);
	fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, data, size), 0);
	close_fd(&fd);
}

static const uint8_t *data_of(const struct crop *c, const char *path)
{
	for (unsigned i = 0; i < c->n_files; i++)
		if (strcmp(c->files[i].path, path) == 0)
			return c->files[i].data;
	return NULL;
}

static void assert_entry(const struct crop *c, const struct manifest_entry *e, int dirfd)
{
	const uint8_t *data = data_of(c, e->path);
	char text[4096];
	struct stat st, to;

	assert_int_equal(fstatat(dirfd, e->path, &st, AT_SYMLINK_NOFOLLOW), 0);
	switch ((enum manifest_type)e->type) {
	case MANIFEST_FILE:
		assert_true(S_ISREG(st.st_mode));
		assert_true(!data || crop_is(dirfd, e->path, data, e->size));
		assert_int_equal(st.st_size, e->size);
		break;
	case MANIFEST_DIR:
		assert_true(S_ISDIR(st.st_mode));
		break;
	case MANIFEST_SYMLINK:
		assert_int_equal(readlinkat(dirfd, e->path, text, sizeof(text)), e->target_len);
		assert_memory_equal(text, e->target, e->target_len);
		return;
	case MANIFEST_HARDLINK:
		assert_int_equal(fstatat(dirfd, e->target, &to, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_ino, to.st_ino);
		return;
	}
	assert_int_equal(st.st_mode & 07777, e->mode);
	assert_int_equal(st.st_mtim.tv_sec, e->mtime_sec);
	assert_int_equal(st.st_mtim.tv_nsec, e->mtime_nsec);
}

void crop_assert_delivered(const struct crop *c, int dirfd)
{
	for (uint32_t i = 0; i < c->m.n_entries; i++)
		assert_entry(c, &c->m.entries[i], dirfd);
}

unsigned crop_count(int dirfd)
{
	DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY));
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

void crop_clear(int dirfd)
{
	DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		int sub;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    unlinkat(dirfd, e->d_name, 0) == 0)
			continue;
		sub = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		assert_true(sub >= 0);
		fchmod(sub, 0700);
		crop_clear(sub);
		close_fd(&sub);
		assert_int_equal(unlinkat(dirfd, e->d_name, AT_REMOVEDIR), 0);
	}
	closedir(d);
}
