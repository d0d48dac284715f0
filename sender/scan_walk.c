/* scan_walk.c - directories, walked through in order: an entry for each thing there. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/scan_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define STRINGS_BLOCK  ((size_t)1 << 20)
#define PROGRESS_EVERY 1024 /* entries */

/* Strings of all entries: blocks that fill up one after the other, the last one first. */
struct scan_strings {
	struct scan_strings *next;
	size_t used, cap;
	char bytes[];
};

/* --- memory --- */

/* As long as the scan; NULL: no memory. */
static char *keep(struct scan *s, const void *bytes, size_t len)
{
	struct scan_strings *b = s->strings;
	char *to;

	if (!b || len + 1 > b->cap - b->used) {
		size_t cap = MAX(STRINGS_BLOCK, len + 1);

		b = malloc(sizeof(*b) + cap);
		if (!b)
			return NULL;
		*b = (struct scan_strings){ .next = s->strings, .cap = cap };
		s->strings = b;
	}
	to = b->bytes + b->used;
	memcpy(to, bytes, len);
	to[len] = '\0';
	b->used += len + 1;
	return to;
}

void scan_forget(struct scan *s)
{
	while (s->strings) {
		struct scan_strings *next = s->strings->next;

		free(s->strings);
		s->strings = next;
	}
}

static int grow(struct scan *s)
{
	uint32_t cap = s->cap ? s->cap * 2 : 256;
	void *entries, *files;

	if (cap < s->cap)
		return -EOVERFLOW;
	entries = reallocarray(s->entries, cap, sizeof(*s->entries));
	if (!entries)
		return -ENOMEM;
	s->entries = entries;
	files = reallocarray(s->files, cap, sizeof(*s->files));
	if (!files)
		return -ENOMEM;
	s->files = files;
	s->cap = cap;
	return 0;
}

/* --- one entry --- */

static void refuse(struct scan *s, int r, const char *path, const char *why)
{
	s->n_refused++;
	log_warn(r, "%s: %s", path, why);
}

static enum manifest_type type_of(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return MANIFEST_DIR;
	case S_IFLNK:
		return MANIFEST_SYMLINK;
	default:
		return MANIFEST_FILE;
	}
}

const char *scan_kind(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFIFO:
		return "FIFO";
	case S_IFSOCK:
		return "socket";
	default:
		return "device";
	}
}

static struct scan_file file_of(const struct scan *s, const struct stat *st, uint32_t root)
{
	bool tells = !s->conf->files_only;

	return (struct scan_file){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.ctime_sec = st->st_ctim.tv_sec,
		.ctime_nsec = (uint32_t)st->st_ctim.tv_nsec,
		.root = root,
		.sparse = tells && S_ISREG(st->st_mode) && st->st_size > MANIFEST_CHUNK &&
			  st->st_blocks * 512 < st->st_size,
		.device = S_ISBLK(st->st_mode),
		.linked = tells && S_ISREG(st->st_mode) && st->st_nlink > 1,
	};
}

static int add_xattrs(struct scan_walk *w, struct manifest_entry *e, bool follow)
{
	int n = xattrs_read(w->path, follow, w->xattrs);

	if (n < 0) {
		refuse(w->scan, n, w->path, "its extended attributes are not sent");
		return 0;
	}
	if (n == 0)
		return 0;
	e->xattrs = (const uint8_t *)keep(w->scan, w->xattrs, (size_t)n);
	e->xattrs_len = (uint16_t)n;
	return e->xattrs ? 0 : -ENOMEM;
}

/* 1: it went meanwhile, or cannot be read. */
static int add_target(struct scan_walk *w, struct manifest_entry *e)
{
	char target[MANIFEST_PATH_MAX];
	ssize_t n = readlink(w->path, target, sizeof(target));

	if (n <= 0 || n == (ssize_t)sizeof(target)) {
		refuse(w->scan, n < 0 ? -errno : -ENAMETOOLONG, w->path,
		       "cannot read this link");
		return 1;
	}
	e->target = keep(w->scan, target, (size_t)n);
	e->target_len = (uint16_t)n;
	return e->target ? 0 : -ENOMEM;
}

