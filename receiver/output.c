/* output.c - where the user wants what comes: the kinds of --output. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "receiver/device.h"
#include "receiver/reserved.h"
#include "receiver/self.h"

#define KINDS "; give a directory, a file or a block device"

/* `error`: 0 if the words say it all. */
static int refuse(const char *path, int error, const char *words)
{
	log_err(error, "--output %s: %s", path, words);
	return -EINVAL;
}

/* `path`: what the user said, that needs this directory. */
static int open_dir(struct output *o, const char *dir, const char *path)
{
	o->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->dirfd >= 0)
		o->dir = realpath(dir, NULL);
	if (!o->dir)
		return refuse(path, -errno, "give a directory that exists");
	if (o->kind != OUTPUT_DEVICE && faccessat(o->dirfd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return refuse(path, -errno, "give a directory that you may write to");
	return 0;
}

/* A misspelt device would become a file in memory, as large as the disk. */
static bool is_among_devices(const char *dir)
{
	return strcmp(dir, "/dev") == 0 ||
	       (strncmp(dir, "/dev/", 5) == 0 && strncmp(dir, "/dev/shm", 8) != 0);
}

/* `o->path` is known: the directory that it lies in, and its name there. */
static int open_parent(struct output *o, const char *path)
{
	char *slash = strrchr(o->path, '/');
	int r;

	o->name = slash ? slash + 1 : o->path;
	if (reserved_check(o->name) < 0)
		return refuse(path, 0, "the name is kept for files that are not complete");
	if (!slash)
		return open_dir(o, ".", path);
	*slash = '\0';
	r = open_dir(o, slash == o->path ? "/" : o->path, path);
	*slash = '/';
	return r;
}

static int open_file(struct output *o, const char *path)
{
	o->kind = OUTPUT_FILE;
	o->path = realpath(path, NULL);
	return o->path ? open_parent(o, path) : refuse(path, -errno, "cannot be found");
}

/* Each job opens it anew, and what is wrong now may not be so then, but is better known now. */
static int open_device(struct output *o, const char *path)
{
	char why[DEVICE_TEXT];
	struct device d;
	int r;

	o->kind = OUTPUT_DEVICE;
	o->path = realpath(path, NULL);
	r = o->path ? open_parent(o, path) : refuse(path, -errno, "cannot be found");
	if (r < 0)
		return r;
	if (device_open(&d, o->dirfd, o->name, why) < 0)
		return refuse(path, 0, why);
	o->size = d.size;
	device_close(&d);
	return 0;
}

static int open_new(struct output *o, const char *path)
{
	struct stat st;
	int r;

	if (lstat(path, &st) == 0)
		return refuse(path, 0, "a symbolic link that leads nowhere");
	o->kind = OUTPUT_FILE;
	o->path = strdup(path);
	r = o->path ? open_parent(o, path) : refuse(path, -ENOMEM, "its name");
	if (r < 0)
		return r;
	if (is_among_devices(o->dir))
		return refuse(path, 0, "there is no such device");
	log_info("--output %s: will be a file; for a tree, make it a directory: mkdir %s", path,
		 path);
	return 0;
}

static int open_stdout(struct output *o)
{
	o->kind = OUTPUT_STDOUT;
	o->fd = STDOUT_FILENO;
	o->taken = calloc(1, sizeof(*o->taken));
	if (!o->taken)
		return refuse("-", -ENOMEM, "begin");
	return open_dir(o, file_tmp_dir(), "-, in TMPDIR");
}

static int open_any(struct output *o, const char *path)
{
	size_t len = strlen(path);
	struct stat st;

	if (strcmp(path, "-") == 0)
		return open_stdout(o);
	if (stat(path, &st) < 0)
		return errno == ENOENT && len > 0 && path[len - 1] != '/'
			       ? open_new(o, path)
			       : refuse(path, -errno, "give a directory that exists");
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return open_dir(o, path, path);
	case S_IFREG:
		return open_file(o, path);
	case S_IFBLK:
		return open_device(o, path);
	case S_IFCHR:
		return refuse(path, 0, "is a character device" KINDS);
	default:
		return refuse(path, 0, "is a pipe or a socket" KINDS);
	}
}

int output_open(struct output *ret, const char *path)
{
	*ret = (struct output){ .dirfd = -1 };
	return open_any(ret, path);
}

void output_close(struct output *o)
{
	close_fd(&o->dirfd);
	free(o->dir);
	free(o->path);
	free(o->taken);
	o->dir = o->path = NULL;
}

uint64_t output_free(const struct output *o)
{
	return o->kind == OUTPUT_DEVICE ? o->size : self_free(o->dirfd);
}
