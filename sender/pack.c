/* pack.c - plans the content of a job: which chunks, in which order, and the manifest of it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "sender/distinct.h"
#include "sender/holes.h"

/* A plan that is being made. */
struct plan {
	struct pack *p;
	struct manifest_run *runs;
	struct pack_piece *pieces;
	uint32_t n_runs, cap_runs, n_pieces, cap_pieces;
	uint32_t entry; /* whose runs come next */
	uint32_t first_run;
	uint64_t end; /* of the content so far */
};

static void *grow(void *array, uint32_t *cap, size_t size)
{
	uint32_t to = *cap ? *cap * 2 : 64;

	array = to > *cap ? reallocarray(array, to, size) : NULL;
	if (array)
		*cap = to;
	return array;
}

static struct manifest_run *new_run(struct plan *t)
{
	if (t->n_runs == t->cap_runs) {
		void *runs = grow(t->runs, &t->cap_runs, sizeof(*t->runs));

		if (!runs)
			return NULL;
		t->runs = runs;
	}
	return &t->runs[t->n_runs++];
}

/* The run made last begins a piece of the content. */
static int new_piece(struct plan *t)
{
	if (t->n_pieces == t->cap_pieces) {
		void *pieces = grow(t->pieces, &t->cap_pieces, sizeof(*t->pieces));

		if (!pieces)
			return -ENOMEM;
		t->pieces = pieces;
	}
	t->pieces[t->n_pieces++] = (struct pack_piece){ t->end, t->entry, t->n_runs - 1 };
	return 0;
}

/*
 * The entry's bytes [off, off + len) are the content's from `at` on; `at` the end: they make
 * more of it. They lengthen the run before when they are of its kind, since a run either makes
 * content or repeats it.
 */
static int place(struct plan *t, uint64_t off, uint64_t len, uint64_t at)
{
	struct manifest_run *run = t->n_runs > t->first_run ? &t->runs[t->n_runs - 1] : NULL;
	bool makes = at == t->end;
	int r = 0;

	if (run && run->file_off + run->len == off && run->content_off + run->len == at &&
	    makes == (t->n_pieces > 0 && t->pieces[t->n_pieces - 1].run == t->n_runs - 1)) {
		run->len += len;
	} else {
		run = new_run(t);
		if (!run)
			return -ENOMEM;
		*run = (struct manifest_run){ off, len, at };
		if (makes)
			r = new_piece(t);
	}
	if (r == 0 && makes)
		t->end += len;
	return r;
}

static void begin_entry(struct plan *t, uint32_t i)
{
	t->entry = i;
	t->first_run = t->n_runs;
}

static void free_plan(struct plan *t)
{
	free(t->runs);
	free(t->pieces);
}

/* The plan becomes what is valid. `first` are the first runs of all entries: while a plan was
 * made the entries still had those of the plan before. */
static void adopt(struct plan *t, const uint32_t *first)
{
	struct pack *p = t->p;

	for (uint32_t i = 0; i < p->m.n_entries; i++) {
		struct manifest_entry *e = &p->m.entries[i];
		uint32_t next = i + 1 < p->m.n_entries ? first[i + 1] : t->n_runs;

		e->n_runs = next - first[i];
		e->first_run = e->type == MANIFEST_FILE ? first[i] : 0;
	}
	free(p->m.runs);
	free(p->pieces);
	p->m.runs = t->runs;
	p->m.n_runs = t->n_runs;
	p->m.content_size = t->end;
	p->pieces = t->pieces;
	p->n_pieces = t->n_pieces;
}

/* --- the first plan --- */

/* Where its holes cannot be told, it has none: whether it can be read is seen later. */
static int place_sparse(struct plan *t, const struct manifest_entry *e)
{
	int fd = scan_open(t->p->scan, t->entry), r = 0;
	uint64_t pos = 0, len;

	while (fd >= 0 && r == 0 && (r = holes_next(fd, e->size, &pos, &len)) > 0) {
		r = place(t, pos, len, t->end);
		pos += len;
	}
	if (fd < 0 || (r < 0 && r != -ENOMEM))
		r = place(t, pos, e->size - pos, t->end);
	close_fd(&fd);
	return r;
}

static int place_all(struct plan *t, uint32_t *first)
{
	const struct scan *s = t->p->scan;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->n; i++) {
		const struct manifest_entry *e = &s->entries[i];

		begin_entry(t, i);
		first[i] = t->n_runs;
		if (e->type != MANIFEST_FILE || e->size == 0)
			continue;
		r = s->files[i].sparse ? place_sparse(t, e) : place(t, 0, e->size, t->end);
	}
	return r;
}

/* Of a plan in which every run makes content. */
static int cut_chunks(struct manifest *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->n_runs; i++)
		n += manifest_n_chunks(m->runs[i].len);
	if (n >= UINT32_MAX)
		return -EFBIG;
	m->chunks = calloc(n + 1, sizeof(*m->chunks));
	if (!m->chunks)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_runs; i++) {
		const struct manifest_run *run = &m->runs[i];

		for (uint64_t at = 0; at < run->len; at += MANIFEST_CHUNK)
			m->chunks[m->n_chunks++] = (struct manifest_chunk){
				.content_off = run->content_off + at,
				.len = (uint32_t)MIN(run->len - at, (uint64_t)MANIFEST_CHUNK),
			};
	}
	return 0;
}

