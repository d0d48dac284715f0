/* source_tree.c - the content of a job: read from its files, hashed on the way. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/source_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define WINDOW    ((size_t)2 * MANIFEST_CHUNK)
#define N_WINDOWS 16 /* large blocks that are read in turns, and a few more */
#define N_OPEN    64 /* files of more than a chunk that stay open */

/* Whole chunks of the content that were read and hashed. */
struct window {
	uint64_t off;
	size_t len; /* 0: empty */
	uint64_t used;
	uint8_t *data; /* NULL: not needed yet */
};

struct open_file {
	int fd; /* -1: free */
	uint32_t entry;
	uint64_t used;
};

struct source_tree {
	const struct pack *pack;
	struct sums *sums;
	struct digest *digest;
	uint8_t zero[SHA256_LEN]; /* the digest of a whole chunk of zeros */
	struct window window[N_WINDOWS];
	struct open_file open[N_OPEN];
	uint64_t clock;   /* of uses */
	uint32_t piece;   /* read last */
	uint32_t unknown; /* no chunk before has an unknown digest */
	uint8_t *lost;    /* entries, a byte each */
	struct source_loss **losses;
};

int source_tree_new(struct source_tree **ret, const struct pack *pack, struct sums *sums)
{
	static const uint8_t zeros[MANIFEST_CHUNK];
	struct source_tree *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->pack = pack;
	t->sums = sums;
	for (unsigned i = 0; i < N_OPEN; i++)
		t->open[i].fd = -1;
	t->lost = calloc((size_t)pack->m.n_entries + 1, 1);
	r = t->lost ? digest_new(&t->digest) : -ENOMEM;
	if (r == 0) {
		digest_update(t->digest, zeros, sizeof(zeros));
		r = digest_final(t->digest, t->zero);
	}
	if (r < 0)
		source_tree_free(t);
	else
		*ret = t;
	return r;
}

void source_tree_free(struct source_tree *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < N_OPEN; i++)
		close_fd(&t->open[i].fd);
	for (unsigned i = 0; i < N_WINDOWS; i++)
		free(t->window[i].data);
	digest_free(t->digest);
	free(t->lost);
	free(t);
}

/* --- files --- */

static int lose(struct source_tree *t, uint32_t entry, int error)
{
	struct source_loss *loss = calloc(1, sizeof(*loss));

	if (!loss)
		return -ENOMEM;
	*loss = (struct source_loss){ .next = *t->losses, .entry = entry, .error = error };
	*t->losses = loss;
	t->lost[entry] = true;
	return 0;
}

static struct open_file *oldest_open(struct source_tree *t)
{
	struct open_file *oldest = &t->open[0];

	for (unsigned i = 1; i < N_OPEN; i++) {
		if (t->open[i].used < oldest->used)
			oldest = &t->open[i];
	}
	return oldest;
}

