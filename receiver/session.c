/* session.c - what one sender sends, from its first packet to our receipt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/session.h"

#include "common/digest.h"
#include "common/log.h"
#include "proto/rx.h"
#include "receiver/job.h"
#include "receiver/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX 1024               /* in progress; each has two descriptors */
#define JOBS_MAX    (2 * OBJECTS_MAX)  /* with those dropped that the finisher still has */
#define LINGER      (2 * NSEC_PER_SEC) /* for the echo of a receipt when the sender has ended */

/*
 *	OPEN --finished, or the sender ended or is gone, and no file is in the finisher's
 * hands--> TOLD --receipt echoed, or time--> over
 */
struct session {
	const struct session_conf *conf;
	struct addr from;
	struct rx *rx;
	struct job *jobs[JOBS_MAX];
	unsigned n_jobs;
	struct job *last_job; /* of the last request: usually the next one's, too */
	bool joined, finished, ended, gone, replaced, receipted, interrupted;
	bool told;      /* the result is known, reported and in the receipt */
	nsec_t over_at; /* TOLD: no later than this */
	bool wrote;
	nsec_t began_at; /* of the session, then of the first data */
	struct tally tally;
};

int session_new(struct session **ret, const struct session_conf *conf, const struct addr *from,
		const struct msg_session *id, uint64_t seed, nsec_t now)
{
	const struct rx_conf rc = {
		.node_id = conf->node_id,
		.sender_id = id->sender_id,
		.instance_id = id->instance_id,
		.host = conf->host,
		.memory = conf->memory,
		.max_objects = OBJECTS_MAX,
		.inactivity = conf->inactivity,
		.seed = seed,
	};
	struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = rx_new(&s->rx, &rc, now);
	if (r < 0) {
		free(s);
		return r;
	}
	s->conf = conf;
	s->from = *from;
	s->over_at = NSEC_NEVER;
	s->began_at = now;
	*ret = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_jobs; i++)
		job_free(s->jobs[i]);
	tally_fini(&s->tally);
	rx_free(s->rx);
	free(s);
}

/* --- files --- */

static struct job *job_find(struct session *s, uint64_t object)
{
	if (s->last_job && s->last_job->object == object)
		return s->last_job;
	for (unsigned i = 0; i < s->n_jobs; i++)
		if (s->jobs[i]->object == object)
			return s->last_job = s->jobs[i];
	return NULL;
}

static void job_remove(struct session *s, struct job *j)
{
	unsigned i = 0;

	while (s->jobs[i] != j)
		i++;
	s->jobs[i] = s->jobs[--s->n_jobs];
	if (s->last_job == j)
		s->last_job = NULL;
	job_free(j);
}

static void count_file(struct session *s, uint64_t object, const struct file_result *file)
{
	tally_add(&s->tally, object, file);
	report_file(s->conf->report, &s->from, file);
}

/* The file will not be; its job lives on for as long as the finisher has it. */
static void job_fail(struct session *s, struct job *j, enum file_status status, int error,
		     const char *reason)
{
	count_file(s, j->object,
		   &(struct file_result){ .status = status,
					  .name = j->offer.name,
					  .size = j->size,
					  .reason = reason,
					  .error = error });
	job_drop(j);
	if (!j->out)
		job_remove(s, j);
}

/* Everything that is not yet in the finisher's hands to be stored. */
static void fail_unfinished(struct session *s, const char *reason)
{
	for (unsigned i = s->n_jobs; i-- > 0;) {
		struct job *j = s->jobs[i];

		if (j->state == JOB_WAITING)
			job_fail(s, j, FILE_INCOMPLETE, 0, "its digest did not come");
		else if (j->state == JOB_RECEIVING)
			job_fail(s, j, FILE_INCOMPLETE, 0, reason);
	}
}

static void job_done(struct session *s, struct job *j)
{
	struct file_result file = {
		.status = j->offer.ours ? FILE_VERIFIED : FILE_UNVERIFIED,
		.name = j->offer.name,
		.size = j->size,
		.digest = j->finish.digest,
	};
	int r = j->finish.result;

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
	count_file(s, j->object, &file);
}

/* --- events --- */

static void refuse(struct session *s, nsec_t now, const struct rx_event *ev, const char *name,
		   int error)
{
	rx_refuse(s->rx, now, ev->object);
	count_file(s, ev->object,
		   &(struct file_result){ .status = FILE_REFUSED,
					  .name = name,
					  .size = ev->size,
					  .reason = offer_refusal(error),
					  .error = error });
}

static void on_object(struct session *s, nsec_t now, const struct rx_event *ev)
{
	struct offer offer;
	struct job *j;
	int r = offer_read(&offer, ev->info, ev->info_len, ev->object);

	if (r == 0 && s->n_jobs == JOBS_MAX)
		r = -ENFILE;
	if (r == 0)
		r = job_new(&j, s->conf->dirfd, &offer, ev->size);
	if (r < 0) {
		refuse(s, now, ev, offer.name, r);
		return;
	}
	j->object = ev->object;
	j->owner = s;
	s->jobs[s->n_jobs++] = j;
	rx_accept(s->rx, now, ev->object);
}

