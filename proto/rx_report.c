/* rx_report.c - how the sender's messages fare on their way here, and when to say so. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_internal.h"

#define OBJECTION_INTERVAL (100 * NSEC_PER_MSEC)
#define LOSSY_SHARE        0.1
#define LOSSY_MESSAGES     100
#define LOSSY_INTERVAL     (100 * NSEC_PER_MSEC)
#define LOSSY_EACH         (5 * NSEC_PER_MSEC) /* 200 a second of the whole group */
#define BACKLOG_BOUND      ((uint64_t)8 << 20) /* bytes; less is what storing in turns makes */

void rx_report_init(struct rx *rx)
{
	rx->reporting = (struct rx_reporting){
		.at = NSEC_NEVER,
		.objection_at = NSEC_NEVER,
		.lossy_at = NSEC_NEVER,
	};
}

void rx_set_arrival(struct rx *rx, nsec_t at)
{
	rx->reporting.arrival = at;
}

/* The counters as they are now belong to all that was sent before this PROBE. */
void rx_report_probe(struct rx *rx, nsec_t now, const struct probe *p)
{
	struct rx_reporting *g = &rx->reporting;

	g->probed = true;
	g->is.sequence = p->sequence;
	g->is.time_us = (uint32_t)((g->arrival ? g->arrival : now) / NSEC_PER_USEC);
	g->is.heard = (uint32_t)rx->counters.packets;
	g->is.missed = (uint32_t)rx->counters.missed;
	g->is.bytes = rx->counters.bytes;
	if (rx->joined && !rx->sender.ended && probe_asks(p, rx->conf.node_id))
		g->at = now;
}

/* Drops that nobody was told of, or more waiting for the disk than when it was told last. */
static bool objects(const struct rx_reporting *g)
{
	if (g->dropped > g->said_dropped)
		return true;
	return g->backlog > BACKLOG_BOUND && g->backlog > g->said_backlog + BACKLOG_BOUND / 4;
}

void rx_set_health(struct rx *rx, nsec_t now, uint64_t dropped, uint64_t backlog)
{
	struct rx_reporting *g = &rx->reporting;
	nsec_t spread;

	g->dropped = dropped;
	g->backlog = backlog;
	g->said_backlog = MIN(g->said_backlog, backlog);
	if (g->objection_at != NSEC_NEVER || !objects(g) || !g->probed || !rx->joined ||
	    rx->sender.ended)
		return;
	spread = (nsec_t)(rng_unit(&rx->rng) * (double)(rx->sender.backoff * rx->sender.grtt));
	g->objection_at = now + spread;
	if (g->objected)
		g->objection_at = MAX(g->objection_at, g->said_at + OBJECTION_INTERVAL);
}

/* --- much is lost: then PROBEs are, too --- */

static bool loses_much(const struct rx *rx)
{
	const struct rx_reporting *g = &rx->reporting;
	uint64_t lost = rx->counters.missed - MIN(g->lossy_missed, rx->counters.missed);
	uint64_t n = rx->counters.packets - g->lossy_heard + lost;

	return n >= LOSSY_MESSAGES && (double)lost > LOSSY_SHARE * (double)n;
}

/* The larger the group, the less often: it may be a loss of all. */
void rx_report_lost(struct rx *rx, nsec_t now)
{
	struct rx_reporting *g = &rx->reporting;
	nsec_t interval = (nsec_t)(rx->sender.gsize * (double)LOSSY_EACH);

	if (g->lossy_at != NSEC_NEVER || !g->probed || !rx->joined || rx->sender.ended ||
	    !loses_much(rx))
		return;
	interval = MAX(interval, LOSSY_INTERVAL);
	g->lossy_at = now + (nsec_t)(rng_unit(&rx->rng) *
				     (double)(rx->sender.backoff * rx->sender.grtt));
	if (g->lossy_said_at)
		g->lossy_at = MAX(g->lossy_at, g->lossy_said_at + interval);
}

static int lossy_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	struct rx_reporting *g = &rx->reporting;
	struct rx_report is = {
		.lossy = true,
		.sequence = g->is.sequence,
		.time_us = (uint32_t)(now / NSEC_PER_USEC),
		.heard = (uint32_t)rx->counters.packets,
		.missed = (uint32_t)rx->counters.missed,
		.bytes = rx->counters.bytes,
		.dropped = (uint32_t)g->dropped,
		.backlog = (uint32_t)MIN(g->backlog / 1024, UINT32_MAX),
		.complete = rx->bytes_done,
	};
	uint8_t content[REPORT_LEN];
	bool much = loses_much(rx);

	g->lossy_at = NSEC_NEVER;
	g->lossy_said_at = now;
	g->lossy_heard = rx->counters.packets;
	g->lossy_missed = rx->counters.missed;
	if (rx->sender.ended || !much)
		return 0;
	return rx_ack_output(rx, now, ACK_REPORT, content,
			     report_encode(&is, content, sizeof(content)), buf, cap);
}

int rx_report_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	struct rx_reporting *g = &rx->reporting;
	struct rx_report is = g->is;
	uint8_t content[REPORT_LEN];
	int len = now >= g->lossy_at ? lossy_output(rx, now, buf, cap) : 0;

	if (len)
		return len;
	if (now < g->at && now < g->objection_at)
		return 0;
	is.objection = now < g->at;
	g->at = g->objection_at = NSEC_NEVER;
	if (rx->sender.ended || (is.objection && !objects(g)))
		return 0;
	if (is.objection) {
		is.time_us = (uint32_t)(now / NSEC_PER_USEC);
		g->objected = true;
		g->said_at = now;
	}
	is.dropped = (uint32_t)g->dropped;
	is.backlog = (uint32_t)MIN(g->backlog / 1024, UINT32_MAX);
	is.complete = rx->bytes_done;
	g->said_dropped = g->dropped;
	g->said_backlog = g->backlog;
	return rx_ack_output(rx, now, ACK_REPORT, content,
			     report_encode(&is, content, sizeof(content)), buf, cap);
}

nsec_t rx_report_deadline(const struct rx *rx)
{
	const struct rx_reporting *g = &rx->reporting;

	return MIN(g->lossy_at, MIN(g->at, g->objection_at));
}
