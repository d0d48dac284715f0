/* rate.c - how fast to send: as fast as the receivers' paths allow, without filling queues. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rate_internal.h"

#include <math.h>

#define SECOND ((double)NSEC_PER_SEC)

#define TEST_SHARE    0.8 /* of what is delivered: low enough to empty a queue, too */
#define RELIMIT       0.95
#define DRAIN_CHECK   4   /* intervals */
#define QUEUE_MIN     0.9 /* a queue may be a nap; it will be seen again */
#define UNDRAIN       1.07
#define LIMIT_MIN     0.7 /* one interval does not lower the rate further */
#define USED          0.9 /* what is sent, as a share of the rate: else the rate proves nothing */
#define LOCAL_TIME    (300 * NSEC_PER_MSEC) /* what leaves in less than this says little */
#define DRAIN_LONGEST 12                    /* intervals */
#define TEST_LONGEST  3
#define START_LONGEST 4
#define DOUBT_NONE    0.05 /* that much loss more needs no second look */
#define BADLY         0.5
#define LATELY        3 /* marks */

#define STEP_FIRST   0.02
#define STEP_GROWTH  1.5
#define STEP_MAX     0.5
#define UP_WAIT_MAX  (8 * NSEC_PER_SEC)
#define BASE_CHECKED 0.005 /* normal loss of more than this is looked at again */
#define SPRINT_MIN   (2 * NSEC_PER_SEC)
#define SPRINT_AFTER (4 * UP_WAIT_MIN) /* attempts at more failed twice in a row */
#define SPRINT_MAX   (60 * NSEC_PER_SEC)
#define RETEST_MIN   (2 * NSEC_PER_SEC)
#define RETEST_MAX   (16 * NSEC_PER_SEC)

const char *rate_reason_name(enum rate_reason reason)
{
	static const char *const names[] = {
		[RATE_FIXED] = "fixed",
		[RATE_STARTING] = "starting",
		[RATE_MAX] = "the highest allowed",
		[RATE_CLIMBING] = "trying more",
		[RATE_TESTING] = "testing what loss depends on",
		[RATE_LOSS] = "loss on a path",
		[RATE_QUEUE] = "a queue on a path",
		[RATE_DROPS] = "a receiver's socket",
		[RATE_BACKLOG] = "a receiver falls behind",
		[RATE_LOCAL] = "this host's interface",
		[RATE_SENDER] = "this host sends no faster",
		[RATE_SILENCE] = "no reports",
	};

	return (unsigned)reason < ARRAY_LEN(names) ? names[reason] : "unknown";
}

void rate_init(struct rate *r, const struct rate_conf *conf, nsec_t now)
{
	*r = (struct rate){
		.conf = *conf,
		.state = RATE_START,
		.reason = RATE_STARTING,
		.value = (double)conf->start,
		.decided = true,
		.patience = START_LONGEST,
		.heard_at = now,
		.interval = EPOCH_FAST,
		.local_cap = INFINITY,
		.up_wait = UP_WAIT_MIN,
		.up_at = now + UP_WAIT_MIN,
		.step = STEP_FIRST,
		.retest_at = now + RETEST_MIN,
		.retest_wait = RETEST_MIN,
		.sprint_at = now + SPRINT_MIN,
		.sprint_wait = SPRINT_MIN,
	};
}

/* --- receivers --- */

struct ratepeer *rate_find(struct rate *r, uint32_t node_id)
{
	for (unsigned i = 0; i < RATE_PEERS; i++)
		if (r->peers[i].used && r->peers[i].node_id == node_id)
			return &r->peers[i];
	return NULL;
}

const struct ratepeer *rate_peer(const struct rate *r, uint32_t node_id)
{
	return rate_find((struct rate *)r, node_id);
}

/* What it can do, or was seen to get. */
static double able(const struct ratepeer *p)
{
	return isfinite(p->cap) ? p->cap : MAX(p->best, p->fine);
}

