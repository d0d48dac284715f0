/* conf.h - what the user asked sow to do. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_CONF_H
#define SENDER_CONF_H

#include "common/netopt.h"
#include "common/progress.h"
#include "sender/deadline.h"
#include "sender/fec_opt.h"
#include "sender/rate_opt.h"

enum conf_profile { PROFILE_SOW, PROFILE_NORM };
enum conf_fec { FEC_AUTO, FEC_5, FEC_129 };

#define RECEIVERS_MAX 4096

struct conf {
	struct netopt net;
	bool who; /* only ask which receivers are there */
	/* What of the files is sent: globs, and how they are looked at. */
	bool input;       /* standard input is sent */
	const char *name; /* as this file */
	struct opt_list excludes;
	bool one_file_system, owner, xattrs, delete, compress;
	const char *digest_cache; /* a file; "none"; NULL: the default */

	uint64_t rate;      /* bits a second of NORM messages; 0: auto; RATE_NORM_CC */
	uint64_t min_rate;  /* 0: the default */
	uint32_t receivers; /* start when so many are there; 0: when no more come */
	struct opt_list to; /* start when all of these are there */
	struct deadline deadline;
	int64_t wait;       /* ns to wait for them */
	int64_t drop_after; /* ns of silence */
	struct fec_param fec;
	uint64_t memory;     /* bytes for blocks */
	uint32_t interleave; /* large blocks; 0: by the rate */
	int fec_id;          /* enum conf_fec */
	uint32_t segment;    /* bytes; 0: what fits */
	int profile;         /* enum conf_profile */
	uint32_t threads;    /* for files and codec; WORKER_AUTO: by the CPUs */
	const char *control; /* path of a Unix socket; NULL: none */
	bool json, quiet, progress;
	int log_level; /* enum log_level */
	const char *metrics;
	const char *report, *log, *lock; /* files; NULL: none */
	bool syslog;
	const char *retry_failed; /* a report: only for those that failed there */

	enum progress_mode progress_mode;
	char *const *paths; /* borrowed from argv */
	unsigned n_paths;
	struct opt_run run; /* holds the strings */
};

/*
 * Reads the command line. 0: go on; 1: --help and the like were answered, exit 0; -EINVAL: what
 * is wrong was logged, exit 1. conf_fini() in every case.
 */
int conf_read(struct conf *ret, int argc, char **argv);
void conf_fini(struct conf *conf);

#endif
