/* treejob_end.c - what came of a job. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/treejob_internal.h"

#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FEW 16 /* files that are told one by one */

static const struct addr *sender(const struct treejob *tj)
{
	return &tj->conf.origin->peer;
}

static uint32_t n_files(const struct manifest *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_entries; i++)
		n += m->entries[i].type != MANIFEST_DIR;
	return n;
}

static const char *error_text(int error)
{
	return error == TREE_REPLACED
		       ? "somebody moved, linked or removed it meanwhile: send it again"
		       : strerror(-error);
}

/* --- one by one --- */

static void tell_file(struct treejob *tj, struct job_result *is, uint32_t entry,
		      const struct file_result *what)
{
	const struct manifest_entry *e = &tj->manifest.entries[entry];
	struct file_result file = *what;

	file.name = e->path;
	file.size = e->size;
	report_file(tj->conf.report, sender(tj), &file);
	is->told[file.status]++;
}

static void tell_failures(struct treejob *tj, struct job_result *is)
{
	const struct tree_result *res = &tj->result;

	for (uint32_t i = 0; i < res->n_failures && i < TREE_FAILURES; i++) {
		const struct tree_failure *f = &res->failures[i];
		bool corrupt = f->error == -EBADMSG;
		struct file_result what = {
			.status = corrupt ? FILE_CORRUPT : FILE_FAILED,
			.error = f->error,
			.reason = corrupt ? "a digest does not match" : error_text(f->error),
		};

		tell_file(tj, is, f->entry, &what);
		is->files[what.status]++;
	}
}

static void tell_delivered(struct treejob *tj, struct job_result *is)
{
	static const struct file_result what = { .status = FILE_VERIFIED };

	for (uint32_t i = 0; i < tj->manifest.n_entries; i++)
		if (tj->manifest.entries[i].type != MANIFEST_DIR && tree_delivered(tj->tree, i))
			tell_file(tj, is, i, &what);
}

/* --- all together --- */

/* Then manifest and tree are the finisher's. */
static bool is_checked(const struct treejob *tj)
{
	return tj->out && tj->finish.serve == treejob_check;
}

static const struct manifest *manifest_of(const struct treejob *tj)
{
	static const struct manifest none;

	return is_checked(tj) ? &none : &tj->manifest;
}

/* One that every entry lies in, below the output directory; "": there is none. */
static void common_top(const struct manifest *m, char *ret, size_t cap)
{
	size_t len = m->n_entries ? strcspn(m->entries[0].path, "/") : 0;

	ret[0] = '\0';
	for (uint32_t i = 1; i < m->n_entries; i++)
		if (strcspn(m->entries[i].path, "/") != len ||
		    memcmp(m->entries[i].path, m->entries[0].path, len) != 0)
			return;
	if (len < cap) {
		memcpy(ret, m->n_entries ? m->entries[0].path : "", len);
		ret[len] = '\0';
	}
}

static void hook_ended(struct treejob *tj, const struct hook_end *end)
{
	report_hook(tj->conf.report, sender(tj), end);
	if (end->failed[0])
		tally_hook(tj->conf.tally, end->name, end->failed);
}

static void run_hook(struct treejob *tj, const struct job_result *is)
{
	char hex[SHA256_HEX_LEN + 1], top[MANIFEST_PART_MAX + 1];
	struct hook_end end = { .name = is->name };
	struct hook_news news = {
		.origin = tj->conf.origin,
		.job = hex,
		.name = is->name,
		.path = is->files[FILE_VERIFIED] ? top : NULL,
		.status = file_status_name(is->status),
		.digest = is->status == FILE_VERIFIED ? tj->id : NULL,
		.size = manifest_of(tj)->total_size,
	};
	int r;

	if (!tj->conf.hook || is->status == FILE_REFUSED)
		return;
	digest_hex(tj->id, hex);
	common_top(manifest_of(tj), top, sizeof(top));
	r = hook_add(tj->conf.hook, &news, tj->conf.session, HOOK_OF_JOB);
	tj->hooking = r == 0;
	if (r == 0)
		return;
	snprintf(end.failed, sizeof(end.failed), "not run: %s", strerror(-r));
	hook_ended(tj, &end);
}

bool treejob_hooked(struct treejob *tj, const struct hook_end *end)
{
	if (!tj || end->object != HOOK_OF_JOB)
		return false;
	tj->hooking = false;
	hook_ended(tj, end);
	return true;
}

/* --- what the sender wants removed --- */

static bool wants_removal(const struct manifest *m)
{
	for (uint32_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].whole)
			return true;
	return false;
}

static void tell_removal(const struct treejob *tj, const struct job_result *is)
{
	if (!tj->decoded || !wants_removal(&tj->manifest))
		return;
	if (!tj->conf.limits->delete)
		log_info("%s: the sender wants removed what it does not have, which only "
			 "--delete allows",
			 tj->name);
	else if (is->status != FILE_VERIFIED && !is->removed)
		log_warn(0, "%s: nothing was removed, since not all was delivered", tj->name);
}

/* For the receipt the first of them stands for all. */
static void tell_stuck(struct treejob *tj, struct job_result *is)
{
	const struct tree_result *res = &tj->result;

	for (uint32_t i = 0; i < res->n_stuck && i < TREE_FAILURES; i++)
		log_err(0, "%s: cannot be removed: %s", res->stuck[i].path,
			tree_stuck_text(res->stuck[i].error));
	if (res->n_stuck > TREE_FAILURES)
		log_err(0, "%u more cannot be removed", res->n_stuck - TREE_FAILURES);
	is->removed = res->removed;
	is->stuck = res->n_stuck;
	if (!res->n_stuck || is->reason)
		return;
	snprintf(tj->text, sizeof(tj->text), "%u not removed: %.100s: %s", res->n_stuck,
		 res->stuck[0].path, tree_stuck_text(res->stuck[0].error));
	is->reason = tj->text;
}

