/* conf.h - what the user asked reap to do. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_CONF_H
#define RECEIVER_CONF_H

#include "common/netopt.h"
#include "common/progress.h"

struct conf {
	struct netopt net;
	const char *output; /* see output_open() */
	bool once, allow_unverified, owner, delete, inplace;
	int64_t wait;       /* ns for somebody to be heard; 0: for ever */
	int64_t inactivity; /* ns of silence */
	uint64_t memory;    /* bytes for unfinished blocks, each sender */
	uint32_t threads;   /* for disk and codec; WORKER_AUTO: by the CPUs */
	bool json, quiet, progress;
	int log_level; /* enum log_level */
	const char *metrics;
	const char *exec; /* NULL: nothing */
	uint32_t exec_parallel;
	int64_t exec_timeout;
	uint64_t max_size; /* bytes; 0: any */
	struct opt_list allow_names;
	struct opt_list from; /* directories with older data */
	const char *job;      /* NULL: any */

	enum progress_mode progress_mode;
	struct opt_run run; /* holds the strings */
};

/*
 * Reads the command line. 0: go on; 1: --help and the like were answered, exit 0; -EINVAL: what
 * is wrong was logged, exit 1. conf_fini() in every case.
 */
int conf_read(struct conf *ret, int argc, char **argv);
void conf_fini(struct conf *conf);

#endif
