/* stage.c - the hidden directory beside the target in which a job waits until it is complete.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/stage.h"

#include "common/file.h"
#include "receiver/wipe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS   (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define HEX         "0123456789abcdef"
#define DAY_SECONDS 86400
#define OPEN_TRIES  8
#define PROBE       "probe"
#define DEPTH       64 /* of directories that are weighed */

static void name_of(char name[static STAGE_NAME + 1], const uint8_t job[static STAGE_ID])
{
	char *p = name + sizeof(STAGE_MARK) - 1;

	memcpy(name, STAGE_MARK, sizeof(STAGE_MARK) - 1);
	for (int i = 0; i < STAGE_ID; i++) {
		*p++ = HEX[job[i] >> 4];
		*p++ = HEX[job[i] & 15];
	}
	*p = '\0';
}

bool stage_is_name(const char *name, size_t len)
{
	size_t mark = sizeof(STAGE_MARK) - 1;

	return len == STAGE_NAME && memcmp(name, STAGE_MARK, mark) == 0 &&
	       strspn(name + mark, HEX) >= STAGE_NAME - mark;
}

/*
 * FAT, CIFS and others give everything one owner and one mode, whoever makes it: what is wrong
 * with the directory is then wrong with a new file, too.
 */
static bool is_usual(int dir, const struct stat *st)
{
	struct stat file;
	bool usual;
	int fd;

	unlinkat(dir, PROBE, 0);
	fd = openat(dir, PROBE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	usual = fstat(fd, &file) == 0 &&
		(st->st_uid == geteuid() || st->st_uid == file.st_uid) &&
		(!(st->st_mode & 077) || file.st_mode & 077);
	close_fd(&fd);
	unlinkat(dir, PROBE, 0);
	return usual;
}

/* Takes the directory for this session. -ESTALE: its owner has just removed it. */
static int take(int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	if ((st.st_uid != geteuid() || st.st_mode & 077) && !is_usual(dir, &st))
		return -EEXIST;
	if (flock(dir, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return fstat(dir, &st) == 0 && st.st_nlink == 0 ? -ESTALE : 0;
}

/* The descriptor of a stage that is ours now, or -errno. */
static int open_taken(int parent, const char *name)
{
	int fd = openat(parent, name, DIR_FLAGS), r;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EEXIST : -errno;
	r = take(fd);
	if (r < 0)
		close_fd(&fd);
	return r < 0 ? r : fd;
}

static int open_dir(struct stage *s)
{
	int fd = -ESTALE;

	for (int i = 0; i < OPEN_TRIES && (fd == -ESTALE || fd == -ENOENT); i++) {
		s->resumed = mkdirat(s->parent, s->name, 0700) < 0;
		if (s->resumed && errno != EEXIST)
			return -errno;
		fd = open_taken(s->parent, s->name);
	}
	return fd;
}

static int open_tree(int dir)
{
	int fd;

	if (mkdirat(dir, "tree", 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, "tree", DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}

int stage_open(struct stage *ret, int parent, const uint8_t job[static STAGE_ID])
{
	struct stage s = STAGE_INIT;

	s.parent = parent;
	name_of(s.name, job);
	s.dir = open_dir(&s);
	if (s.dir < 0)
		return s.dir;
	futimens(s.dir, NULL); /* it is in use: not to be swept */
	s.tree = open_tree(s.dir);
	if (s.tree < 0) {
		close_fd(&s.dir);
		return s.tree;
	}
	*ret = s;
	return 0;
}

void stage_close(struct stage *s)
{
	close_fd(&s->tree);
	close_fd(&s->dir);
}

int stage_remove(struct stage *s)
{
	struct wipe w = { 0 };
	int r = wipe(&w, s->parent, s->name);

	stage_close(s);
	return r;
}

/* --- others --- */

/* Whether it is old and nobody's; then it is gone. */
static bool sweep_one(int parent, const char *name, int64_t wall)
{
	struct stage old = { .parent = parent, .tree = -1 };
	struct stat st;

	old.dir = open_taken(parent, name);
	if (old.dir < 0)
		return false;
	if (fstat(old.dir, &st) < 0 || wall - st.st_mtim.tv_sec < STAGE_DAYS * DAY_SECONDS) {
		stage_close(&old);
		return false;
	}
	memcpy(old.name, name, STAGE_NAME + 1);
	return stage_remove(&old) == 0;
}

static DIR *list(int parent, const char *name)
{
	int fd = openat(parent, name, DIR_FLAGS);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		close_fd(&fd);
	return d;
}

static unsigned sweep(int parent, const char *except, int64_t wall)
{
	DIR *d = list(parent, ".");
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d)))
		if (stage_is_name(e->d_name, strlen(e->d_name)) &&
		    strcmp(e->d_name, except) != 0)
			n += sweep_one(parent, e->d_name, wall);
	if (d)
		closedir(d);
	return n;
}

unsigned stage_sweep(int parent, int64_t wall)
{
	return sweep(parent, "", wall);
}

/* Bytes of what is in a directory, or files; not more than there are. */
static uint64_t weigh(DIR *d, bool files, unsigned depth)
{
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += files ? 1 : (uint64_t)st.st_blocks * 512;
		if (S_ISDIR(st.st_mode) && depth > 0)
			sum += weigh(list(dirfd(d), e->d_name), files, depth - 1);
	}
	if (d)
		closedir(d);
	return sum;
}

/* ... of a stage that nobody has. */
static uint64_t weigh_one(int parent, const char *name, bool files)
{
	int fd = open_taken(parent, name);
	uint64_t sum = fd < 0 ? 0 : weigh(list(fd, "."), files, DEPTH);

	close_fd(&fd);
	return sum;
}

unsigned stage_make_room(int parent, const uint8_t job[static STAGE_ID], uint64_t lacks,
			 bool files)
{
	DIR *d = list(parent, ".");
	char own[STAGE_NAME + 1];
	struct dirent *e;
	uint64_t sum = 0;

	name_of(own, job);
	while (d && sum < lacks && (e = readdir(d)))
		if (stage_is_name(e->d_name, strlen(e->d_name)) && strcmp(e->d_name, own) != 0)
			sum += weigh_one(parent, e->d_name, files);
	if (d)
		closedir(d);
	return sum < lacks ? 0 : sweep(parent, own, INT64_MAX / 2); /* all are old */
}

static int open_other(int parent, const char *name)
{
	int dir = openat(parent, name, DIR_FLAGS);
	int tree = dir < 0 ? -1 : openat(dir, "tree", DIR_FLAGS);

	close_fd(&dir);
	return tree;
}

void stage_each(int parent, const char *except, bool (*fn)(void *arg, int tree), void *arg)
{
	DIR *d = list(parent, ".");
	struct dirent *e;
	bool more = true;

	while (d && more && (e = readdir(d))) {
		int tree = stage_is_name(e->d_name, strlen(e->d_name)) &&
					   strcmp(e->d_name, except) != 0
				   ? open_other(parent, e->d_name)
				   : -1;

		more = tree < 0 || fn(arg, tree);
		close_fd(&tree);
	}
	if (d)
		closedir(d);
}
