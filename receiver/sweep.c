/* sweep.c - what receivers that were killed have left in the output directory. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/sweep.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "receiver/sink_file.h"
#include "receiver/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY (24 * 3600)

struct sweep {
	struct worker_job job; /* the thread's, with all but `at`, while `out` */
	int dirfd;
	unsigned depth;
	atomic_bool stop;
	unsigned removed, jobs;
	struct worker *worker;
	bool out;
	nsec_t at; /* the next time */
};

/* Its status changed: the time of its content may be the one that the sender gave. */
static bool is_stale(int dirfd, const char *name, int64_t wall)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       wall - st.st_ctim.tv_sec > SWEEP_DAYS * DAY;
}

struct walk {
	int64_t wall;
	const atomic_bool *stop;
	dev_t dev;
	unsigned left; /* entries */
	unsigned removed;
};

/* Stages are swept as a whole. */
static bool may_be_directory(const struct dirent *e)
{
	const char *name = e->d_name;

	return (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !stage_is_name(name, strlen(name));
}

/* NULL: it is none, or of another file system. */
static DIR *open_directory(int parent, const char *name, dev_t dev)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	DIR *d = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == dev)
		d = fdopendir(fd);
	if (!d)
		close_fd(&fd);
	return d;
}

/* `depth`: of directories below that are walked through, too. */
static void walk(struct walk *w, int parent, const char *name, unsigned depth)
{
	DIR *d = open_directory(parent, name, w->dev);
	struct dirent *e;

	while (d && w->left > 0 && !atomic_load(w->stop) && (e = readdir(d))) {
		w->left--;
		if (depth > 0 && may_be_directory(e))
			walk(w, dirfd(d), e->d_name, depth - 1);
		if (sink_is_temporary(e->d_name) && is_stale(dirfd(d), e->d_name, w->wall))
			w->removed += unlinkat(dirfd(d), e->d_name, 0) == 0;
	}
	if (d)
		closedir(d);
}

unsigned sweep_parts(int dirfd, unsigned depth, int64_t wall, const atomic_bool *stop)
{
	struct walk w = { .wall = wall, .stop = stop, .left = SWEEP_ENTRIES };
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return 0;
	w.dev = st.st_dev;
	walk(&w, dirfd, ".", depth);
	return w.removed;
}

static void serve(struct worker_job *job)
{
	struct sweep *s = (struct sweep *)job;
	int64_t wall = clock_wall();

	s->removed = sweep_parts(s->dirfd, s->depth, wall, &s->stop);
	s->jobs = stage_sweep(s->dirfd, wall);
}

int sweep_new(struct sweep **ret, int dirfd, unsigned depth, struct loop *loop)
{
	struct sweep *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dirfd = dirfd;
	s->depth = depth;
	r = worker_new(&s->worker, 1, loop);
	if (r < 0)
		sweep_free(s);
	else
		*ret = s;
	return r;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	atomic_store(&s->stop, true);
	worker_free(s->worker);
	free(s);
}

void sweep_go(struct sweep *s, nsec_t now)
{
	while (worker_take(s->worker)) {
		s->out = false;
		if (s->removed)
			log_info("removed %u files that were never completed, older than %d "
				 "days",
				 s->removed, SWEEP_DAYS);
		if (s->jobs)
			log_info("removed %u jobs that were never completed, older than %d "
				 "days",
				 s->jobs, STAGE_DAYS);
	}
	if (s->out || now < s->at)
		return;
	s->out = true;
	s->at = now + (nsec_t)DAY * NSEC_PER_SEC;
	s->job = (struct worker_job){ .serve = serve };
	worker_submit(s->worker, &s->job);
	worker_go(s->worker);
}

nsec_t sweep_deadline(const struct sweep *s)
{
	return s->at;
}
