/* report.c - what reap tells people and scripts, and the exit status it comes to. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/report.h"

#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* In the order in which they count. */
static const enum exit_status ranking[] = {
	STATUS_USAGE, STATUS_SYSTEM, STATUS_INTERRUPTED, STATUS_NOBODY, STATUS_PARTIAL,
};

unsigned status_bit(enum exit_status status)
{
	for (unsigned i = 0; i < LEN(ranking); i++)
		if (ranking[i] == status)
			return 1u << i;
	return 0;
}

enum exit_status status_worst(unsigned statuses)
{
	for (unsigned i = 0; i < LEN(ranking); i++)
		if (statuses & 1u << i)
			return ranking[i];
	return STATUS_OK;
}

void report_status(struct report *r, enum exit_status status)
{
	r->statuses |= status_bit(status);
}

const char *file_status_name(enum file_status status)
{
	static const char *const names[FILE_N_STATUSES] = {
		"verified", "unverified", "corrupt",    "refused",
		"failed",   "withdrawn",  "incomplete",
	};

	return names[status];
}

void report_init(struct report *r, const struct report_conf *conf)
{
	*r = (struct report){ .conf = *conf };
	progress_init(&r->bar, STDERR_FILENO, conf->progress);
	log_before_line(progress_clear, &r->bar);
}

/* --- lines for people --- */

/* Who asked for the report does not get it all. Said once. */
static void lose_report(struct report *r, int error)
{
	if (!r->lost)
		log_err(error, "write the report");
	r->lost = true;
	report_status(r, STATUS_SYSTEM);
}

static void say(struct report *r, const char *line)
{
	FILE *to = r->conf.aside ? stderr : stdout;

	progress_clear(&r->bar);
	if (fprintf(to, "%s\n", line) < 0 || fflush(to) != 0)
		lose_report(r, -errno);
}

static void say_file(struct report *r, const struct addr *from, const struct file_result *file)
{
	char name[1500], line[1600], host[ADDR_TEXT];
	bool stored = file->status <= FILE_UNVERIFIED;

	if (!stored) {
		log_err(0, "%s from %s: %s%s%s", file->name, addr_format(from, host),
			file_status_name(file->status), file->reason ? ": " : "",
			file->reason ? file->reason : "");
		return;
	}
	if (r->conf.quiet || r->conf.json)
		return;
	utf8_escape(name, sizeof(name), file->name, strlen(file->name));
	snprintf(line, sizeof(line), "%s: %" PRIu64 " bytes, %s", name, file->size,
		 file_status_name(file->status));
	say(r, line);
}

static void say_job(struct report *r, const struct addr *from, const struct job_result *job)
{
	char name[1500], line[1700], host[ADDR_TEXT];
	uint64_t n = job->files[FILE_VERIFIED];
	bool told = job->told[FILE_VERIFIED] == n;
	int len;

	if (job->status != FILE_VERIFIED)
		log_err(0, "%s from %s: %s%s%s", job->name, addr_format(from, host),
			file_status_name(job->status), job->reason ? ": " : "",
			job->reason ? job->reason : "");
	if (r->conf.quiet || r->conf.json || (told && !job->removed))
		return;
	utf8_escape(name, sizeof(name), job->name, strlen(job->name));
	len = snprintf(line, sizeof(line),
		       "%s: %" PRIu64 " files, %" PRIu64 " bytes, verified, %" PRIu64
		       " of them unchanged",
		       name, n, job->bytes, job->kept);
	if (job->removed)
		snprintf(line + len, sizeof(line) - (size_t)len, ", %" PRIu64 " others removed",
			 job->removed);
	say(r, line);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void say_session(struct report *r, const struct addr *from,
			const struct session_result *is)
{
	const struct rx_counters *c = is->counters;
	uint64_t dropped = r->conf.net->dropped - r->dropped_told;
	double seconds = (double)is->time / 1e9;
	char line[512], host[ADDR_TEXT];
	int n;

	n = snprintf(line, sizeof(line),
		     "%s: %s, %" PRIu64 " of %" PRIu64 " files, %" PRIu64 " bytes in %.1f s",
		     addr_format(from, host), is->status,
		     is->files[FILE_VERIFIED] + is->files[FILE_UNVERIFIED], is->objects,
		     is->bytes, seconds);
	if (seconds > 0)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " (%.1f Mbit/s)",
			      (double)is->bytes * 8e-6 / seconds);
	n += snprintf(line + n, sizeof(line) - (size_t)n, ", %.2f %% of the packets missed",
		      percent(c->missed, c->packets + c->missed));
	if (dropped)
		snprintf(line + n, sizeof(line) - (size_t)n,
			 ", %" PRIu64 " or more dropped here: the socket buffer was full",
			 dropped);
	say(r, line);
}

/* --- events for scripts --- */

