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

unsigned sweep_parts(int dirfd, int64_t wall)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned removed = 0;

	if (!d) {
		close_fd(&fd);
		return 0;
	}
	for (unsigned n = 0; n < SWEEP_ENTRIES && (e = readdir(d)); n++)
		if (sink_is_temporary(e->d_name) && is_stale(dirfd, e->d_name, wall))
			removed += unlinkat(dirfd, e->d_name, 0) == 0;
	closedir(d);
	return removed;
}

static void serve(struct worker_job *job)
{
	struct sweep *s = (struct sweep *)job;

	int64_t wall = clock_wall();

	s->removed = sweep_parts(s->dirfd, wall);
	s->jobs = stage_sweep(s->dirfd, wall);
}

int sweep_new(struct sweep **ret, int dirfd, struct loop *loop)
{
	struct sweep *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dirfd = dirfd;
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
