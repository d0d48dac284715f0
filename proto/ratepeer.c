/* ratepeer.c - one receiver's path, as its reports show it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/ratepeer.h"

#include <math.h>

#define SECOND ((double)NSEC_PER_SEC)

#define LOSS_MARGIN   0.003 /* less than this more is nothing to act on */
#define BASE_DOWN     0.25  /* how fast the normal loss follows what is seen */
#define BASE_UP       0.06
#define STILL_FULL    0.92 /* a test at 0.8 of what came brings no less: it was not low enough */
#define DEAF_LOSS     0.3
#define JITTER_WEIGHT 16
#define JITTER_CALM   (NSEC_PER_MSEC / 2)  /* with less, two reports in a row are enough */
#define BEST_TIME     (80 * NSEC_PER_MSEC) /* buffers take anything for less */
#define GROUPS_FIRST  3
#define GROUPS_MIN    1.5
#define GROUPS_MAX    30
#define QUEUE_FREE    (2 * NSEC_PER_MSEC)
#define QUEUE_PLAIN   (5 * NSEC_PER_MSEC) /* late by that much twice: a queue, not chance */
#define MUCH_MORE     1.1
#define GROWS         1.004 /* what is sent against what comes */
#define GROWS_PLAIN   1.2
#define JITTERS       3     /* ... beyond so many times the usual jitter */
#define CLOCK_DRIFT   10000 /* two clocks differ by less than 1 / this */
#define BACKLOG_FREE  8192  /* KiB that storing in turns makes */

void ratepeer_init(struct ratepeer *p, uint32_t node_id, nsec_t now)
{
	*p = (struct ratepeer){
		.node_id = node_id,
		.used = true,
		.heard_at = now,
		.cap = INFINITY,
		.groups = GROUPS_FIRST,
	};
}

/* Its clock is believed unless it is absurd: then the time is ours. */
static nsec_t time_there(const struct ratepeer *p, const struct rx_report *rp, nsec_t ours)
{
	nsec_t t = (nsec_t)(uint32_t)(rp->time_us - p->last.time_us) * NSEC_PER_USEC;

	/* None at all is possible: two PROBEs that waited for it, and were read at once. */
	return t > 4 * ours + NSEC_PER_SEC ? ours : t;
}

/* Late by how much, beyond the least; which forgets slowly, as clocks drift. */
static void note_late(struct ratepeer *p, nsec_t late, nsec_t time)
{
	p->late_before = p->is.late;
	p->queue = MAX(p->queue + late - time / CLOCK_DRIFT, 0);
	for (unsigned i = RATEPEER_QUEUES - 1; i > 0; i--)
		p->queues[i] = p->queues[i - 1];
	p->queues[0] = p->queue;
}

void ratepeer_sample(struct ratepeer *p, const struct rx_report *rp,
		     const struct rate_sent *sent)
{
	uint64_t heard = (uint32_t)(rp->heard - p->last.heard);
	uint64_t bytes = MIN(rp->bytes - p->last.bytes, sent->bytes);
	nsec_t time = MAX(sent->time, 1), there = time_there(p, rp, time);
	double n = (double)MAX(sent->packets, 1), grown;
	struct rate_sample *is = &p->is;

	heard = MIN(heard, sent->packets);
	note_late(p, there - time, time);
	*is = (struct rate_sample){
		.time = time,
		.packets = n,
		.loss = 1 - (double)heard / n,
		.sent = MIN((double)sent->bytes * SECOND / (double)time, sent->rate),
		.delivered = (double)bytes * SECOND / (double)MAX(there, 1),
		.late = there - time,
		.dropped = rp->dropped != p->last.dropped,
		.idle = sent->idle,
		.piling = rp->backlog > BACKLOG_FREE && rp->backlog > p->last.backlog,
	};
	if (!sent->packets)
		is->loss = 0;
	is->noise = sqrt(p->groups * MAX(is->loss * (1 - is->loss), 1 / n) / n);
	is->delivered = MIN(is->delivered, is->sent);
	if (is->piling) {
		grown = 1024 * (double)(rp->backlog - p->last.backlog) * SECOND /
			(double)MAX(there, 1);
		is->delivered = MAX(is->delivered - grown, is->delivered / 4);
	}
	if (time >= BEST_TIME)
		p->best = MAX(p->best, is->delivered);
}

enum rate_sign ratepeer_sign(const struct ratepeer *p, bool strict)
{
	const struct rate_sample *is = &p->is;
	double more = is->loss - p->base;
	nsec_t plain = QUEUE_PLAIN + JITTERS * p->jitter;

