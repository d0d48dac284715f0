/* stash.c - the content of a job in zlib form, made before it is sent and kept in a file that
 * nobody else sees.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/stash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/squeeze.h"
#include "common/worker.h"
#include "sender/distinct.h"

#define PER_THREAD 2 /* chunks: one in hand, one waits */

struct stash {
	int fd;
	uint32_t n;      /* chunks */
	uint64_t *start; /* of each, and where the last ends */
};

/* A chunk on its way through a thread. */
struct item {
	struct worker_job job; /* the pool's own */
	uint32_t chunk;
	bool known; /* its digest was */
	bool lost;
	bool done; /* the thread gave it back */
	int error;
	size_t len, squeezed; /* 0: it stays as it is */
	uint8_t sum[SHA256_LEN];
	struct squeeze *squeeze;
	struct digest *digest;
	uint8_t in[MANIFEST_CHUNK], out[MANIFEST_CHUNK];
};

/* What is needed while it is made. Items are a ring: chunks go through it in their order. */
struct maker {
	const struct stash_conf *conf;
	struct stash *stash;
	struct source_tree *tree;
	struct distinct seen;
	struct loop *loop;
	struct worker *worker; /* NULL: no threads */
	struct item *items;
	unsigned n_items, first, n_used;
};

/* --- the file --- */

static int append(struct stash *s, const uint8_t *data, size_t len)
{
	int r = file_pwrite_all(s->fd, data, len, s->start[s->n]);

	if (r < 0)
		return r;
	s->start[s->n + 1] = s->start[s->n] + len;
	s->n++;
	return 0;
}

/* --- a chunk --- */

static bool is_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void serve(struct worker_job *job)
{
	struct item *it = (struct item *)job;

	it->squeezed = 0;
	it->error = 0;
	if (!it->known && !it->lost) {
		digest_update(it->digest, it->in, it->len);
		it->error = digest_final(it->digest, it->sum);
	}
	if (it->len < MANIFEST_CHUNK || !is_zero(it->in, it->len))
		it->squeezed = squeeze_piece(it->squeeze, it->in, it->len, it->out);
}

/* Its digest is known now: is it the first with it? */
static int settle(struct maker *k, const struct item *it)
{
	struct sums *sums = k->conf->sums;
	uint32_t *slot;

	if (it->error < 0)
		return it->error;
	if (it->lost)
		sums_spoil(sums, it->chunk);
	else if (!it->known)
		sums_set(sums, it->chunk, it->sum);
	if (distinct_is_zero(&k->seen, sums->sum[it->chunk], (uint32_t)it->len))
		return 0;
	slot = distinct_find(&k->seen, sums->sum[it->chunk], (uint32_t)it->len);
	if (*slot)
		return 0;
	*slot = it->chunk + 1;
	return it->squeezed ? append(k->stash, it->out, it->squeezed)
			    : append(k->stash, it->in, it->len);
}

/* --- all of them --- */

/* Takes back what is done, and settles it in order. */
static int collect(struct maker *k)
{
	struct worker_job *job;
	int r = 0;

	while (k->worker && (job = worker_take(k->worker)))
		((struct item *)job)->done = true;
	while (r == 0 && k->n_used && k->items[k->first].done) {
		r = settle(k, &k->items[k->first]);
		k->first = (k->first + 1) % k->n_items;
		k->n_used--;
	}
	return r;
}

/* Until no more than so many are under way. */
static int drain(struct maker *k, unsigned most)
{
	int r = collect(k);

	while (r == 0 && k->n_used > most) {
		worker_wait(k->worker);
		r = collect(k);
	}
	return r;
}

/* Known to be nothing new: it need not be read. */
static bool is_needless(const struct maker *k, uint32_t chunk)
{
	const struct sums *sums = k->conf->sums;
	uint32_t len = k->conf->pack->m.chunks[chunk].len;

	return sums->state[chunk] == SUM_KNOWN &&
	       (distinct_is_zero(&k->seen, sums->sum[chunk], len) ||
		*distinct_find(&k->seen, sums->sum[chunk], len));
}

