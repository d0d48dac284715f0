/* sane.c - whether a manifest keeps its promises, looked at in another way than the codec's. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sane.h"

#include <stdlib.h>
#include <string.h>

#include "tests/equal.h"

static const char *insane_path(const struct manifest_entry *e)
{
	char framed[MANIFEST_PATH_MAX + 3];

	if (strlen(e->path) != e->path_len || e->path_len == 0 || e->path_len > 4096)
		return "the length of a path";
	framed[0] = '/';
	memcpy(framed + 1, e->path, e->path_len);
	memcpy(framed + 1 + e->path_len, "/", 2);
	if (strstr(framed, "//") || strstr(framed, "/./") || strstr(framed, "/../"))
		return "a path that leads elsewhere";
	for (const char *p = framed; *p; p += strcspn(p + 1, "/") + 1) {
		if (strcspn(p + 1, "/") > 255)
			return "a part that is too long";
	}
	return NULL;
}

static bool is_below(const struct manifest_entry *e, const struct manifest_entry *dir)
{
	return e->path_len > dir->path_len && e->path[dir->path_len] == '/' &&
	       strncmp(e->path, dir->path, dir->path_len) == 0;
}

/* `a` stands before `b`. */
static const char *insane_pair(const struct manifest_entry *a, const struct manifest_entry *b)
{
	if (strcmp(a->path, b->path) == 0)
		return "an entry twice";
	if (is_below(a, b))
		return "an entry before its directory";
	if (is_below(b, a) && a->type != MANIFEST_DIR)
		return "an entry below what is no directory";
	return NULL;
}

static const char *insane_link(const struct manifest *m, const struct manifest_entry *e)
{
	bool is_link = e->type == MANIFEST_SYMLINK || e->type == MANIFEST_HARDLINK;

	if (is_link != (e->target_len > 0) || (is_link && strlen(e->target) != e->target_len))
		return "a target";
	if (e->type != MANIFEST_HARDLINK)
		return NULL;
	for (const struct manifest_entry *to = m->entries; to < e; to++) {
		if (to->type == MANIFEST_FILE && strcmp(to->path, e->target) == 0)
			return NULL;
	}
	return "a hard link to nothing before it";
}

static bool is_chunk(const struct manifest *m, uint64_t off, uint64_t len)
{
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		if (m->chunks[i].content_off == off)
			return m->chunks[i].len == len && manifest_chunk_at(m, off) == i &&
			       manifest_chunk_at(m, off + len - 1) == i;
	}
	return false;
}

static const char *insane_runs(const struct manifest *m, const struct manifest_entry *e)
{
	uint64_t pos = 0;

	for (uint32_t i = 0; i < e->n_runs; i++) {
		const struct manifest_run *run = &m->runs[e->first_run + i];
		uint64_t n;

		if (run->file_off < pos || run->len == 0 || run->file_off > e->size ||
		    run->len > e->size - run->file_off)
			return "a run outside its file";
		for (uint64_t at = 0; at < run->len; at += n) {
			n = MIN(run->len - at, (uint64_t)MANIFEST_CHUNK);
			if ((run->file_off + at) % MANIFEST_CHUNK ||
			    (n < MANIFEST_CHUNK && run->file_off + at + n != e->size) ||
			    !is_chunk(m, run->content_off + at, n))
				return "a run that is not made of chunks";
		}
		pos = run->file_off + run->len;
	}
	return NULL;
}

static const char *insane_entry(const struct manifest *m, const struct manifest_entry *e)
{
	const char *what = insane_path(e);

	if (e->type < 1 || e->type > 4 || e->mode > 07777 || e->mtime_nsec > 999999999)
		return "a field of an entry";
	if (e->type != MANIFEST_FILE && (e->size || e->n_runs))
		return "bytes of what is no file";
	if (!what)
		what = insane_link(m, e);
	return what ? what : insane_runs(m, e);
}

static const char *insane_chunks(const struct manifest *m)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < m->n_chunks; i++) {
		if (m->chunks[i].content_off != end || m->chunks[i].len == 0 ||
		    m->chunks[i].len > MANIFEST_CHUNK)
			return "a chunk";
		end += m->chunks[i].len;
	}
	return end == m->content_size ? NULL : "the size of the content";
}

static const char *insane_stored(const struct manifest *m)
{
	uint64_t end = 0;

	for (uint32_t i = 0; m->stored && i < m->n_chunks; i++) {
		uint64_t len = m->stored[i + 1] - m->stored[i];

		if (m->stored[i] != end || len == 0 || len > m->chunks[i].len ||
		    manifest_stored_at(m, end) != i ||
		    manifest_stored_at(m, end + len - 1) != i)
			return "where a chunk is stored";
		end += len;
	}
	return end == manifest_object_size(m) || !m->stored ? NULL : "the size of the object";
}

const char *manifest_insane(const struct manifest *m)
{
	const char *what = insane_chunks(m);
	uint64_t total = 0, n_runs = 0;

	for (uint32_t i = 0; !what && i < m->n_entries; i++) {
		const struct manifest_entry *e = &m->entries[i];

		what = insane_entry(m, e);
		for (uint32_t k = 0; !what && k < i; k++)
			what = insane_pair(&m->entries[k], e);
		total += e->size;
		n_runs += e->n_runs;
	}
	if (!what && (total != m->total_size || n_runs != m->n_runs))
		what = "a sum";
	return what ? what : insane_stored(m);
}

static bool entry_equal(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return a->type == b->type && a->mode == b->mode && a->mtime_sec == b->mtime_sec &&
	       a->mtime_nsec == b->mtime_nsec && a->size == b->size && a->n_runs == b->n_runs &&
	       a->has_owner == b->has_owner && a->open == b->open && a->whole == b->whole &&
	       a->uid == b->uid && a->gid == b->gid &&
	       bytes_equal(a->path, a->path_len, b->path, b->path_len) &&
	       bytes_equal(a->target, a->target_len, b->target, b->target_len) &&
	       bytes_equal(a->xattrs, a->xattrs_len, b->xattrs, b->xattrs_len);
}

bool manifest_equal(const struct manifest *a, const struct manifest *b)
{
	if (a->n_entries != b->n_entries || a->n_runs != b->n_runs ||
	    a->n_chunks != b->n_chunks || a->content_size != b->content_size)
		return false;
	for (uint32_t i = 0; i < a->n_entries; i++) {
		if (!entry_equal(&a->entries[i], &b->entries[i]))
			return false;
	}
	for (uint32_t i = 0; i < a->n_runs; i++) {
		const struct manifest_run *x = &a->runs[i], *y = &b->runs[i];

		if (x->file_off != y->file_off || x->len != y->len ||
		    x->content_off != y->content_off)
			return false;
	}
	for (uint32_t i = 0; i < a->n_chunks; i++) {
		if (a->chunks[i].content_off != b->chunks[i].content_off ||
		    a->chunks[i].len != b->chunks[i].len)
			return false;
	}
	return bytes_equal(a->stored, a->stored ? (a->n_chunks + 1) * sizeof(*a->stored) : 0,
			   b->stored, b->stored ? (b->n_chunks + 1) * sizeof(*b->stored) : 0);
}