static void on_info(struct session *s, const struct rx_event *ev)
{
	struct job *j = job_find(s, ev->object);
	struct offer offer;

	if (j && offer_read(&offer, ev->info, ev->info_len, ev->object) == 0)
		job_info(j, s->conf->finisher, &offer);
}

static void on_complete(struct session *s, nsec_t now, const struct rx_event *ev)
{
	struct job *j = job_find(s, ev->object);

	if (!j) {
		rx_release(s->rx, ev->object);
		return;
	}
	job_complete(j, s->conf->finisher);
	if (j->state == JOB_WAITING && !j->offer.has_digest)
		rx_want_info(s->rx, now, ev->object);
}

static const char *abort_reason(int error)
{
	switch (error) {
	case -ESTALE:
		return "the sender gave it up";
	case -EPROTONOSUPPORT:
		return "it is of a kind, or its code is, that reap does not know";
	case -EFBIG:
		return "too large: a limit on files, or --memory for its blocks";
	default:
		return strerror(-error);
	}
}

static enum file_status abort_status(int error)
{
	switch (error) {
	case -ESTALE:
		return FILE_WITHDRAWN;
	case -EPROTONOSUPPORT:
		return FILE_REFUSED;
	default:
		return FILE_FAILED;
	}
}

/* What we refused or dropped ourselves was counted then. */
static void on_aborted(struct session *s, const struct rx_event *ev)
{
	struct job *j = job_find(s, ev->object);
	struct offer offer;

	if (j && j->state != JOB_DROPPED) {
		job_fail(s, j, abort_status(ev->error), ev->error, abort_reason(ev->error));
		return;
	}
	if (j || ev->error == 0 || ev->error == -ECANCELED)
		return;
	offer_read(&offer, ev->info, ev->info_len, ev->object);
	count_file(s, ev->object,
		   &(struct file_result){ .status = abort_status(ev->error),
					  .name = offer.name,
					  .size = ev->size,
					  .reason = abort_reason(ev->error),
					  .error = ev->error });
}

static void on_event(struct session *s, nsec_t now, const struct rx_event *ev)
{
	switch (ev->kind) {
	case RX_EV_OBJECT:
		on_object(s, now, ev);
		break;
	case RX_EV_INFO:
		on_info(s, ev);
		break;
	case RX_EV_COMPLETE:
		on_complete(s, now, ev);
		break;
	case RX_EV_ABORTED:
		on_aborted(s, ev);
		break;
	case RX_EV_JOINED:
		s->joined = true;
		break;
	case RX_EV_FINISHED:
		s->finished = true;
		break;
	case RX_EV_RECEIPTED:
		s->receipted = true;
		break;
	case RX_EV_SENDER_END:
		s->ended = true;
		break;
	case RX_EV_SENDER_GONE:
		s->gone = true;
		break;
	}
}

/* --- the end --- */

static enum receipt_status outcome(struct session *s)
{
	enum receipt_status status = tally_status(&s->tally);

	if (s->interrupted)
		return RECEIPT_INTERRUPTED;
	if (status != RECEIPT_COMPLETE)
		return status;
	return s->finished && !rx_status(s->rx).lost ? RECEIPT_COMPLETE : RECEIPT_PARTIAL;
}

static const char *outcome_reason(const struct session *s, enum receipt_status status)
{
	if (status == RECEIPT_COMPLETE)
		return NULL;
	if (s->tally.reason[0] && status != RECEIPT_INTERRUPTED)
		return s->tally.reason;
	if (status == RECEIPT_INTERRUPTED)
		return "stopped by the user";
	return s->gone ? "the sender fell silent" : "the sender ended before all was here";
}

static uint64_t n_objects(const struct session *s)
{
	struct rx_status is = rx_status(s->rx);

	return MAX(is.end_known ? is.objects : 0, tally_count(&s->tally));
}

static void send_receipt(struct session *s, nsec_t now, enum receipt_status status,
			 const char *reason)
{
	const struct rx_counters *c = rx_counters(s->rx);
	struct receipt rc = {
		.status = (uint8_t)status,
		.n_objects = (uint32_t)n_objects(s),
		.n_verified = (uint32_t)s->tally.files[FILE_VERIFIED],
		.bytes = s->tally.bytes,
		.symbols = (uint32_t)c->packets,
		.lost = (uint32_t)c->missed,
		.text = reason,
		.text_len = reason ? strlen(reason) : 0,
	};
	int r = tally_digest(&s->tally, rc.digest);

	if (r < 0)
		log_warn(r, "digest of all files");
	rx_set_receipt(s->rx, now, &rc);
}

