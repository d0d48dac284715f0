/* dirs.c - the directories in which the paths of a manifest lie, one after the other. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/dirs.h"

#include "common/file.h"
#include "receiver/safepath.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void dirs_init(struct dirs *d, int top)
{
	d->top = d->fd = top;
	d->len = 0;
	d->path[0] = '\0';
}

void dirs_forget(struct dirs *d)
{
	if (d->fd != d->top)
		close_fd(&d->fd);
	dirs_init(d, d->top);
}

void dirs_fini(struct dirs *d)
{
	dirs_forget(d);
}

size_t dirs_parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

int dirs_of(struct dirs *d, const char *path, const char **ret_base)
{
	size_t len = dirs_parent_len(path);

	*ret_base = len ? path + len + 1 : path;
	if (len == d->len && memcmp(path, d->path, len) == 0)
		return d->fd;
	if (len >= sizeof(d->path))
		return -ENAMETOOLONG;
	dirs_forget(d);
	if (len == 0)
		return d->fd;
	memcpy(d->path, path, len);
	d->path[len] = '\0';
	d->len = len;
	d->fd = safepath_dir(d->top, d->path);
	return d->fd;
}

/* Below the one that holds it, which is there. */
static int make_one(int top, const char *path)
{
	const char *base;
	struct dirs d;
	int r;

	dirs_init(&d, top);
	r = dirs_of(&d, path, &base);
	if (r >= 0)
		r = mkdirat(r, base, 0777) < 0 && errno != EEXIST ? -errno : 0;
	dirs_fini(&d);
	return r;
}

/* Mostly only the last one is missing. */
int dirs_make(int top, const char *path, size_t len)
{
	char dir[PATH_MAX];
	char *slash;
	int r;

	if (len == 0)
		return 0;
	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	r = make_one(top, dir);
	if (r != -ENOENT)
		return r;
	for (slash = strchr(dir, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_one(top, dir);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return make_one(top, dir);
}