	if (is->dropped && more > LOSS_MARGIN / 2)
		return SIGN_DROPS;
	if (is->piling)
		return SIGN_BACKLOG;
	if (more > LOSS_MARGIN + 3 * is->noise)
		return SIGN_LOSS;
	if (is->sent * (1 - is->loss) > (strict ? GROWS_PLAIN : GROWS) * is->delivered &&
	    (strict ? p->queue : ratepeer_queue(p)) > plain)
		return SIGN_QUEUE;
	return SIGN_NONE;
}

/* A queue grows evenly when the rate is even: what does not is a receiver that had something
 * else to do. */
void ratepeer_calm(struct ratepeer *p)
{
	nsec_t d = p->is.late - p->late_before;

	p->n_jitter = MIN(p->n_jitter + 1, JITTER_WEIGHT);
	p->jitter += ((d < 0 ? -d : d) / 2 - p->jitter) / MAX(p->n_jitter, JITTER_WEIGHT / 4);
}

nsec_t ratepeer_queue(const struct ratepeer *p)
{
	unsigned n = p->jitter < JITTER_CALM ? 2 : RATEPEER_QUEUES;
	nsec_t least = p->queues[0];

	for (unsigned i = 1; i < n; i++)
		least = MIN(least, p->queues[i]);
	return least;
}

bool ratepeer_queues(const struct ratepeer *p)
{
	return p->queue > QUEUE_FREE + JITTERS * p->jitter;
}

bool ratepeer_drains(struct ratepeer *p)
{
	nsec_t before = p->drained;

	p->drained = ratepeer_queue(p);
	return p->drained < before || p->drained < QUEUE_FREE + JITTERS * p->jitter;
}

void ratepeer_lose_sight(struct ratepeer *p)
{
	p->queue = 0;
	p->well = false;
	for (unsigned i = 0; i < RATEPEER_QUEUES; i++)
		p->queues[i] = 0;
}

/* `more` loss than expected, though the rate was not to blame. */
static void note_groups(struct ratepeer *p, double more, double weight)
{
	double loss = (p->base + p->is.loss) / 2;

	if (loss * p->is.packets < 4)
		return;
	p->groups += weight * (more * more * p->is.packets / (loss * (1 - loss)) - p->groups);
	p->groups = CLAMP(p->groups, GROUPS_MIN, GROUPS_MAX);
}

void ratepeer_fine(struct ratepeer *p)
{
	double more = p->is.loss - p->base;

	note_groups(p, more, 0.1);
	p->base += more * (more < 0 ? BASE_DOWN : BASE_UP);
	if (p->cap < p->is.sent)
		p->cap = p->is.sent;
	if (p->is.sent > MUCH_MORE * p->limit)
		p->limit = 0;
	p->behind = false;
	p->well = true;
	p->fine = MAX(p->fine, p->is.delivered);
}

void ratepeer_limit(struct ratepeer *p, double cap)
{
	p->cap = cap;
	p->limit = cap;
	p->well = false;
	p->best = MIN(p->best, cap);
	p->fine = MIN(p->fine, cap);
}

void ratepeer_suspect(struct ratepeer *p)
{
	p->suspect = true;
	p->well = false;
	p->test_loss = p->is.loss;
	p->test_noise = p->is.noise;
	p->test_delivered = p->is.delivered;
}

bool ratepeer_convict(struct ratepeer *p)
{
	double noise = sqrt(p->is.noise * p->is.noise + p->test_noise * p->test_noise);
	bool guilty = p->test_loss - p->is.loss > LOSS_MARGIN / 2 + 2 * noise;

	p->suspect = false;
	if (guilty && p->is.delivered > STILL_FULL * p->test_delivered) {
		ratepeer_limit(p, p->is.delivered / MAX(1 - p->base, 0.01));
	} else if (guilty) {
		p->base = p->is.loss;
		ratepeer_limit(p, p->test_delivered / MAX(1 - p->base, 0.01));
	} else {
		p->base = (p->is.loss + p->test_loss) / 2;
		note_groups(p, p->test_loss - p->is.loss, 0.25);
	}
	return guilty;
}

bool ratepeer_escape(struct ratepeer *p)
{
	p->suspect = false;
	if (p->test_loss - p->base <= DEAF_LOSS)
		return false;
	ratepeer_limit(p, p->test_delivered / MAX(1 - p->base, 0.01));
	return true;
}
