/* tree_switch.c - puts a job that was verified into its place. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_internal.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/meta.h"
#include "receiver/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(struct tree *t, struct tree_result *res, uint32_t entry, int error)
{
	t->entry[entry] |= ENTRY_FAILED;
	if (res->n_failures < TREE_FAILURES)
		res->failures[res->n_failures] = (struct tree_failure){ entry, error };
	res->n_failures++;
	res->full |= error == -ENOSPC || error == -EDQUOT;
}

/* --- what is in the stage becomes complete --- */

static bool is_good(const struct tree *t, const struct manifest_entry *e)
{
	for (uint32_t i = 0; i < e->n_runs; i++) {
		uint32_t c, n = tree_run_chunks(t, e->first_run + i, &c);

		for (; n > 0; n--, c++)
			if (tree_chunk_state(t, c) != CHUNK_GOOD)
				return false;
	}
	return true;
}

/* A chunk from its home; at the target it may have changed since it was verified. */
static int get_chunk(struct tree *t, uint32_t chunk)
{
	const struct manifest_chunk *c = &t->m->chunks[chunk];
	struct tree_spot home = tree_spot(t, c->content_off);
	int r = tree_get_bytes(t, c->content_off, t->buf, c->len);

	if (r == 0 && t->entry[home.entry] & ENTRY_SAME && !tree_chunk_fits(t, chunk, t->buf))
		r = -EBADMSG;
	return r;
}

/* In a file that is written where it stands, it may have been there. */
static bool is_copied(struct tree *t, uint32_t entry, uint32_t chunk, uint64_t off)
{
	uint32_t len = t->m->chunks[chunk].len;
	int fd = t->entry[entry] & ENTRY_DIRECT ? tree_fd(t, entry, false) : -1;

	return fd >= 0 && file_pread_all(fd, t->buf, len, off) == (int)len &&
	       tree_chunk_fits(t, chunk, t->buf);
}

/* A run of chunks whose home is elsewhere, chunk by chunk: their homes need not be one file. */
static int copy_run(struct tree *t, uint32_t entry, const struct manifest_run *run)
{
	uint32_t c = manifest_chunk_at(t->m, run->content_off);
	uint64_t done = 0;
	int r = 0;

	for (; done < run->len && r == 0; done += t->m->chunks[c++].len) {
		int fd;

		if (is_copied(t, entry, c, run->file_off + done))
			continue;
		r = get_chunk(t, c);
		fd = r < 0 ? r : tree_fd(t, entry, true);
		r = fd < 0 ? fd
			   : file_pwrite_all(fd, t->buf, t->m->chunks[c].len,
					     run->file_off + done);
	}
	return r;
}

static int copy_runs(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	int r = is_good(t, e) ? 0 : -EBADMSG;

	if (t->entry[entry] & ENTRY_SAME)
		return r;
	for (uint32_t i = e->first_run; i < e->first_run + e->n_runs && r == 0; i++)
		if (!tree_is_home(t, i))
			r = copy_run(t, entry, &t->m->runs[i]);
	return r;
}

/* Before any file gets its mode, which may be one that nobody can read. */
static void copy_all(struct tree *t, struct tree_result *res)
{
	for (uint32_t i = 0; i < t->m->n_entries; i++) {
		int r = t->m->entries[i].type == MANIFEST_FILE ? copy_runs(t, i) : 0;

		if (r < 0)
			fail(t, res, i, r);
	}
}

static int furnish_file(struct tree *t, uint32_t entry)
{
	int fd, r;

	if (t->entry[entry] & (ENTRY_META | ENTRY_SAME))
		return 0;
	if (t->entry[entry] & ENTRY_DIRECT)
		return tree_direct_finish(t, entry);
	fd = tree_fd(t, entry, true);
	r = fd < 0 ? fd : meta_set(fd, &t->m->entries[entry], t->conf.owner);
	tree_close_fd(t, entry);
	return r;
}

/* The directory in which an entry is to be found, and its name there: the stage, or the target
 * if it is left there. */
static int place_of(struct tree *t, uint32_t entry, const char **ret_base)
{
	const char *path = t->m->entries[entry].path;

	return t->entry[entry] & (ENTRY_SAME | ENTRY_DIRECT) ? dirs_of(&t->out, path, ret_base)
							     : dirs_of(&t->in, path, ret_base);
}

