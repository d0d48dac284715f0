/* wipe.c - removes what is in a directory, however deep, with few descriptors. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/wipe.h"

#include "common/file.h"
#include "receiver/safepath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 64 /* in which one directory is read: others may fill it meanwhile */

/* A directory on the way from the top to the one that is being read. */
struct level {
	dev_t dev;
	ino_t ino;
	long pos;     /* where to go on when what is below is done */
	size_t name;  /* begins there in `path` */
	bool removed; /* something, since it was read from its beginning, */
	bool stuck;   /* or something is known to stay */
	uint8_t rounds;
};

/*
 * One directory is being read; the one above it is held, since who is inside need not have the
 * right to search, and so to come back. Those further up are found by "..", and recognised.
 */
struct walk {
	struct wipe *w;
	int top;  /* borrowed */
	DIR *d;   /* of the last level; NULL: there is none */
	int up;   /* of the level above it; `top` above the first */
	int lost; /* -errno: the way back; nothing more can be done */
	int error;
	struct level *levels;
	size_t n, cap;
	char *path; /* from the top to `d`, then room for a name */
	size_t path_len, path_cap;
};

/* Room for one more level, and for its name. */
static int grow(struct walk *k, size_t name_len)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 16;
		void *more = reallocarray(k->levels, cap, sizeof(*k->levels));

		if (!more)
			return -ENOMEM;
		k->levels = more;
		k->cap = cap;
	}
	if (k->path_cap - k->path_len < name_len + 2) {
		size_t cap = 2 * (k->path_cap + name_len + 2);
		void *more = realloc(k->path, cap);

		if (!more)
			return -ENOMEM;
		k->path = more;
		k->path_cap = cap;
	}
	return 0;
}

/* Behind the path of the directory; grow() made room. */
static size_t add_name(struct walk *k, const char *name)
{
	size_t at = k->path_len;

	if (k->n > 0)
		k->path[at++] = '/';
	memcpy(k->path + at, name, strlen(name) + 1);
	return at;
}

static void stays(struct walk *k, int error)
{
	if (k->error == 0 || k->error == -ENOTEMPTY)
		k->error = error;
	if (k->n > 0)
		k->levels[k->n - 1].stuck = true;
}

/* `name` in the directory that is being read; "": that directory itself. */
static void fail(struct walk *k, const char *name, int error)
{
	stays(k, error);
	if (!k->w->stuck || grow(k, strlen(name)) < 0)
		return;
	if (*name)
		add_name(k, name);
	k->w->stuck(k->w->arg, k->path, error);
	k->path[k->path_len] = '\0';
}

static void gone(struct walk *k)
{
	k->w->removed++;
	if (k->n > 0)
		k->levels[k->n - 1].removed = true;
}

static void release_up(struct walk *k)
{
	if (k->up != k->top)
		close_fd(&k->up);
	k->up = k->top;
}

/* The directory that is being read becomes the one above; the descriptor is taken. */
static void push(struct walk *k, DIR *d, const struct stat *st, const char *name)
{
	int up = k->d ? fcntl(dirfd(k->d), F_DUPFD_CLOEXEC, 0) : k->top;
	size_t at;

	if (up < 0) {
		fail(k, name, -errno);
		closedir(d);
		return;
	}
	at = add_name(k, name); /* which goes with the directory that is closed */
	if (k->d) {
		k->levels[k->n - 1].pos = telldir(k->d);
		closedir(k->d);
	}
	release_up(k);
	k->up = up;
	k->levels[k->n] = (struct level){ .dev = st->st_dev, .ino = st->st_ino, .name = at };
	k->path_len = strlen(k->path);
	k->n++;
	k->d = d;
}

/* A directory of ours that nobody may write to, or search, would keep what is in it. */
static void open_up(int fd, const struct stat *st)
{
	if ((st->st_mode & 0700) != 0700)
		(void)!fchmod(fd, (st->st_mode & 07777) | 0700);
}

static void descend(struct walk *k, int dir, const char *name)
{
	int fd = safepath_dir(dir, name);
	struct stat st;
	DIR *d;

	if (fd < 0 || fstat(fd, &st) < 0 || grow(k, strlen(name)) < 0 || !(d = fdopendir(fd))) {
		fail(k, name, fd < 0 ? fd : -ENOMEM);
		close_fd(&fd);
		return;
	}
	open_up(fd, &st);
	push(k, d, &st, name);
}

static void remove_one(struct walk *k, int dir, const char *name)
{
	if (k->w->spares && k->w->spares(name)) {
		stays(k, -ENOTEMPTY);
		return;
	}
	if (unlinkat(dir, name, 0) == 0) {
		gone(k);
		return;
	}
	if (errno == ENOENT)
		return;
	if (errno != EISDIR && errno != EPERM) {
		fail(k, name, -errno);
		return;
	}
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		gone(k);
	else if (errno == ENOTEMPTY || errno == EEXIST)
		descend(k, dir, name);
	else
		fail(k, name, errno == ENOTDIR ? -EPERM : -errno);
}

/* The directory above the one that is now read again. */
static int find_up(const struct walk *k)
{
	const struct level *above;
	struct stat st;
	int fd;

	if (k->n == 1)
		return k->top;
	above = &k->levels[k->n - 2];
	fd = openat(dirfd(k->d), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && st.st_dev == above->dev && st.st_ino == above->ino)
		return fd;
	close_fd(&fd);
	return -ESTALE; /* somebody moves directories meanwhile */
}

/* Back to the directory above. */
static void pop(struct walk *k)
{
	const struct level *l = &k->levels[--k->n];

	closedir(k->d);
	k->d = NULL;
	k->path_len = l->name ? l->name - 1 : 0;
	k->path[k->path_len] = '\0';
	if (k->n == 0)
		return;
	k->d = fdopendir(k->up);
	if (!k->d) {
		k->lost = -ENOMEM;
		return;
	}
	seekdir(k->d, k->levels[k->n - 1].pos);
	k->up = find_up(k);
	if (k->up < 0)
		k->lost = k->up;
}

/*
 * The directory was read to its end. If it is not empty although nothing is known to stay,
 * positions move on this file system when something is removed: it is read once more.
 */
static void ascend(struct walk *k)
{
	struct level *l = &k->levels[k->n - 1];
	bool stuck = l->stuck;
	int r = unlinkat(k->up, k->path + l->name, AT_REMOVEDIR) < 0 ? -errno : 0;

	if ((r == -ENOTEMPTY || r == -EEXIST) && !stuck && l->removed && ++l->rounds < ROUNDS) {
		l->removed = false;
		rewinddir(k->d);
		return;
	}
	if (r < 0 && !stuck)
		fail(k, "", r);
	pop(k);
	if (r == 0)
		gone(k);
	else
		stays(k, r);
}

static void step(struct walk *k)
{
	struct dirent *e = readdir(k->d);

	if (!e)
		ascend(k);
	else if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
		remove_one(k, dirfd(k->d), e->d_name);
}

int wipe(struct wipe *w, int dir, const char *name)
{
	struct walk k = { .w = w, .top = dir, .up = dir };

	remove_one(&k, dir, name);
	while (k.n > 0 && k.lost == 0)
		step(&k);
	if (k.lost < 0)
		fail(&k, "", k.lost);
	if (k.d)
		closedir(k.d);
	release_up(&k);
	free(k.levels);
	free(k.path);
	return k.error;
}
