/* manifest_decode.c - the bytes of a wire form, which may come from anybody, become a manifest.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/manifest_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/varint.h"

/*
 * The same walk over the bytes twice: the first measures and checks what memory depends on, the
 * second, with `store`, fills the memory. What is left is manifest_valid()'s.
 */
struct pass {
	struct rd r;
	struct manifest *m; /* counts; with `store` arrays, too */
	bool store, squeezed;
	uint32_t n_entries; /* so far */
	uint64_t n_runs, n_chunks;
	uint64_t n_bytes;     /* of strings */
	uint8_t *bytes;       /* store: where they go */
	uint64_t content_end; /* of the runs that make content, */
	uint64_t content_pos; /* and of the last run */
	const char *path;     /* of the last entry; NULL when not stored */
	size_t path_len;
};

/* Two pieces as one string. */
static const uint8_t *keep(struct pass *p, const void *a, size_t a_len, const uint8_t *b,
			   size_t b_len)
{
	uint64_t at = p->n_bytes;
	uint8_t *to;

	p->n_bytes += a_len + b_len + 1;
	if (!p->store)
		return NULL;
	to = p->bytes + at;
	if (a_len)
		memcpy(to, a, a_len);
	if (b_len)
		memcpy(to + a_len, b, b_len);
	to[a_len + b_len] = 0;
	return to;
}

static void decode_path(struct pass *p, struct manifest_entry *e)
{
	size_t shared = rd_varint_max(&p->r, p->path_len);
	size_t rest_len = rd_varint_max(&p->r, MANIFEST_PATH_MAX - shared);
	const uint8_t *rest = rd_bytes(&p->r, rest_len);

	if (!rest)
		return;
	e->path = (const char *)keep(p, p->path, shared, rest, rest_len);
	e->path_len = (uint16_t)(shared + rest_len);
	p->path = e->path;
	p->path_len = e->path_len;
}

static void decode_xattrs(struct pass *p, struct manifest_entry *e)
{
	const uint8_t *pairs;
	uint64_t n = rd_varint(&p->r);
	size_t len;

	if (n == 0)
		p->r.bad = true;
	for (pairs = p->r.p; n > 0 && rd_ok(&p->r); n--) {
		rd_skip(&p->r, rd_varint(&p->r));
		rd_skip(&p->r, rd_varint(&p->r));
	}
	len = (size_t)(p->r.p - pairs);
	if (len > MANIFEST_XATTRS_MAX)
		p->r.bad = true;
	if (!rd_ok(&p->r))
		return;
	e->xattrs = keep(p, pairs, len, NULL, 0);
	e->xattrs_len = (uint16_t)len;
}

static void decode_target(struct pass *p, struct manifest_entry *e)
{
	size_t len = rd_varint_max(&p->r, MANIFEST_TARGET_MAX);
	const uint8_t *target = rd_bytes(&p->r, len);

	if (!target)
		return;
	e->target = (const char *)keep(p, target, len, NULL, 0);
	e->target_len = (uint16_t)len;
}

/* Chunks that a run adds at the end of the content. */
static void extend_content(struct pass *p, uint64_t len, uint64_t n)
{
	if (len > p->m->content_size - p->content_end) {
		p->r.bad = true;
		return;
	}
	for (uint64_t i = 0; p->store && i < n; i++) {
		uint64_t at = i * MANIFEST_CHUNK;

		p->m->chunks[p->n_chunks + i] = (struct manifest_chunk){
			.content_off = p->content_end + at,
			.len = (uint32_t)MIN(len - at, (uint64_t)MANIFEST_CHUNK),
		};
	}
	p->n_chunks += n;
	p->content_end += len;
}

static void decode_run(struct pass *p, const struct manifest_entry *e, uint64_t *next)
{
	uint64_t n_chunks = manifest_n_chunks(e->size);
	uint64_t first = *next + rd_varint_max(&p->r, n_chunks - *next);
	uint64_t n = rd_varint_max(&p->r, n_chunks - first);
	uint64_t off = p->content_pos + (uint64_t)rd_zigzag(&p->r);
	uint64_t len;

	if (n == 0 || p->n_runs == p->m->n_runs)
		p->r.bad = true;
	if (!rd_ok(&p->r))
		return;
	len = manifest_run_len(e->size, first, n);
	if (p->store)
		p->m->runs[p->n_runs] =
			(struct manifest_run){ first * MANIFEST_CHUNK, len, off };
	p->n_runs++;
	p->content_pos = off + len;
	*next = first + n;
	if (off == p->content_end)
		extend_content(p, len, n);
}

static void decode_file(struct pass *p, struct manifest_entry *e)
{
	uint64_t next = 0; /* chunk */

	e->size = rd_varint_max(&p->r, MANIFEST_SIZE_MAX);
	e->n_runs = (uint32_t)rd_varint_max(&p->r, p->m->n_runs - p->n_runs);
	e->first_run = (uint32_t)p->n_runs;
	for (uint32_t i = 0; i < e->n_runs && rd_ok(&p->r); i++)
		decode_run(p, e, &next);
}