static bool same_link(int dir, const char *base, const struct manifest_entry *e)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dir, base, text, sizeof(text));

	return n == (ssize_t)e->target_len && memcmp(text, e->target, e->target_len) == 0;
}

static int furnish_symlink(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	const char *base;
	int dir = dirs_of(&t->out, e->path, &base);

	if (dir >= 0 && same_link(dir, base, e)) {
		t->entry[entry] |= ENTRY_SAME;
		return 0;
	}
	dir = tree_stage_parent(t, e->path, &base);
	if (dir < 0)
		return dir;
	unlinkat(dir, base, 0); /* of an earlier run */
	if (symlinkat(e->target, dir, base) < 0)
		return -errno;
	return meta_set_link(dir, base, e, t->conf.owner);
}

static bool same_inode(int dir_a, const char *a, int dir_b, const char *b)
{
	struct stat sa, sb;

	return fstatat(dir_a, a, &sa, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(dir_b, b, &sb, AT_SYMLINK_NOFOLLOW) == 0 && sa.st_ino == sb.st_ino &&
	       sa.st_dev == sb.st_dev;
}

/* Two paths of one tree of directories cannot both be borrowed from one struct dirs. */
static int link_within(struct tree *t, uint32_t entry, int from, const char *from_base)
{
	const char *path = t->m->entries[entry].path, *base;
	struct dirs out;
	int dir, r;

	dirs_init(&out, t->conf.dirfd);
	dir = dirs_of(&out, path, &base);
	if (dir >= 0 && same_inode(from, from_base, dir, base))
		t->entry[entry] |= ENTRY_SAME;
	dirs_fini(&out);
	if (t->entry[entry] & ENTRY_SAME)
		return 0;
	dir = tree_stage_parent(t, path, &base);
	if (dir < 0)
		return dir;
	unlinkat(dir, base, 0);
	r = linkat(from, from_base, dir, base, 0) < 0 ? -errno : 0;
	return r;
}

/* A file that is left at the target, before it is linked and afterwards: that changes its
 * ctime. */
static int link_same(struct tree *t, uint32_t entry, uint32_t file, int from, const char *base)
{
	struct stat st;
	int r;

	if (fstatat(from, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!tree_is_same(t, file, &st))
		return -EBADMSG;
	r = link_within(t, entry, from, base);
	if (r == 0 && fstatat(from, base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		tree_note_same(t, file, &st);
	return r;
}

/* The codec has seen that its target is a file before it. */
static int furnish_hardlink(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	uint32_t file = manifest_find(t->m, entry, e->target, e->target_len);
	const char *base;
	int dir, r;

	if (file == entry || t->entry[file] & ENTRY_FAILED)
		return -EBADMSG;
	dir = place_of(t, file, &base);
	if (dir < 0)
		return dir;
	dir = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = t->entry[file] & ENTRY_SAME ? link_same(t, entry, file, dir, base)
					: link_within(t, entry, dir, base);
	close_fd(&dir);
	return r;
}

/* A directory that is new is made in the stage: it may be empty. */
static int furnish_dir(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	const char *base;
	struct stat st;
	int dir = dirs_of(&t->out, e->path, &base);

	if (dir >= 0 && fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	dir = tree_stage_parent(t, e->path, &base);
	if (dir < 0)
		return dir;
	return mkdirat(dir, base, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

static int furnish(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];

	switch ((enum manifest_type)e->type) {
	case MANIFEST_FILE:
		return furnish_file(t, entry);
	case MANIFEST_DIR:
		return furnish_dir(t, entry);
	case MANIFEST_SYMLINK:
		return furnish_symlink(t, entry);
	case MANIFEST_HARDLINK:
		return furnish_hardlink(t, entry);
	}
	return -EINVAL;
}

static void furnish_all(struct tree *t, struct tree_result *res)
{
	for (uint32_t i = 0; i < t->m->n_entries; i++) {
		int r = t->entry[i] & ENTRY_FAILED ? 0 : furnish(t, i);

		if (r < 0)
			fail(t, res, i, r);
	}
	tree_close_all(t);
}

/* --- and goes to its place --- */

/* Where the way to the target ends: the first directory of `path` that is missing. */
static size_t missing_from(struct tree *t, const char *path)
{
	char dir[PATH_MAX];
	const char *slash;

	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);
		int fd;

		memcpy(dir, path, len);
		dir[len] = '\0';
		fd = safepath_dir(t->conf.dirfd, dir);
		if (fd == -ENOENT)
			return len;
		close_fd(&fd);
	}
	return strlen(path);
}

/*
 * A directory of this job that an earlier one left without the right to write: dress_dirs()
 * takes that right away again. Others are as somebody wanted them.
 */
static int open_up(struct tree *t, const char *path, size_t len)
{
	uint32_t entry = manifest_find(t->m, t->m->n_entries, path, len);
	char dir[PATH_MAX];
	struct stat st;
	int fd, r;

	if (entry == t->m->n_entries || t->m->entries[entry].type != MANIFEST_DIR)
		return -EACCES;
	memcpy(dir, path, len);
	dir[len] = '\0';
	fd = safepath_dir(t->conf.dirfd, dir);
	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0 || fchmod(fd, (st.st_mode & 07777) | 0700) < 0 ? -errno : 0;
	close_fd(&fd);
	return r;
}

static int rename_to(struct tree *t, const char *path, unsigned flags)
{
	const char *base, *same;
	int from = dirs_of(&t->in, path, &base), to = dirs_of(&t->out, path, &same);

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	return renameat2(from, base, to, same, flags) < 0 ? -errno : 0;
}

static int move_path(struct tree *t, const char *path, unsigned flags)
{
	int r = rename_to(t, path, flags);

	if (r == -EACCES && open_up(t, path, dirs_parent_len(path)) == 0)
		r = rename_to(t, path, flags);
	return r;
}

/* A directory that is new goes with all that is in it. */
static int move_whole(struct tree *t, const char *path, size_t len)
{
	char dir[PATH_MAX];
	int r;

	memcpy(dir, path, len);
	dir[len] = '\0';
	r = move_path(t, dir, RENAME_NOREPLACE);
	dirs_forget(&t->in);
	dirs_forget(&t->out);
	return r;
}

/* `missing`: the length of the first directory of the way that is not there. */
static int make_way(struct tree *t, const char *path, size_t missing, size_t len)
{
	const char *slash = memrchr(path, '/', missing);
	int r = dirs_make(t->conf.dirfd, path, len);

	if (r == -EACCES && slash && open_up(t, path, (size_t)(slash - path)) == 0)
		r = dirs_make(t->conf.dirfd, path, len);
	dirs_forget(&t->out);
	return r;
}

/* What is left where it is gets its mode and times, if it is what was verified. */
static int refresh(struct tree *t, uint32_t entry, int dir, const char *base)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	struct stat st;
	int fd, r = 0;

	if (e->type != MANIFEST_FILE)
		return e->type == MANIFEST_SYMLINK ? meta_set_link(dir, base, e, t->conf.owner)
						   : 0;
	fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!tree_is_same(t, entry, &st))
		r = -EBADMSG;
	else if (meta_differs(&st, e, t->conf.owner))
		r = meta_set(fd, e, t->conf.owner);
	close_fd(&fd);
	return r;
}

/* The file of a hard link may have failed at the last moment. */
static bool lost_its_file(const struct tree *t, const struct manifest_entry *e)
{
	uint32_t file;

	if (e->type != MANIFEST_HARDLINK)
		return false;
	file = manifest_find(t->m, t->m->n_entries, e->target, e->target_len);
	return file == t->m->n_entries || t->entry[file] & ENTRY_FAILED;
}

static int move_file(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	const char *base;
	int to = dirs_of(&t->out, e->path, &base);

	if (to < 0)
		return to;
	if (lost_its_file(t, e))
		return -EBADMSG;
	if (t->entry[entry] & ENTRY_SAME)
		return refresh(t, entry, to, base);
	if (t->entry[entry] & ENTRY_DIRECT)
		return tree_direct_check(t, entry);
	return move_path(t, e->path, 0);
}

static int move_dir(struct tree *t, const struct manifest_entry *e)
{
	const char *base;
	struct stat st;
	int to = dirs_of(&t->out, e->path, &base);

	if (to < 0)
		return to;
	return fstatat(to, base, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* -ENOENT: its directory, or it as one, is missing at the target. */
static int move_one(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];

	return e->type == MANIFEST_DIR ? move_dir(t, e) : move_file(t, entry);
}

bool tree_lies_in(const char *path, const char *dir, size_t len)
{
	return len > 0 && strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

/*
 * Makes the way to an entry. A new directory is moved whole when nothing in it failed, which is
 * known of all of them only: then its length is in `ret`; else 0: `entry` goes by itself.
 */
static int try_whole(struct tree *t, uint32_t entry, bool all_good, size_t *ret)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	size_t len = missing_from(t, e->path);

	*ret = 0;
	if (len == e->path_len && e->type != MANIFEST_DIR)
		return 0;
	if (all_good && move_whole(t, e->path, len) == 0) {
		*ret = len;
		return 0;
	}
	return make_way(t, e->path, len,
			e->type == MANIFEST_DIR ? e->path_len : dirs_parent_len(e->path));
}

static void delivered(struct tree *t, struct tree_result *res, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];

	t->entry[entry] |= ENTRY_DELIVERED;
	if (e->type == MANIFEST_DIR)
		return;
	res->delivered++;
	res->kept += (t->entry[entry] & ENTRY_SAME) != 0;
	res->bytes += e->size;
}

static void move_all(struct tree *t, struct tree_result *res)
{
	const char *whole = NULL;
	size_t whole_len = 0;

	for (uint32_t i = 0; i < t->m->n_entries; i++) {
		const char *path = t->m->entries[i].path;
		int r = 0;

		if (t->entry[i] & ENTRY_FAILED)
			continue;
		if (!whole || !tree_lies_in(path, whole, whole_len))
			r = move_one(t, i);
		else if (t->entry[i] & (ENTRY_SAME | ENTRY_DIRECT)) /* its directory went */
			r = TREE_REPLACED;
		if (r == -ENOENT) {
			r = try_whole(t, i, res->n_failures == 0, &whole_len);
			whole = whole_len ? path : NULL;
			r = r < 0 || whole ? r : move_one(t, i);
		}
		if (r < 0)
			fail(t, res, i, r);
		else
			delivered(t, res, i);
	}
}

/* Children first, as they stand behind their directories. */
static void dress_dirs(struct tree *t, struct tree_result *res)
{
	for (uint32_t i = t->m->n_entries; i-- > 0;) {
		const struct manifest_entry *e = &t->m->entries[i];
		struct stat st;
		int fd, r;

		if (e->type != MANIFEST_DIR || t->entry[i] & ENTRY_FAILED)
			continue;
		fd = safepath_dir(t->conf.dirfd, e->path);
		r = fd < 0 ? fd : 0;
		if (r == 0 && fstat(fd, &st) == 0 && meta_differs(&st, e, t->conf.owner))
			r = meta_set(fd, e, t->conf.owner);
		close_fd(&fd);
		if (r < 0)
			fail(t, res, i, r);
	}
}

static int sync_all(const struct tree *t)
{
	int r = t->conf.device ? fsync(t->conf.device->fd) : syncfs(t->stage.dir);

	return r < 0 ? -errno : 0;
}

static int switch_in(struct tree *t, struct tree_result *res)
{
	int r;

	*res = (struct tree_result){ 0 };
	for (uint32_t i = 0; i < t->m->n_entries; i++)
		res->files += t->m->entries[i].type != MANIFEST_DIR;
	copy_all(t, res);
	furnish_all(t, res);
	r = sync_all(t);
	if (r < 0)
		return r;
	move_all(t, res);
	dress_dirs(t, res);
	dirs_forget(&t->in);
	res->unsynced = sync_all(t);
	if (t->conf.prune && res->unsynced == 0 && res->n_failures == 0) {
		tree_prune(t, res);
		dress_dirs(t, res);
		res->unsynced = sync_all(t);
	}
	if (res->unsynced == 0 && !res->full && !t->conf.device)
		stage_remove(&t->stage);
	return 0;
}

int tree_switch(struct tree *t, struct tree_result *ret)
{
	int r;

	pthread_mutex_lock(&t->lock);
	tree_spool_drop(t);
	r = switch_in(t, ret);
	pthread_mutex_unlock(&t->lock);
	return r;
}

bool tree_delivered(const struct tree *t, uint32_t entry)
{
	return t->entry[entry] & ENTRY_DELIVERED;
}
