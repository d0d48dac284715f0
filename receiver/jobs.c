/* jobs.c - the objects of one session on their way into files, and what came of each. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void jobs_fini(struct jobs *js)
{
	for (unsigned i = 0; i < js->n; i++)
		job_free(js->list[i]);
	js->n = 0;
	tally_fini(&js->tally);
}

static struct job *find(struct jobs *js, uint64_t object)
{
	if (js->last && js->last->object == object)
		return js->last;
	for (unsigned i = 0; i < js->n; i++)
		if (js->list[i]->object == object)
			return js->last = js->list[i];
	return NULL;
}

static void remove_job(struct jobs *js, struct job *j)
{
	unsigned i = 0;

	while (js->list[i] != j)
		i++;
	js->list[i] = js->list[--js->n];
	if (js->last == j)
		js->last = NULL;
	job_free(j);
}

static void hook_ended(struct jobs *js, const struct hook_end *end)
{
	report_hook(js->conf.report, &js->conf.origin->peer, end);
	if (end->failed[0])
		tally_hook(&js->tally, end->name, end->failed);
}

/* Whether the hook runs, or will. It does not for what was refused: anybody can send that. */
static bool run_hook(struct jobs *js, uint64_t object, const struct file_result *file)
{
	struct hook_end end = { .name = file->name };
	bool stored = file->status <= FILE_UNVERIFIED;
	struct hook_news news = {
		.origin = js->conf.origin,
		.name = file->name,
		.path = stored ? file->name : NULL,
		.status = file_status_name(file->status),
		.digest = file->digest,
		.size = file->size,
	};
	int r;

	if (!js->conf.hook || file->status == FILE_REFUSED)
		return false;
	r = hook_add(js->conf.hook, &news, js->conf.owner, object);
	js->n_hooks += r == 0;
	if (r == 0)
		return true;
	snprintf(end.failed, sizeof(end.failed), "not run: %s", strerror(-r));
	hook_ended(js, &end);
	return false;
}

/* Whether its hook has yet to end. */
static bool count_file(struct jobs *js, uint64_t object, const struct file_result *file)
{
	tally_add(&js->tally, object, file);
	report_file(js->conf.report, &js->conf.origin->peer, file);
	return run_hook(js, object, file);
}

/* The file will not be; its job lives on for as long as some thread has it. */
static void fail_job(struct jobs *js, struct job *j, enum file_status status, int error,
		     const char *reason)
{
	count_file(js, j->object,
		   &(struct file_result){ .status = status,
					  .name = j->offer.name,
					  .size = j->sink.size,
					  .reason = reason,
					  .error = error });
	job_drop(j);
	if (!job_busy(j))
		remove_job(js, j);
}

/* Everything that is not yet in the finisher's hands to be stored. */
void jobs_fail_unfinished(struct jobs *js, const char *reason)
{
	for (unsigned i = js->n; i-- > 0;) {
		struct job *j = js->list[i];

		if (j->state == JOB_WAITING)
			fail_job(js, j, FILE_INCOMPLETE, 0, "its digest did not come");
		else if (j->state == JOB_RECEIVING)
			fail_job(js, j, FILE_INCOMPLETE, 0, reason);
	}
}

/* Whether its hook has yet to end. */
static bool stored(struct jobs *js, struct job *j)
{
	struct file_result file = {
		.status = j->offer.ours ? FILE_VERIFIED : FILE_UNVERIFIED,
		.name = j->offer.name,
		.size = j->sink.size,
		.digest = j->store.digest,
	};
	int r = j->store.result;

	if (r == -EBADMSG) {
		file.status = FILE_CORRUPT;
		file.reason = "the digest does not match";
		file.digest = NULL;
	} else if (r < 0) {
		file.status = FILE_FAILED;
		file.error = r;
		file.reason = strerror(-r);
		file.digest = NULL;
	}
	return count_file(js, j->object, &file);
}

static void refuse(struct jobs *js, nsec_t now, const struct rx_event *ev, const char *name,
		   int error)
{
	rx_refuse(js->conf.rx, now, ev->object);
	count_file(js, ev->object,
		   &(struct file_result){ .status = FILE_REFUSED,
					  .name = name,
					  .size = ev->size,
					  .reason = offer_refusal(error),
					  .error = error });
}