/* A large file's descriptor, which stays open. */
static int reach(struct source_tree *t, uint32_t entry)
{
	struct open_file *o;

	for (unsigned i = 0; i < N_OPEN; i++) {
		o = &t->open[i];
		if (o->fd >= 0 && o->entry == entry) {
			o->used = ++t->clock;
			return o->fd;
		}
	}
	o = oldest_open(t);
	close_fd(&o->fd);
	o->fd = scan_open(t->pack->scan, entry);
	o->entry = entry;
	o->used = o->fd >= 0 ? ++t->clock : 0;
	if (o->fd >= 0)
		posix_fadvise(o->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return o->fd;
}

/* Looks for a change behind the read: what was read before it happened is good. */
static int read_file(struct source_tree *t, uint32_t entry, uint64_t off, void *buf, size_t len)
{
	bool small = t->pack->m.entries[entry].size <= MANIFEST_CHUNK;
	int fd = small ? scan_open(t->pack->scan, entry) : reach(t, entry);
	int r;

	if (fd < 0)
		return fd;
	r = file_pread_all(fd, buf, len, off);
	if (r >= 0)
		r = (size_t)r < len || scan_changed(t->pack->scan, entry, fd) ? -ESTALE : 0;
	if (small)
		close_fd(&fd);
	return r;
}

/* --- the content, piece by piece --- */

static uint64_t piece_end(const struct source_tree *t, uint32_t i)
{
	return i + 1 < t->pack->n_pieces ? t->pack->pieces[i + 1].content_off
					 : t->pack->m.content_size;
}

/* The piece that holds this byte; most often the last one, or the one behind it. */
static uint32_t find_piece(struct source_tree *t, uint64_t off)
{
	for (unsigned i = 0; i < 2; i++) {
		if (t->pack->pieces[t->piece].content_off <= off &&
		    off < piece_end(t, t->piece))
			return t->piece;
		if (t->piece + 1 < t->pack->n_pieces)
			t->piece++;
	}
	return t->piece = pack_piece_at(t->pack, off);
}

/* Straight from the files. */
static int read_pieces(struct source_tree *t, uint64_t off, uint8_t *buf, size_t len)
{
	while (len > 0) {
		uint32_t i = find_piece(t, off);
		const struct pack_piece *p = &t->pack->pieces[i];
		const struct manifest_run *run = &t->pack->m.runs[p->run];
		size_t n = (size_t)MIN((uint64_t)len, piece_end(t, i) - off);
		int r = t->lost[p->entry]
				? -ESTALE
				: read_file(t, p->entry, run->file_off + off - p->content_off,
					    buf, n);

		if (r < 0)
			memset(buf, 0, n);
		if (r < 0 && !t->lost[p->entry])
			r = lose(t, p->entry, r);
		if (r == -ENOMEM)
			return r;
		buf += n;
		off += n;
		len -= n;
	}
	return 0;
}

bool source_tree_lost(struct source_tree *t, uint64_t off)
{
	return t->lost[t->pack->pieces[find_piece(t, off)].entry];
}

/* --- windows --- */

static bool is_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* A chunk that was read whole. */
static int hash_chunk(struct source_tree *t, uint32_t i, const uint8_t *data)
{
	const struct manifest_chunk *c = &t->pack->m.chunks[i];
	uint8_t sum[SHA256_LEN];
	int r;

	if (source_tree_lost(t, c->content_off)) {
		sums_spoil(t->sums, i);
		return 0;
	}
	if (c->len == MANIFEST_CHUNK && is_zero(data, c->len)) {
		sums_set(t->sums, i, t->zero);
		return 0;
	}
	digest_update(t->digest, data, c->len);
	r = digest_final(t->digest, sum);
	if (r == 0)
		sums_set(t->sums, i, sum);
	return r;
}

static struct window *oldest_window(struct source_tree *t)
{
	struct window *oldest = &t->window[0];

	for (unsigned i = 1; i < N_WINDOWS; i++) {
		if (t->window[i].used < oldest->used)
			oldest = &t->window[i];
	}
	return oldest;
}

/* Reads chunks from `first` on, as many as a window holds, and hashes what is not known. */
static int fill_window(struct source_tree *t, uint32_t first, struct window **ret)
{
	const struct manifest *m = &t->pack->m;
	struct window *w = oldest_window(t);
	uint32_t end = first;
	int r;

	if (!w->data && !(w->data = malloc(WINDOW)))
		return -ENOMEM;
	w->off = m->chunks[first].content_off;
	w->len = 0;
	w->used = ++t->clock;
	while (end < m->n_chunks && m->chunks[end].len <= WINDOW - w->len)
		w->len += m->chunks[end++].len;
	r = read_pieces(t, w->off, w->data, w->len);
	for (uint32_t i = first; r == 0 && i < end; i++) {
		if (t->sums->state[i] == SUM_UNKNOWN)
			r = hash_chunk(t, i, w->data + (m->chunks[i].content_off - w->off));
	}
	if (r < 0)
		w->len = 0;
	else
		*ret = w;
	return r;
}

static struct window *window_with(struct source_tree *t, uint64_t off)
{
	for (unsigned i = 0; i < N_WINDOWS; i++) {
		struct window *w = &t->window[i];

		if (off - w->off < w->len) {
			w->used = ++t->clock;
			return w;
		}
	}
	return NULL;
}

bool source_tree_complete(const struct source_tree *t)
{
	return !t->sums || sums_complete(t->sums);
}

int source_tree_read(struct source_tree *t, uint64_t off, void *buf, size_t len,
		     struct source_loss **losses)
{
	uint64_t size = t->pack->m.content_size;
	uint8_t *to = buf;
	int r = 0;

	if (off > size || len > size - off)
		return -EINVAL;
	t->losses = losses;
	while (r == 0 && len > 0) {
		struct window *w = window_with(t, off);
		uint32_t chunk;
		size_t n;

		if (!w && source_tree_complete(t))
			return read_pieces(t, off, to, len);
		chunk = w ? 0 : manifest_chunk_at(&t->pack->m, off);
		if (!w && t->sums->state[chunk] == SUM_UNKNOWN) {
			r = fill_window(t, chunk, &w);
			if (r < 0)
				break;
		}
		if (w) {
			n = MIN(len, w->len - (size_t)(off - w->off));
			memcpy(to, w->data + (off - w->off), n);
		} else {
			const struct manifest_chunk *c = &t->pack->m.chunks[chunk];

			n = (size_t)MIN((uint64_t)len, c->content_off + c->len - off);
			r = read_pieces(t, off, to, n);
		}
		to += n;
		off += n;
		len -= n;
	}
	return r;
}

int64_t source_tree_hash(struct source_tree *t, uint64_t max, struct source_loss **losses)
{
	uint64_t done = 0;
	struct window *w;
	int r;

	t->losses = losses;
	while (done < max && !source_tree_complete(t)) {
		while (t->sums->state[t->unknown] != SUM_UNKNOWN)
			t->unknown++;
		r = fill_window(t, t->unknown, &w);
		if (r < 0)
			return r;
		done += w->len;
	}
	return (int64_t)done;
}
