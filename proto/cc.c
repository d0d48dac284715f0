/* cc.c - congestion control for shared paths: as fast as TCP would be (RFC 5740 §5.5.2). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/cc.h"

#include <math.h>

#include "proto/quant.h"
#include "proto/serial.h"

#define RTT_MIN      NSEC_PER_MSEC /* below it we would measure this host */
#define RTT_MAX      (10 * NSEC_PER_SEC)
#define RTT_FORGET   64
#define INTERVAL_MIN (10 * NSEC_PER_MSEC)
#define AGE_MAX      4  /* probes that the CLR may leave unanswered */
#define STALE        4  /* probes after which a rate of slow start says nothing */
#define OLD          64 /* ... and after which nothing else does, */
#define OLD_TIME     (10 * NSEC_PER_SEC) /* if it is that long, too */
#define TIE          0.9
#define PLR_SHARE    1.5 /* of the CLR's rate: it may be the next */
#define USED         0.5
#define METER_MIN    4 /* packets that a rate is measured with */

void cc_init(struct cc *c, const struct cc_conf *conf, nsec_t now)
{
	*c = (struct cc){
		.conf = *conf,
		.value = conf->start,
		.slow_start = true,
		.raised_at = now,
		.changed_at = now,
	};
}

double cc_equation(double packet, nsec_t rtt, double loss)
{
	double r = (double)rtt / (double)NSEC_PER_SEC;

	return packet / (r * (sqrt(2 * loss / 3) +
			      12 * sqrt(3 * loss / 8) * loss * (1 + 32 * loss * loss)));
}

static struct ccpeer *find(struct cc *c, uint32_t node_id)
{
	for (unsigned i = 0; i < CC_PEERS; i++)
		if (c->peers[i].node_id == node_id)
			return &c->peers[i];
	return NULL;
}

static struct ccpeer *clr_of(struct cc *c)
{
	return c->clr ? find(c, c->clr) : NULL;
}

static unsigned age(const struct cc *c, const struct ccpeer *p)
{
	return (uint16_t)(c->sequence - p->sequence);
}

static void set(struct cc *c, double value)
{
	c->value = CLAMP(value, c->conf.min, c->conf.max);
}

/* --- who is the slowest --- */

/* Room for one more: a free place, or that of the fastest, if this one is slower. */
static struct ccpeer *place(struct cc *c, double rate)
{
	struct ccpeer *fastest = NULL;

	for (unsigned i = 0; i < CC_PEERS; i++) {
		struct ccpeer *p = &c->peers[i];

		if (!p->node_id)
			return p;
		if (p->node_id != c->clr && (!fastest || p->rate > fastest->rate))
			fastest = p;
	}
	return fastest->rate > rate ? fastest : NULL;
}

static bool slower(const struct ccpeer *a, const struct ccpeer *b)
{
	return a->rate < TIE * b->rate || (a->rate < b->rate && a->rtt > b->rtt);
}

static void elect(struct cc *c)
{
	struct ccpeer *best = clr_of(c);

	for (unsigned i = 0; i < CC_PEERS; i++) {
		struct ccpeer *p = &c->peers[i];

		if (!p->node_id || (p->lossless && age(c, p) > STALE && best))
			continue;
		if (!best || slower(p, best))
			best = p;
	}
	if (!best || best->node_id == c->clr)
		return;
	c->clr = best->node_id;
	c->silence = 0;
}

/* The next lowest follows; with nobody left everything begins again. */
void cc_forget(struct cc *c, uint32_t node_id)
{
	struct ccpeer *p = node_id ? find(c, node_id) : NULL;

	if (!p)
		return;
	*p = (struct ccpeer){ 0 };
	if (c->clr != node_id)
		return;
	c->clr = 0;
	elect(c);
	c->slow_start |= !c->clr;
}

/* --- what the rate makes of it --- */

