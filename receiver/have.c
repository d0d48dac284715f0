/* have.c - which chunks of a job are on this machine already. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/have.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/dirs.h"
#include "receiver/stage.h"
#include "receiver/wanted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGES     8 /* of other jobs that are looked at */
#define PLACES     (2 + HAVE_FROM_MAX + STAGES)
#define DEPTH      64         /* of directories in other places */
#define STEP_BYTES (32 << 20) /* hashed in one step, */
#define STEP_NAMES 1000       /* and names looked at */
#define NO_ENTRY   UINT32_MAX
#define SAMPLES    64 /* of a device */

enum place_kind {
	PLACE_TARGET,
	PLACE_OWN, /* stage */
	PLACE_OTHER,
};

struct place {
	enum place_kind kind;
	int top;
	bool mine; /* `top` is to be closed */
};

/* The file that is being read. */
struct look {
	int fd;
	enum place_kind kind;
	uint32_t entry; /* whose path it has; NO_ENTRY: none */
	uint32_t run;   /* the first of the entry's that does not end before `off` */
	uint64_t off;
	bool same;   /* so far it is what the entry shall be */
	bool direct; /* what comes is written into it, too */
	struct stat st;
};

/*
 * Places one after the other, in each all entries by their paths; then all files of the `from`
 * directories.
 */
struct have {
	struct have_conf conf;
	struct wanted wanted;
	struct place place[PLACES];
	unsigned n_places, at_place;
	uint32_t at_entry;
	struct dirs dirs;
	unsigned at_from;
	DIR *walk[DEPTH];
	unsigned depth;
	struct look look;
	bool no_clone, failed;
	uint64_t bytes; /* of this step */
	unsigned names;
	struct map_range *found;
	uint32_t n_found, cap_found;
	struct digest *digest;
	uint8_t *buf;
};

/* --- beginning and end --- */

static void add_place(struct have *h, enum place_kind kind, int top, bool mine)
{
	if (top >= 0 && h->n_places < PLACES)
		h->place[h->n_places++] = (struct place){ kind, top, mine };
	else if (mine)
		close_fd(&top);
}

static bool add_stage(void *arg, int tree)
{
	struct have *h = arg;

	add_place(h, PLACE_OTHER, dup(tree), true);
	return h->n_places < PLACES;
}

static int open_all(struct have *h)
{
	const struct have_conf *c = &h->conf;
	int r = digest_new(&h->digest);

	h->buf = malloc(MANIFEST_CHUNK);
	if (r == 0 && !h->buf)
		r = -ENOMEM;
	if (r == 0)
		r = wanted_init(&h->wanted, tree_expected(c->tree), c->manifest->n_chunks);
	add_place(h, PLACE_TARGET, c->dirfd, false);
	if (tree_resumed(c->tree))
		add_place(h, PLACE_OWN, tree_stage_tree(c->tree), false);
	for (unsigned i = 0; i < c->from->n; i++)
		add_place(h, PLACE_OTHER, c->from->fd[i], false);
	stage_each(c->dirfd, tree_stage_name(c->tree), add_stage, h);
	dirs_init(&h->dirs, h->place[0].top);
	return r;
}

int have_new(struct have **ret, const struct have_conf *conf)
{
	struct have *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->conf = *conf;
	h->look.fd = -1;
	r = open_all(h);
	if (r < 0)
		have_free(h);
	else
		*ret = h;
	return r;
}

void have_free(struct have *h)
{
	if (!h)
		return;
	dirs_fini(&h->dirs);
	close_fd(&h->look.fd);
	for (unsigned i = 0; i < h->n_places; i++)
		if (h->place[i].mine)
			close_fd(&h->place[i].top);
	while (h->depth > 0)
		closedir(h->walk[--h->depth]);
	wanted_fini(&h->wanted);
	digest_free(h->digest);
	free(h->buf);
	free(h->found);
	free(h);
}

/* --- what was found --- */

