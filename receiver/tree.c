/* tree.c - a job on its way onto the disk: where the bytes of its content go. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree.h"
#include "receiver/tree_internal.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/meta.h"
#include "receiver/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL    65536     /* a file that is written at once */
#define ALLOCATE (1 << 20) /* from this size on space is taken before it is written */

/* --- where bytes are --- */

struct tree_spot tree_spot(const struct tree *t, uint64_t content_off)
{
	uint32_t low = 0, high = t->n_primary;
	const struct manifest_run *run;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (t->m->runs[t->primary[mid]].content_off <= content_off)
			low = mid;
		else
			high = mid;
	}
	run = &t->m->runs[t->primary[low]];
	return (struct tree_spot){
		.entry = t->run_entry[t->primary[low]],
		.off = run->file_off + (content_off - run->content_off),
	};
}

bool tree_is_home(const struct tree *t, uint32_t run)
{
	uint32_t low = 0, high = t->n_primary;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->primary[mid] < run)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->n_primary && t->primary[low] == run;
}

uint32_t tree_run_chunks(const struct tree *t, uint32_t run, uint32_t *ret_first)
{
	const struct manifest_run *r = &t->m->runs[run];

	*ret_first = manifest_chunk_at(t->m, r->content_off);
	return manifest_chunk_at(t->m, r->content_off + r->len - 1) - *ret_first + 1;
}

/* The entry of each run, and the runs that bring something new. */
static int index_runs(struct tree *t)
{
	const struct manifest *m = t->m;
	uint64_t end = 0;

	t->run_entry = calloc(m->n_runs + 1u, sizeof(*t->run_entry));
	t->primary = calloc(m->n_runs + 1u, sizeof(*t->primary));
	if (!t->run_entry || !t->primary)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_entries; i++)
		for (uint32_t k = 0; k < m->entries[i].n_runs; k++)
			t->run_entry[m->entries[i].first_run + k] = i;
	for (uint32_t i = 0; i < m->n_runs; i++) {
		if (m->runs[i].content_off != end)
			continue;
		t->primary[t->n_primary++] = i;
		end += m->runs[i].len;
	}
	return 0;
}

/* --- files --- */

int tree_stage_parent(struct tree *t, const char *path, const char **ret_base)
{
	int dir = dirs_of(&t->in, path, ret_base), r;

	if (dir != -ENOENT)
		return dir;
	r = dirs_make(t->stage.tree, path, dirs_parent_len(path));
	dirs_forget(&t->in);
	return r < 0 ? r : dirs_of(&t->in, path, ret_base);
}