static void decode_entry(struct pass *p)
{
	struct manifest_entry e = { .type = rd_u8(&p->r) };
	uint8_t flags = rd_u8(&p->r);

	if (flags & ~(MANIFEST_OWNER | MANIFEST_XATTRS | MANIFEST_OPEN | MANIFEST_WHOLE))
		p->r.bad = true;
	e.open = flags & MANIFEST_OPEN;
	e.whole = flags & MANIFEST_WHOLE;
	e.mode = (uint16_t)rd_varint_max(&p->r, 07777);
	e.mtime_sec = rd_zigzag(&p->r);
	e.mtime_nsec = (uint32_t)rd_varint_max(&p->r, NSEC_PER_SEC - 1);
	decode_path(p, &e);
	if (flags & MANIFEST_OWNER) {
		e.has_owner = true;
		e.uid = (uint32_t)rd_varint_max(&p->r, UINT32_MAX);
		e.gid = (uint32_t)rd_varint_max(&p->r, UINT32_MAX);
	}
	if (flags & MANIFEST_XATTRS)
		decode_xattrs(p, &e);
	if (e.type == MANIFEST_FILE)
		decode_file(p, &e);
	else if (e.type != MANIFEST_DIR)
		decode_target(p, &e);
	if (p->store && rd_ok(&p->r)) {
		p->m->entries[p->n_entries] = e;
		p->m->total_size += e.size;
	}
	p->n_entries++;
}

/* That a length is less than the chunk's is seen when chunks are known. */
static void decode_stored(struct pass *p)
{
	uint64_t end = 0;

	for (uint64_t i = 0; i < p->n_chunks && rd_ok(&p->r); i++) {
		uint64_t len = rd_varint_max(&p->r, MANIFEST_CHUNK - 1);

		if (!p->store)
			continue;
		if (len >= p->m->chunks[i].len)
			p->r.bad = true;
		end += len ? len : p->m->chunks[i].len;
		p->m->stored[i + 1] = end;
	}
}

/* After the head, which filled the counts of *m. */
static bool walk(struct pass *p)
{
	while (p->n_entries < p->m->n_entries && rd_ok(&p->r))
		decode_entry(p);
	if (p->squeezed)
		decode_stored(p);
	return rd_done(&p->r) && p->n_runs == p->m->n_runs &&
	       p->content_end == p->m->content_size;
}

static int decode_head(struct rd *r, struct manifest *m, const struct manifest_limits *limits,
		       bool *ret_squeezed)
{
	uint32_t magic = rd_u32(r);
	uint8_t version = rd_u8(r);
	uint64_t n_entries = rd_varint(r), n_runs = rd_varint(r);

	m->content_size = rd_varint_max(r, MANIFEST_SIZE_MAX);
	if (!rd_ok(r) || magic != MANIFEST_MAGIC)
		return -EBADMSG;
	if (version != MANIFEST_VERSION && version != MANIFEST_VERSION_Z)
		return -EPROTONOSUPPORT;
	if (n_entries > limits->max_entries || n_runs > UINT32_MAX)
		return -EFBIG;
	m->n_entries = (uint32_t)n_entries;
	m->n_runs = (uint32_t)n_runs;
	*ret_squeezed = version == MANIFEST_VERSION_Z;
	return 0;
}

static uint64_t needed_beside(const struct manifest *m, const struct manifest_limits *limits)
{
	return (uint64_t)m->n_entries * limits->per_entry +
	       (uint64_t)m->n_runs * limits->per_run +
	       (uint64_t)m->n_chunks * limits->per_chunk;
}

/* For what the first pass counted; strings come last, they need no alignment. */
static int take_memory(struct pass *p, const struct manifest_limits *limits)
{
	struct manifest *m = p->m;
	uint64_t entries = m->n_entries * sizeof(*m->entries);
	uint64_t runs = m->n_runs * sizeof(*m->runs);
	uint64_t chunks, stored, bytes;
	uint8_t *memory;

	if (p->n_chunks > limits->max_memory / sizeof(*m->chunks) || p->n_chunks > UINT32_MAX)
		return -EFBIG;
	m->n_chunks = (uint32_t)p->n_chunks;
	chunks = m->n_chunks * sizeof(*m->chunks);
	stored = p->squeezed ? (m->n_chunks + (uint64_t)1) * sizeof(*m->stored) : 0;
	bytes = entries + runs + chunks + stored + p->n_bytes + 1; /* never 0 */
	if (bytes + needed_beside(m, limits) > limits->max_memory)
		return -EFBIG;
	memory = calloc(1, bytes);
	if (!memory)
		return -ENOMEM;
	m->memory = memory;
	m->entries = (struct manifest_entry *)memory;
	m->runs = (struct manifest_run *)(memory + entries);
	m->chunks = (struct manifest_chunk *)(memory + entries + runs);
	m->stored = p->squeezed ? (uint64_t *)(memory + entries + runs + chunks) : NULL;
	p->bytes = memory + entries + runs + chunks + stored;
	return 0;
}

int manifest_decode(struct manifest *ret, const uint8_t *buf, size_t len,
		    const struct manifest_limits *limits)
{
	struct manifest m = { 0 };
	struct rd r = rd_init(buf, len);
	struct pass measure, fill = { .m = &m, .store = true };
	int err = decode_head(&r, &m, limits, &fill.squeezed);

	if (err < 0)
		return err;
	fill.r = r;
	measure = (struct pass){ .r = r, .m = &m, .squeezed = fill.squeezed };
	if (!walk(&measure))
		return -EBADMSG;
	err = take_memory(&measure, limits);
	if (err < 0)
		return err;
	fill.bytes = measure.bytes;
	if (walk(&fill) && manifest_valid(&m)) {
		*ret = m;
		return 0;
	}
	manifest_fini(&m);
	return -EBADMSG;
}
