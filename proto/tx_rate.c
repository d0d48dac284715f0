/* tx_rate.c - whom a PROBE asks for a REPORT, and what the rate makes of the answers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_internal.h"

#define REPORTS_MAX 8            /* that come for one PROBE, about */
#define ASK_FIXED   NSEC_PER_SEC /* a fixed rate needs no reports; people like to see them */

void tx_rate_init(struct tx *tx, nsec_t now)
{
	const struct tx_conf *c = &tx->conf;
	struct rate_conf conf = { c->rate_min, c->rate_start, c->rate_max };

	tx->ask_at = now;
	if (!c->rate_auto)
		return;
	rate_init(&tx->rate, &conf, now);
	tx->conf.rate = c->rate_start;
}

static bool asking(const struct tx *tx)
{
	return tx->conf.profile == TX_SOW && tx->stage == TX_RUNNING &&
	       tx->roster.count[RECEIVER_ACTIVE] > 0;
}

/* When the next PROBE that asks for reports is due. */
nsec_t tx_rate_probe_at(const struct tx *tx)
{
	if (!asking(tx))
		return NSEC_NEVER;
	return tx->conf.rate_auto && tx->rate.n_marks ? rate_mark_at(&tx->rate) : tx->ask_at;
}

static bool is_asked(const struct receiver *rc, const struct probe *p)
{
	return rc->state == RECEIVER_ACTIVE && probe_asks(p, rc->node_id);
}

void tx_rate_probe(struct tx *tx, nsec_t now, struct probe *p)
{
	uint32_t n = tx->roster.count[RECEIVER_ACTIVE];

	tx->asked = 0;
	if (asking(tx) && now >= tx_rate_probe_at(tx))
		p->report_every = (uint16_t)((n + REPORTS_MAX - 1) / REPORTS_MAX);
	if (tx->conf.rate_auto)
		tx->probe_sequence =
			rate_next_sequence(&tx->rate, tx->probe_sequence, p->report_every);
	else
		tx->probe_sequence++;
	p->sequence = tx->probe_sequence;
	if (!p->report_every)
		return;
	tx->ask_at = now + ASK_FIXED;
	for (uint32_t i = 0; i < tx->roster.n; i++)
		tx->asked += is_asked(&tx->roster.r[i], p);
}

/* Who has everything, or is gone, does not hold back the others. */
static void forget(struct tx *tx)
{
	for (unsigned i = 0; i < RATE_PEERS; i++) {
		const struct ratepeer *p = &tx->rate.peers[i];
		const struct receiver *rc;

		if (!p->used)
			continue;
		rc = roster_find(&tx->roster, p->node_id);
		if (!rc || rc->state != RECEIVER_ACTIVE)
			rate_forget(&tx->rate, p->node_id);
	}
}

void tx_rate_probed(struct tx *tx, nsec_t now, const struct probe *p)
{
	struct rate_mark m = {
		.sequence = p->sequence,
		.at = now,
		.packets = tx->counters.packets,
		.bytes = tx->counters.bytes,
		.asked = tx->asked,
		.all = p->report_every == 1,
		.grtt = tx_grtt(tx),
	};
	uint64_t rate;

	if (!tx->conf.rate_auto || !p->report_every)
		return;
	forget(tx);
	rate = rate_on_mark(&tx->rate, &m);
	if (rate == tx->conf.rate)
		return;
	tx_set_rate(tx, now, rate);
	tx->counters.rate_changes++;
}

int tx_rate_report(struct tx *tx, nsec_t now, const struct msg *m, const struct receiver *rc,
		   struct tx_event *ret)
{
	int r = report_decode(&ret->report, m->payload, m->payload_len);

	if (r < 0 || !rc)
		return r;
	ret->kind = TX_EV_REPORT;
	tx->counters.reports++;
	if (!tx->conf.rate_auto || tx->stage != TX_RUNNING || rc->state != RECEIVER_ACTIVE)
		return 0;
	rate_on_report(&tx->rate, now, m->source_id, &ret->report);
	tx->idle = false;
	return 0;
}

void tx_blocked(struct tx *tx)
{
	if (tx->conf.rate_auto)
		rate_on_local(&tx->rate);
}
