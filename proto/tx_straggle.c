/* tx_straggle.c - receivers for which the others do not wait, and when their turn comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_straggle.h"

#include "proto/tx_internal.h"

#define PATIENCE 3     /* stretches in a row (proto/fare.h) */
#define SLACK    0.05  /* who loses no more than that keeps up, whatever the rate */
#define SHARE    0.9   /* of what it got, to begin with */
#define RATE_MIN 12500 /* bytes a second */
/* So long without a request: the others have what they can get. */
#define QUIET (500 * NSEC_PER_MSEC)

/* Whether more than half of those who count lose far less, lately or in `all`; of two none is
 * the worse. */
static bool loses_most(const struct roster *r, const struct receiver *rc, bool all)
{
	uint32_t n = 0, better = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct receiver *other = &r->r[i];

		if (!other->fare.known || other->state >= RECEIVER_BEHIND)
			continue;
		n++;
		better += all ? fare_is_worse(fare_all(&rc->fare), fare_all(&other->fare))
			      : fare_is_worse(rc->fare.loss, other->fare.loss);
	}
	return 2 * better > n;
}

static bool too_slow(const struct tx *tx, const struct receiver *rc)
{
	return tx->conf.rate_auto && rc->fare.got > 0 &&
	       rc->fare.got < (double)tx->conf.rate_min && rc->fare.loss > SLACK;
}

static void fall_behind(struct tx *tx, nsec_t now, struct receiver *rc)
{
	roster_set_state(&tx->roster, rc, RECEIVER_BEHIND);
	rc->straggled = true;
	tx->at.probe_at = MIN(tx->at.probe_at, now);
}

/* With congestion control the rate is the slowest one's. */
static bool may_judge(const struct tx *tx)
{
	return tx->stage == TX_RUNNING && !tx->conf.rate_cc;
}

/* At the start it is too much for everybody. */
static bool rate_is_found(const struct tx *tx)
{
	return !tx->conf.rate_auto || tx->rate.state != RATE_START;
}

bool tx_straggle_report(struct tx *tx, nsec_t now, struct receiver *rc,
			const struct rx_report *rp)
{
	bool told = rc->told;

	if (fare_report(&rc->fare, rp) && rc->state == RECEIVER_ACTIVE && may_judge(tx) &&
	    rate_is_found(tx)) {
		bool bad = loses_most(&tx->roster, rc, false) || too_slow(tx, rc);

		rc->fare.bad = bad ? rc->fare.bad + 1 : 0;
		if (rc->fare.bad >= PATIENCE && tx->roster.count[RECEIVER_ACTIVE] > 1)
			fall_behind(tx, now, rc);
	}
	rc->told = rc->straggled;
	return rc->straggled && !told;
}

void tx_straggle_sort(struct tx *tx, nsec_t now)
{
	if (tx->sorted == tx->object_end || !may_judge(tx))
		return;
	tx->sorted = tx->object_end;
	for (uint32_t i = 0; i < tx->roster.n; i++) {
		struct receiver *rc = &tx->roster.r[i];

		if (rc->state == RECEIVER_ACTIVE && rc->fare.known && !rc->straggled &&
		    loses_most(&tx->roster, rc, true))
			fall_behind(tx, now, rc);
	}
}

/* What most of those behind can take, as far as one or two can tell: else the slowest. */
static double their_rate(const struct roster *r)
{
	double least = (double)INT64_MAX;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct receiver *rc = &r->r[i];
		uint32_t n = 0, faster = 0;

		if (rc->state != RECEIVER_BEHIND)
			continue;
		for (uint32_t k = 0; k < r->n; k++) {
			n += r->r[k].state == RECEIVER_BEHIND;
			faster += r->r[k].state == RECEIVER_BEHIND &&
				  r->r[k].fare.got > 2 * rc->fare.got;
		}
		if (2 * faster <= n)
			least = MIN(least, rc->fare.got);
	}
	return least;
}

/* From here on the rate follows them, also where it was fixed for the others. */
static void slow_down(struct tx *tx, nsec_t now, double rate)
{
	struct tx_conf *c = &tx->conf;

	rate = MIN(rate, (double)c->rate);
	if (!c->rate_auto) {
		c->rate_auto = true;
		c->rate_max = c->rate;
		c->rate_min = MIN(RATE_MIN, c->rate);
		c->rate_start = MAX((uint64_t)rate, c->rate_min);
		tx_rate_init(tx, now);
	}
	rate_resume(&tx->rate, now, rate);
	tx_set_rate(tx, now, (uint64_t)tx->rate.value);
	tx->counters.rate_changes++;
}

bool tx_straggle_recall(struct tx *tx, nsec_t now)
{
	const uint32_t *n = tx->roster.count;
	bool settled = !tx_new_left(tx) && !tx_repair_pending(tx) &&
		       tx->flushes * 2 * tx_grtt(tx) >= QUIET;

	if (!n[RECEIVER_BEHIND] || !tx->finishing || (n[RECEIVER_ACTIVE] && !settled))
		return false;
	slow_down(tx, now, SHARE * their_rate(&tx->roster));
	for (uint32_t i = 0; i < tx->roster.n; i++) {
		struct receiver *rc = &tx->roster.r[i];

		if (rc->state != RECEIVER_BEHIND)
			continue;
		roster_set_state(&tx->roster, rc, RECEIVER_ACTIVE);
		rc->fare.bad = 0;
		rc->asked_at = 0;
	}
	tx->at.probe_at = MIN(tx->at.probe_at, now);
	tx->idle = false;
	return true;
}
