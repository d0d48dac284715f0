/* session.c - what one sender sends, from its first packet to our receipt. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/session.h"

#include "common/digest.h"
#include "common/log.h"
#include "proto/rx.h"
#include "receiver/handout.h"
#include "receiver/jobs.h"
#include "receiver/treejob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINGER (2 * NSEC_PER_SEC) /* for the echo of a receipt when the sender has ended */

/*
 *	OPEN --at_end(), no file is in the finisher's hands, no hook runs--> TOLD
 *	TOLD --receipt echoed, or time--> over
 */
struct session {
	const struct session_conf *conf;
	struct hook_origin origin;
	struct rx *rx;
	struct jobs jobs;
	struct treejob *tree; /* NULL: none */
	struct handout handout;
	bool joined, finished, ended, gone, replaced, receipted, interrupted;
	bool told;        /* the result is known, reported and in the receipt */
	nsec_t over_at;   /* TOLD: no later than this */
	uint64_t dropped; /* by the socket, before the session */
	bool healthy;     /* `dropped` is known */
	bool began;
	nsec_t began_at; /* of the session, then of the first data */
};

static struct sink *find_sink(void *session, uint64_t object)
{
	struct session *s = session;

	return treejob_has(s->tree, object) ? treejob_sink(s->tree, object)
					    : jobs_sink(&s->jobs, object);
}