void rate_unhear(struct rate *r)
{
	for (unsigned i = 0; i < RATE_PEERS; i++)
		r->peers[i].fresh = false;
}

double rate_fastest(const struct rate *r)
{
	double best = 0;

	for (unsigned i = 0; i < RATE_PEERS; i++) {
		const struct ratepeer *p = &r->peers[i];

		if (!p->used)
			continue;
		if (p->well && !isfinite(p->cap) && r->n_marks - p->mark <= LATELY)
			return INFINITY;
		best = MAX(best, able(p));
	}
	return best;
}

/* Whether the median is more than twice `cap`, that is, more than half of them are faster than
 * that. One or two have no median. */
static bool is_outrun(const struct rate *r, double cap)
{
	unsigned n = 0, faster = 0;

	for (unsigned i = 0; i < RATE_PEERS; i++) {
		n += r->peers[i].used;
		faster += r->peers[i].used && able(&r->peers[i]) > 2 * cap;
	}
	return 2 * faster > n;
}

bool rate_outruns(const struct rate *r, const struct ratepeer *p)
{
	return p->used && able(p) > 0 && is_outrun(r, able(p));
}

bool rate_straggles(const struct rate *r, const struct ratepeer *p)
{
	return p->behind || p->cap < (double)r->conf.min || is_outrun(r, p->cap);
}

/* What all that count can do. */
double rate_target(struct rate *r)
{
	double t = MIN((double)r->conf.max, r->local_cap);

	r->focus = 0;
	for (unsigned i = 0; i < RATE_PEERS; i++) {
		const struct ratepeer *p = &r->peers[i];

		if (!p->used || p->cap >= t || rate_straggles(r, p))
			continue;
		t = p->cap;
		r->focus = p->node_id;
	}
	return t;
}

/* --- changing it --- */

void rate_set(struct rate *r, double value, enum rate_reason why)
{
	r->next = CLAMP(value, (double)r->conf.min, (double)r->conf.max);
	r->next_reason = r->next >= (double)r->conf.max ? RATE_MAX : why;
}

void rate_enter(struct rate *r, enum rate_state state, unsigned patience)
{
	r->state = state;
	r->patience = patience;
	r->doubt = false;
}

void rate_climb_later(struct rate *r, nsec_t now, nsec_t wait)
{
	r->up_wait = MIN(wait, UP_WAIT_MAX);
	r->up_at = now + r->up_wait;
	r->step = STEP_FIRST;
	r->climbing = false;
}

/* What is left of a limit: the queue that showed it goes first. */
static void settle(struct rate *r, nsec_t now, enum rate_reason why)
{
	double most = r->state == RATE_TEST ? r->resume_value : r->value;

	rate_climb_later(r, now, r->climbing ? 2 * r->up_wait : UP_WAIT_MIN);
	rate_enter(r, RATE_DRAIN, DRAIN_LONGEST);
	for (unsigned i = 0; i < RATE_PEERS; i++)
		r->peers[i].drained = NSEC_NEVER;
	rate_set(r, MIN(DRAIN_SHARE * rate_target(r), most), why);
}

static void hold(struct rate *r, enum rate_reason why)
{
	double t = rate_target(r);

	rate_enter(r, RATE_HOLD, 0);
	t = t < (double)r->conf.max ? HOLD_SHARE * t : t;
	rate_set(r, MIN(t, UNDRAIN * r->value), why);
}

/* Down for an interval, for those that are suspects now. */
static void test(struct rate *r)
{
	double low = r->value;

	for (unsigned i = 0; i < RATE_PEERS; i++)
		if (r->peers[i].used && r->peers[i].suspect &&
		    !is_outrun(r,
			       r->peers[i].is.delivered)) /* for stragglers nobody slows down */
			low = MIN(low, r->peers[i].is.delivered);
	r->resume = r->state;
	r->resume_value = r->value;
	r->resume_reason = r->reason;
	rate_enter(r, RATE_TEST, TEST_LONGEST);
	rate_set(r, TEST_SHARE * low, RATE_TESTING);
}

