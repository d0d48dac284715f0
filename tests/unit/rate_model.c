/* rate_model.c - receivers behind links of limited capacity. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/rate_model.h"

#include <assert.h>
#include <string.h>

void model_init(struct model *m, double min, double start, double max)
{
	struct rate_conf conf = { (uint64_t)min, (uint64_t)start, (uint64_t)max };

	memset(m, 0, sizeof(*m));
	m->delay = 0.0001;
	m->jitter = 0.0004;
	m->rng = rng_init(1);
	m->now = 1;
	rate_init(&m->rate, &conf, (nsec_t)(m->now * 1e9));
}

struct model_path *model_add(struct model *m, double rate, double queue)
{
	struct model_path *p = &m->path[m->n];

	assert(m->n < MODEL_PATHS);
	p->node_id = 1000 + m->n++;
	p->link = (struct model_stage){ .rate = rate, .room = rate * queue };
	return p;
}

/* When a packet has passed; < 0: no room. */
static double pass(struct model_stage *s, double at)
{
	if (s->rate <= 0)
		return at;
	if (s->busy_until < at)
		s->busy_until = at;
	if ((s->busy_until - at) * s->rate + MODEL_PKT > s->room)
		return -1;
	s->busy_until += MODEL_PKT / s->rate;
	return s->busy_until;
}

static bool lost(struct model *m, struct model_path *p)
{
	if (p->burst <= 0)
		return rng_unit(&m->rng) < p->loss;
	if (p->bursting > 0)
		p->bursting--;
	else if (rng_unit(&m->rng) < p->loss / p->burst)
		p->bursting = 2 * p->burst * rng_unit(&m->rng);
	return p->bursting > 0;
}

static void store(struct model_path *p, double at)
{
	if (p->disk <= 0)
		return;
	p->backlog -= (at - p->stored_at) * p->disk;
	if (p->backlog < 0)
		p->backlog = 0;
	p->backlog += MODEL_PKT;
	p->stored_at = at;
}

static void answer(struct model *m, struct model_path *p, double at, bool objection)
{
	struct model_answer *a = &m->answers[m->n_answers];
	double nap = rng_below(&m->rng, 4) ? m->jitter : MAX(m->jitter, m->hiccup);
	double heard_at = at + rng_unit(&m->rng) * nap;

	if (m->n_answers == sizeof(m->answers) / sizeof(m->answers[0]))
		return;
	m->n_answers++;
	a->at = heard_at + m->delay;
	a->node_id = p->node_id;
	a->rp = (struct rx_report){
		.objection = objection,
		.sequence = m->sequence,
		.time_us = (uint32_t)(uint64_t)(heard_at * (1 + p->clock) * 1e6 + 4e9),
		.heard = (uint32_t)p->heard,
		.missed = (uint32_t)p->missed,
		.dropped = (uint32_t)p->dropped,
		.backlog = (uint32_t)(p->backlog / 1024),
		.bytes = p->bytes,
	};
	if (p->lie)
		p->lie(&a->rp, &m->rng);
}

static bool asked(const struct model *m, const struct model_path *p)
{
	return m->every <= 1 || ((uint64_t)p->node_id + m->sequence) % m->every == 0;
}

static void send_packet(struct model *m, bool probe)
{
	m->packets++;
	m->bytes += MODEL_PKT;
	for (unsigned i = 0; i < m->n; i++) {
		struct model_path *p = &m->path[i];
		double at = lost(m, p) ? -1 : pass(&p->link, m->now + m->delay);

		if (at >= 0 && (at = pass(&p->socket, at)) < 0)
			p->dropped++;
		if (at < 0) {
			p->missed++;
			continue;
		}
		p->heard++;
		p->bytes += MODEL_PKT;
		store(p, at);
		if (probe && !p->silent && asked(m, p))
			answer(m, p, at, false);
		else if (!p->silent && m->every > 1 && p->dropped > p->objected &&
			 m->packets % 5000 == 0) {
			p->objected = p->dropped;
			answer(m, p, at, true);
		}
	}
}

static void hear(struct model *m)
{
	for (unsigned i = 0; i < m->n_answers;) {
		struct model_answer a = m->answers[i];

		if (a.at > m->now) {
			i++;
			continue;
		}
		m->answers[i] = m->answers[--m->n_answers];
		rate_on_report(&m->rate, (nsec_t)(m->now * 1e9), a.node_id, &a.rp);
	}
}

static void probe(struct model *m)
{
	uint16_t sequence = rate_next_sequence(&m->rate, m->sequence, (uint16_t)m->every);
	double read = m->reads > 0 ? rng_unit(&m->rng) * m->reads : 0;
	struct rate_mark mark = {
		.sequence = sequence,
		.at = (nsec_t)((m->now - read) * 1e9),
		.packets = m->packets + 1,
		.bytes = m->bytes + MODEL_PKT,
		.all = m->every <= 1,
		.grtt = 2 * NSEC_PER_MSEC,
	};
	uint64_t value;

	m->sequence = sequence;
	for (unsigned i = 0; i < m->n; i++)
		mark.asked += asked(m, &m->path[i]);
	value = rate_on_mark(&m->rate, &mark);
	rate_on_left(&m->rate, (nsec_t)(m->now * 1e9));
	assert(value >= m->rate.conf.min && value <= m->rate.conf.max);
	send_packet(m, true);
}

/* Packets leave at the rate, as far as the host can. */
void model_run(struct model *m, double seconds)
{
	double end = m->now + seconds, v;

	while (m->now < end) {
		bool due = m->sequence == 0 || (double)rate_mark_at(&m->rate) <= m->now * 1e9;

		v = m->rate.value;
		if (m->host > 0 && v > m->host) {
			v = m->host;
			if (m->blocks)
				rate_on_local(&m->rate);
			if (m->idles)
				rate_on_idle(&m->rate);
		}
		if (m->n_answers)
			hear(m);
		if (due)
			probe(m);
		else
			send_packet(m, false);
		m->now += MODEL_PKT / v;
	}
}

struct model_result model_measure(struct model *m, double seconds, unsigned i)
{
	struct model_path *p = &m->path[i];
	uint64_t packets = m->packets, heard = p->heard;
	double from = m->now;

	model_run(m, seconds);
	packets = m->packets - packets;
	heard = p->heard - heard;
	return (struct model_result){
		.loss = 1 - (double)heard / (double)packets,
		.rate = (double)heard * MODEL_PKT / (m->now - from),
		.sent = (double)packets * MODEL_PKT / (m->now - from),
	};
}
