/* manifest_encode.c - a manifest becomes the bytes of its wire form. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/manifest_internal.h"

#include <errno.h>

#include "proto/varint.h"

/* Bytes of numbers and lengths at most: of the head, an entry and a run. */
#define HEAD_BOUND  (4 + 1 + 3 * VARINT_MAX)
#define ENTRY_BOUND 64
#define RUN_BOUND   (3 * VARINT_MAX)

size_t manifest_encode_bound(const struct manifest *m)
{
	size_t n = HEAD_BOUND + (size_t)m->n_runs * RUN_BOUND +
		   (m->stored ? (size_t)m->n_chunks * VARINT_MAX : 0);

	for (uint32_t i = 0; i < m->n_entries; i++) {
		const struct manifest_entry *e = &m->entries[i];

		n += ENTRY_BOUND + e->path_len + e->target_len + e->xattrs_len;
	}
	return n;
}

static size_t shared_len(const struct manifest_entry *before, const struct manifest_entry *e)
{
	size_t n = MIN(before->path_len, e->path_len), i = 0;

	while (i < n && before->path[i] == e->path[i])
		i++;
	return i;
}

static void encode_xattrs(struct wr *w, const struct manifest_entry *e)
{
	const uint8_t *value;
	const char *name;
	size_t pos = 0, name_len, value_len;
	uint64_t n = 0;

	while (manifest_xattr_next(e->xattrs, e->xattrs_len, &pos, &name, &name_len, &value,
				   &value_len))
		n++;
	wr_varint(w, n);
	wr_bytes(w, e->xattrs, e->xattrs_len);
}

static void encode_runs(struct wr *w, const struct manifest *m, const struct manifest_entry *e,
			uint64_t *content_pos)
{
	uint64_t next = 0; /* chunk of the file */

	wr_varint(w, e->size);
	wr_varint(w, e->n_runs);
	for (uint32_t i = 0; i < e->n_runs; i++) {
		const struct manifest_run *run = &m->runs[e->first_run + i];
		uint64_t first = run->file_off / MANIFEST_CHUNK;
		uint64_t n = manifest_n_chunks(run->len);

		wr_varint(w, first - next);
		wr_varint(w, n);
		wr_zigzag(w, (int64_t)(run->content_off - *content_pos));
		next = first + n;
		*content_pos = run->content_off + run->len;
	}
}

static uint8_t flags_of(const struct manifest_entry *e)
{
	return (uint8_t)((e->has_owner ? MANIFEST_OWNER : 0) |
			 (e->xattrs_len ? MANIFEST_XATTRS : 0) | (e->open ? MANIFEST_OPEN : 0) |
			 (e->whole ? MANIFEST_WHOLE : 0));
}

static void encode_entry(struct wr *w, const struct manifest *m, uint32_t i,
			 uint64_t *content_pos)
{
	const struct manifest_entry *e = &m->entries[i];
	size_t shared = i > 0 ? shared_len(e - 1, e) : 0;

	wr_u8(w, e->type);
	wr_u8(w, flags_of(e));
	wr_varint(w, e->mode);
	wr_zigzag(w, e->mtime_sec);
	wr_varint(w, e->mtime_nsec);
	wr_varint(w, shared);
	wr_varint(w, e->path_len - shared);
	wr_bytes(w, e->path + shared, e->path_len - shared);
	if (e->has_owner) {
		wr_varint(w, e->uid);
		wr_varint(w, e->gid);
	}
	if (e->xattrs_len)
		encode_xattrs(w, e);
	if (e->target_len) {
		wr_varint(w, e->target_len);
		wr_bytes(w, e->target, e->target_len);
	}
	if (e->type == MANIFEST_FILE)
		encode_runs(w, m, e, content_pos);
}

/* 0: as it is. */
static void encode_stored(struct wr *w, const struct manifest *m)
{
	for (uint32_t i = 0; i < m->n_chunks; i++) {
		uint64_t len = m->stored[i + 1] - m->stored[i];

		wr_varint(w, len < m->chunks[i].len ? len : 0);
	}
}

int64_t manifest_encode(const struct manifest *m, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	uint64_t content_pos = 0;

	if (!manifest_valid(m))
		return -EINVAL;
	wr_u32(&w, MANIFEST_MAGIC);
	wr_u8(&w, m->stored ? MANIFEST_VERSION_Z : MANIFEST_VERSION);
	wr_varint(&w, m->n_entries);
	wr_varint(&w, m->n_runs);
	wr_varint(&w, m->content_size);
	for (uint32_t i = 0; i < m->n_entries; i++)
		encode_entry(&w, m, i, &content_pos);
	if (m->stored)
		encode_stored(&w, m);
	return wr_ok(&w) ? (int64_t)wr_len(&w) : -ENOSPC;
}