/* --- what an interval showed --- */

struct verdict {
	unsigned fresh, hurt; /* receivers that answered, and those with a sign */
	unsigned queued;      /* with no other sign than that */
	unsigned badly;       /* that get less than half */
	enum rate_sign worst; /* of those that count */
	double more;          /* loss beyond the normal */
	bool queue;           /* somebody's packets are late, perhaps by chance */
	double sent;          /* rate */
	bool idle;            /* ... and it could have been more, had there been more to send */
};

static const enum rate_reason reason_of[] = {
	[SIGN_NONE] = RATE_MAX,        [SIGN_QUEUE] = RATE_QUEUE, [SIGN_LOSS] = RATE_LOSS,
	[SIGN_BACKLOG] = RATE_BACKLOG, [SIGN_DROPS] = RATE_DROPS,
};

static struct verdict judge(struct rate *r)
{
	struct verdict v = { 0 };
	bool calm = r->state == RATE_HOLD && !r->climbing && r->n_marks - r->begin > 2;

	for (unsigned i = 0; i < RATE_PEERS; i++) {
		struct ratepeer *p = &r->peers[i];
		enum rate_sign sign;

		if (!p->used || !p->fresh)
			continue;
		if (calm)
			ratepeer_calm(p);
		sign = ratepeer_sign(p, r->state == RATE_START);
		v.fresh++;
		v.sent = MAX(v.sent, p->is.sent);
		v.idle |= p->is.idle;
		v.hurt += sign != SIGN_NONE;
		v.queued += sign == SIGN_QUEUE;
		v.badly += sign != SIGN_NONE && p->is.loss - p->base > BADLY;
		if (sign == SIGN_NONE)
			ratepeer_fine(p);
		if (r->state != RATE_START && rate_straggles(r, p))
			continue;
		v.worst = MAX(v.worst, sign);
		v.more = MAX(v.more, p->is.loss - p->base);
		v.queue |= ratepeer_queues(p);
	}
	return v;
}

/* While more is tried, what was fine before is not called in question. */
static void limit(const struct rate *r, struct ratepeer *p, double cap)
{
	if (r->climbing)
		cap = MAX(cap, r->climbed_from / HOLD_SHARE);
	ratepeer_limit(p, MIN(cap, p->is.sent));
}

/* Each receiver with a sign can do what it got; loss alone makes it a suspect first. True:
 * there are suspects. */
static bool blame(struct rate *r)
{
	bool suspects = false;

	for (unsigned i = 0; i < RATE_PEERS; i++) {
		struct ratepeer *p = &r->peers[i];
		enum rate_sign sign;

		if (!p->used || !p->fresh || (r->state != RATE_START && rate_straggles(r, p)))
			continue;
		sign = ratepeer_sign(p, r->state == RATE_START);
		if (sign == SIGN_LOSS) {
			ratepeer_suspect(p);
			suspects = true;
		} else if (sign != SIGN_NONE) {
			double cap = p->is.delivered / MAX(1 - p->base, 0.1);

			if (sign >= SIGN_BACKLOG && r->state == RATE_HOLD)
				cap = MAX(cap, LIMIT_MIN * p->is.sent);
			if (sign == SIGN_QUEUE)
				cap = MAX(cap, r->state == RATE_START ? p->test_delivered
								      : QUEUE_MIN * p->is.sent);
			limit(r, p, cap);
		}
	}
	return suspects;
}

