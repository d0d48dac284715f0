/* tree_check.c - whether all of a job can be stored, before its first byte is. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_internal.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/reserved.h"
#include "receiver/space.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the job needs, and what of it may be at the target already. */
struct need {
	uint64_t bytes, files;
	uint64_t same_bytes, same_files;
	uint64_t spared_bytes; /* by --inplace */
	uint64_t largest;
};

static int refuse(struct tree_refusal *why, const struct manifest_entry *e, int error)
{
	why->path = e->path;
	why->error = error;
	return error;
}

/* What stands at the target may be replaced by what shall be there. */
static int check_type(const struct manifest_entry *e, const struct stat *st)
{
	if (e->type == MANIFEST_DIR)
		return S_ISDIR(st->st_mode) ? 0 : S_ISLNK(st->st_mode) ? -ELOOP : -ENOTDIR;
	return S_ISDIR(st->st_mode) ? -EISDIR : 0;
}

/* A large file that is there: written in place, or beside. */
static void choose_place(struct tree *t, const struct manifest_entry *e, const struct stat *st,
			 int dir, const char *base)
{
	if (!tree_direct_may(e, st) || !tree_direct_can(dir, base))
		return;
	if (t->conf.inplace) {
		t->entry[e - t->m->entries] |= ENTRY_DIRECT;
		t->mark[e - t->m->entries] = (int64_t)st->st_ino;
	} else { /* half of it is there, or more */
		t->copies |= (uint64_t)st->st_blocks * 1024 >= e->size;
	}
}

static int check_name(struct tree *t, const struct manifest_entry *e)
{
	const char *base;
	struct stat st;
	int dir, r;

	if (e->path_len >= PATH_MAX)
		return -ENAMETOOLONG;
	if (reserved_check(e->path) < 0)
		return RESERVED_NAME;
	dir = dirs_of(&t->out, e->path, &base);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = check_type(e, &st);
	if (e->type == MANIFEST_FILE && S_ISREG(st.st_mode) && st.st_size > 0)
		t->holds = true;
	choose_place(t, e, &st, dir, base);
	return r;
}

int tree_check_names(struct tree *t, struct tree_refusal *why)
{
	for (uint32_t i = 0; i < t->m->n_entries; i++) {
		int r = check_name(t, &t->m->entries[i]);

		if (r < 0)
			return refuse(why, &t->m->entries[i], r);
	}
	return 0;
}

/* An earlier run made it; what it wrote is in the map, or will be looked at. */
static bool in_stage(struct tree *t, uint32_t entry, uint64_t *ret_bytes)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	const char *base;
	struct stat st;
	int dir = t->stage.resumed ? dirs_of(&t->in, e->path, &base) : -ENOENT;

	if (dir < 0 || fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
		return false;
	t->entry[entry] |= ENTRY_STAGED;
	*ret_bytes = (uint64_t)st.st_blocks * 512;
	return true;
}

/* What is at the target. */
static bool at_target(struct tree *t, const struct manifest_entry *e, struct stat *st)
{
	const char *base;
	int dir = t->holds ? dirs_of(&t->out, e->path, &base) : -ENOENT;

	return dir >= 0 && fstatat(dir, base, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st->st_mode);
}

/* Whether the file system can share blocks: as tried with the first large file. */
static bool shares(struct tree *t, const struct manifest_entry *e)
{
	const char *base;
	int dir, fd;

	if (t->asked_shares)
		return t->shares;
	dir = dirs_of(&t->out, e->path, &base);
	fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	t->shares = fd >= 0 && space_shares(t->stage.dir, fd);
	t->asked_shares = true;
	close_fd(&fd);
	return t->shares;
}

/* A file of the same size is perhaps the same one, then it needs no room; of another large one
 * parts are, where they can be shared. */
static void add_target(struct tree *t, struct need *n, uint64_t bytes, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	uint64_t there;
	struct stat st;

	if (!at_target(t, e, &st)) {
		t->entry[entry] &= (uint8_t)~ENTRY_DIRECT;
		return;
	}
	there = MIN(bytes, (uint64_t)st.st_blocks * 512);
	if (t->entry[entry] & ENTRY_DIRECT) {
		t->entry[entry] |= ENTRY_STAGED;
		n->bytes -= there;
		return;
	}
	if (tree_direct_may(e, &st) && st.st_size > MANIFEST_CHUNK && shares(t, e))
		t->entry[entry] |= ENTRY_SHARES;
	if ((uint64_t)st.st_size == e->size) {
		n->same_bytes += bytes;
		n->same_files++;
	} else if (t->entry[entry] & ENTRY_SHARES) {
		n->same_bytes += there;
	} else if (tree_direct_may(e, &st)) {
		n->spared_bytes += there;
	}
}

static void add_file(struct tree *t, struct need *n, const struct space *left, uint32_t entry)
{
	const struct manifest_entry *e = &t->m->entries[entry];
	uint64_t bytes = 0, there = 0;

	for (uint32_t i = 0; i < e->n_runs; i++)
		bytes += space_round(left, t->m->runs[e->first_run + i].len);
	n->largest = MAX(n->largest, e->size);
	if (in_stage(t, entry, &there)) { /* it was begun there, and goes on there */
		t->entry[entry] &= (uint8_t)~ENTRY_DIRECT;
		n->bytes += bytes - MIN(bytes, there);
		return;
	}
	n->bytes += bytes;
	n->files++;
	add_target(t, n, bytes, entry);
}

/* A limit of this user's, or of the file system: tried on an empty file. */
static int check_size(struct tree *t, uint64_t largest)
{
	int fd, r;

	if (largest > INT64_MAX)
		return -EFBIG;
	fd = openat(t->stage.dir, "probe", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = ftruncate(fd, (off_t)largest) < 0 ? -errno : 0;
	close_fd(&fd);
	unlinkat(t->stage.dir, "probe", 0);
	return r;
}

int tree_check_room(struct tree *t, struct tree_refusal *why)
{
	struct need n = { 0 };
	struct space left;
	int r = space_left(t->stage.dir, &left);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < t->m->n_entries; i++) {
		if (t->m->entries[i].type == MANIFEST_FILE)
			add_file(t, &n, &left, i);
		else
			n.files++;
	}
	n.files -= n.same_files;
	n.bytes -= n.same_bytes;
	*why = (struct tree_refusal){ .needs = n.files, .left = left.files, .files = true };
	if (n.files > left.files)
		return -ENOSPC;
	*why = (struct tree_refusal){ .spool = tree_spool_room(t), .left = left.bytes };
	n.bytes += why->spool;
	why->needs = n.bytes;
	why->inplace = n.bytes - n.spared_bytes <= left.bytes;
	if (n.bytes > left.bytes)
		return -ENOSPC;
	*why = (struct tree_refusal){ 0 };
	return check_size(t, n.largest);
}

const char *tree_refusal_text(int error)
{
	switch (error) {
	case RESERVED_NAME:
		return "the name is kept for files that are not complete";
	case -ELOOP:
		return "a symbolic link is in the way";
	case -ENOTDIR:
		return "something that is no directory is in the way";
	case -EISDIR:
		return "a directory is in the way";
	case -EACCES:
		return "Permission denied in the output directory";
	case -EXDEV:
		return "another file system is mounted there: send it to a reap of its own";
	case -EEXIST:
		return "something in the output directory has the name of the job's own place";
	case -EFBIG:
		return "too large for this file system, or a limit on the size of files";
	default:
		return strerror(-error);
	}
}