static int plan_first(struct pack *p)
{
	uint32_t *first = calloc((size_t)p->scan->n + 1, sizeof(*first));
	struct plan t = { .p = p };
	int r = first ? place_all(&t, first) : -ENOMEM;

	if (r == 0)
		adopt(&t, first);
	else
		free_plan(&t);
	free(first);
	return r < 0 ? r : cut_chunks(&p->m);
}

int pack_new(struct pack **ret, struct scan *scan)
{
	struct pack *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->scan = scan;
	p->m.entries = scan->entries;
	p->m.n_entries = scan->n;
	p->m.total_size = scan->total_size;
	r = plan_first(p);
	if (r < 0)
		pack_free(p);
	else
		*ret = p;
	return r;
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	free(p->m.runs);
	free(p->m.chunks);
	free(p->pieces);
	free(p);
}

/* --- the plan that knows the digests --- */

/* Chunks that are left move to the front of what was there: they are never more than were
 * looked at. */
struct sieve {
	struct plan t;
	struct distinct seen;
	uint32_t n;
};

static int sieve_chunk(struct sieve *v, struct sums *sums, uint32_t chunk, uint64_t off)
{
	struct manifest_chunk *chunks = v->t.p->m.chunks;
	const uint8_t *sum = sums->sum[chunk];
	uint32_t len = chunks[chunk].len, *slot;

	if (distinct_is_zero(&v->seen, sum, len))
		return 0;
	slot = distinct_find(&v->seen, sum, len);
	if (*slot)
		return place(&v->t, off, len, chunks[*slot - 1].content_off);
	chunks[v->n] = (struct manifest_chunk){ v->t.end, len };
	memmove(sums->sum[v->n], sum, SHA256_LEN);
	sums->state[v->n] = sums->state[chunk];
	*slot = ++v->n;
	return place(&v->t, off, len, v->t.end);
}

static int sieve_all(struct sieve *v, struct sums *sums, uint32_t *first)
{
	const struct pack *p = v->t.p;
	uint32_t chunk = 0;
	int r = 0;

	for (uint32_t i = 0; i < p->m.n_entries; i++) {
		const struct manifest_entry *e = &p->m.entries[i];

		begin_entry(&v->t, i);
		first[i] = v->t.n_runs;
		for (uint32_t k = 0; k < e->n_runs; k++) {
			const struct manifest_run *run = &p->m.runs[e->first_run + k];

			for (uint64_t at = 0; r == 0 && at < run->len; at += MANIFEST_CHUNK)
				r = sieve_chunk(v, sums, chunk++, run->file_off + at);
		}
	}
	return r;
}

int pack_dedup(struct pack *p, struct sums *sums)
{
	uint32_t *first = calloc((size_t)p->m.n_entries + 1, sizeof(*first));
	struct sieve v = { .t = { .p = p } };
	int r = first ? distinct_init(&v.seen, p->m.n_chunks, p->m.chunks, sums) : -ENOMEM;

	if (r == 0)
		r = sieve_all(&v, sums, first);
	if (r == 0) {
		adopt(&v.t, first);
		p->m.n_chunks = v.n;
		sums->n = v.n;
	} else {
		free_plan(&v.t);
	}
	distinct_fini(&v.seen);
	free(first);
	return r;
}

/* --- */

uint32_t pack_piece_at(const struct pack *p, uint64_t content_off)
{
	uint32_t lo = 0, hi = p->n_pieces;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->pieces[mid].content_off <= content_off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Compressed, if that is smaller: then *wire is exchanged. */
static int compress(struct pack_wire *wire)
{
	uint8_t *buf = malloc(wire->raw_len);
	int64_t len;

	if (!buf)
		return -ENOMEM;
	len = wire->raw_len > 0
		      ? manifest_pack(wire->data, wire->raw_len, buf, wire->raw_len - 1)
		      : -ENOSPC;
	if (len < 0) {
		free(buf);
		return len == -ENOSPC || len == -EFBIG ? 0 : (int)len;
	}
	free(wire->data);
	wire->data = buf;
	wire->len = (size_t)len;
	return 0;
}

int pack_encode(const struct pack *p, struct pack_wire *ret)
{
	size_t bound = manifest_encode_bound(&p->m);
	struct pack_wire wire = { .data = malloc(bound) };
	int64_t len;
	int r;

	if (!wire.data)
		return -ENOMEM;
	len = manifest_encode(&p->m, wire.data, bound);
	r = len < 0 ? (int)len : digest_bytes(wire.data, (size_t)len, wire.id);
	if (r == 0) {
		wire.len = wire.raw_len = (size_t)len;
		r = compress(&wire);
	}
	if (r < 0)
		free(wire.data);
	else
		*ret = wire;
	return r;
}
