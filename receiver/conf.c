/* conf.c - what the user asked reap to do. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "receiver/conf.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/worker.h"

#define LEN(a)     (sizeof(a) / sizeof((a)[0]))
#define AT(member) offsetof(struct conf, member)

static const char *const against_quiet[] = { "progress", "log-level", NULL };

/* clang-format off */
static const struct opt opts[] = {
	{ .help = "Files" },
	{ "output", 'o', "PATH", &opt_string, AT(output), .dflt = ".",
	  .help = "directory for what comes; a file, block device or - for a single file" },
	{ "from", 0, "DIR", &opt_strings, AT(from),
	  .help = "look there, too, for data that need not be sent again (repeat)" },
	{ "inplace", 0, NULL, &opt_flag, AT(inplace),
	  .help = "change large files themselves: no room for a second copy, no way back" },
	{ "once", '1', NULL, &opt_flag, AT(once),
	  .help = "end when one sender is done [serve for ever]" },
	{ "wait", 'w', "TIME", &opt_duration, AT(wait),
	  .help = "end with status 5 when no sender is heard in time [for ever]" },
	{ "allow-unverified", 0, NULL, &opt_flag, AT(allow_unverified),
	  .help = "files without a digest, of plain NORM senders, are no failure" },
	{ "owner", 0, NULL, &opt_flag, AT(owner),
	  .help = "give files to the owners that the sender names, set-uid bits too (as root)" },
	{ "delete", 0, NULL, &opt_flag, AT(delete),
	  .help = "let senders remove what is not in the directories that they send" },
	{ "job", 0, "NAME", &opt_string, AT(job),
	  .help = "receive the job of this name only, and do not hear others" },
	{ "max-size", 0, "SIZE", &opt_size, AT(max_size), .min = 1,
	  .help = "refuse larger files, and jobs with more in them" },
	{ "allow-name", 0, "GLOB", &opt_strings, AT(allow_names),
	  .help = "refuse files and jobs whose name fits no such pattern (repeat)" },

	{ .help = "Hook" },
	{ "exec", 0, "CMD", &opt_string, AT(exec),
	  .help = "run this for each file or job that came to its end, without a shell" },
	{ "exec-parallel", 0, "N", &opt_u32, AT(exec_parallel), .dflt = "1", .min = 1,
	  .max = 1024, .help = "so many at a time" },
	{ "exec-timeout", 0, "TIME", &opt_duration, AT(exec_timeout), .dflt = "5m",
	  .min = 1000000, .help = "end it then" },

	{ .help = "Network" },
	NETOPT_OPTS(struct conf, net, "hear only this sender (repeat)"),
	NETOPT_EXCLUDE_OPT(struct conf, net),

	{ .help = "Protocol" },
	{ "inactivity", 0, "TIME", &opt_duration, AT(inactivity), .dflt = "10",
	  .min = 100000000, .help = "a sender silent for so long is gone" },
	{ "memory", 0, "SIZE", &opt_size, AT(memory), .dflt = "24M", .min = 1 << 20,
	  .max = (uint64_t)1 << 40, .help = "for unfinished blocks, each sender" },
	{ "threads", 0, "N", &opt_u32, AT(threads), .max = WORKER_THREADS_MAX,
	  .help = "for files and codec, beside the one for packets [0 on a single CPU, else 1]" },

	{ .help = "Output" },
	{ "json", 'j', NULL, &opt_flag, AT(json), .help = "events as JSON lines on stdout" },
	{ "quiet", 'q', NULL, &opt_flag, AT(quiet), .against = against_quiet,
	  .help = "say nothing unless something went wrong" },
	{ "progress", 0, NULL, &opt_flag, AT(progress), .negatable = true,
	  .help = "show how far it is [on a terminal]" },
	{ "log-level", 0, "LEVEL", &opt_enum, AT(log_level), .choices = log_level_names,
	  .dflt = "info", .help = "error, warning, info or debug" },
	{ "metrics", 0, "FILE", &opt_string, AT(metrics),
	  .help = "write counters for Prometheus to FILE after each sender" },
};
/* clang-format on */

static const struct opt_prog prog = {
	.name = "reap",
	.synopsis = "[options]",
	.about = "Receives files that sow, or another NORM sender, sends by multicast.",
	.version = PACKAGE_VERSION,
	.opts = opts,
	.n_opts = LEN(opts),
};

static void settle(struct conf *c)
{
	c->progress_mode = PROGRESS_AUTO;
	if (opt_origin(&prog, &c->run, "progress") > OPT_DEFAULT)
		c->progress_mode = c->progress ? PROGRESS_ALWAYS : PROGRESS_NEVER;
	if (c->quiet) {
		c->progress_mode = PROGRESS_NEVER;
		c->log_level = LOG_LEVEL_ERR;
	}
	log_set_level((enum log_level)c->log_level);
}

/* Standard output takes one file, and nothing beside it. */
static int check_stdout(struct conf *c)
{
	static const char *const against[] = { "json", "exec", "from", "inplace", "delete" };

	if (strcmp(c->output, "-") != 0)
		return 0;
	c->once = true;
	for (unsigned i = 0; i < LEN(against); i++)
		if (opt_origin(&prog, &c->run, against[i]) > OPT_DEFAULT)
			return log_err(0, "--%s does not go with --output -", against[i]),
			       -EINVAL;
	return 0;
}

int conf_read(struct conf *ret, int argc, char **argv)
{
	int r;

	*ret = (struct conf){ .net = NETOPT_INIT, .threads = WORKER_AUTO };
	r = opt_parse(&prog, ret, argc, argv, &ret->run);
	if (r < 0)
		return log_err(0, "%s", ret->run.error), r;
	if (r > 0)
		return r;
	settle(ret);
	if (check_stdout(ret) < 0)
		return -EINVAL;
	if (ret->run.first < argc)
		return log_err(0, "\"%s\": no argument is expected; see --help",
			       argv[ret->run.first]),
		       -EINVAL;
	return 0;
}

void conf_fini(struct conf *conf)
{
	opt_fini(&conf->run);
}