/* Without memory for it the bytes are received, too; they are the same. */
static void tell(struct have *h, uint64_t off, uint64_t len)
{
	struct map_range *last = h->n_found ? &h->found[h->n_found - 1] : NULL;
	uint32_t cap = h->cap_found ? 2 * h->cap_found : 64;
	struct map_range *more;

	if (last && last->off + last->len == off) {
		last->len += len;
		return;
	}
	if (h->n_found == h->cap_found) {
		more = realloc(h->found, cap * sizeof(*more));
		if (!more)
			return;
		h->found = more;
		h->cap_found = cap;
	}
	h->found[h->n_found++] = (struct map_range){ off, len };
}

/*
 * The chunk is at `off` in the file, and its bytes are in the buffer. What lies behind it in a
 * file that is written to may fit, too, and is not overwritten before that was seen.
 */
static void take(struct have *h, uint32_t chunk, uint64_t off)
{
	const struct manifest_chunk *c = &h->conf.manifest->chunks[chunk];
	const struct look *l = &h->look;
	int r = -EINVAL;

	if (l->kind == PLACE_OWN || l->direct)
		r = tree_adopt(h->conf.tree, chunk, l->entry, off);
	if (r == -EAGAIN && l->direct)
		return;
	if (r < 0 && l->kind != PLACE_OWN && !l->direct && !h->no_clone) {
		r = tree_clone(h->conf.tree, chunk, l->fd, off);
		h->no_clone = r < 0 && c->len == MANIFEST_CHUNK;
	}
	if (r < 0)
		r = tree_put(h->conf.tree, chunk, h->buf);
	h->failed |= r < 0;
	if (r == 0)
		tell(h, c->content_off, c->len);
}

static bool is_chunk(const struct have *h, uint32_t chunk, const uint8_t *sum, size_t len)
{
	return h->conf.manifest->chunks[chunk].len == len &&
	       memcmp(h->wanted.digests[chunk], sum, SHA256_LEN) == 0;
}

/* --- one file --- */

