/* link.c - one direction of a network path. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/link.h"

void link_init(struct link *l, const struct link_conf *conf, nsec_t start, uint64_t seed)
{
	*l = (struct link){ .conf = *conf, .start = start, .rng = rng_init(seed) };
}

static bool chance(struct rng *rng, double p)
{
	return p > 0 && rng_unit(rng) < p;
}

bool link_passes(struct link *l, nsec_t now)
{
	if (l->conf.burst_enter > 0 &&
	    chance(&l->rng, l->bad ? l->conf.burst_leave : l->conf.burst_enter))
		l->bad = !l->bad;
	if (now - l->start >= l->conf.down_at && now - l->start < l->conf.up_at)
		return false;
	if (l->bad && chance(&l->rng, l->conf.burst_loss))
		return false;
	return !chance(&l->rng, l->conf.loss);
}

bool link_takes(struct link *l, nsec_t now, size_t len)
{
	if (!l->conf.rate)
		return true;
	l->busy_until = MAX(l->busy_until, now);
	if (l->busy_until - now > l->conf.queue)
		return false;
	l->busy_until += (nsec_t)(len * (uint64_t)NSEC_PER_SEC / l->conf.rate);
	return true;
}

bool link_duplicates(struct link *l)
{
	return chance(&l->rng, l->conf.duplicate);
}

nsec_t link_arrival(struct link *l, nsec_t now)
{
	nsec_t at = MAX(now, l->busy_until) + l->conf.delay;

	if (l->conf.jitter)
		at += (nsec_t)rng_below(&l->rng, (uint64_t)l->conf.jitter);
	if (chance(&l->rng, l->conf.reorder))
		return at + (nsec_t)rng_below(&l->rng, (uint64_t)l->conf.reorder_by);
	l->last_at = MAX(at, l->last_at);
	return l->last_at;
}

bool link_is_steady(const struct link_conf *conf)
{
	return !conf->rate && !conf->jitter && conf->reorder <= 0 && conf->duplicate <= 0;
}
