/* tree_chunk.c - which chunks of a job are good. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_internal.h"

#include "proto/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>

#define NO_CHUNK UINT32_MAX

int tree_chunk_init(struct tree *t)
{
	int r = digest_new(&t->digest);

	t->chunk = calloc(t->m->n_chunks + 1u, 1);
	t->sum = calloc(t->m->n_chunks + 1u, sizeof(*t->sum));
	if (!t->chunk || !t->sum)
		r = -ENOMEM;
	for (unsigned i = 0; i < TREE_HOT && r == 0; i++) {
		t->hot[i].chunk = NO_CHUNK;
		r = digest_new(&t->hot[i].digest);
	}
	return r;
}

void tree_chunk_fini(struct tree *t)
{
	digest_free(t->digest);
	for (unsigned i = 0; i < TREE_HOT; i++)
		digest_free(t->hot[i].digest);
	free(t->chunk);
	free(t->sum);
}

enum chunk_state tree_chunk_state(const struct tree *t, uint32_t chunk)
{
	return t->chunk[chunk] & CHUNK_STATE;
}

static void set_state(struct tree *t, uint32_t chunk, enum chunk_state state)
{
	t->chunk[chunk] = (uint8_t)((t->chunk[chunk] & ~CHUNK_STATE) | state);
}

bool tree_chunk_here(const struct tree *t, uint32_t chunk)
{
	return t->chunk[chunk] & CHUNK_HELD || tree_chunk_state(t, chunk) == CHUNK_GOOD;
}

bool tree_has(struct tree *t, uint32_t chunk)
{
	bool here;

	pthread_mutex_lock(&t->lock);
	here = tree_chunk_here(t, chunk);
	pthread_mutex_unlock(&t->lock);
	return here;
}

/* The digest of all its bytes was computed: the bytes are what it tells, or it is kept. */
static void on_sum(struct tree *t, uint32_t chunk, const uint8_t sum[static SHA256_LEN])
{
	if (!t->expects) {
		memcpy(t->sum[chunk], sum, SHA256_LEN);
		set_state(t, chunk, CHUNK_SUMMED);
		return;
	}
	set_state(t, chunk,
		  memcmp(t->sum[chunk], sum, SHA256_LEN) == 0 ? CHUNK_GOOD : CHUNK_BAD);
}

/* --- while it is written --- */

static struct tree_hot *find_hot(struct tree *t, uint32_t chunk)
{
	for (unsigned i = 0; i < TREE_HOT; i++)
		if (t->hot[i].chunk == chunk)
			return &t->hot[i];
	return NULL;
}

/* Some of its bytes were written that are not in its hash, or are there otherwise. */
static void cool(struct tree *t, uint32_t chunk)
{
	struct tree_hot *h = find_hot(t, chunk);

	if (!h)
		return;
	h->chunk = NO_CHUNK;
	h->used = 0;
}

/* A hash begins, in place of the one that nothing came for longest. */
static struct tree_hot *begin_hot(struct tree *t, uint32_t chunk)
{
	struct tree_hot *oldest = &t->hot[0];
	uint8_t sum[SHA256_LEN];

	for (unsigned i = 1; i < TREE_HOT; i++)
		if (t->hot[i].used < oldest->used)
			oldest = &t->hot[i];
	digest_final(oldest->digest, sum); /* of a chunk that came in parts: begin anew */
	oldest->chunk = chunk;
	oldest->pos = 0;
	return oldest;
}

/* The hash that waits for these bytes; at the beginning of a chunk one starts. */
static struct tree_hot *hot_of(struct tree *t, uint32_t chunk, uint32_t pos)
{
	struct tree_hot *h = find_hot(t, chunk);

	if (h && h->pos == pos)
		return h;
	cool(t, chunk);
	return pos == 0 ? begin_hot(t, chunk) : NULL;
}

