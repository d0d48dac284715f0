/* tree_prune.c - what a job does not name goes from directories that it calls whole. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/tree_internal.h"

#include "common/file.h"
#include "proto/types.h"
#include "receiver/reserved.h"
#include "receiver/safepath.h"
#include "receiver/wipe.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One directory of the job's. */
struct pruned {
	struct tree *t;
	struct tree_result *res;
	uint32_t entry;
};

static void stuck(struct pruned *p, const char *name, int error)
{
	struct tree_result *res = p->res;
	struct tree_stuck *s = &res->stuck[res->n_stuck];

	if (res->n_stuck++ >= TREE_FAILURES)
		return;
	s->error = error;
	snprintf(s->path, sizeof(s->path), "%.*s%s%s", TREE_STUCK_PATH / 2,
		 p->t->m->entries[p->entry].path, *name ? "/" : "", name);
}

static void on_stuck(void *arg, const char *path, int error)
{
	stuck(arg, path, error);
}

static bool spares(const char *name)
{
	return reserved_check(name) < 0;
}

/* The first entry from `i` on that does not begin with the same `len` bytes of path, or lies in
 * it: those that do stand together. */
static uint32_t end_of(const struct manifest *m, uint32_t i, size_t len)
{
	const char *path = m->entries[i].path;
	uint32_t lo = i, hi = m->n_entries;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (tree_lies_in(m->entries[mid].path, path, len))
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

/* How many names the job has in a directory: each of an entry, or on the way to some. */
static uint32_t n_named(const struct manifest *m, uint32_t dir)
{
	size_t len = m->entries[dir].path_len;
	uint32_t n = 0, i = dir + 1;

	while (i < m->n_entries &&
	       tree_lies_in(m->entries[i].path, m->entries[dir].path, len)) {
		const char *name = m->entries[i].path + len + 1;

		i = end_of(m, i, len + 1 + strcspn(name, "/"));
		n++;
	}
	return n;
}

static bool is_named(const struct manifest *m, uint32_t dir, const char *name)
{
	char path[MANIFEST_PATH_MAX + NAME_MAX + 2];
	int len = snprintf(path, sizeof(path), "%s/%s", m->entries[dir].path, name);
	uint32_t lo = dir, hi = m->n_entries;

	while (hi - lo > 1) { /* [lo] stands before it */
		uint32_t mid = lo + (hi - lo) / 2;
		const struct manifest_entry *e = &m->entries[mid];

		if (manifest_compare(e->path, e->path_len, path, (size_t)len) < 0)
			lo = mid;
		else
			hi = mid;
	}
	return hi < m->n_entries && tree_lies_in(m->entries[hi].path, path, (size_t)len);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * Counts the names that are there, and the others. All of the job's are there, since all was
 * delivered: if they are not to be seen, this file system spells them otherwise, and one of
 * the others may be what has just come.
 */
static bool is_sure(struct pruned *p, DIR *d, uint32_t *ret_others)
{
	struct dirent *e;
	uint32_t named = 0;

	*ret_others = 0;
	while ((e = readdir(d))) {
		if (is_dots(e->d_name))
			continue;
		if (is_named(p->t->m, p->entry, e->d_name))
			named++;
		else
			++*ret_others;
	}
	return *ret_others == 0 || named == n_named(p->t->m, p->entry);
}

static void prune(struct pruned *p, DIR *d)
{
	struct wipe w = { .spares = spares, .stuck = on_stuck, .arg = p };
	struct dirent *e;
	struct stat st;

	/* Its mode is set anew afterwards. */
	if (fstat(dirfd(d), &st) == 0 && (st.st_mode & 0700) != 0700)
		(void)!fchmod(dirfd(d), (st.st_mode & 07777) | 0700);
	rewinddir(d);
	while ((e = readdir(d)))
		if (!is_dots(e->d_name) && !is_named(p->t->m, p->entry, e->d_name))
			(void)!wipe(&w, dirfd(d), e->d_name);
	p->res->removed += w.removed;
}

const char *tree_stuck_text(int error)
{
	switch (error) {
	case TREE_SPELLING:
		return "this file system spells names otherwise: nothing is removed there";
	case -EXDEV:
	case -EBUSY:
		return "something is mounted there";
	default:
		return strerror(-error);
	}
}

static void prune_dir(struct pruned *p)
{
	int fd = safepath_dir(p->t->conf.dirfd, p->t->m->entries[p->entry].path);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint32_t others;

	if (!d) {
		stuck(p, "", fd < 0 ? fd : -ENOMEM);
		close_fd(&fd);
		return;
	}
	if (!is_sure(p, d, &others))
		stuck(p, "", TREE_SPELLING);
	else if (others)
		prune(p, d);
	closedir(d);
}

void tree_prune(struct tree *t, struct tree_result *res)
{
	struct pruned p = { .t = t, .res = res };

	for (p.entry = 0; p.entry < t->m->n_entries; p.entry++)
		if (t->m->entries[p.entry].whole)
			prune_dir(&p);
}
