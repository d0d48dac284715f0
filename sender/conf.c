/* conf.c - what the user asked sow to do. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "sender/conf.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/worker.h"

#define LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define SEGMENT_MAX 65000
#define WHO_WAIT    2000000000 /* ns: --wait of --who */
#define AT(member)  offsetof(struct conf, member)

static const char *const fec_ids[] = { "auto", "5", "129", NULL };
static const char *const profiles[] = { "sow", "norm", NULL };
static const char *const against_to[] = { "receivers", "who", "profile", NULL };
static const char *const against_retry[] = { "to", "receivers", "who", "profile", NULL };
static const char *const against_plain[] = { "who", "profile", NULL };
static const char *const against_control[] = { "who", NULL };
static const char *const against_who[] = { "profile", "quiet", NULL };
static const char *const against_quiet[] = { "progress", "log-level", NULL };

/* clang-format off */
static const struct opt opts[] = {
	{ .help = "Network" },
	NETOPT_OPTS(struct conf, net, "self: use a source-specific group"),
	NETOPT_REACH_OPTS(struct conf, net),
	{ "rate", 0, "RATE", &opt_send_rate, AT(rate), .min = 1000, .max = 1000000000000,
	  .zero = "auto", .dflt = "auto",
	  .help = "bits a second of NORM messages; auto: what all can do; norm-cc: what TCP would" },
	{ "min-rate", 0, "RATE", &opt_rate, AT(min_rate), .min = 1000, .max = 1000000000000,
	  .help = "with --rate auto: do not wait for receivers that can do less [100K]" },

	{ .help = "Files" },
	{ "exclude", 0, "GLOB", &opt_strings, AT(excludes),
	  .help = "leave out what has this name, or path as it is sent (repeat)" },
	{ "one-file-system", 0, NULL, &opt_flag, AT(one_file_system),
	  .help = "leave out what is mounted below a directory" },
	{ "owner", 0, NULL, &opt_flag, AT(owner), .help = "tell owners and groups, by number" },
	{ "xattrs", 0, NULL, &opt_flag, AT(xattrs), .help = "tell extended attributes" },
	{ "delete", 0, NULL, &opt_flag, AT(delete), .against = against_plain,
	  .help = "have removed what is not in directories that are sent, with reap --delete" },
	{ "compress", 0, NULL, &opt_flag, AT(compress), .against = against_plain,
	  .help = "compress what becomes shorter by it; needs room in $TMPDIR [/var/tmp]" },
	{ "digest-cache", 0, "FILE", &opt_string, AT(digest_cache),
	  .help = "keep digests for the next run there, or none [~/.cache/sow/digests]" },

	{ "name", 0, "PATH", &opt_string, AT(name), .dflt = "stdin",
	  .help = "with -: what standard input is called by those that store it" },

	{ .help = "Receivers" },
	{ "who", 0, NULL, &opt_flag, AT(who), .against = against_who,
	  .help = "only ask which receivers are there: name, address, version, free space" },
	{ "receivers", 0, "N", &opt_u32, AT(receivers), .min = 1, .max = RECEIVERS_MAX,
	  .help = "start when N of them are there [when no more come]" },
	{ "to", 0, "NAMES|@FILE", &opt_strings, AT(to), .against = against_to,
	  .help = "only for these hosts or addresses; start when all are there (repeat)" },
	{ "wait", 'w', "TIME", &opt_duration, AT(wait), .dflt = "30",
	  .help = "wait for them no longer than this; with --who 2" },
	{ "retry-failed", 0, "REPORT", &opt_string, AT(retry_failed), .against = against_retry,
	  .help = "only for those that failed there: a file of --report" },
	{ "deadline", 0, "TIME", &opt_deadline, AT(deadline), .against = against_control,
	  .help = "say good-bye to all after this time, or at HH:MM" },
	{ "drop-after", 0, "TIME", &opt_duration, AT(drop_after), .min = 100000000, .dflt = "10",
	  .help = "give up a receiver that is silent this long" },

	{ "control", 0, "PATH", &opt_string, AT(control), .against = against_control,
	  .help = "take commands from this Unix socket" },

	{ .help = "Protocol" },
	{ "fec", 0, "CODE", &opt_fec, AT(fec), .dflt = "auto",
	  .help = "auto, none, K,PARITY symbols of a block, or large[,K]" },
	{ "interleave", 0, "N", &opt_u32, AT(interleave), .zero = "auto", .dflt = "auto",
	  .max = 64, .help = "large blocks that share a burst of loss" },
	{ "memory", 0, "SIZE", &opt_size, AT(memory), .dflt = "24M", .min = 1 << 20,
	  .max = 1ull << 40, .help = "for blocks being sent and repaired" },
	{ "fec-id", 0, "ID", &opt_enum, AT(fec_id), .choices = fec_ids, .dflt = "auto",
	  .help = "FEC Encoding ID: 5, or 129 for very large files" },
	{ "segment", 0, "BYTES", &opt_u32, AT(segment), .min = 64, .max = SEGMENT_MAX,
	  .zero = "auto", .dflt = "auto",
	  .help = "bytes of a file in a packet; auto: 1400, or what the MTU has room for" },
	{ "profile", 0, "NAME", &opt_enum, AT(profile), .choices = profiles, .dflt = "sow",
	  .help = "norm: plain RFC 5740, for receivers of other makes" },
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
	{ "report", 0, "FILE", &opt_string, AT(report), .against = against_control,
	  .help = "write how it ended for each receiver to FILE, as JSON lines" },
	{ "log", 0, "FILE", &opt_string, AT(log),
	  .help = "append what is said to FILE, with the time" },
	{ "syslog", 0, NULL, &opt_flag, AT(syslog), .help = "say it to the system's log, too" },
	{ "lock", 0, "FILE", &opt_string, AT(lock),
	  .help = "end at once with status 2 if another run has locked FILE" },
	{ "metrics", 0, "FILE", &opt_string, AT(metrics),
	  .help = "write counters for Prometheus to FILE at the end" },
};
/* clang-format on */

