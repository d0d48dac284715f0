/* gather.c - who has to be there before the first data leave, and for how long they are
 * awaited.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/gather.h"

#define JOIN_QUIET (300 * NSEC_PER_MSEC) /* nobody else came: start */
#define PLAIN_WAIT NSEC_PER_SEC          /* nobody can be counted */

void gather_init(struct gather *g, nsec_t now, nsec_t wait)
{
	*g = (struct gather){ .began_at = now, .joined_at = now, .wait_at = now + wait };
}

void gather_count(struct gather *g, nsec_t now, unsigned n)
{
	if (n > g->n)
		g->joined_at = now;
	g->n = n;
}

void gather_wait(struct gather *g, nsec_t more)
{
	g->wait_at = MAX(g->wait_at + more, g->began_at);
}

bool gather_enough(const struct gather *g, nsec_t now, nsec_t *ret_at)
{
	bool over = now >= g->wait_at;

	*ret_at = g->wait_at;
	if (g->now)
		return g->n || g->plain;
	if (g->named)
		return g->n && (!g->absent || over);
	if (g->receivers)
		return g->n >= g->receivers || (g->n && over);
	if (g->plain) {
		*ret_at = g->began_at + PLAIN_WAIT;
		return now >= *ret_at;
	}
	if (g->n)
		*ret_at = MIN(g->wait_at, g->joined_at + JOIN_QUIET);
	return g->n && now >= *ret_at;
}

bool gather_in_vain(const struct gather *g, nsec_t now)
{
	return !g->n && now >= g->wait_at && !(g->plain && !g->receivers);
}
