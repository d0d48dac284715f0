/* rates.c - the bounds of the sending rate, by what the user and the interface say. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/rates.h"

#include <errno.h>

#include "common/log.h"

#define MBIT 1000000ull

#define MIN_DEFAULT  (100 * 1000ull)
#define MAX_DEFAULT  (10000 * MBIT) /* of a link that does not tell its speed */
#define START_SHARE  10             /* begin with that part of the highest, but not above */
#define START_NEAR   (200 * MBIT)
#define START_FAR    (20 * MBIT) /* through a router, or on a link that does not tell */
#define NORM_DEFAULT (100 * MBIT)
#define CC_START     40 /* segments a second */
#define HEADER       24 /* of NORM */
#define OVERHEAD     66 /* IP, UDP and Ethernet with all that belongs to a frame */

/* What remains of the link for NORM messages. */
static uint64_t link_rate(const struct conf *c, const struct netplan *plan)
{
	uint64_t message = c->segment + HEADER;

	return plan->speed ? plan->speed * MBIT * message / (message + OVERHEAD) : 0;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int choose_auto(struct rates *r, const struct conf *c, const struct netplan *plan)
{
	uint64_t link = link_rate(c, plan);
	bool near = plan->ttl <= 1 && link;

	r->automatic = true;
	r->max = link ? link : MAX_DEFAULT;
	r->min = c->min_rate ? c->min_rate : lower(MIN_DEFAULT, r->max);
	r->start = lower(r->max / START_SHARE, near ? START_NEAR : START_FAR);
	if (r->start < r->min)
		r->start = r->min;
	if (r->min <= r->max)
		return 0;
	return log_err(0, "--min-rate: more than %s can carry (%u Mbit/s)", plan->ifname,
		       plan->speed),
	       -EINVAL;
}

/* From four segments in a round trip of 100 ms, as RFC 5348 begins, down to one a second. */
static void choose_cc(struct rates *r, const struct conf *c, const struct netplan *plan)
{
	uint64_t link = link_rate(c, plan), message = (c->segment + HEADER) * 8;

	r->automatic = r->cc = true;
	r->max = link ? link : MAX_DEFAULT;
	r->min = lower(message, r->max);
	r->start = lower(CC_START * message, r->max);
}

int rates_choose(struct rates *ret, const struct conf *c, const struct netplan *plan)
{
	*ret = (struct rates){ 0 };
	if (c->rate == RATE_NORM_CC && !c->min_rate)
		return choose_cc(ret, c, plan), 0;
	if (!c->rate && c->profile == PROFILE_SOW)
		return choose_auto(ret, c, plan);
	if (c->min_rate)
		return log_err(0, "--min-rate: is for --rate auto"), -EINVAL;
	ret->start = c->rate;
	if (!c->rate) /* 80 % leaves room for others */
		ret->start = plan->speed ? plan->speed * MBIT * 8 / 10 : NORM_DEFAULT;
	ret->min = ret->max = ret->start;
	return 0;
}