static void slow_start(struct cc *c, nsec_t now, const struct ccpeer *clr)
{
	double up = MIN(clr->rate, 2 * c->value);

	if (up > c->value && now - c->raised_at >= MAX(c->grtt, clr->rtt)) {
		set(c, up);
		c->raised = c->sequence;
		c->raised_at = now;
	} else if (clr->rate < c->value && serial16_diff(clr->sequence, c->raised) > 1) {
		set(c, clr->rate); /* measured after it was raised */
	}
}

static void follow(struct cc *c, nsec_t now, const struct ccpeer *clr)
{
	nsec_t time = MIN(now - c->changed_at, 2 * MAX(clr->rtt, INTERVAL_MIN));
	double rtt = (double)clr->rtt_high;
	double more = c->conf.packet * (double)time / rtt * (double)NSEC_PER_SEC / rtt;

	c->changed_at = now;
	if (clr->rate <= c->value)
		set(c, clr->rate);
	else if (c->used)
		set(c, MIN(clr->rate, c->value + more));
}

/* --- feedback --- */

/* By what it loses; where that is nothing, or not known, what it says. */
static double rate_of(const struct cc *c, const struct ext_cc *e, const struct ccpeer *p)
{
	double told = quant_rate_decode(e->cc_rate);

	if (p->lossless || p->loss <= 0)
		return told;
	return cc_equation(c->conf.packet, p->rtt, p->loss);
}

static nsec_t smooth(const struct cc *c, const struct ccpeer *known, const struct ext_cc *e,
		     nsec_t rtt)
{
	nsec_t before = known && known->rtt         ? known->rtt
			: e->cc_flags & CC_FLAG_RTT ? quant_rtt_decode(e->cc_rtt)
						    : 0;

	if (rtt <= 0 || rtt > RTT_MAX)
		rtt = before ? before : c->grtt;
	else if (known && known->node_id == c->clr)
		rtt = before / 10 * 9 + rtt / 10;
	else if (before)
		rtt = before / 2 + rtt / 2;
	return CLAMP(rtt, RTT_MIN, RTT_MAX);
}

/*
 * Where the queue makes most of the round trip, growing by what it takes without one would
 * fill it in no time.
 */
static nsec_t high(const struct ccpeer *known, nsec_t rtt, nsec_t sample)
{
	nsec_t last = known ? known->rtt_high : 0;

	last = MAX(last - last / RTT_FORGET, rtt);
	return sample > 0 && sample <= RTT_MAX ? MAX(last, sample) : last;
}

void cc_on_feedback(struct cc *c, nsec_t now, uint32_t node_id, const struct ext_cc *e,
		    nsec_t rtt)
{
	struct ccpeer *p = find(c, node_id), is = { .node_id = node_id, .heard_at = now };
	struct ccpeer *clr;

	if (!node_id || (uint16_t)(c->sequence - e->cc_sequence) >= OLD)
		return; /* not an answer to what we asked lately */
	if (e->cc_flags & CC_FLAG_LEAVE) {
		cc_forget(c, node_id);
		return;
	}
	is.told = p && p->told;
	is.lossless = e->cc_flags & CC_FLAG_START;
	is.loss = quant_loss_decode(e->cc_loss);
	if (!is.lossless && is.loss <= 0 && p) /* NRL's NACKs do not tell it */
		is.loss = p->loss;
	is.sequence = e->cc_sequence;
	is.rtt = smooth(c, p, e, rtt);
	is.rtt_high = high(p, is.rtt, rtt);
	is.rate = rate_of(c, e, &is);
	if (is.rate <= 0 || (is.loss <= 0 && !c->used)) /* nothing was sent, or nearly */
		is.rate = p ? p->rate : c->value;
	if (!p)
		p = place(c, is.rate);
	if (!p)
		return;
	*p = is;
	if (!is.lossless)
		c->slow_start = false;
	elect(c);
	clr = clr_of(c);
	if (clr != p)
		return;
	c->silence = 0;
	if (!c->slow_start)
		follow(c, now, clr);
	else if (c->used)
		slow_start(c, now, clr);
}

/* --- probes --- */

