/* manifest.c - what a job consists of: which of them are valid, and where a byte belongs. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/manifest_internal.h"

#include <stdlib.h>
#include <string.h>

#include "proto/varint.h"

#define XATTR_NAME_MAX 255

/* A slash goes before every other byte: so all below a directory follows it at once. */
static int rank(char c)
{
	return c == '/' ? 0 : (uint8_t)c;
}

int manifest_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = MIN(a_len, b_len), i = 0;

	while (i < n && a[i] == b[i])
		i++;
	if (i < n)
		return rank(a[i]) - rank(b[i]);
	return (a_len > b_len) - (a_len < b_len);
}

uint32_t manifest_find(const struct manifest *m, uint32_t n, const char *path, size_t len)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct manifest_entry *e = &m->entries[mid];
		int order = manifest_compare(e->path, e->path_len, path, len);

		if (order == 0)
			return mid;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return n;
}

static bool valid_part(const char *part, size_t len)
{
	return len > 0 && len <= MANIFEST_PART_MAX && !(len == 1 && part[0] == '.') &&
	       !(len == 2 && part[0] == '.' && part[1] == '.') && !memchr(part, 0, len);
}

static bool valid_path(const char *path, size_t len)
{
	const char *end = path + len, *slash;

	if (len > MANIFEST_PATH_MAX)
		return false;
	while ((slash = memchr(path, '/', (size_t)(end - path)))) {
		if (!valid_part(path, (size_t)(slash - path)))
			return false;
		path = slash + 1;
	}
	return valid_part(path, (size_t)(end - path));
}

bool manifest_xattr_next(const uint8_t *xattrs, size_t len, size_t *pos, const char **ret_name,
			 size_t *ret_name_len, const uint8_t **ret_value, size_t *ret_value_len)
{
	struct rd r = rd_init(xattrs, len);
	size_t name_len, value_len;
	const uint8_t *name, *value;

	if (*pos == len)
		return false;
	rd_skip(&r, *pos);
	name_len = rd_varint_max(&r, XATTR_NAME_MAX);
	name = rd_bytes(&r, name_len);
	value_len = rd_varint_max(&r, MANIFEST_XATTRS_MAX);
	value = rd_bytes(&r, value_len);
	if (!rd_ok(&r) || name_len == 0 || memchr(name, 0, name_len))
		return false;
	*ret_name = (const char *)name;
	*ret_name_len = name_len;
	*ret_value = value;
	*ret_value_len = value_len;
	*pos = len - rd_left(&r);
	return true;
}

static bool valid_xattrs(const struct manifest_entry *e)
{
	const uint8_t *value;
	const char *name;
	size_t pos = 0, name_len, value_len;

	while (manifest_xattr_next(e->xattrs, e->xattrs_len, &pos, &name, &name_len, &value,
				   &value_len))
		;
	return pos == e->xattrs_len;
}

/* --- a walk over all entries, in their order --- */

struct walk {
	const struct manifest *m;
	uint32_t entry, run; /* the next ones */
	uint64_t end;        /* of the content that runs before made, */
	uint32_t n_chunks;   /* and how many chunks that is */
};

/* Nothing stands between a path and what is below it, so looking at the one before is enough.
 */
static bool valid_place(const struct walk *w, const struct manifest_entry *e)
{
	const struct manifest_entry *before = e - 1;

	if (w->entry == 0)
		return true;
	if (manifest_compare(before->path, before->path_len, e->path, e->path_len) >= 0)
		return false;
	return before->type == MANIFEST_DIR || e->path_len <= before->path_len ||
	       e->path[before->path_len] != '/' ||
	       memcmp(before->path, e->path, before->path_len) != 0;
}

static bool file_before(const struct walk *w, const char *path, size_t len)
{
	uint32_t i = manifest_find(w->m, w->entry, path, len);

	return i < w->entry && w->m->entries[i].type == MANIFEST_FILE;
}

static bool valid_target(const struct walk *w, const struct manifest_entry *e)
{
	if (e->type != MANIFEST_SYMLINK && e->type != MANIFEST_HARDLINK)
		return e->target_len == 0;
	if (e->target_len == 0 || e->target_len > MANIFEST_TARGET_MAX ||
	    memchr(e->target, 0, e->target_len))
		return false;
	return e->type == MANIFEST_SYMLINK || file_before(w, e->target, e->target_len);
}