static void tell(struct session *s, nsec_t now)
{
	enum receipt_status status = outcome(s);
	struct session_result is = {
		.status = receipt_status_name((uint8_t)status),
		.reason = outcome_reason(s, status),
		.objects = n_objects(s),
		.bytes = s->tally.bytes,
		.time = now - s->began_at,
		.counters = rx_counters(s->rx),
	};

	s->told = true;
	if (!session_counts(s))
		return;
	memcpy(is.files, s->tally.files, sizeof(is.files));
	if (rx_status(s->rx).sow)
		send_receipt(s, now, status, is.reason);
	if (s->gone && status != RECEIPT_COMPLETE)
		report_status(s->conf->report, STATUS_SYSTEM);
	else if (status != RECEIPT_COMPLETE && tally_status(&s->tally) == RECEIPT_COMPLETE &&
		 !s->interrupted)
		report_status(s->conf->report, STATUS_PARTIAL);
	report_session(s->conf->report, &s->from, &is);
}

/* A sender of another make has no word for "that was all": it may go on after a pause. */
static bool at_end(const struct session *s)
{
	if (s->ended || s->gone || s->interrupted)
		return true;
	return s->finished && (rx_status(s->rx).sow || s->conf->once);
}

static void settle(struct session *s, nsec_t now)
{
	if (!at_end(s))
		return;
	if (!s->told) {
		if (s->ended || s->gone || s->interrupted)
			fail_unfinished(s, s->gone          ? "the sender fell silent"
					   : s->interrupted ? "stopped by the user"
							    : "the sender ended");
		if (s->n_jobs > 0)
			return;
		tell(s, now);
	}
	if (s->receipted || s->gone || !rx_status(s->rx).sow || !session_counts(s))
		s->over_at = MIN(s->over_at, now);
	else if (s->ended || s->interrupted)
		s->over_at = MIN(s->over_at, now + LINGER);
}

/* --- input and output --- */

static int serve(struct session *s, nsec_t now, const struct work *w)
{
	struct job *j;

	if (!s->wrote)
		s->began_at = now;
	s->wrote = true;
	if (w->op == WORK_DECODE)
		return work_codec(w);
	j = job_find(s, w->object);
	if (!j || j->state != JOB_RECEIVING)
		return -ECANCELED;
	return w->op == WORK_WRITE ? job_write(j, s->conf->finisher, w->offset, w->data, w->len)
				   : job_read(j, w->offset, w->data, w->len);
}

/* Work may lead to events and events to work; both are rare and tell so at once. */
static void drain(struct session *s, nsec_t now)
{
	struct rx_event ev;
	struct work w;
	bool any = false;

	for (;;) {
		while (rx_work(s->rx, &w))
			rx_work_done(s->rx, now, &w, serve(s, now, &w));
		if (!rx_event(s->rx, &ev))
			break;
		on_event(s, now, &ev);
		any = true;
	}
	if (any)
		settle(s, now);
}

int session_input(struct session *s, nsec_t now, const uint8_t *pkt, size_t len)
{
	int r = rx_input(s->rx, now, pkt, len);

	drain(s, now);
	return r;
}

int session_output(struct session *s, nsec_t now, uint8_t *buf, size_t cap)
{
	int len = rx_output(s->rx, now, buf, cap);

	drain(s, now);
	return len;
}

nsec_t session_deadline(const struct session *s, nsec_t now)
{
	return MIN(rx_deadline(s->rx, now), s->over_at);
}

struct session *session_of(const struct finish *finish)
{
	const struct job *j = finish->owner;

	return j->owner;
}

void session_returned(struct session *s, nsec_t now, struct finish *finish)
{
	struct job *j = finish->owner;

	if (!job_returned(j, s->conf->finisher))
		return;
	if (j->state == JOB_STORING) {
		job_done(s, j);
		rx_release(s->rx, j->object);
	}
	job_remove(s, j);
	settle(s, now);
	drain(s, now);
}

void session_replaced(struct session *s, nsec_t now)
{
	s->gone = s->replaced = true;
	settle(s, now);
}

void session_interrupt(struct session *s, nsec_t now)
{
	if (s->told)
		return;
	s->interrupted = true;
	settle(s, now);
}

/* --- questions --- */

bool session_over(const struct session *s, nsec_t now)
{
	return s->told && s->n_jobs == 0 && now >= s->over_at;
}

bool session_resumable(const struct session *s)
{
	return s->gone && !s->finished && !s->replaced;
}

bool session_busy(const struct session *s)
{
	return !s->told && session_counts(s);
}

bool session_idle(const struct session *s)
{
	return s->n_jobs == 0 && !session_busy(s);
}

bool session_counts(const struct session *s)
{
	return s->joined || s->n_jobs > 0 || tally_count(&s->tally) > 0;
}

bool session_unconfirmed(const struct session *s)
{
	return s->told && !s->receipted && rx_status(s->rx).sow;
}

void session_progress(const struct session *s, uint64_t *done, uint64_t *total)
{
	struct rx_status is = rx_status(s->rx);

	*done = is.received;
	*total = is.total;
}