int session_new(struct session **ret, const struct session_conf *conf,
		const struct hook_origin *origin, const struct msg_session *id, uint64_t seed,
		nsec_t now)
{
	const struct rx_conf rc = {
		.node_id = conf->node_id,
		.sender_id = id->sender_id,
		.instance_id = id->instance_id,
		.host = conf->self->host,
		.version = conf->self->version,
		.machine = conf->self->machine,
		.state = (uint8_t)conf->state,
		.free = conf->free,
		.memory = conf->memory,
		.max_objects = JOBS_RX,
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
	s->origin = *origin;
	s->jobs.conf = (struct jobs_conf){
		.rx = s->rx,
		.finisher = conf->finisher,
		.report = conf->report,
		.hook = conf->hook,
		.limits = conf->limits,
		.origin = &s->origin,
		.output = conf->output,
		.owner = s,
	};
	s->handout = (struct handout){
		.rx = s->rx,
		.chores = conf->chores,
		.find = find_sink,
		.session = s,
	};
	s->over_at = NSEC_NEVER;
	s->began_at = now;
	*ret = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	jobs_fini(&s->jobs);
	treejob_free(s->tree);
	rx_free(s->rx);
	free(s);
}

/* --- events --- */

/* The first object with a role begins the job of the session. */
static void on_object(struct session *s, nsec_t now, const struct rx_event *ev)
{
	const struct treejob_conf tc = {
		.rx = s->rx,
		.finisher = s->conf->finisher,
		.looker = s->conf->looker,
		.pourer = s->conf->pourer,
		.from = s->conf->from,
		.report = s->conf->report,
		.tally = &s->jobs.tally,
		.hook = s->conf->hook,
		.limits = s->conf->limits,
		.origin = &s->origin,
		.output = s->conf->output,
		.session = s,
	};
	struct jobinfo info;

	if (!treejob_info(ev, &info)) {
		jobs_on_object(&s->jobs, now, ev);
		return;
	}
	if (!s->tree && treejob_new(&s->tree, &tc) < 0)
		rx_refuse(s->rx, now, ev->object);
	else
		treejob_on_object(s->tree, now, ev);
}

static void on_complete(struct session *s, nsec_t now, const struct rx_event *ev)
{
	if (treejob_has(s->tree, ev->object))
		treejob_on_complete(s->tree, now, ev->object);
	else
		jobs_on_complete(&s->jobs, now, ev);
}

/* What was withdrawn before its INFO came can be of no use to others than the job. */
static void on_aborted(struct session *s, nsec_t now, const struct rx_event *ev)
{
	if (treejob_has(s->tree, ev->object) || (s->tree && ev->info_len == 0))
		treejob_on_aborted(s->tree, now, ev);
	else
		jobs_on_aborted(&s->jobs, ev);
}

static void on_event(struct session *s, nsec_t now, const struct rx_event *ev)
{
	switch (ev->kind) {
	case RX_EV_OBJECT:
		on_object(s, now, ev);
		break;
	case RX_EV_INFO:
		jobs_on_info(&s->jobs, ev);
		break;
	case RX_EV_COMPLETE:
		on_complete(s, now, ev);
		break;
	case RX_EV_ABORTED:
		on_aborted(s, now, ev);
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
	enum receipt_status status = tally_status(&s->jobs.tally);

	if (s->interrupted && (!s->tree || status != RECEIPT_COMPLETE))
		return RECEIPT_INTERRUPTED;
	if (status != RECEIPT_COMPLETE || s->tree)
		return status;
	return s->finished && !rx_status(s->rx).lost ? RECEIPT_COMPLETE : RECEIPT_PARTIAL;
}

static const char *outcome_reason(const struct session *s, enum receipt_status status)
{
	if (status == RECEIPT_COMPLETE)
		return NULL;
	if (s->jobs.tally.reason[0] && status != RECEIPT_INTERRUPTED)
		return s->jobs.tally.reason;
	if (status == RECEIPT_INTERRUPTED)
		return "stopped by the user";
	return s->gone ? "the sender fell silent" : "the sender ended before all was here";
}

static uint64_t n_objects(const struct session *s)
{
	struct rx_status is = rx_status(s->rx);

	return MAX(is.end_known && !s->tree ? is.objects : 0, tally_count(&s->jobs.tally));
}

static void send_receipt(struct session *s, nsec_t now, enum receipt_status status,
			 const char *reason)
{
	const struct rx_counters *c = rx_counters(s->rx);
	struct receipt rc = {
		.status = (uint8_t)status,
		.n_objects = (uint32_t)n_objects(s),
		.n_verified = (uint32_t)s->jobs.tally.files[FILE_VERIFIED],
		.bytes = s->jobs.tally.bytes,
		.symbols = (uint32_t)c->packets,
		.lost = (uint32_t)c->missed,
		.needed = rx_status(s->rx).total - (s->tree ? treejob_held(s->tree) : 0),
		.time_ms = (uint32_t)MIN((now - s->began_at) / NSEC_PER_MSEC, UINT32_MAX),
		.text = reason,
		.text_len = reason ? strlen(reason) : 0,
	};
	int r = s->tree ? treejob_digest(s->tree, rc.status, rc.digest)
			: tally_digest(&s->jobs.tally, rc.digest);

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
		.bytes = s->jobs.tally.bytes,
		.time = now - s->began_at,
		.counters = rx_counters(s->rx),
	};

	s->told = true;
	if (!session_counts(s))
		return;
	memcpy(is.files, s->jobs.tally.files, sizeof(is.files));
	if (rx_status(s->rx).sow)
		send_receipt(s, now, status, is.reason);
	if (s->gone && status != RECEIPT_COMPLETE)
		report_status(s->conf->report, STATUS_SYSTEM);
	else if (status != RECEIPT_COMPLETE &&
		 tally_status(&s->jobs.tally) == RECEIPT_COMPLETE && !s->interrupted)
		report_status(s->conf->report, STATUS_PARTIAL);
	report_session(s->conf->report, &s->origin.peer, &is);
}

/* A sender of another make has no word for "that was all": it may go on after a pause. */
static bool at_end(const struct session *s)
{
	if (s->ended || s->gone || s->interrupted)
		return true;
	if (s->tree && treejob_refused(s->tree))
		return true;
	return s->finished && (rx_status(s->rx).sow || s->conf->once);
}

/* What is not complete by now never will be. */
static void give_up(struct session *s, nsec_t now)
{
	const char *reason = s->gone          ? "the sender fell silent"
			     : s->interrupted ? "stopped by the user"
					      : "the sender ended";

	jobs_fail_unfinished(&s->jobs, reason);
	if (s->tree)
		treejob_stop(s->tree, now, reason, s->interrupted);
}

static bool is_unfinished(const struct session *s)
{
	bool hooks = s->jobs.n_hooks > 0 || (s->tree && treejob_busy(s->tree));

	return s->jobs.n > 0 || (s->tree && !treejob_done(s->tree)) ||
	       (hooks && !s->interrupted);
}

static void settle(struct session *s, nsec_t now)
{
	if (!at_end(s))
		return;
	if (!s->told) {
		if (s->ended || s->gone || s->interrupted)
			give_up(s, now);
		if (is_unfinished(s))
			return;
		tell(s, now);
	}
	if (s->receipted || s->gone || !rx_status(s->rx).sow || !session_counts(s))
		s->over_at = MIN(s->over_at, now);
	else if (s->ended || s->interrupted)
		s->over_at = MIN(s->over_at, now + LINGER);
}

/* --- input and output --- */

/* Work may lead to events and events to work; both are rare and tell so at once. */
static void drain(struct session *s, nsec_t now)
{
	struct rx_event ev;
	bool any = false;

	for (;;) {
		if (handout_work(&s->handout, now) && !s->began) {
			s->began_at = now;
			s->began = true;
		}
		if (!rx_event(s->rx, &ev))
			break;
		on_event(s, now, &ev);
		any = true;
	}
	if (any)
		settle(s, now);
}

int session_input(struct session *s, nsec_t now, const struct udp_datagram *d)
{
	int r;

	rx_set_arrival(s->rx, d->at);
	r = rx_input(s->rx, now, d->data, d->len);
	drain(s, now);
	return r;
}

void session_health(struct session *s, nsec_t now, uint64_t dropped, uint64_t waiting)
{
	if (!s->healthy)
		s->dropped = dropped;
	s->healthy = true;
	rx_set_health(s->rx, now, dropped - s->dropped, waiting);
}

int session_output(struct session *s, nsec_t now, uint8_t *buf, size_t cap)
{
	int len = rx_output(s->rx, now, buf, cap);

	if (s->tree)
		treejob_tick(s->tree, now);
	drain(s, now);
	return len;
}

nsec_t session_deadline(const struct session *s, nsec_t now)
{
	nsec_t at = MIN(rx_deadline(s->rx, now), s->over_at);

	return s->tree ? MIN(at, treejob_deadline(s->tree)) : at;
}

struct session *session_of(const struct finish *finish)
{
	return finish->session;
}

void session_served(struct session *s, nsec_t now, const struct chore *chore)
{
	struct sink *unused = handout_served(&s->handout, now, chore);

	if (unused && (s->tree || jobs_unused(&s->jobs, unused)))
		settle(s, now);
	drain(s, now);
}

void session_finished(struct session *s, nsec_t now, struct finish *finish)
{
	if (!treejob_finished(s->tree, now, finish))
		jobs_finished(&s->jobs, finish);
	settle(s, now);
	drain(s, now);
}

void session_hooked(struct session *s, nsec_t now, const struct hook_end *end)
{
	if (!treejob_hooked(s->tree, end))
		jobs_hooked(&s->jobs, end);
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
	session_stop_pour(s);
	if (s->told)
		return;
	s->interrupted = true;
	s->joined |= rx_status(s->rx).announced; /* it may count on us */
	settle(s, now);
}

/* --- questions --- */

bool session_pouring(const struct session *s)
{
	return s->tree && treejob_pouring(s->tree);
}

void session_stop_pour(struct session *s)
{
	if (s->tree)
		treejob_stop_pour(s->tree);
}

/* Whether something of it is somewhere else and comes back. */
static bool in_hand(const struct session *s)
{
	return s->jobs.n > 0 || s->handout.n_chores > 0 || s->jobs.n_hooks > 0 ||
	       (s->tree && treejob_busy(s->tree)) || session_pouring(s);
}

bool session_over(const struct session *s, nsec_t now)
{
	return s->told && !in_hand(s) && now >= s->over_at;
}

bool session_resumable(const struct session *s)
{
	return s->gone && !s->finished && !s->replaced;
}

bool session_busy(const struct session *s)
{
	return !s->told && session_counts(s);
}

bool session_storing(const struct session *s)
{
	return session_busy(s) && s->finished;
}

bool session_idle(const struct session *s)
{
	return !in_hand(s) && !session_busy(s);
}

bool session_is_census(const struct session *s)
{
	return rx_status(s->rx).census && !session_counts(s);
}

bool session_counts(const struct session *s)
{
	return (s->joined && !rx_status(s->rx).census) || s->jobs.n > 0 || s->tree ||
	       tally_count(&s->jobs.tally) > 0;
}

bool session_unconfirmed(const struct session *s)
{
	return s->told && !s->receipted && rx_status(s->rx).sow && session_counts(s);
}

void session_progress(const struct session *s, uint64_t *done, uint64_t *total)
{
	struct rx_status is = rx_status(s->rx);

	*done = is.received;
	*total = is.total;
}
