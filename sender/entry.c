/* entry.c - what comes before all else: the log, the lock, and for whom it is. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/entry.h"

#include <errno.h>

#include "common/file.h"
#include "common/lockfile.h"
#include "common/log.h"
#include "sender/retry.h"

static int take_lock(const char *path, int *ret_fd)
{
	int pid = 0, r = lockfile_take(path, ret_fd, &pid);

	if (r == -EWOULDBLOCK && pid)
		log_err(0, "--lock %s: another run, process %d, holds it", path, pid);
	else if (r == -EWOULDBLOCK)
		log_err(0, "--lock %s: another run holds it", path);
	else if (r < 0)
		log_err(r, "--lock %s", path);
	return r;
}

/* For whom it is. 1: for nobody any more. */
static int name_receivers(const struct conf *c, struct expected **ret)
{
	struct expected *e = NULL;
	int r = expected_new(&e);

	if (r == 0)
		r = c->to.n ? expected_read(e, &c->to) : retry_read(e, c->retry_failed);
	if (r < 0) {
		expected_free(e);
		return r;
	}
	*ret = e;
	return !expected_n(e);
}

/* What is written at the end, and could not be, is better known now. */
static int check_place(const char *option, const char *path)
{
	int r = path ? file_replaceable(path) : 0;

	return r < 0 ? log_err(r, "--%s %s", option, path) : 0;
}

int entry_open(struct entry *e, const struct conf *c)
{
	int level = c->quiet ? LOG_LEVEL_INFO : c->log_level;
	int r = log_keep(c->log, c->syslog, (enum log_level)level);

	*e = (struct entry){ .lock = -1 };
	if (r < 0)
		return log_err(r, "--log %s", c->log);
	if (c->lock)
		r = take_lock(c->lock, &e->lock);
	if (r == 0)
		r = check_place("report", c->report);
	if (r == 0)
		r = check_place("metrics", c->metrics);
	if (r == 0 && (c->to.n || c->retry_failed))
		r = name_receivers(c, &e->expected);
	if (r > 0)
		log_info("--retry-failed %s: nobody failed there; nothing is to be done",
			 c->retry_failed);
	return r;
}

void entry_close(struct entry *e)
{
	expected_free(e->expected);
	log_close();
	close_fd(&e->lock);
}
