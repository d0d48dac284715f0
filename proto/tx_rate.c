/* tx_rate.c - whom a PROBE asks for a REPORT, and what the rate makes of the answers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_internal.h"
#include "proto/tx_straggle.h"

#include "proto/quant.h"

#define CC_IDLE     NSEC_PER_SEC /* CMD(CC) while there is nothing to send, at least */
#define HEADER      24           /* of DATA */
#define REPORTS_MAX 8            /* that come for one PROBE, about */
/* A fixed rate needs no reports but to find stragglers. */
#define ASK_FIXED (200 * NSEC_PER_MSEC)

void tx_rate_init(struct tx *tx, nsec_t now)
{
	const struct tx_conf *c = &tx->conf;
	struct rate_conf conf = { c->rate_min, c->rate_start, c->rate_max };
	struct cc_conf cc = { .min = (double)c->rate_min,
			      .start = (double)c->rate_start,
			      .max = (double)c->rate_max,
			      .packet = (double)c->segment_size + HEADER,
			      .robust = c->robust };

	tx->ask_at = now;
	if (c->rate_cc)
		cc_init(&tx->cc, &cc, now);
	else if (c->rate_auto)
		rate_init(&tx->rate, &conf, now);
	else
		return;
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

int tx_rate_report(struct tx *tx, nsec_t now, const struct msg *m, struct receiver *rc,
		   struct tx_event *ret)
{
	int r = report_decode(&ret->report, m->payload, m->payload_len);

	if (r < 0 || !rc)
		return r;
	ret->kind = TX_EV_REPORT;
	tx->counters.reports++;
	ret->straggles = tx_straggle_report(tx, now, rc, &ret->report);
	if (!tx->conf.rate_auto || tx->stage != TX_RUNNING || rc->state != RECEIVER_ACTIVE ||
	    ret->report.lossy)
		return 0;
	rate_on_report(&tx->rate, now, m->source_id, &ret->report);
	tx->idle = false;
	return 0;
}

void tx_left(struct tx *tx, nsec_t at)
{
	if (tx->conf.rate_auto)
		rate_on_left(&tx->rate, at);
}

void tx_blocked(struct tx *tx)
{
	if (tx->conf.rate_auto)
		rate_on_local(&tx->rate);
}

/* --- congestion control (RFC 5740 §5.5.2) --- */

enum rate_reason tx_rate_reason(const struct tx *tx)
{
	const struct cc *c = &tx->cc;

	if (tx->conf.rate_auto)
		return tx->rate.reason;
	if (!tx->conf.rate_cc)
		return RATE_FIXED;
	if (c->value >= c->conf.max)
		return RATE_MAX;
	if (!c->clr && c->value < c->conf.start)
		return RATE_SILENCE;
	return c->slow_start ? RATE_STARTING : RATE_LOSS;
}

static void apply(struct tx *tx, nsec_t now)
{
	uint64_t rate = (uint64_t)tx->cc.value;

	if (rate == tx->conf.rate)
		return;
	tx_set_rate(tx, now, rate);
	tx->counters.rate_changes++;
}

void tx_rate_cc(struct tx *tx, nsec_t now, const struct msg *m, nsec_t rtt)
{
	if (!(m->ext.present & EXT_HAS_CC))
		return;
	cc_on_feedback(&tx->cc, now, m->source_id, &m->ext.cc, rtt);
	apply(tx, now);
	tx->idle = false;
}

/* Who has everything, or is gone, does not hold back the others. */
static void forget_cc(struct tx *tx)
{
	for (unsigned i = 0; i < CC_PEERS; i++) {
		uint32_t id = tx->cc.peers[i].node_id;
		const struct receiver *rc = id ? roster_find(&tx->roster, id) : NULL;

		if (id && (!rc || rc->state != RECEIVER_ACTIVE))
			cc_forget(&tx->cc, id);
	}
}

nsec_t tx_rate_cc_probe(struct tx *tx, nsec_t now, struct msg *m)
{
	bool busy = tx->stage == TX_RUNNING && (tx_new_left(tx) || tx_repair_pending(tx));
	struct cc_node list[CC_LISTED];
	uint8_t *buf = tx_scratch(tx);
	struct wr w = wr_init(buf, buf ? tx->conf.segment_size : 0);
	nsec_t interval;
	unsigned n;

	forget_cc(tx);
	cc_on_probe(&tx->cc, now,
		    &(struct cc_probe){
			    .sequence = m->cc_sequence,
			    .grtt = tx_grtt(tx),
			    .bytes = tx->counters.bytes,
			    .busy = busy,
		    });
	apply(tx, now);
	n = buf ? cc_list(&tx->cc, list) : 0;
	for (unsigned i = 0; i < n; i++)
		cc_node_encode(&list[i], &w);
	m->payload = buf;
	m->payload_len = wr_len(&w);
	m->ext.send_rate = quant_rate_encode((double)tx->conf.rate);
	interval = busy ? cc_interval(&tx->cc) : 0;
	return interval ? interval : MIN(tx->cc_interval, CC_IDLE);
}