void tree_chunk_hot(struct tree *t, uint32_t chunk, uint32_t pos, const uint8_t *data,
		    size_t len)
{
	struct tree_hot *h = t->chunk[chunk] & CHUNK_DOUBT ? NULL : hot_of(t, chunk, pos);
	uint8_t sum[SHA256_LEN];

	set_state(t, chunk, CHUNK_UNKNOWN);
	if (!h)
		return;
	h->used = ++t->tick;
	digest_update(h->digest, data, len);
	h->pos += (uint32_t)len;
	if (h->pos < t->m->chunks[chunk].len)
		return;
	h->chunk = NO_CHUNK;
	h->used = 0;
	if (digest_final(h->digest, sum) == 0)
		on_sum(t, chunk, sum);
}

/* --- from the disk --- */

static int check_chunk(struct tree *t, uint32_t chunk)
{
	const struct manifest_chunk *c = &t->m->chunks[chunk];
	uint8_t sum[SHA256_LEN];
	int r = tree_get_bytes(t, c->content_off, t->buf, c->len);

	if (r < 0)
		return r;
	digest_update(t->digest, t->buf, c->len);
	r = digest_final(t->digest, sum);
	if (r == 0)
		on_sum(t, chunk, sum);
	return r;
}

/* Whether a chunk of which all bytes came is good. What was here already and is not is taken
 * from the spool, if there is one. */
static int settle_chunk(struct tree *t, uint32_t chunk)
{
	int r = 0;

	if (!t->spool || t->chunk[chunk] & CHUNK_HELD)
		r = check_chunk(t, chunk);
	if (r < 0 || !t->spool || tree_chunk_state(t, chunk) == CHUNK_GOOD)
		return r;
	r = tree_spool_take(t, chunk);
	if (r == 0)
		set_state(t, chunk, CHUNK_BAD);
	return MIN(r, 0);
}

/* Where its bytes begin and end in the object. */
static uint64_t object_start(const struct tree *t, uint32_t chunk)
{
	return t->m->stored ? t->m->stored[chunk] : t->m->chunks[chunk].content_off;
}

static uint64_t object_end(const struct tree *t, uint32_t chunk)
{
	const struct manifest_chunk *c = &t->m->chunks[chunk];

	return t->m->stored ? t->m->stored[chunk + 1] : c->content_off + c->len;
}