static int open_in_stage(struct tree *t, uint32_t entry, int flags)
{
	const char *base;
	int dir = tree_stage_parent(t, t->m->entries[entry].path, &base);
	int fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, base, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* It has its mode already, which may be one without writing, or reading. */
	if (fd < 0 && errno == EACCES && fchmodat(dir, base, 0600, 0) == 0) {
		t->entry[entry] &= (uint8_t)~ENTRY_META;
		fd = openat(dir, base, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd < 0 ? -errno : fd;
}

static int open_target(struct tree *t, uint32_t entry)
{
	const char *base;
	int dir = dirs_of(&t->out, t->m->entries[entry].path, &base);
	int fd = dir < 0 ? dir : openat(dir, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 && dir >= 0 ? -errno : fd;
}

static bool has_holes(const struct tree *t, const struct manifest_entry *e)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < e->n_runs; i++)
		sum += t->m->runs[e->first_run + i].len;
	return sum < e->size;
}

/* A new file, as long as it shall be. */
static int create(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	int fd = open_in_stage(t, entry, O_RDWR | O_CREAT | O_TRUNC), r;

	if (fd < 0)
		return fd;
	r = space_take(fd, e->size,
		       e->size < ALLOCATE || has_holes(t, e) || t->entry[entry] & ENTRY_SHARES);
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	t->entry[entry] |= ENTRY_STAGED;
	return fd;
}

static int open_file(struct tree *t, uint32_t entry, bool write)
{
	if (t->entry[entry] & ENTRY_SAME)
		return write ? -EBADF : open_target(t, entry);
	if (t->entry[entry] & ENTRY_DIRECT)
		return tree_direct_open(t, entry, write);
	if (t->entry[entry] & ENTRY_STAGED)
		return open_in_stage(t, entry, write ? O_RDWR : O_RDONLY);
	return write ? create(t, entry) : -ENOENT;
}

static struct tree_fd *find_fd(struct tree *t, uint32_t entry)
{
	for (unsigned i = 0; i < TREE_FDS; i++)
		if (t->fds[i].fd >= 0 && t->fds[i].entry == entry)
			return &t->fds[i];
	return NULL;
}

/* One that is free, or the one that was not used for longest, which is closed. */
static struct tree_fd *free_fd(struct tree *t)
{
	struct tree_fd *oldest = &t->fds[0];

	for (unsigned i = 0; i < TREE_FDS; i++) {
		if (t->fds[i].fd < 0)
			return &t->fds[i];
		if (t->fds[i].used < oldest->used)
			oldest = &t->fds[i];
	}
	close_fd(&oldest->fd);
	return oldest;
}

int tree_fd(struct tree *t, uint32_t entry, bool write)
{
	struct tree_fd *f = find_fd(t, entry);
	int fd;

	if (f && write && !f->write) {
		close_fd(&f->fd);
		f = NULL;
	}
	if (!f) {
		fd = open_file(t, entry, write);
		if (fd < 0)
			return fd;
		f = free_fd(t);
		f->fd = fd;
		f->entry = entry;
		f->write = write;
	}
	f->used = ++t->tick;
	if (write)
		t->entry[entry] &= (uint8_t)~ENTRY_META;
	if (write && t->entry[entry] & ENTRY_DIRECT)
		t->entry[entry] |= ENTRY_WRITTEN;
	return f->fd;
}

void tree_close_fd(struct tree *t, uint32_t entry)
{
	struct tree_fd *f = find_fd(t, entry);

	if (f)
		close_fd(&f->fd);
}

void tree_close_all(struct tree *t)
{
	for (unsigned i = 0; i < TREE_FDS; i++)
		close_fd(&t->fds[i].fd);
}

/* Holes stay holes. */
static int copy_runs(struct tree *t, const struct manifest_entry *e, int from, int to)
{
	int r = 0;

	for (uint32_t i = 0; i < e->n_runs && r == 0; i++) {
		const struct manifest_run *run = &t->m->runs[e->first_run + i];

		if (tree_is_home(t, e->first_run + i))
			r = file_copy(from, run->file_off, to, run->file_off, run->len);
	}
	return r;
}

int tree_unshare(struct tree *t, uint32_t entry)
{
	int from, to, r;

	tree_close_fd(t, entry);
	from = open_target(t, entry);
	t->entry[entry] &= (uint8_t)~ENTRY_SAME;
	to = tree_fd(t, entry, true);
	r = MIN(to, 0);
	if (r == 0 && from >= 0)
		r = copy_runs(t, &t->m->entries[entry], from, to);
	close_fd(&from);
	tree_chunk_set(t, entry, CHUNK_HELD | CHUNK_UNKNOWN);
	return r;
}

/* --- bytes --- */

/* A file that comes in one piece is opened once in its life. */
static int write_whole(struct tree *t, uint32_t entry, const uint8_t *data, size_t len)
{
	int fd = open_in_stage(t, entry, O_WRONLY | O_CREAT | O_TRUNC), r;

	if (fd < 0)
		return fd;
	r = file_pwrite_all(fd, data, len, 0);
	if (r == 0)
		t->entry[entry] |= ENTRY_STAGED;
	if (r == 0 && meta_set(fd, &t->m->entries[entry], t->conf.owner) == 0)
		t->entry[entry] |= ENTRY_META;
	close_fd(&fd);
	return r;
}

int tree_put_bytes(struct tree *t, uint64_t off, const uint8_t *data, size_t len)
{
	struct tree_spot at = tree_spot(t, off);
	int fd;

	if (len == t->m->entries[at.entry].size && len <= SMALL &&
	    !(t->entry[at.entry] & ENTRY_STAGED))
		return write_whole(t, at.entry, data, len);
	fd = tree_fd(t, at.entry, true);
	return fd < 0 ? fd : file_pwrite_all(fd, data, len, at.off);
}

/* What is not there reads as zeros: a digest will tell. */
int tree_get_bytes(struct tree *t, uint64_t off, uint8_t *buf, size_t len)
{
	struct tree_spot at = tree_spot(t, off);
	int fd = tree_fd(t, at.entry, false);
	int r = fd < 0 ? fd : file_pread_all(fd, buf, len, at.off);

	if (r == -ENOENT)
		r = 0;
	if (r >= 0)
		memset(buf + r, 0, len - (size_t)r);
	return MIN(r, 0);
}

static bool within(const struct tree *t, uint64_t off, size_t len)
{
	uint64_t size = manifest_object_size(t->m);

	return off <= size && len <= size - off;
}

static int write_chunks(struct tree *t, uint64_t off, const uint8_t *data, size_t len)
{
	int r = 0;

	for (uint32_t i = len ? manifest_chunk_at(t->m, off) : 0; len > 0 && r == 0; i++) {
		const struct manifest_chunk *c = &t->m->chunks[i];
		uint32_t pos = (uint32_t)(off - c->content_off);
		size_t n = MIN(len, c->len - pos);

		if (!tree_chunk_here(t, i)) {
			t->chunk[i] |= CHUNK_WET;
			r = tree_put_bytes(t, off, data, n);
		}
		if (r == 0 && !tree_chunk_here(t, i))
			tree_chunk_hot(t, i, pos, data, n);
		off += n;
		data += n;
		len -= n;
	}
	return r;
}

int tree_write(struct tree *t, uint64_t off, const void *data, size_t len)
{
	int r;

	if (!within(t, off, len))
		return -EINVAL;
	if (t->spool)
		return tree_spool_write(t, off, data, len);
	pthread_mutex_lock(&t->lock);
	r = write_chunks(t, off, data, len);
	pthread_mutex_unlock(&t->lock);
	return r;
}

static int read_chunks(struct tree *t, uint64_t off, uint8_t *buf, size_t len)
{
	int r = 0;

	for (uint32_t i = len ? manifest_chunk_at(t->m, off) : 0; len > 0 && r == 0; i++) {
		const struct manifest_chunk *c = &t->m->chunks[i];
		size_t n = MIN(len, c->len - (size_t)(off - c->content_off));

		r = tree_get_bytes(t, off, buf, n);
		off += n;
		buf += n;
		len -= n;
	}
	return r;
}

int tree_read(struct tree *t, uint64_t off, void *buf, size_t len)
{
	int r;

	if (!within(t, off, len))
		return -EINVAL;
	if (t->spool)
		return tree_spool_read(t, off, buf, len);
	pthread_mutex_lock(&t->lock);
	r = read_chunks(t, off, buf, len);
	pthread_mutex_unlock(&t->lock);
	return r;
}

int tree_part_write(struct tree *t, uint64_t off, const void *data, size_t len)
{
	int fd, r;

	pthread_mutex_lock(&t->lock);
	fd = tree_fd(t, 0, true);
	r = fd < 0 ? fd : file_pwrite_all(fd, data, len, off);
	pthread_mutex_unlock(&t->lock);
	return r;
}

int tree_part_read(struct tree *t, uint64_t off, void *buf, size_t len)
{
	int fd, r;

	pthread_mutex_lock(&t->lock);
	fd = tree_fd(t, 0, true);
	r = fd < 0 ? fd : file_pread_all(fd, buf, len, off);
	pthread_mutex_unlock(&t->lock);
	if (r >= 0)
		memset((uint8_t *)buf + r, 0, len - (size_t)r);
	return MIN(r, 0);
}

/* --- beginning and end --- */

static int open_stage(struct tree *t, struct tree_refusal *why)
{
	int r;

	if (t->conf.device) {
		t->entry[0] |= ENTRY_DIRECT | ENTRY_STAGED;
		t->holds = t->conf.inplace;
		return 0;
	}
	r = tree_check_names(t, why);
	if (r == 0)
		r = stage_open(&t->stage, t->conf.dirfd, t->conf.job);
	if (r < 0)
		return r;
	dirs_init(&t->in, t->stage.tree);
	t->holds |= t->stage.resumed;
	r = tree_check_room(t, why);
	if (r == 0)
		r = tree_direct_lock(t);
	if (r == 0)
		r = tree_spool_open(t);
	if (r < 0 && !t->stage.resumed)
		stage_remove(&t->stage);
	return r;
}

int tree_new(struct tree **ret, const struct tree_conf *conf, struct tree_refusal *why)
{
	struct tree *t = calloc(1, sizeof(*t));
	int r;

	*why = (struct tree_refusal){ .error = -ENOMEM };
	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->conf = *conf;
	t->m = conf->manifest;
	t->stage.dir = t->stage.tree = t->lock_fd = -1;
	for (unsigned i = 0; i < TREE_FDS; i++)
		t->fds[i].fd = -1;
	dirs_init(&t->in, -1);
	dirs_init(&t->out, conf->dirfd);
	t->entry = calloc(t->m->n_entries + 1u, 1);
	t->mark = calloc(t->m->n_entries + 1u, sizeof(*t->mark));
	t->buf = malloc(MANIFEST_CHUNK);
	r = t->entry && t->mark && t->buf ? index_runs(t) : -ENOMEM;
	if (r == 0)
		r = tree_chunk_init(t);
	if (r == 0)
		r = tree_spool_init(t);
	if (r == 0)
		r = open_stage(t, why);
	if (r < 0) {
		why->error = r;
		tree_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	tree_close_all(t);
	tree_spool_fini(t);
	tree_chunk_fini(t);
	dirs_fini(&t->in);
	dirs_fini(&t->out);
	stage_close(&t->stage);
	close_fd(&t->lock_fd);
	free(t->run_entry);
	free(t->primary);
	free(t->entry);
	free(t->mark);
	free(t->buf);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int tree_drop(struct tree *t)
{
	tree_close_all(t);
	dirs_forget(&t->in);
	return t->conf.device ? 0 : stage_remove(&t->stage);
}

const char *tree_stage_name(const struct tree *t)
{
	return t->stage.name;
}

int tree_stage_dir(const struct tree *t)
{
	return t->stage.dir;
}

bool tree_resumed(const struct tree *t)
{
	return t->stage.resumed;
}

bool tree_copies(const struct tree *t)
{
	return t->copies;
}

bool tree_holds(const struct tree *t)
{
	return t->holds;
}

bool tree_is_empty(struct tree *t)
{
	bool any;

	pthread_mutex_lock(&t->lock);
	any = tree_spool_used(t);
	for (uint32_t i = 0; i < t->m->n_entries && !any; i++)
		any = t->entry[i] & ENTRY_WRITTEN ||
		      (t->entry[i] & (ENTRY_STAGED | ENTRY_DIRECT)) == ENTRY_STAGED;
	pthread_mutex_unlock(&t->lock);
	return !any;
}

int tree_stage_tree(const struct tree *t)
{
	return t->stage.tree;
}
