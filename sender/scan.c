/* scan.c - what the user named, walked through: the entries of a manifest, not their bytes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/scan_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

/* --- the names of the command line --- */

static int user_error(int r, const char *name)
{
	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
	case -ELOOP:
	case -EACCES:
		log_err(r, "cannot read %s", name);
		return -EINVAL;
	default:
		return log_err(r, "cannot read %s", name);
	}
}

static int device_size(const char *name, struct stat *st)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	uint64_t size;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, BLKGETSIZE64, &size) < 0)
		r = -errno;
	else
		st->st_size = (off_t)size;
	close_fd(&fd);
	return r;
}

/* What can be sent of a name; its size, for a device. */
static int look_at(const struct scan *s, const char *name, struct stat *st)
{
	int r;

	if (stat(name, st) < 0 || access(name, R_OK) < 0)
		return user_error(-errno, name);
	if (S_ISREG(st->st_mode) || (S_ISDIR(st->st_mode) && !s->conf->files_only))
		return 0;
	if (S_ISDIR(st->st_mode)) {
		log_err(0, "%s: is a directory; plain NORM knows only files", name);
		return -EINVAL;
	}
	if (!S_ISBLK(st->st_mode)) {
		log_err(0, "%s: is a %s; files, directories and block devices can be sent",
			name, scan_kind(st));
		return -EINVAL;
	}
	r = device_size(name, st);
	return r < 0 ? user_error(r, name) : 0;
}

/* Where the last part begins; where the string ends if it is none to be given to anything. */
static size_t last_part(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *part = slash ? slash + 1 : name;

	if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
		part += strlen(part);
	return (size_t)(part - name);
}

static bool is_link(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The name stands for what is in it. */
static void begin_inside(struct scan_walk *w)
{
	if (w->path[w->len - 1] != '/') {
		w->path[w->len++] = '/';
		w->path[w->len] = '\0';
	}
	w->start = w->len;
}

static int walk_name(struct scan_walk *w, const char *name)
{
	struct scan *s = w->scan;
	uint32_t entry = s->n;
	struct stat st;
	int r = look_at(s, name, &st);

	if (r < 0)
		return r;
	w->len = strlen(name); /* stat() took it: less than PATH_MAX */
	memcpy(w->path, name, w->len + 1);
	w->start = last_part(name);
	w->dev = st.st_dev;
	s->skip[w->root] = w->len - w->start;
	if (w->start == w->len) {
		begin_inside(w);
		entry = UINT32_MAX;
	} else if (scan_excluded(s, w->path + w->start, w->path + w->start)) {
		return 0;
	} else {
		r = scan_add(w, &st, is_link(name));
	}
	if (r == 0 && S_ISDIR(st.st_mode))
		r = scan_dir(w, entry);
	return r < 0 ? log_err(r, "%s", name) : 0;
}

static int walk_all(struct scan *s, unsigned n)
{
	struct scan_walk *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return log_err(-ENOMEM, "walk through %u names", n);
	w->scan = s;
	for (w->root = 0; w->root < n; w->root++) {
		int bad = walk_name(w, s->names[w->root]);

		if (bad < 0 && r != -EINVAL)
			r = bad;
	}
	free(w);
	return r;
}

int scan_new(struct scan **ret, char *const *names, unsigned n, const struct scan_conf *conf)
{
	struct scan *s = calloc(1, sizeof(*s));
	int r;

	if (s)
		s->skip = calloc(n, sizeof(*s->skip));
	if (!s || !s->skip) {
		scan_free(s);
		return log_err(-ENOMEM, "%u files", n);
	}
	s->names = names;
	s->n_names = n;
	s->conf = conf;
	r = walk_all(s, n);
	if (r == 0 && (r = scan_order(s)) == -ENOMEM)
		log_err(r, "%u files", s->n);
	s->conf = NULL;
	if (r < 0)
		scan_free(s);
	else
		*ret = s;
	return r;
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	scan_forget(s);
	free(s->skip);
	free(s->entries);
	free(s->files);
	free(s);
}

/* --- an entry's file --- */

int scan_path(const struct scan *s, uint32_t i, char ret[static SCAN_PATH_MAX])
{
	uint32_t root = s->files[i].root;
	const char *rest = s->entries[i].path + s->skip[root];
	int n = snprintf(ret, SCAN_PATH_MAX, "%s%s%s", s->names[root],
			 *rest && *rest != '/' ? "/" : "", rest);

	return n < SCAN_PATH_MAX ? 0 : -ENAMETOOLONG;
}

bool scan_changed(const struct scan *s, uint32_t i, int fd)
{
	const struct manifest_entry *e = &s->entries[i];
	const struct scan_file *f = &s->files[i];
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_dev != f->dev || st.st_ino != f->ino)
		return true;
	return !f->device &&
	       ((uint64_t)st.st_size != e->size || st.st_mtim.tv_sec != e->mtime_sec ||
		st.st_mtim.tv_nsec != e->mtime_nsec || st.st_ctim.tv_sec != f->ctime_sec ||
		st.st_ctim.tv_nsec != f->ctime_nsec);
}

int scan_open(const struct scan *s, uint32_t i)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	char path[SCAN_PATH_MAX];
	int fd, r = scan_path(s, i, path);

	if (r < 0)
		return r;
	fd = open(path, s->files[i].follow ? flags : flags | O_NOFOLLOW);
	if (fd < 0)
		return errno == ELOOP ? -ESTALE : -errno;
	return fd;
}