int tree_catch_up(struct tree *t, uint64_t front, uint64_t max)
{
	uint64_t done = 0;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	for (; t->checked < t->m->n_chunks && done < max && r == 0; t->checked++) {
		const struct manifest_chunk *c = &t->m->chunks[t->checked];

		if (object_end(t, t->checked) > front || t->spool)
			break;
		if (tree_chunk_state(t, t->checked) != CHUNK_UNKNOWN)
			continue;
		r = settle_chunk(t, t->checked);
		done += c->len;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int tree_expect(struct tree *t, const uint8_t (*digests)[SHA256_LEN])
{
	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < t->m->n_chunks; i++) {
		bool equal = memcmp(t->sum[i], digests[i], SHA256_LEN) == 0;

		if (tree_chunk_state(t, i) == CHUNK_SUMMED)
			set_state(t, i, equal ? CHUNK_GOOD : CHUNK_BAD);
		memcpy(t->sum[i], digests[i], SHA256_LEN);
	}
	t->expects = true;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

bool tree_expects(const struct tree *t)
{
	return t->expects;
}

const uint8_t (*tree_expected(const struct tree *t))[SHA256_LEN]
{
	return (const uint8_t(*)[SHA256_LEN])t->sum;
}

bool tree_chunk_fits(struct tree *t, uint32_t chunk, const uint8_t *data)
{
	uint8_t sum[SHA256_LEN];

	digest_update(t->digest, data, t->m->chunks[chunk].len);
	return digest_final(t->digest, sum) == 0 && memcmp(t->sum[chunk], sum, SHA256_LEN) == 0;
}

static int64_t ctime_of(const struct stat *st)
{
	return st->st_ctim.tv_sec * NSEC_PER_SEC + st->st_ctim.tv_nsec;
}

void tree_note_same(struct tree *t, uint32_t entry, const struct stat *st)
{
	t->mark[entry] = ctime_of(st);
}

bool tree_is_same(const struct tree *t, uint32_t entry, const struct stat *st)
{
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == t->m->entries[entry].size &&
	       ctime_of(st) == t->mark[entry];
}

/* A file that was left at the target may have changed since it was looked at. */
static int check_same(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	const char *base;
	struct stat st;
	int dir = dirs_of(&t->out, e->path, &base);

	if (dir >= 0 && fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    tree_is_same(t, entry, &st))
		return 0;
	return tree_unshare(t, entry);
}

static int check_all_same(struct tree *t)
{
	int r = 0;

	for (uint32_t i = 0; i < t->m->n_entries && r == 0; i++)
		if (t->entry[i] & ENTRY_SAME)
			r = check_same(t, i);
	return r;
}

int tree_verify(struct tree *t, const atomic_bool *stop)
{
	int r;

	pthread_mutex_lock(&t->lock);
	r = check_all_same(t);
	pthread_mutex_unlock(&t->lock);
	for (uint32_t i = 0; i < t->m->n_chunks && r == 0; i++) {
		pthread_mutex_lock(&t->lock);
		if (tree_chunk_state(t, i) == CHUNK_UNKNOWN)
			r = settle_chunk(t, i);
		pthread_mutex_unlock(&t->lock);
		if (atomic_load(stop))
			r = -ECANCELED;
	}
	return r;
}

bool tree_bad(struct tree *t, uint32_t *pos)
{
	pthread_mutex_lock(&t->lock);
	while (*pos < t->m->n_chunks && tree_chunk_state(t, *pos) == CHUNK_GOOD)
		(*pos)++;
	pthread_mutex_unlock(&t->lock);
	return *pos < t->m->n_chunks;
}

void tree_discard(struct tree *t, uint32_t chunk)
{
	pthread_mutex_lock(&t->lock);
	t->chunk[chunk] = CHUNK_UNKNOWN | CHUNK_DOUBT;
	cool(t, chunk);
	tree_spool_forget(t, chunk);
	pthread_mutex_unlock(&t->lock);
}

/* --- what is here already --- */

bool tree_has_all(struct tree *t)
{
	uint32_t i = 0;

	pthread_mutex_lock(&t->lock);
	while (i < t->m->n_chunks && tree_chunk_here(t, i))
		i++;
	pthread_mutex_unlock(&t->lock);
	return i == t->m->n_chunks;
}

int tree_put(struct tree *t, uint32_t chunk, const uint8_t *data)
{
	const struct manifest_chunk *c = &t->m->chunks[chunk];
	int r = 0;

	pthread_mutex_lock(&t->lock);
	if (!tree_chunk_here(t, chunk)) {
		cool(t, chunk);
		r = tree_put_bytes(t, c->content_off, data, c->len);
		if (r == 0)
			t->chunk[chunk] = CHUNK_HELD | CHUNK_GOOD;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int tree_adopt(struct tree *t, uint32_t chunk, uint32_t entry, uint64_t off)
{
	struct tree_spot at = tree_spot(t, t->m->chunks[chunk].content_off);
	int r = at.entry == entry && at.off > off ? -EAGAIN : -EINVAL;

	pthread_mutex_lock(&t->lock);
	if (at.entry == entry && at.off == off && t->entry[entry] & ENTRY_STAGED) {
		bool wet = t->chunk[chunk] & CHUNK_WET; /* since it was read, perhaps */

		t->chunk[chunk] = CHUNK_HELD | (wet ? CHUNK_UNKNOWN : CHUNK_GOOD);
		r = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

static int clone_range(struct tree *t, uint32_t chunk, int fd, uint64_t off)
{
	const struct manifest_chunk *c = &t->m->chunks[chunk];
	struct tree_spot at = tree_spot(t, c->content_off);
	struct file_clone_range range = {
		.src_fd = fd,
		.src_offset = off,
		.src_length = c->len,
		.dest_offset = at.off,
	};
	int to = tree_fd(t, at.entry, true);

	if (to < 0)
		return to;
	return ioctl(to, FICLONERANGE, &range) < 0 ? -errno : 0;
}

int tree_clone(struct tree *t, uint32_t chunk, int fd, uint64_t off)
{
	int r = 0;

	pthread_mutex_lock(&t->lock);
	if (!tree_chunk_here(t, chunk)) {
		cool(t, chunk);
		r = clone_range(t, chunk, fd, off);
		if (r == 0)
			t->chunk[chunk] = CHUNK_HELD | CHUNK_UNKNOWN;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

void tree_chunk_set(struct tree *t, uint32_t entry, uint8_t value)
{
	const struct manifest_entry *e = &t->m->entries[entry];

	for (uint32_t i = 0; i < e->n_runs; i++) {
		uint32_t first, n;

		if (!tree_is_home(t, e->first_run + i))
			continue;
		n = tree_run_chunks(t, e->first_run + i, &first);
		memset(t->chunk + first, value, n);
	}
}

static int keep(struct tree *t, uint32_t entry, const struct stat *st)
{
	if (t->entry[entry] & ENTRY_STAGED)
		return -EBUSY;
	tree_note_same(t, entry, st);
	t->entry[entry] |= ENTRY_SAME;
	tree_chunk_set(t, entry, CHUNK_HELD | CHUNK_GOOD);
	return 0;
}

bool tree_may_keep(struct tree *t, uint32_t entry)
{
	bool staged;

	pthread_mutex_lock(&t->lock);
	staged = t->entry[entry] & ENTRY_STAGED;
	pthread_mutex_unlock(&t->lock);
	return !staged;
}

int tree_keep(struct tree *t, uint32_t entry, const struct stat *st)
{
	int r;

	pthread_mutex_lock(&t->lock);
	r = keep(t, entry, st);
	pthread_mutex_unlock(&t->lock);
	return r;
}

bool tree_in_stage(struct tree *t, uint64_t off, uint64_t *ret_len)
{
	const struct manifest_chunk *c = &t->m->chunks[manifest_chunk_at(t->m, off)];
	bool staged;

	if (t->m->stored) {
		*ret_len = manifest_object_size(t->m) - off;
		return tree_spool_resumed(t);
	}
	*ret_len = c->content_off + c->len - off;
	pthread_mutex_lock(&t->lock);
	staged = t->entry[tree_spot(t, off).entry] & ENTRY_STAGED;
	pthread_mutex_unlock(&t->lock);
	return staged;
}

/* Whether its bytes of the object are here. */
static bool is_held(const struct tree *t, uint32_t chunk)
{
	return t->spool ? tree_spool_has(t, chunk) : tree_chunk_here(t, chunk);
}

static uint32_t chunk_of(const struct tree *t, uint64_t off)
{
	if (off >= manifest_object_size(t->m))
		return t->m->n_chunks;
	return t->m->stored ? manifest_stored_at(t->m, off) : manifest_chunk_at(t->m, off);
}

static bool held_next(const struct tree *t, uint64_t *pos, uint64_t *ret_len)
{
	uint32_t i = chunk_of(t, *pos), first;

	while (i < t->m->n_chunks && !is_held(t, i))
		i++;
	if (i == t->m->n_chunks)
		return false;
	for (first = i; i < t->m->n_chunks && is_held(t, i); i++)
		;
	*pos = object_start(t, first);
	*ret_len = object_end(t, i - 1) - *pos;
	return true;
}

bool tree_held_next(struct tree *t, uint64_t *pos, uint64_t *ret_len)
{
	bool any;

	pthread_mutex_lock(&t->lock);
	any = held_next(t, pos, ret_len);
	pthread_mutex_unlock(&t->lock);
	return any;
}