static bool extend_content(struct walk *w, uint64_t len)
{
	if (len > w->m->content_size - w->end)
		return false;
	for (uint64_t n; len > 0; len -= n) {
		const struct manifest_chunk *c = &w->m->chunks[w->n_chunks];

		n = MIN(len, (uint64_t)MANIFEST_CHUNK);
		if (w->n_chunks == w->m->n_chunks || c->content_off != w->end || c->len != n)
			return false;
		w->n_chunks++;
		w->end += n;
	}
	return true;
}

/* Chunks are at most as long as these: when the last one is where it belongs, all are. */
static bool repeats_content(const struct walk *w, uint64_t off, uint64_t len)
{
	const struct manifest_chunk *first, *last;
	uint64_t n = manifest_n_chunks(len);
	uint32_t i;

	if (off >= w->end || len > w->end - off)
		return false;
	i = manifest_chunk_at(w->m, off);
	if (n > w->n_chunks - i)
		return false;
	first = &w->m->chunks[i];
	last = first + n - 1;
	return first->content_off == off &&
	       last->content_off == off + (n - 1) * MANIFEST_CHUNK &&
	       last->len == len - (n - 1) * MANIFEST_CHUNK;
}

static bool valid_runs(struct walk *w, const struct manifest_entry *e)
{
	uint64_t pos = 0; /* in the file */

	if (e->size > MANIFEST_SIZE_MAX || e->first_run != w->run ||
	    e->n_runs > w->m->n_runs - w->run)
		return false;
	for (; w->run < e->first_run + e->n_runs; w->run++) {
		const struct manifest_run *run = &w->m->runs[w->run];
		uint64_t first = run->file_off / MANIFEST_CHUNK;

		if (run->file_off % MANIFEST_CHUNK || run->file_off < pos ||
		    run->file_off >= e->size || run->len == 0 ||
		    run->len != manifest_run_len(e->size, first, manifest_n_chunks(run->len)))
			return false;
		pos = run->file_off + run->len;
		if (!(run->content_off == w->end
			      ? extend_content(w, run->len)
			      : repeats_content(w, run->content_off, run->len)))
			return false;
	}
	return true;
}

/* What cannot be planned is sent by itself. */
static bool valid_open(const struct walk *w, const struct manifest_entry *e)
{
	return !e->open || (e->type == MANIFEST_FILE && e->size == 0 && e->n_runs == 0 &&
			    w->m->n_entries == 1);
}

static bool valid_entry(struct walk *w, const struct manifest_entry *e)
{
	if (e->type < MANIFEST_FILE || e->type > MANIFEST_HARDLINK || e->mode > 07777 ||
	    e->mtime_nsec >= NSEC_PER_SEC || !valid_path(e->path, e->path_len) ||
	    !valid_place(w, e) || !valid_target(w, e) || !valid_xattrs(e) ||
	    !valid_open(w, e) || (e->whole && e->type != MANIFEST_DIR))
		return false;
	return e->type == MANIFEST_FILE ? valid_runs(w, e) : e->size == 0 && e->n_runs == 0;
}

/* Each chunk as it is, or shorter, and there are some. */
static bool valid_stored(const struct manifest *m)
{
	if (m->n_chunks == 0 || m->stored[0] != 0)
		return false;
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		if (m->stored[i + 1] <= m->stored[i] ||
		    m->stored[i + 1] - m->stored[i] > m->chunks[i].len)
			return false;
	}
	return true;
}

bool manifest_valid(const struct manifest *m)
{
	struct walk w = { .m = m };
	uint64_t total = 0;

	if (m->content_size > MANIFEST_SIZE_MAX)
		return false;
	for (; w.entry < m->n_entries; w.entry++) {
		const struct manifest_entry *e = &m->entries[w.entry];

		if (!valid_entry(&w, e) || e->size > MANIFEST_SIZE_MAX - total)
			return false;
		total += e->size;
	}
	return w.run == m->n_runs && w.n_chunks == m->n_chunks && w.end == m->content_size &&
	       (!m->stored || valid_stored(m));
}

bool manifest_lost(const uint8_t digest[static DIGEST_LEN])
{
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		if (digest[i] != MANIFEST_LOST)
			return false;
	}
	return true;
}

uint32_t manifest_chunk_at(const struct manifest *m, uint64_t content_off)
{
	uint32_t lo = 0, hi = m->n_chunks;

	/* chunks[lo] begins at or before it, chunks[hi] behind it */
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (m->chunks[mid].content_off <= content_off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

uint32_t manifest_stored_at(const struct manifest *m, uint64_t off)
{
	uint32_t lo = 0, hi = m->n_chunks;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (m->stored[mid] <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

void manifest_fini(struct manifest *m)
{
	free(m->memory);
	*m = (struct manifest){ 0 };
}