static const struct manifest_entry *entry_of(const struct have *h)
{
	return h->look.entry == NO_ENTRY ? NULL : &h->conf.manifest->entries[h->look.entry];
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* The chunk that the entry has where the file is being read; WANTED_NONE: a hole, or no more.
 */
static uint32_t chunk_there(struct have *h)
{
	const struct manifest *m = h->conf.manifest;
	const struct manifest_entry *e = entry_of(h);
	struct look *l = &h->look;
	const struct manifest_run *run;

	while (l->run < e->n_runs &&
	       m->runs[e->first_run + l->run].file_off + m->runs[e->first_run + l->run].len <=
		       l->off)
		l->run++;
	run = &m->runs[e->first_run + l->run];
	if (l->run == e->n_runs || run->file_off > l->off)
		return WANTED_NONE;
	return manifest_chunk_at(m, run->content_off + (l->off - run->file_off));
}

/* Whether the piece of the file that was read is what the entry has there. */
static bool fits(struct have *h, size_t len, const uint8_t *sum)
{
	uint32_t chunk = chunk_there(h);

	return chunk == WANTED_NONE ? is_zero(h->buf, len) : is_chunk(h, chunk, sum, len);
}

static int read_piece(struct have *h, uint64_t off, size_t len, uint8_t *sum)
{
	int n = file_pread_all(h->look.fd, h->buf, len, off);

	h->bytes += len;
	if (n != (int)len)
		return n < 0 ? n : -EIO; /* it became shorter */
	digest_update(h->digest, h->buf, len);
	return digest_final(h->digest, sum);
}

/* Chunks of a file that is kept, whose place in the tree is in other files. */
static void take_copies(struct have *h, const struct manifest_run *run)
{
	const struct manifest *m = h->conf.manifest;
	uint32_t chunk = manifest_chunk_at(m, run->content_off);
	uint8_t sum[SHA256_LEN];

	for (uint64_t done = 0; done < run->len; done += m->chunks[chunk++].len) {
		uint64_t off = run->file_off + done;

		if (!tree_has(h->conf.tree, chunk) &&
		    read_piece(h, off, m->chunks[chunk].len, sum) == 0 &&
		    is_chunk(h, chunk, sum, m->chunks[chunk].len))
			take(h, chunk, off);
	}
}

static bool is_unchanged(const struct look *l)
{
	struct stat st;

	return fstat(l->fd, &st) == 0 && st.st_ctim.tv_sec == l->st.st_ctim.tv_sec &&
	       st.st_ctim.tv_nsec == l->st.st_ctim.tv_nsec;
}

static void start_over(struct look *l)
{
	l->same = false;
	l->off = 0;
	l->run = 0;
}

/* All of it fits. False: then it is to be read again, for its chunks. */
static bool keep(struct have *h)
{
	const struct manifest_entry *e = entry_of(h);

	if (!is_unchanged(&h->look) || tree_keep(h->conf.tree, h->look.entry, &h->look.st) < 0)
		return false;
	for (uint32_t i = 0; i < e->n_runs; i++) {
		const struct manifest_run *run = &h->conf.manifest->runs[e->first_run + i];

		if (tree_is_home(h->conf.tree, e->first_run + i))
			tell(h, run->content_off, run->len);
		else
			take_copies(h, run);
	}
	return true;
}

/* Equal chunks may be in the content more than once: first the one whose place this is. */
static uint32_t find_chunk(struct have *h, size_t len, const uint8_t *sum)
{
	uint32_t chunk = h->look.entry == NO_ENTRY ? WANTED_NONE : chunk_there(h);

	return chunk != WANTED_NONE && is_chunk(h, chunk, sum, len)
		       ? chunk
		       : wanted_find(&h->wanted, sum);
}

/* It is written there, or has been looked at. */
static bool is_done(struct have *h)
{
	uint32_t chunk = h->look.direct ? chunk_there(h) : WANTED_NONE;

	return chunk != WANTED_NONE && tree_has(h->conf.tree, chunk);
}

/* The next piece of the file. False: there is none. */
static bool look_on(struct have *h)
{
	struct look *l = &h->look;
	uint64_t left = (uint64_t)l->st.st_size - l->off;
	size_t len = (size_t)MIN(left, MANIFEST_CHUNK);
	uint8_t sum[SHA256_LEN];
	uint32_t chunk;

	if (left == 0)
		return l->same && !keep(h) ? (start_over(l), l->st.st_size > 0) : false;
	if (is_done(h)) {
		l->off += len;
		return true;
	}
	if (read_piece(h, l->off, len, sum) < 0)
		return false;
	if (l->same && !fits(h, len, sum)) {
		start_over(l);
		return true;
	}
	chunk = l->same ? WANTED_NONE : find_chunk(h, len, sum);
	if (chunk != WANTED_NONE && is_chunk(h, chunk, sum, len) &&
	    !tree_has(h->conf.tree, chunk))
		take(h, chunk, l->off);
	l->off += len;
	return true;
}

/*
 * So it is taken to be at first: where it turns out to be another one, what was read is read
 * again for its chunks. That is little, unless all changes are at the end.
 */
static bool may_be_same(const struct have *h, const struct manifest_entry *e,
			const struct stat *st)
{
	return h->look.kind == PLACE_TARGET && (uint64_t)st->st_size == e->size &&
	       tree_may_keep(h->conf.tree, h->look.entry);
}

static void open_look(struct have *h, int dir, const char *name, enum place_kind kind,
		      uint32_t entry)
{
	struct look *l = &h->look;

	h->names++;
	l->kind = kind;
	l->entry = entry;
	start_over(l);
	l->direct = kind == PLACE_TARGET && tree_is_direct(h->conf.tree, entry);
	l->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (l->fd >= 0 && (fstat(l->fd, &l->st) < 0 || !S_ISREG(l->st.st_mode)))
		close_fd(&l->fd);
	if (l->fd >= 0 && entry != NO_ENTRY)
		l->same = may_be_same(h, entry_of(h), &l->st);
}

/* --- all files --- */

/* Whether some chunk of it is not here. */
static bool wants(const struct have *h, const struct manifest_entry *e)
{
	const struct manifest *m = h->conf.manifest;

	for (uint32_t i = 0; i < e->n_runs; i++) {
		const struct manifest_run *run = &m->runs[e->first_run + i];
		uint32_t chunk = manifest_chunk_at(m, run->content_off);

		for (uint64_t done = 0; done < run->len; done += m->chunks[chunk++].len)
			if (!tree_has(h->conf.tree, chunk))
				return true;
	}
	return false;
}

/* Whether some of a few pieces of a device fit: it may be a large one with anything on it. */
static bool is_promising(struct have *h)
{
	const struct manifest *m = h->conf.manifest;
	uint32_t step = MAX(m->n_chunks / SAMPLES, 1);
	uint8_t sum[SHA256_LEN];

	for (uint32_t i = 0; i < m->n_chunks; i += step) {
		uint64_t off = tree_place(h->conf.tree, i);

		if (read_piece(h, off, m->chunks[i].len, sum) == 0 &&
		    is_chunk(h, i, sum, m->chunks[i].len))
			return true;
	}
	return false;
}

/* As open_look(), of the only entry. */
static void look_at_device(struct have *h, const struct device *d)
{
	struct look *l = &h->look;

	h->names++;
	l->kind = PLACE_TARGET;
	l->entry = 0;
	l->direct = true;
	start_over(l);
	l->st.st_size = (off_t)entry_of(h)->size;
	l->fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd >= 0 && !is_promising(h))
		close_fd(&l->fd);
}