static const struct opt_prog prog = {
	.name = "sow",
	.synopsis = "[options] PATH... | - | --who [options]",
	.about = "Sends files and directories by multicast to all machines that run reap.",
	.version = PACKAGE_VERSION,
	.opts = opts,
	.n_opts = LEN(opts),
};

static void settle(struct conf *c)
{
	if (c->who && opt_origin(&prog, &c->run, "wait") == OPT_DEFAULT)
		c->wait = WHO_WAIT;
	c->progress_mode = PROGRESS_AUTO;
	if (opt_origin(&prog, &c->run, "progress") > OPT_DEFAULT)
		c->progress_mode = c->progress ? PROGRESS_ALWAYS : PROGRESS_NEVER;
	if (c->quiet) {
		c->progress_mode = PROGRESS_NEVER;
		c->log_level = LOG_LEVEL_ERR;
	}
	log_set_level((enum log_level)c->log_level);
}

/* What the large-block code asks for; with auto it is then not chosen. */
static int check_code(struct conf *c)
{
	char *error = c->run.error;

	if (c->fec.kind != FEC_LARGE)
		return 0;
	if (c->profile == PROFILE_NORM)
		snprintf(error, sizeof(c->run.error),
			 "--fec large is not plain NORM; leave out one of --fec and --profile");
	else if (c->segment % 2)
		snprintf(error, sizeof(c->run.error),
			 "--fec large needs segments of an even length, not %u bytes",
			 c->segment);
	else
		return 0;
	return -EINVAL;
}

/* Standard input goes alone, and has nothing that files have. */
static int check_input(struct conf *c)
{
	static const char *const of_files[] = { "exclude", "one-file-system", "owner",
						"xattrs",  "digest-cache",    "delete",
						"compress" };

	for (unsigned i = 0; i < c->n_paths; i++)
		c->input |= strcmp(c->paths[i], "-") == 0;
	if (c->input && c->n_paths > 1)
		return log_err(0, "- is standard input, and goes alone; for a file of that "
				  "name give ./-"),
		       -EINVAL;
	if (!c->input && opt_origin(&prog, &c->run, "name") == OPT_FROM_ARGS)
		return log_err(0, "--name names standard input; give - as what is to be sent"),
		       -EINVAL;
	if (c->input && c->profile == PROFILE_NORM)
		return log_err(0, "--profile norm sends files, and not standard input"),
		       -EINVAL;
	for (unsigned i = 0; c->input && i < LEN(of_files); i++)
		if (opt_origin(&prog, &c->run, of_files[i]) == OPT_FROM_ARGS)
			return log_err(0, "--%s is for files, and not for standard input",
				       of_files[i]),
			       -EINVAL;
	return 0;
}

int conf_read(struct conf *ret, int argc, char **argv)
{
	int r;

	*ret = (struct conf){ .net = NETOPT_INIT, .threads = WORKER_AUTO };
	r = opt_parse(&prog, ret, argc, argv, &ret->run);
	if (r == 0)
		r = check_code(ret);
	if (r < 0)
		return log_err(0, "%s", ret->run.error), r;
	if (r > 0)
		return r;
	settle(ret);
	ret->paths = argv + ret->run.first;
	ret->n_paths = (unsigned)(argc - ret->run.first);
	if (ret->who && ret->n_paths)
		return log_err(0, "--who sends nothing; leave out the files"), -EINVAL;
	if (!ret->who && ret->n_paths == 0)
		return log_err(0, "no file to send; give one or more, or --help"), -EINVAL;
	return check_input(ret);
}

void conf_fini(struct conf *conf)
{
	opt_fini(&conf->run);
}