static void on_start(struct rate *r, nsec_t now, const struct verdict *v)
{
	uint32_t asked = r->marks[(r->n_marks - 1) % RATE_MARKS].asked;
	bool doubt = r->doubt;

	/* the first to answer may be a straggler, or the only one that is none */
	if (asked > 2 && 2 * v->fresh <= asked && r->patience)
		return;
	/* if most show but a queue, they napped, perhaps: once more */
	r->doubt = v->hurt == v->fresh && 2 * v->queued > v->fresh && !doubt;
	for (unsigned i = 0; r->doubt && i < RATE_PEERS; i++)
		r->peers[i].test_delivered = r->peers[i].is.delivered;
	if (r->doubt)
		return;
	if (v->hurt == v->fresh || 2 * v->badly >= v->fresh) {
		if (blame(r))
			test(r);
		else
			settle(r, now, reason_of[v->worst]);
	} else if (r->value >= (double)r->conf.max) {
		hold(r, RATE_MAX);
	} else if (v->sent < USED * r->value && v->idle && !r->was_local) {
		return; /* it proves nothing */
	} else if (r->was_local || v->sent < USED * r->value) {
		rate_enter(r, RATE_HOLD, 0);
		if (r->was_local)
			r->reason = RATE_LOCAL;
		else /* half of it was sent */
			rate_set(r, MAX(r->value / 2, v->sent), RATE_SENDER);
	} else {
		rate_set(r, 2 * r->value, RATE_STARTING);
		r->patience = START_LONGEST;
	}
}

static void on_test(struct rate *r, nsec_t now)
{
	bool guilty = false, waiting = false;

	for (unsigned i = 0; i < RATE_PEERS; i++) {
		struct ratepeer *p = &r->peers[i];

		if (!p->used || !p->suspect)
			continue;
		if (p->fresh && ratepeer_convict(p)) {
			if (r->climbing)
				p->cap = MAX(p->cap, r->climbed_from / HOLD_SHARE);
			guilty |= !rate_straggles(r, p);
		} else if (p->fresh)
			continue;
		else if (r->patience)
			waiting = true; /* its report was lost */
		else
			guilty |= ratepeer_escape(p) && !rate_straggles(r, p);
	}
	if (guilty) {
		settle(r, now, RATE_LOSS);
	} else if (!waiting) {
		rate_enter(r, r->resume, 0);
		rate_set(r, r->resume_value, r->resume_reason);
	}
}

/* Queues that did not shrink in a while: what we took for a limit was too much. True: some. */
static bool relimit(struct rate *r)
{
	bool any = false;

	for (unsigned i = 0; i < RATE_PEERS; i++) {
		struct ratepeer *p = &r->peers[i];

		if (!p->used || !p->fresh || ratepeer_drains(p) || rate_straggles(r, p))
			continue;
		ratepeer_limit(p, RELIMIT * p->cap);
		any = true;
	}
	return any;
}

static void on_drain(struct rate *r, nsec_t now, const struct verdict *v)
{
	if (v->worst == SIGN_LOSS && v->more > DOUBT_NONE && blame(r))
		test(r);
	else if (!r->patience || !v->queue)
		hold(r, r->reason);
	else if (r->patience % DRAIN_CHECK == 0 && relimit(r))
		rate_set(r, DRAIN_SHARE * rate_target(r), r->reason);
}

/* Those whose normal loss was found long ago may hide what we cause. */
static bool retest(struct rate *r, nsec_t now)
{
	bool any = false;

	if (now < r->retest_at)
		return false;
	r->retest_wait = MIN(2 * r->retest_wait, RETEST_MAX);
	r->retest_at = now + r->retest_wait;
	for (unsigned i = 0; i < RATE_PEERS; i++) {
		struct ratepeer *p = &r->peers[i];

		if (!p->used || !p->fresh || p->base < BASE_CHECKED || rate_straggles(r, p))
			continue;
		ratepeer_suspect(p);
		any = true;
	}
	return any;
}

/*
 * Our own interface takes no more. It loses nothing, and it takes packets in lumps, so there is
 * time to find out how many.
 */