/* What is no old file, and no new one. */
static void tell_mixed(struct treejob *tj)
{
	const char *device =
		tj->conf.output->kind == OUTPUT_DEVICE ? tj->conf.output->path : NULL;
	uint64_t out = tj->pour.done;
	uint32_t entry;

	if (treejob_is_pour(tj)) {
		if (out && !(tj->tree && tree_delivered(tj->tree, 0)))
			log_warn(0,
				 "%" PRIu64 " bytes of %s went to standard output before that: "
				 "whoever has them must not take them for all, or for right",
				 out, tj->name);
		return;
	}
	if (!is_checked(tj) && tj->tree && tree_mixed(tj->tree, &entry))
		log_warn(0,
			 "%s is INCOMPLETE: parts of %s are in it, and parts of what it was; "
			 "receive the job again",
			 device ? device : tj->manifest.entries[entry].path, tj->name);
}

static void conclude(struct treejob *tj, nsec_t now, struct job_result *is)
{
	is->id = tj->id;
	is->name = tj->name;
	tell_removal(tj, is);
	tj->state = TREEJOB_DONE;
	tj->content.closed = tj->parts.sink.closed = true;
	treejob_set_busy(tj, now);
	tally_job(tj->conf.tally, is);
	report_job(tj->conf.report, sender(tj), is);
	tell_mixed(tj);
	run_hook(tj, is);
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* The first of them stands for all. */
static const char *failure_text(struct treejob *tj)
{
	const struct tree_result *res = &tj->result;
	const struct tree_failure *f = &res->failures[0];

	if (!res->n_failures)
		return strerror(-res->unsynced);
	if (is_full(f->error))
		snprintf(tj->text, sizeof(tj->text),
			 "%.70s: %s: make room in %.70s and send it again",
			 tj->manifest.entries[f->entry].path, strerror(-f->error),
			 tj->conf.output->dir);
	else
		snprintf(tj->text, sizeof(tj->text), "%.130s: %s",
			 tj->manifest.entries[f->entry].path, error_text(f->error));
	return tj->text;
}

/* Then what came would stand in the way of a run that does so. */
static bool wants_inplace(const struct treejob *tj, int error)
{
	return error == -ENOSPC && tj->tree && tree_copies(tj->tree);
}

/* Where the next run finds what came. */
static void tell_stage(struct treejob *tj, enum file_status status, int error)
{
	uint32_t mixed;
	bool useless;

	if (is_checked(tj) || !tj->tree || tree_device(tj->tree))
		return;
	useless = status == FILE_REFUSED || error == -EFBIG || treejob_is_open(tj) ||
		  wants_inplace(tj, error);
	if (tree_is_empty(tj->tree) || (useless && !tree_mixed(tj->tree, &mixed))) {
		tj->drop = true;
		return;
	}
	treejob_save_last(tj);
	log_info("what came of %s is kept in %s: the same job goes on from there", tj->name,
		 tree_stage_name(tj->tree));
}

static const char *full_text(struct treejob *tj, int error)
{
	snprintf(tj->text, sizeof(tj->text), "%s: make room in %.90s and send it again%s",
		 strerror(-error), tj->conf.output->dir,
		 wants_inplace(tj, error) ? ", or let --inplace change the file itself" : "");
	return tj->text;
}

void treejob_fail(struct treejob *tj, nsec_t now, enum file_status status, int error,
		  const char *reason)
{
	uint32_t n = n_files(manifest_of(tj));
	struct job_result is = {
		.status = status,
		.error = error,
		.reason = reason,
	};

	if (is_full(error) && status == FILE_FAILED)
		is.reason = full_text(tj, error);
	else if (error == TREE_REPLACED)
		is.reason = error_text(error);
	is.files[status] = n ? n : 1;
	treejob_stop_pour(tj);
	tj->refused = status == FILE_REFUSED || tj->hopeless;
	tell_stage(tj, status, error);
	conclude(tj, now, &is);
}

/* Directories that failed are no files, but a failure. */
void treejob_delivered(struct treejob *tj, nsec_t now)
{
	const struct tree_result *res = &tj->result;
	struct job_result is = {
		.status = FILE_VERIFIED,
		.bytes = res->bytes,
		.kept = res->kept,
		.files[FILE_VERIFIED] = res->delivered,
	};
	int error = res->n_failures ? res->failures[0].error : res->unsynced;

	tell_failures(tj, &is);
	if (res->files <= FEW)
		tell_delivered(tj, &is);
	if (is.files[FILE_CORRUPT])
		is.status = FILE_CORRUPT;
	else if (res->n_failures || res->unsynced)
		is.status = FILE_FAILED;
	if (res->n_failures > TREE_FAILURES)
		is.files[is.status] += res->n_failures - TREE_FAILURES;
	if (is.status == FILE_CORRUPT)
		is.reason = "digests do not match, whatever was sent again";
	else if (is.status == FILE_FAILED)
		is.reason = failure_text(tj);
	is.error = error;
	if (res->full)
		tell_stage(tj, is.status, error);
	tell_stuck(tj, &is);
	if (!treejob_is_pour(tj))
		device_close(&tj->device); /* the hook may want it */
	conclude(tj, now, &is);
}