static void open_entry(struct have *h, const struct place *p, uint32_t entry)
{
	const struct device *device = tree_device(h->conf.tree);
	const struct manifest_entry *e = &h->conf.manifest->entries[entry];
	const char *base;
	int dir;

	if (e->type != MANIFEST_FILE ||
	    !((p->kind == PLACE_TARGET && tree_may_keep(h->conf.tree, entry)) || wants(h, e)))
		return;
	if (device && p->kind == PLACE_TARGET) {
		look_at_device(h, device);
		return;
	}
	dir = dirs_of(&h->dirs, e->path, &base);
	if (dir >= 0)
		open_look(h, dir, base, p->kind, entry);
}

/* The next file by its path in the manifest. False: all places were looked at. */
static bool next_entry(struct have *h)
{
	if (h->at_place == h->n_places)
		return false;
	if (h->at_entry < h->conf.manifest->n_entries) {
		open_entry(h, &h->place[h->at_place], h->at_entry++);
		return true;
	}
	dirs_fini(&h->dirs);
	h->at_entry = 0;
	if (++h->at_place < h->n_places)
		dirs_init(&h->dirs, h->place[h->at_place].top);
	return true;
}

static void enter_dir(struct have *h, int dir, const char *name)
{
	int fd = h->depth < DEPTH
			 ? openat(dir, name,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
			 : -1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d)
		h->walk[h->depth++] = d;
	else
		close_fd(&fd);
}

static void visit(struct have *h, int dir, const struct dirent *e)
{
	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return;
	if (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN)
		enter_dir(h, dir, e->d_name);
	if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN)
		open_look(h, dir, e->d_name, PLACE_OTHER, NO_ENTRY);
}

/* The next file of another place, whatever its name. False: there are no more. */
static bool next_other(struct have *h)
{
	const struct dirent *e;

	if (h->depth == 0) {
		if (h->at_from == h->conf.from->n)
			return false;
		enter_dir(h, h->conf.from->fd[h->at_from++], ".");
		return true;
	}
	e = readdir(h->walk[h->depth - 1]);
	if (e)
		visit(h, dirfd(h->walk[h->depth - 1]), e);
	else
		closedir(h->walk[--h->depth]);
	h->names++;
	return true;
}

bool have_step(struct have *h)
{
	bool more = true;

	h->n_found = 0;
	h->bytes = 0;
	h->names = 0;
	while (more && !h->failed && h->bytes < STEP_BYTES && h->names < STEP_NAMES) {
		if (h->look.fd >= 0) {
			if (!look_on(h))
				close_fd(&h->look.fd);
			continue;
		}
		more = next_entry(h) || (!tree_has_all(h->conf.tree) && next_other(h));
	}
	return more && !h->failed;
}

const struct map_range *have_found(const struct have *h, uint32_t *ret_n)
{
	*ret_n = h->n_found;
	return h->found;
}

static bool found_one(void *arg, int tree)
{
	(void)tree;
	*(bool *)arg = true;
	return false;
}

bool have_elsewhere(const struct have_from *from, int dirfd, const char *own_stage)
{
	bool any = from->n > 0;

	stage_each(dirfd, own_stage, found_one, &any);
	return any;
}
