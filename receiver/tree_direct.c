/* tree_direct.c - entries that are written where they stand: a device, or large files in place.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_internal.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/meta.h"
#include "receiver/space.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A file of one chunk becomes new as a whole anyway. What has several names is written beside
 * and renamed: another of them may be another entry, with other bytes.
 */
static bool is_one_of_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1;
}

bool tree_direct_may(const struct manifest_entry *e, const struct stat *st)
{
	return e->type == MANIFEST_FILE && e->size > MANIFEST_CHUNK && st->st_size > 0 &&
	       is_one_of_ours(st);
}

bool tree_direct_can(int dir, const char *base)
{
	return faccessat(dir, base, R_OK | W_OK, AT_EACCESS) == 0;
}

/* The output directory: one job writes in place at a time, or two would mix in one file. */
int tree_direct_lock(struct tree *t)
{
	bool any = false;

	for (uint32_t i = 0; i < t->m->n_entries && !any; i++)
		any = t->entry[i] & ENTRY_DIRECT;
	if (!any || t->conf.device)
		return 0;
	t->lock_fd = openat(t->conf.dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->lock_fd < 0)
		return -errno;
	if (flock(t->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

int tree_direct_open(struct tree *t, uint32_t entry, bool write)
{
	const char *base;
	struct stat st;
	int dir, fd;

	if (t->conf.device)
		fd = fcntl(t->conf.device->fd, F_DUPFD_CLOEXEC, 0);
	else if ((dir = dirs_of(&t->out, t->m->entries[entry].path, &base)) < 0)
		return dir;
	else
		fd = openat(dir, base,
			    (write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!t->conf.device && (fstat(fd, &st) < 0 || !is_one_of_ours(&st) ||
				(int64_t)st.st_ino != t->mark[entry])) {
		close_fd(&fd);
		return TREE_REPLACED;
	}
	return fd;
}

/* A hard link of the job's may be a second name of it by now. */
int tree_direct_check(struct tree *t, uint32_t entry)
{
	const char *base;
	struct stat st;
	int dir;

	if (t->conf.device)
		return 0;
	dir = dirs_of(&t->out, t->m->entries[entry].path, &base);
	return dir >= 0 && fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			       (int64_t)st.st_ino == t->mark[entry]
		       ? 0
		       : TREE_REPLACED;
}

/* What no run covers; all of a file of unknown size was written, and it has no runs. */
static int zero_holes(struct tree *t, const struct manifest_entry *e, int fd)
{
	uint64_t end = 0;
	int r = 0;

	if (e->open)
		return 0;
	for (uint32_t i = 0; i < e->n_runs && r == 0; i++) {
		const struct manifest_run *run = &t->m->runs[e->first_run + i];

		r = space_zero(fd, end, run->file_off - end);
		end = run->file_off + run->len;
	}
	return r < 0 ? r : space_zero(fd, end, e->size - end);
}

int tree_direct_finish(struct tree *t, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	int fd = tree_fd(t, entry, true), r;

	if (fd < 0)
		return fd;
	if (!t->conf.device && ftruncate(fd, (off_t)e->size) < 0)
		return -errno;
	r = zero_holes(t, e, fd);
	if (r < 0 || t->conf.device)
		return r;
	return meta_set(fd, e, t->conf.owner);
}

/* --- questions --- */

bool tree_is_direct(const struct tree *t, uint32_t entry)
{
	return t->entry[entry] & ENTRY_DIRECT;
}

uint64_t tree_place(const struct tree *t, uint32_t chunk)
{
	return tree_spot(t, t->m->chunks[chunk].content_off).off;
}

const struct device *tree_device(const struct tree *t)
{
	return t->conf.device;
}

bool tree_mixed(struct tree *t, uint32_t *ret_entry)
{
	bool mixed = false;

	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < t->m->n_entries && !mixed; i++) {
		mixed = t->entry[i] & ENTRY_WRITTEN && !(t->entry[i] & ENTRY_DELIVERED);
		if (mixed)
			*ret_entry = i;
	}
	pthread_mutex_unlock(&t->lock);
	return mixed;
}