int scan_add(struct scan_walk *w, const struct stat *st, bool follow)
{
	struct scan *s = w->scan;
	size_t len = w->len - w->start;
	struct manifest_entry e = {
		.type = (uint8_t)type_of(st),
		.mode = st->st_mode & 07777,
		.mtime_sec = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
		.path_len = (uint16_t)len,
		.has_owner = s->conf->owner,
		.uid = s->conf->owner ? st->st_uid : 0,
		.gid = s->conf->owner ? st->st_gid : 0,
	};
	int r = s->n < s->cap ? 0 : grow(s);

	if (r < 0)
		return r;
	e.path = keep(s, w->path + w->start, len);
	if (!e.path)
		return -ENOMEM;
	if (e.type == MANIFEST_FILE)
		e.size = (uint64_t)st->st_size;
	if (e.type == MANIFEST_SYMLINK)
		r = add_target(w, &e);
	if (r == 0 && s->conf->xattrs)
		r = add_xattrs(w, &e, follow);
	if (r != 0)
		return r;
	s->files[s->n] = file_of(s, st, w->root);
	s->files[s->n].follow = follow;
	s->entries[s->n++] = e;
	s->n_files += e.type != MANIFEST_DIR;
	s->total_size += e.size;
	if (s->n % PROGRESS_EVERY == 0 && s->conf->progress)
		s->conf->progress(s->conf->progress_arg, s->n, s->total_size);
	return 0;
}

/* --- directories --- */

bool scan_excluded(const struct scan *s, const char *path, const char *name)
{
	const struct opt_list *globs = s->conf->excludes;

	for (unsigned i = 0; globs && i < globs->n; i++) {
		if (fnmatch(globs->items[i], path, 0) == 0 ||
		    fnmatch(globs->items[i], name, 0) == 0)
			return true;
	}
	return false;
}

_Static_assert(PATH_MAX <= MANIFEST_PATH_MAX, "a manifest takes any path of this host");

/* What is at w->path, where `name` is its last part, and all below. 1: it is not sent, which
 * was told. */
static int visit(struct scan_walk *w, const char *name)
{
	struct scan *s = w->scan;
	uint32_t entry = s->n;
	struct stat st;
	int r;

	if (scan_excluded(s, w->path + w->start, name))
		return 0;
	if (w->len > PATH_MAX - 1)
		return refuse(s, -ENAMETOOLONG, w->path, "not sent"), 1;
	if (lstat(w->path, &st) < 0)
		return refuse(s, -errno, w->path, "not sent"), 1;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode)) {
		s->n_refused++;
		log_warn(0, "%s: is a %s, which is not sent", w->path, scan_kind(&st));
		return 1;
	}
	if (S_ISREG(st.st_mode) && geteuid() != 0 && access(w->path, R_OK) < 0)
		return refuse(s, -errno, w->path, "not sent"), 1;
	r = scan_add(w, &st, false);
	if (r != 0 || !S_ISDIR(st.st_mode) || (s->conf->one_file_system && st.st_dev != w->dev))
		return r;
	return scan_dir(w, entry);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_child(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* An entry of the directory whose path is the first `len` bytes. */
static int visit_child(struct scan_walk *w, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len + n >= sizeof(w->path)) {
		refuse(w->scan, -ENAMETOOLONG, w->path, "not all below it is sent");
		return 1;
	}
	memcpy(w->path + len, name, n + 1);
	w->len = len + n;
	return visit(w, name);
}

int scan_dir(struct scan_walk *w, uint32_t entry)
{
	struct dirent **child = NULL;
	size_t len = w->len;
	int n = scandir(w->path, &child, is_child, by_bytes), r = 0;
	bool whole = w->scan->conf->whole && n >= 0;

	if (n < 0 && errno == ENOMEM)
		return -ENOMEM;
	if (n < 0)
		refuse(w->scan, -errno, w->path, "cannot read this directory");
	if (n > 0 && w->path[len - 1] != '/')
		w->path[len] = '/';
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = visit_child(w, len + (w->path[len] == '/'), child[i]->d_name);
		whole &= r == 0;
		free(child[i]);
	}
	if (entry != UINT32_MAX)
		w->scan->entries[entry].whole = whole;
	free(child);
	w->path[len] = '\0';
	w->len = len;
	return MIN(r, 0);
}