/* An output that is one file gives its name to the first that a sender has. */
static int fit_output(const struct jobs *js, struct offer *offer)
{
	const struct output *o = js->conf.output;

	if (o->kind == OUTPUT_DIR)
		return 0;
	if (o->kind == OUTPUT_DEVICE || o->kind == OUTPUT_STDOUT)
		return -ENOTBLK;
	if (js->named)
		return -EALREADY;
	memcpy(offer->name, o->name, strlen(o->name) + 1); /* up to NAME_MAX */
	return 0;
}

void jobs_on_object(struct jobs *js, nsec_t now, const struct rx_event *ev)
{
	struct offer offer;
	struct job *j;
	int r = offer_read(&offer, ev->info, ev->info_len, ev->object);

	if (r == 0)
		r = limits_check(js->conf.limits, offer.name, ev->size);
	if (r == 0 && js->n == JOBS_MAX)
		r = -ENFILE;
	if (r == 0)
		r = fit_output(js, &offer);
	if (r == 0)
		r = job_new(&j, js->conf.output->dirfd, &offer, ev->size);
	if (r < 0) {
		refuse(js, now, ev, offer.name, r);
		return;
	}
	js->named = true;
	j->object = ev->object;
	j->store.finish.session = js->conf.owner;
	js->list[js->n++] = j;
	rx_accept(js->conf.rx, now, ev->object);
}

void jobs_on_info(struct jobs *js, const struct rx_event *ev)
{
	struct job *j = find(js, ev->object);
	struct offer offer;

	if (j && offer_read(&offer, ev->info, ev->info_len, ev->object) == 0)
		job_info(j, js->conf.finisher, &offer);
}

void jobs_on_complete(struct jobs *js, nsec_t now, const struct rx_event *ev)
{
	struct job *j = find(js, ev->object);

	if (!j || j->state != JOB_RECEIVING) {
		rx_release(js->conf.rx, ev->object);
		return;
	}
	job_complete(j, js->conf.finisher);
	if (j->state == JOB_WAITING && !j->offer.has_digest)
		rx_want_info(js->conf.rx, now, ev->object);
}

/* What we refused or dropped ourselves was counted then. */
void jobs_on_aborted(struct jobs *js, const struct rx_event *ev)
{
	struct job *j = find(js, ev->object);
	struct offer offer;

	if (j && j->state != JOB_DROPPED) {
		fail_job(js, j, job_abort_status(ev->error), ev->error,
			 job_abort_reason(ev->error));
		return;
	}
	if (j || ev->error == 0 || ev->error == -ECANCELED)
		return;
	offer_read(&offer, ev->info, ev->info_len, ev->object);
	count_file(js, ev->object,
		   &(struct file_result){ .status = job_abort_status(ev->error),
					  .name = offer.name,
					  .size = ev->size,
					  .reason = job_abort_reason(ev->error),
					  .error = ev->error });
}

struct sink *jobs_sink(struct jobs *js, uint64_t object)
{
	struct job *j = find(js, object);

	return j ? &j->sink : NULL;
}

bool jobs_unused(struct jobs *js, struct sink *sink)
{
	for (unsigned i = 0; i < js->n; i++) {
		struct job *j = js->list[i];

		if (&j->sink != sink)
			continue;
		if (j->state != JOB_DROPPED || job_busy(j))
			return false;
		remove_job(js, j);
		return true;
	}
	return false;
}

void jobs_finished(struct jobs *js, struct finish *finish)
{
	struct job *j = job_of_finish(finish);

	j->out = false;
	if (j->state == JOB_STORING && !stored(js, j))
		rx_release(js->conf.rx, j->object);
	remove_job(js, j);
}

/* The object was kept until now, so that no more files come than hooks can be run for. */
void jobs_hooked(struct jobs *js, const struct hook_end *end)
{
	js->n_hooks--;
	hook_ended(js, end);
	rx_release(js->conf.rx, end->object);
}