static void emit(struct report *r, struct json *j)
{
	int e = json_write(j, STDOUT_FILENO);

	if (e < 0)
		lose_report(r, e);
}

static void emit_file(struct report *r, const struct addr *from, const struct file_result *file)
{
	char hex[SHA256_HEX_LEN + 1], host[ADDR_TEXT];
	struct json j;

	json_begin(&j, "object");
	json_string(&j, "sender", addr_format(from, host));
	json_text(&j, "name", file->name, strlen(file->name));
	json_u64(&j, "bytes", file->size);
	json_string(&j, "status", file_status_name(file->status));
	if (file->digest) {
		digest_hex(file->digest, hex);
		json_string(&j, "sha256", hex);
	}
	if (file->reason)
		json_text(&j, "reason", file->reason, strlen(file->reason));
	emit(r, &j);
}

static void emit_job(struct report *r, const struct addr *from, const struct job_result *job)
{
	char hex[SHA256_HEX_LEN + 1], host[ADDR_TEXT];
	struct json j;

	json_begin(&j, "job");
	json_string(&j, "sender", addr_format(from, host));
	digest_hex(job->id, hex);
	json_string(&j, "job", hex);
	json_text(&j, "name", job->name, strlen(job->name));
	json_string(&j, "status", file_status_name(job->status));
	if (job->reason)
		json_text(&j, "reason", job->reason, strlen(job->reason));
	for (unsigned i = 0; i < FILE_N_STATUSES; i++)
		if (job->files[i])
			json_u64(&j, file_status_name(i), job->files[i]);
	json_u64(&j, "kept", job->kept);
	json_u64(&j, "removed", job->removed);
	if (job->stuck)
		json_u64(&j, "not_removed", job->stuck);
	json_u64(&j, "bytes", job->bytes);
	emit(r, &j);
}

static void emit_hook(struct report *r, const struct addr *from, const struct hook_end *end)
{
	char host[ADDR_TEXT];
	struct json j;

	json_begin(&j, "hook");
	json_string(&j, "sender", addr_format(from, host));
	json_text(&j, "name", end->name, strlen(end->name));
	json_string(&j, "status", end->failed[0] ? "failed" : "ok");
	if (end->failed[0])
		json_string(&j, "reason", end->failed);
	json_real(&j, "seconds", (double)end->time / 1e9);
	emit(r, &j);
}

static void emit_session(struct report *r, const struct addr *from,
			 const struct session_result *is)
{
	const struct rx_counters *c = is->counters;
	char host[ADDR_TEXT];
	struct json j;

	json_begin(&j, "session");
	json_string(&j, "sender", addr_format(from, host));
	json_string(&j, "status", is->status);
	if (is->reason)
		json_text(&j, "reason", is->reason, strlen(is->reason));
	json_u64(&j, "objects", is->objects);
	for (unsigned i = 0; i < FILE_N_STATUSES; i++)
		if (is->files[i])
			json_u64(&j, file_status_name(i), is->files[i]);
	json_u64(&j, "bytes", is->bytes);
	json_real(&j, "seconds", (double)is->time / 1e9);
	json_u64(&j, "packets", c->packets);
	json_u64(&j, "missed", c->missed);
	json_u64(&j, "source", c->source);
	json_u64(&j, "parity", c->parity);
	json_u64(&j, "duplicate", c->duplicate);
	json_u64(&j, "recovered", c->recovered);
	json_u64(&j, "nacks", c->nacks);
	json_u64(&j, "suppressed", c->suppressed);
	json_u64(&j, "dropped", r->conf.net->dropped - r->dropped_told);
	emit(r, &j);
}

static uint64_t refused_packets(const struct report *r)
{
	return r->malformed + r->unwelcome + r->conf.net->foreign + r->conf.net->damaged;
}

static void emit_done(struct report *r, int status)
{
	struct json j;

	json_begin(&j, "done");
	for (unsigned i = 0; i < FILE_N_STATUSES; i++)
		json_u64(&j, file_status_name(i), r->files[i]);
	json_u64(&j, "hooks_failed", r->hooks_failed);
	json_u64(&j, "bytes", r->bytes);
	json_u64(&j, "packets", r->packets);
	json_u64(&j, "missed", r->missed);
	json_u64(&j, "dropped", r->conf.net->dropped);
	json_u64(&j, "refused_packets", refused_packets(r));
	json_i64(&j, "exit", status);
	emit(r, &j);
}