/* Who was not heard for long may have got better, or left. */
static void age_out(struct cc *c, nsec_t now)
{
	for (unsigned i = 0; i < CC_PEERS; i++) {
		struct ccpeer *p = &c->peers[i];

		if (p->node_id && p->node_id != c->clr && age(c, p) >= OLD &&
		    now - p->heard_at >= OLD_TIME)
			*p = (struct ccpeer){ 0 };
	}
}

/* A rate that is not used proves nothing, and may not grow. */
static bool used(const struct cc *c, nsec_t now, const struct cc_probe *p)
{
	double time = (double)(now - c->probed_at) / (double)NSEC_PER_SEC;

	return p->busy && c->busy &&
	       (double)(p->bytes - c->bytes) >= USED * MIN(c->probed, c->value) * time;
}

void cc_on_probe(struct cc *c, nsec_t now, const struct cc_probe *p)
{
	bool was_busy = c->busy;

	c->used = used(c, now, p);
	c->sequence = p->sequence;
	c->grtt = p->grtt;
	c->busy = p->busy;
	c->probed_at = now;
	c->bytes = p->bytes;
	c->probed = c->value;
	age_out(c, now);
	if (!c->busy) { /* after a break it does not go on where it was */
		if (was_busy)
			c->silence = 0;
		else if (c->value > c->conf.start)
			set(c, MAX(c->value / 2, c->conf.start));
		return;
	}
	if (!was_busy) {
		c->raised = c->sequence; /* answers so far tell of less than the rate */
		c->silence = 0;
	}
	c->silence++;
	if (c->silence > AGE_MAX)
		set(c, c->value / 2);
	if (c->silence > c->conf.robust)
		cc_forget(c, c->clr);
}

nsec_t cc_interval(const struct cc *c)
{
	const struct ccpeer *clr = clr_of((struct cc *)c);
	nsec_t packet = (nsec_t)(c->conf.packet / c->value * (double)NSEC_PER_SEC);

	return clr ? MAX(MAX(clr->rtt, INTERVAL_MIN), 2 * packet) : 0;
}

/* Who goes first into the list: who does not know its RTT, by loss; then the slowest. */
static bool before(const struct ccpeer *a, const struct ccpeer *b)
{
	if (a->told != b->told)
		return !a->told;
	return a->told ? a->rate < b->rate : a->loss > b->loss;
}

static struct cc_node node_of(const struct cc *c, const struct ccpeer *p, double limit)
{
	bool clr = p->node_id == c->clr;

	return (struct cc_node){
		.node_id = p->node_id,
		.flags = (uint8_t)(CC_FLAG_RTT |
				   (clr               ? CC_FLAG_CLR
				    : p->rate < limit ? CC_FLAG_PLR
						      : 0) |
				   (p->lossless ? CC_FLAG_START : 0)),
		.rtt = quant_rtt_encode(p->rtt),
		.rate = quant_rate_encode(p->rate),
	};
}

unsigned cc_list(struct cc *c, struct cc_node *ret)
{
	bool listed[CC_PEERS] = { false };
	struct ccpeer *clr = clr_of(c);
	unsigned n = 0;

	while (clr && n < CC_LISTED) {
		struct ccpeer *next = n ? NULL : clr;

		for (unsigned i = 0; n && i < CC_PEERS; i++) {
			struct ccpeer *p = &c->peers[i];

			if (p->node_id && !listed[i] && (!next || before(p, next)))
				next = p;
		}
		if (!next)
			break;
		listed[next - c->peers] = true;
		ret[n++] = node_of(c, next, PLR_SHARE * clr->rate);
	}
	for (unsigned i = 0; i < CC_PEERS; i++)
		c->peers[i].told |= listed[i];
	return n;
}

/* --- the receiver's side --- */

void ccmeter_probe(struct ccmeter *m, nsec_t now, uint64_t packets, uint64_t bytes)
{
	nsec_t time = now - m->at;

	if (m->at && time > 0) {
		/* of a few packets one more or less would make much of a difference */
		if (packets - m->packets < METER_MIN && time < NSEC_PER_SEC)
			return;
		m->rate = (double)(bytes - m->bytes) * (double)NSEC_PER_SEC / (double)time;
	}
	m->at = now;
	m->packets = packets;
	m->bytes = bytes;
}
