/* report.h - what reap tells people and scripts, and the exit status it comes to. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_REPORT_H
#define RECEIVER_REPORT_H

#include "common/addr.h"
#include "common/progress.h"
#include "common/udp_in.h"
#include "proto/counters.h"
#include "receiver/hook.h"
#include "receiver/sink_file.h"

enum exit_status {
	STATUS_OK = 0,
	STATUS_USAGE = 1,
	STATUS_SYSTEM = 2,
	STATUS_PARTIAL = 4,
	STATUS_NOBODY = 5,
	STATUS_INTERRUPTED = 130,
};

enum file_status {
	FILE_VERIFIED,
	FILE_UNVERIFIED, /* stored; the sender gives no digest */
	FILE_CORRUPT,    /* the digest does not match: not stored */
	FILE_REFUSED,    /* before the first byte */
	FILE_FAILED,     /* could not be stored */
	FILE_WITHDRAWN,  /* by the sender */
	FILE_INCOMPLETE, /* when the sender ended or fell silent, or when we were stopped */
	FILE_N_STATUSES,
};

/* "verified", "unverified", ... */
const char *file_status_name(enum file_status status);

struct file_result {
	enum file_status status;
	const char *name; /* as the sender calls it */
	uint64_t size;
	const char *reason;    /* NULL: none */
	const uint8_t *digest; /* SHA256_LEN bytes; NULL: not known */
	int error;             /* REFUSED, FAILED: -errno */
};

/* What came of a job: its entries but for directories are its files. */
struct job_result {
	enum file_status status; /* the worst of them */
	const uint8_t *id;       /* SHA256_LEN bytes */
	const char *name;        /* as the sender calls it */
	const char *reason;      /* NULL: none */
	int error;               /* REFUSED, FAILED: -errno */
	uint64_t files[FILE_N_STATUSES];
	uint64_t told[FILE_N_STATUSES]; /* of these by report_file() */
	uint64_t kept;           /* of those verified: they were here and did not change */
	uint64_t removed, stuck; /* names that the job does not have, or that are still there */
	uint64_t bytes;          /* of those verified */
};

/* What came of one sender. */
struct session_result {
	const char *status; /* receipt_status_name() */
	const char *reason; /* NULL: none */
	uint64_t objects;   /* that the sender has, as far as it said */
	uint64_t files[FILE_N_STATUSES];
	uint64_t bytes; /* stored */
	int64_t time;   /* ns, since the first data came */
	const struct rx_counters *counters;
};

struct report_conf {
	bool json, quiet;
	bool aside; /* standard output is for something else */
	enum progress_mode progress;
	const char *metrics; /* file; NULL: none */
	bool allow_unverified;
	const struct udp_in_counters *net;
};

/* Public so that it can be embedded. */
struct report {
	struct report_conf conf;
	struct progress bar;
	unsigned statuses; /* those that hold, a bit each */
	bool lost;         /* something that was to be written to standard output */
	uint64_t files[FILE_N_STATUSES];
	uint64_t hooks, hooks_failed;
	uint64_t removed;
	uint64_t bytes, packets, missed;
	uint64_t malformed, unwelcome; /* packets refused: no NORM; not of --range */
	uint64_t dropped_told;         /* of net->dropped, in an earlier summary */
};

void report_init(struct report *r, const struct report_conf *conf);

/* Each of these may change the exit status. */
void report_file(struct report *r, const struct addr *from, const struct file_result *file);
void report_job(struct report *r, const struct addr *from, const struct job_result *job);
void report_hook(struct report *r, const struct addr *from, const struct hook_end *end);
void report_session(struct report *r, const struct addr *from, const struct session_result *is);
void report_status(struct report *r, enum exit_status status);

/* Draws the bar, when it is time to. */
void report_progress(struct report *r, int64_t now, uint64_t done, uint64_t total);

/* Takes the bar away, writes the metrics and the last event. The exit status. */
int report_end(struct report *r);

/* Of all that hold the one that counts most: 1, 2, 130, 5, 4. */
enum exit_status status_worst(unsigned statuses);
unsigned status_bit(enum exit_status status);

#endif