static void write_metrics(const struct report *r)
{
	const struct metric m[] = {
		{ "reap_files_stored_total", "Files stored and verified.", METRIC_COUNTER,
		  (double)r->files[FILE_VERIFIED] },
		{ "reap_files_unverified_total", "Files stored that had no digest.",
		  METRIC_COUNTER, (double)r->files[FILE_UNVERIFIED] },
		{ "reap_files_corrupt_total", "Files not stored: wrong digest.", METRIC_COUNTER,
		  (double)r->files[FILE_CORRUPT] },
		{ "reap_files_refused_total", "Files refused.", METRIC_COUNTER,
		  (double)r->files[FILE_REFUSED] },
		{ "reap_files_failed_total", "Files that could not be stored.", METRIC_COUNTER,
		  (double)r->files[FILE_FAILED] },
		{ "reap_files_incomplete_total", "Files that did not arrive whole.",
		  METRIC_COUNTER,
		  (double)(r->files[FILE_INCOMPLETE] + r->files[FILE_WITHDRAWN]) },
		{ "reap_removed_total", "Names removed by --delete.", METRIC_COUNTER,
		  (double)r->removed },
		{ "reap_hooks_total", "Programs run by --exec.", METRIC_COUNTER,
		  (double)r->hooks },
		{ "reap_hooks_failed_total", "Of these, failed.", METRIC_COUNTER,
		  (double)r->hooks_failed },
		{ "reap_bytes_total", "Bytes stored.", METRIC_COUNTER, (double)r->bytes },
		{ "reap_packets_total", "Packets of senders.", METRIC_COUNTER,
		  (double)r->packets },
		{ "reap_packets_missed_total", "Packets lost on the way.", METRIC_COUNTER,
		  (double)r->missed },
		{ "reap_packets_dropped_total", "Packets the socket buffer had no room for.",
		  METRIC_COUNTER, (double)r->conf.net->dropped },
		{ "reap_packets_refused_total", "Packets that are no NORM, or not for us.",
		  METRIC_COUNTER, (double)refused_packets(r) },
		{ "reap_exit_status", "The exit status so far.", METRIC_GAUGE,
		  status_worst(r->statuses) },
	};
	int err;

	if (!r->conf.metrics)
		return;
	err = metrics_write(r->conf.metrics, m, LEN(m));
	if (err < 0)
		log_warn(err, "write %s", r->conf.metrics);
}

/* --- */

/* Whether this host is to blame, and not the name or the data. */
static bool is_system(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EFBIG || error == -ENOMEM ||
	       error == -EMFILE || error == -ENFILE || error == -EIO || error == -EROFS ||
	       error == -EACCES || error == -EPERM;
}

static enum exit_status file_exit(const struct report *r, const struct file_result *file)
{
	switch (file->status) {
	case FILE_VERIFIED:
		return STATUS_OK;
	case FILE_UNVERIFIED:
		return r->conf.allow_unverified ? STATUS_OK : STATUS_PARTIAL;
	case FILE_FAILED:
		return STATUS_SYSTEM;
	case FILE_REFUSED:
		return is_system(file->error) ? STATUS_SYSTEM : STATUS_PARTIAL;
	case FILE_CORRUPT:
	case FILE_WITHDRAWN:
	case FILE_INCOMPLETE:
	case FILE_N_STATUSES:
		break;
	}
	return STATUS_PARTIAL;
}

void report_file(struct report *r, const struct addr *from, const struct file_result *file)
{
	r->files[file->status]++;
	report_status(r, file_exit(r, file));
	if (r->conf.json)
		emit_file(r, from, file);
	say_file(r, from, file);
}

void report_job(struct report *r, const struct addr *from, const struct job_result *job)
{
	struct file_result all = { .status = job->status, .error = job->error };

	report_status(r, file_exit(r, &all));
	if (job->stuck)
		report_status(r, STATUS_PARTIAL);
	r->removed += job->removed;
	for (unsigned i = 0; i < FILE_N_STATUSES; i++)
		r->files[i] += job->files[i] - job->told[i]; /* these were counted then */
	if (r->conf.json)
		emit_job(r, from, job);
	say_job(r, from, job);
}

void report_hook(struct report *r, const struct addr *from, const struct hook_end *end)
{
	r->hooks++;
	if (r->conf.json)
		emit_hook(r, from, end);
	if (!end->failed[0])
		return;
	r->hooks_failed++;
	report_status(r, STATUS_PARTIAL);
	log_err(0, "hook for %s: %s", end->name, end->failed);
}

void report_session(struct report *r, const struct addr *from, const struct session_result *is)
{
	r->bytes += is->bytes;
	r->packets += is->counters->packets;
	r->missed += is->counters->missed;
	if (r->conf.json)
		emit_session(r, from, is);
	else if (!r->conf.quiet)
		say_session(r, from, is);
	r->dropped_told = r->conf.net->dropped;
	write_metrics(r);
}

void report_progress(struct report *r, int64_t now, uint64_t done, uint64_t total)
{
	struct progress_now is = { .done = done, .total = total };

	if (r->bar.on && total)
		progress_show(&r->bar, now, &is);
}

int report_end(struct report *r)
{
	progress_clear(&r->bar);
	log_before_line(NULL, NULL);
	write_metrics(r);
	if (r->conf.json)
		emit_done(r, status_worst(r->statuses));
	return status_worst(r->statuses);
}