static int begin(struct maker *k, uint32_t chunk, struct source_loss **losses)
{
	struct item *it = &k->items[(k->first + k->n_used) % k->n_items];
	const struct manifest_chunk *c = &k->conf->pack->m.chunks[chunk];
	int r = source_tree_read(k->tree, c->content_off, it->in, c->len, losses);

	if (r < 0)
		return r;
	it->chunk = chunk;
	it->len = c->len;
	it->known = k->conf->sums->state[chunk] == SUM_KNOWN;
	it->lost = source_tree_lost(k->tree, c->content_off);
	it->job = (struct worker_job){ .serve = serve };
	it->done = !k->worker;
	k->n_used++;
	if (k->worker) {
		worker_submit(k->worker, &it->job);
		worker_go(k->worker);
	} else {
		serve(&it->job);
	}
	return 0;
}

static int run(struct maker *k, struct source_loss **losses)
{
	const struct stash_conf *c = k->conf;
	const struct manifest *m = &c->pack->m;
	int r = 0;

	for (uint32_t i = 0; i < m->n_chunks && r == 0; i++) {
		if (c->progress)
			c->progress(c->progress_arg, m->chunks[i].content_off, m->content_size);
		if (is_needless(k, i))
			continue;
		r = drain(k, k->n_items - 1);
		if (r == 0)
			r = begin(k, i, losses);
	}
	return r < 0 ? r : drain(k, 0);
}

/* --- beginning and end --- */

static int take_items(struct maker *k)
{
	int r = 0;

	k->n_items = MAX(k->conf->threads * PER_THREAD, 1u);
	k->items = calloc(k->n_items, sizeof(*k->items));
	if (!k->items)
		return -ENOMEM;
	for (unsigned i = 0; i < k->n_items && r == 0; i++) {
		r = squeeze_new(&k->items[i].squeeze);
		if (r == 0)
			r = digest_new(&k->items[i].digest);
	}
	return r;
}

static int take_threads(struct maker *k)
{
	int r = k->conf->threads ? loop_new(&k->loop) : 0;

	return r == 0 && k->conf->threads ? worker_new(&k->worker, k->conf->threads, k->loop)
					  : r;
}

static void release(struct maker *k)
{
	worker_free(k->worker); /* before what its jobs name */
	loop_free(k->loop);
	for (unsigned i = 0; k->items && i < k->n_items; i++) {
		squeeze_free(k->items[i].squeeze);
		digest_free(k->items[i].digest);
	}
	free(k->items);
	distinct_fini(&k->seen);
	source_tree_free(k->tree);
}

static int prepare(struct maker *k)
{
	const struct manifest *m = &k->conf->pack->m;
	int r = distinct_init(&k->seen, m->n_chunks, m->chunks, k->conf->sums);

	if (r == 0)
		r = source_tree_new(&k->tree, k->conf->pack, NULL);
	if (r == 0)
		r = take_items(k);
	return r < 0 ? r : take_threads(k);
}

int stash_new(struct stash **ret, const struct stash_conf *conf, struct source_loss **losses)
{
	struct stash *s = calloc(1, sizeof(*s));
	struct maker k = { .conf = conf, .stash = s };
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->start = calloc(conf->pack->m.n_chunks + (size_t)1, sizeof(*s->start));
	r = s->start ? prepare(&k) : -ENOMEM;
	if (r == 0) {
		s->fd = file_unnamed(file_tmp_dir());
		r = s->fd < 0 ? s->fd : run(&k, losses);
	}
	release(&k);
	if (r < 0)
		stash_free(s);
	else
		*ret = s;
	return r;
}

void stash_free(struct stash *s)
{
	if (!s)
		return;
	close_fd(&s->fd);
	free(s->start);
	free(s);
}

uint64_t *stash_offsets(const struct stash *s, uint32_t *ret_chunks)
{
	*ret_chunks = s->n;
	return s->start;
}

int stash_read(const struct stash *s, uint64_t off, void *buf, size_t len)
{
	int n = file_pread_all(s->fd, buf, len, off);

	return n < 0 ? n : (size_t)n < len ? -EIO : 0;
}
