/* main.c - sow: sends files by multicast to all machines that run reap. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "sender/digests.h"
#include "sender/entry.h"
#include "sender/pump.h"
#include "sender/shape.h"
#include "sender/who.h"

#define RCVBUF (1 << 20)  /* for the answers of many receivers at once */
#define QUICK  (64 << 20) /* bytes that take no time to be hashed */

static int plan_network(struct conf *c, struct netplan *plan)
{
	char error[NETOPT_TEXT];
	int r = netopt_resolve(&c->net, NETOPT_SENDER, plan, error);

	if (r < 0)
		return log_err(0, "%s", error), r;
	if (plan->note[0])
		log_info("%s", plan->note);
	if (plan->warning[0])
		log_warn(0, "%s", plan->warning);
	if (!plan->rcvbuf)
		plan->rcvbuf = RCVBUF;
	return shape_segment(c, plan);
}

/* What an error before the transfer means as an exit status. */
static int status_of(int r)
{
	return r == -EINVAL ? EXIT_USAGE : EXIT_SYSTEM;
}

static int transfer(const struct conf *c, const struct netplan *plan, struct job *job,
		    struct expected *expected)
{
	struct report report;
	struct pump_conf pc = {
		.conf = c,
		.plan = plan,
		.job = job,
		.report = &report,
		.expected = expected,
	};
	struct pump *pump;
	int r = rates_choose(&pc.rates, c, plan);

	if (r < 0)
		return status_of(r);
	report_init(&report, c, plan, &pc.rates, expected);
	report_plan(&report, job);
	r = pump_new(&pump, &pc);
	if (r < 0)
		return EXIT_SYSTEM;
	r = pump_run(pump);
	pump_free(pump);
	return r;
}

/* Where digests are kept; NULL: nowhere. */
static const char *digest_cache(const struct conf *c, char path[static PATH_MAX])
{
	if (c->profile == PROFILE_NORM)
		return NULL;
	if (!c->digest_cache)
		return digests_default_path(path) == 0 ? path : NULL;
	return strcmp(c->digest_cache, "none") == 0 ? NULL : c->digest_cache;
}

static void say_progress(void *progress, const char *what, uint64_t done, uint64_t total)
{
	progress_show(progress, clock_now(), &(struct progress_now){ done, total, what });
}

static int prepare(const struct conf *c, char cache[static PATH_MAX], struct job **ret)
{
	struct progress progress;
	struct job_conf jc = {
		.plain = c->profile == PROFILE_NORM,
		.segment = c->segment,
		.excludes = &c->excludes,
		.one_file_system = c->one_file_system,
		.owner = c->owner,
		.xattrs = c->xattrs,
		.delete = c->delete,
		.compress = c->compress,
		.threads = c->threads,
		.quick = QUICK,
		.digest_cache = digest_cache(c, cache),
		.input_name = c->input ? c->name : NULL,
		.progress = say_progress,
		.progress_arg = &progress,
	};
	int r;

	progress_init(&progress, STDERR_FILENO, c->progress_mode);
	log_before_line(progress_clear, &progress);
	r = job_new(ret, c->paths, c->n_paths, &jc);
	progress_clear(&progress);
	log_before_line(NULL, NULL);
	return r;
}

static int run(struct conf *c, struct expected *expected)
{
	char cache[PATH_MAX];
	struct netplan plan;
	struct job *job;
	int r = plan_network(c, &plan);

	if (r == 0)
		r = prepare(c, cache, &job);
	if (r < 0)
		return status_of(r);
	r = shape_code(c, job_largest(job));
	r = r < 0 ? status_of(r) : transfer(c, &plan, job, expected);
	job_free(job);
	return r;
}

static int count(struct conf *c)
{
	struct netplan plan;
	int r = plan_network(c, &plan);

	return r < 0 ? status_of(r) : who_run(c, &plan);
}

static int act(struct conf *c)
{
	struct entry entry;
	int r = entry_open(&entry, c);

	if (r < 0)
		r = status_of(r);
	else if (r > 0)
		r = EXIT_ALL;
	else
		r = c->who ? count(c) : run(c, entry.expected);
	entry_close(&entry);
	return r;
}

int main(int argc, char **argv)
{
	struct conf conf;
	int r;

	log_init("sow");
	file_keep_std();
	signal(SIGPIPE, SIG_IGN);
	r = conf_read(&conf, argc, argv);
	if (r == 0)
		r = act(&conf);
	else
		r = r < 0 ? EXIT_USAGE : EXIT_ALL;
	conf_fini(&conf);
	return r;
}