static void on_local(struct rate *r, nsec_t now)
{
	const struct rate_mark *last = &r->marks[(r->n_marks - 1) % RATE_MARKS];
	const struct rate_mark *from = &r->marks[r->local_since % RATE_MARKS];
	nsec_t time = last->at - from->at;

	if (r->n_marks - r->local_since > RATE_MARKS || time < LOCAL_TIME)
		return;
	r->local_since = r->n_marks - 1;
	r->local_cap = (double)(last->bytes - from->bytes) * SECOND / (double)time;
	if (r->local_cap > r->value)
		return;
	rate_climb_later(r, now, r->climbing ? 2 * r->up_wait : UP_WAIT_MIN);
	rate_set(r, HOLD_SHARE * rate_target(r), RATE_LOCAL);
}

/*
 * Few set the rate, again and again, and what most can do nobody knows: were it more than twice
 * as much, those few would be stragglers. So the search begins again from here.
 */
static bool sprint(struct rate *r, nsec_t now)
{
	unsigned n = 0, free = 0;

	if (!r->marks[(r->n_marks - 1) % RATE_MARKS].all) /* most are not asked */
		return false;
	if (now < r->sprint_at || r->up_wait < SPRINT_AFTER || r->climbing ||
	    r->value >= (double)r->conf.max)
		return false;
	for (unsigned i = 0; i < RATE_PEERS; i++) {
		n += r->peers[i].used;
		free += r->peers[i].used && r->peers[i].limit <= 0;
	}
	if (n < 3 || free == n || 2 * free <= n)
		return false;
	r->sprint_wait = MIN(2 * r->sprint_wait, SPRINT_MAX);
	r->sprint_at = now + r->sprint_wait;
	rate_enter(r, RATE_START, START_LONGEST);
	rate_set(r, 2 * r->value, RATE_STARTING);
	return true;
}

static void climb(struct rate *r, nsec_t now, const struct verdict *v)
{
	if (now < r->up_at || v->queue || r->value >= (double)r->conf.max)
		return;
	if (v->sent < USED * r->value && v->idle)
		return;
	if (v->sent < USED * r->value) {
		r->reason = RATE_SENDER;
		if (r->climbing)
			rate_set(r, MAX(r->climbed_from, v->sent), RATE_SENDER);
		rate_climb_later(r, now, r->up_wait);
		return;
	}
	if (r->climbing && r->step > 4 * STEP_FIRST)
		r->up_wait = UP_WAIT_MIN; /* there is much more */
	r->climbed_from = r->climbing ? r->climbed_last : r->value;
	r->climbed_last = r->value;
	r->climbing = true;
	rate_set(r, r->value * (1 + r->step), RATE_CLIMBING);
	r->step = MIN(r->step * STEP_GROWTH, STEP_MAX);
}

static void on_hold(struct rate *r, nsec_t now, const struct verdict *v)
{
	bool doubt = r->doubt;

	r->doubt = false;
	if (!r->was_local && v->sent > r->local_cap)
		r->local_cap = v->sent;
	if (v->worst == SIGN_NONE) {
		if (r->was_local)
			on_local(r, now);
		else if (retest(r, now))
			test(r);
		else if (v->idle || !sprint(r, now))
			climb(r, now, v);
	} else if (v->worst == SIGN_LOSS && v->more < DOUBT_NONE && !doubt && !r->climbing) {
		r->doubt = true;
	} else if (blame(r)) {
		test(r);
	} else {
		settle(r, now, reason_of[v->worst]);
	}
}

void rate_decide(struct rate *r, nsec_t now)
{
	struct verdict v = judge(r);

	r->decided = true;
	if (!v.fresh || r->next > 0)
		return;
	if (r->patience)
		r->patience--;
	switch (r->state) {
	case RATE_START:
		on_start(r, now, &v);
		break;
	case RATE_TEST:
		on_test(r, now);
		break;
	case RATE_DRAIN:
		on_drain(r, now, &v);
		break;
	case RATE_HOLD:
		on_hold(r, now, &v);
		break;
	}
	rate_unhear(r);
}
