/* check.c - the properties that must hold after every step and at the end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/check.h"

#include "proto/layout.h"
#include "proto/request.h"
#include "tests/sim/models.h"

/* The sender's bucket: this much, or this part of a second's bytes, may leave at once. */
#define BURST_BYTES   65536
#define BURST_PER_SEC 250

#define AT_ONCE_MAX 100000 /* packets while the clock stands */
#define IDLE_RATE   2000   /* wake-ups for nothing in a second */

/*
 * Over every window that ends now, bytes - rate * length is at most the level of a bucket that
 * drains at that rate and is never below empty.
 */
static void check_rate(struct sender *s, size_t len)
{
	struct sender_check *c = &s->check;
	double rate = (double)tx_status(s->tx).rate;

	if (!c->packets)
		c->rate = rate;
	c->burst = MAX(c->burst, MAX(BURST_BYTES, rate / BURST_PER_SEC));
	c->level -= MAX(c->rate, rate) * (double)(s->sim->now - c->level_at) / NSEC_PER_SEC;
	c->level = MAX(c->level, 0) + (double)len;
	c->level_at = s->sim->now;
	c->rate = rate;
	if (c->level > c->burst + (double)len + 1) /* the level is not exact */
		sim_fail(s->sim, "keeps the rate", "%.0f bytes too many",
			 c->level - c->burst - (double)len);
}

static void check_at_once(struct sim *sim, nsec_t *at, unsigned *n, const char *who)
{
	*n = *at == sim->now ? *n + 1 : 0;
	*at = sim->now;
	if (*n > AT_ONCE_MAX)
		sim_fail(sim, "lets time pass", "%s sends without end", who);
}

void check_sent(struct sender *s, const struct packet *p)
{
	struct sender_check *c = &s->check;
	struct msg m;
	int r = msg_decode(&m, p->data, p->len);

	if (r < 0)
		sim_fail(s->sim, "sends what decodes", "sender %u: %d", s->index, r);
	else if (m.type > NORM_CMD || m.source_id != s->conf.node_id ||
		 m.instance_id != s->conf.instance_id)
		sim_fail(s->sim, "sends its own", "type %u", m.type);
	else if (m.payload_len > s->conf.segment_size)
		sim_fail(s->sim, "sends no more than a segment", "%zu bytes", m.payload_len);
	else if (c->packets && m.sequence != (uint16_t)(c->sequence + 1))
		sim_fail(s->sim, "counts its messages", "%u after %u", m.sequence, c->sequence);
	c->sequence = m.sequence;
	check_rate(s, p->len);
	c->packets++;
	c->bytes += p->len;
	check_at_once(s->sim, &c->at, &c->at_once, "a sender");
}

static void check_requests(struct session *s, const struct msg *m)
{
	struct request_reader rd;
	struct request q;
	int r;

	request_reader_init(&rd, m->payload, m->payload_len);
	while ((r = request_next(&rd, &q)) > 0)
		if (q.fec_id != s->sender->conf.fec_id && q.fec_id != FEC_SB_SYST &&
		    !(q.flags & NACK_OBJECT) && /* who has heard of none knows no code */
		    !sim_is_spoiled(s->host->sim))
			sim_fail(s->host->sim, "asks in the sender's code", "FEC ID %u",
				 q.fec_id);
	if (r < 0)
		sim_fail(s->host->sim, "asks readably", "host %u: %d", s->host->index, r);
}

void check_feedback(struct session *s, const struct packet *p)
{
	struct sim *sim = s->host->sim;
	struct msg m;
	int r = msg_decode(&m, p->data, p->len);

	s->check.packets++;
	if (r < 0)
		sim_fail(sim, "sends what decodes", "host %u: %d", s->host->index, r);
	else if (m.source_id != s->host->node_id || m.server_id != s->sender->conf.node_id ||
		 m.instance_id != s->sender->conf.instance_id)
		sim_fail(sim, "answers its sender", "host %u", s->host->index);
	else if (m.type == NORM_NACK && m.payload_len > s->sender->conf.segment_size &&
		 !sim_is_spoiled(sim))
		sim_fail(sim, "sends no more than a segment", "%zu bytes", m.payload_len);
	else if (m.type == NORM_NACK)
		check_requests(s, &m);
	check_at_once(sim, &s->check.at, &s->check.at_once, "a host");
}

static void check_idle(struct sim *sim, uint64_t idle, uint64_t packets, const char *who)
{
	uint64_t seconds = (uint64_t)((sim->now - sim->start) / NSEC_PER_SEC) + 1;

	if (idle > 1000 + 4 * packets + IDLE_RATE * seconds)
		sim_fail(sim, "wakes up for a reason", "%s: %llu times for nothing", who,
			 (unsigned long long)idle);
}

void check_sender_quiet(struct sender *s, nsec_t deadline, bool idle)
{
	s->check.idle += idle;
	if (deadline <= s->sim->now)
		sim_fail(s->sim, "deadline is ahead", "sender %u", s->index);
	if (deadline == NSEC_NEVER && !tx_done(s->tx) && !s->n_working)
		sim_fail(s->sim, "goes on", "sender %u waits for nothing", s->index);
	check_idle(s->sim, s->check.idle, s->check.packets, "a sender");
}

void check_session_quiet(struct session *s, nsec_t deadline, bool idle)
{
	struct sim *sim = s->host->sim;

	s->check.idle += idle;
	if (deadline <= sim->now)
		sim_fail(sim, "deadline is ahead", "host %u", s->host->index);
	if (deadline == NSEC_NEVER && !s->ended && !s->gone && !s->receipted && !s->n_working)
		sim_fail(sim, "goes on", "host %u waits for nothing", s->host->index);
	check_idle(sim, s->check.idle, s->check.packets + s->check.heard, "a host");
}

uint64_t count_nacks(const struct sim *sim)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sim->n_hosts; i++)
		for (unsigned j = 0; j < sim->n_senders; j++)
			n += sim->hosts[i].sessions[j].counters.nacks;
	return n;
}

uint64_t count_blocks(const struct sim *sim)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sim->n_senders; i++) {
		const struct sender *s = &sim->senders[i];

		for (unsigned j = 0; j < s->n_objects; j++) {
			struct layout l;

			if (layout_init(&l, s->objects[j].size, s->conf.segment_size,
					s->conf.block_len) < 0)
				continue;
			if (s->conf.code == TX_CODE_LARGE && l.n_blocks > 1)
				l.n_blocks = (l.n_segments - 1) / s->conf.large_len + 1;
			n += l.n_blocks + 1;
		}
	}
	return n;
}

static void check_complete(struct session *s)
{
	const struct sender *tx = s->sender;
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_sinks; i++) {
		const struct sink *k = &s->sinks[i];
		bool withdrawn = k->object < tx->n_objects && tx->objects[k->object].withdrawn;

		n += k->complete || withdrawn;
		if (!k->complete && !withdrawn)
			sim_fail(s->host->sim, "everything arrives", "host %u object %llu",
				 s->host->index, (unsigned long long)k->object);
	}
	for (unsigned i = 0; i < tx->n_objects; i++)
		n += tx->objects[i].withdrawn && !sink_find(s, tx->objects[i].number);
	if (n != tx->n_objects)
		sim_fail(s->host->sim, "everything arrives", "host %u: %u of %u objects",
			 s->host->index, n, tx->n_objects);
}

static void check_gone(struct session *s)
{
	struct sim *sim = s->host->sim;
	nsec_t bound = sim->sc.inactivity + NSEC_PER_SEC;

	if (!s->gone)
		sim_fail(sim, "knows that the sender is gone", "host %u", s->host->index);
	else if (s->over_at - s->heard_at > bound)
		sim_fail(sim, "knows in time that the sender is gone", "host %u: %.3f s",
			 s->host->index, (double)(s->over_at - s->heard_at) / NSEC_PER_SEC);
}

/* What the sender knows about a host must be what happened there. */
static void check_known(struct session *s)
{
	struct sim *sim = s->host->sim;
	struct tx_receiver known = { .node_id = NORM_NODE_NONE };
	bool withdrew = sim->sc.withdraw_at > 0;

	for (unsigned i = 0; i < tx_n_receivers(s->sender->tx); i++) {
		struct tx_receiver r = tx_receiver(s->sender->tx, i);

		if (r.node_id == s->host->node_id)
			known = r;
	}
	if (known.node_id == NORM_NODE_NONE)
		sim_fail(sim, "knows its receivers", "host %u", s->host->index);
	else if (s->host->dead && known.state != TX_RX_DROPPED)
		sim_fail(sim, "drops the dead", "host %u: state %d", s->host->index,
			 known.state);
	else if (!s->host->dead && known.state != TX_RX_FINISHED)
		sim_fail(sim, "hears the receipt", "host %u: state %d", s->host->index,
			 known.state);
	else if (!s->host->dead && known.receipt_status != s->status)
		sim_fail(sim, "hears the receipt", "host %u: status %u, not %u", s->host->index,
			 known.receipt_status, s->status);
	else if (!s->host->dead && !withdrew && !s->host->refusing &&
		 s->status != RECEIPT_COMPLETE)
		sim_fail(sim, "everything arrives", "host %u: status %u", s->host->index,
			 s->status);
}

static void check_in_time(struct session *s)
{
	struct sim *sim = s->host->sim;
	nsec_t time = s->finished_at - s->sender->started_at;

	if (sim->sc.others_by && !s->host->slow && time > sim->sc.others_by)
		sim_fail(sim, "does not wait for stragglers", "host %u: %.3f s", s->host->index,
			 (double)time / NSEC_PER_SEC);
}

static void check_session_end(struct session *s)
{
	struct sim *sim = s->host->sim;

	if (!s->over && !s->host->dead) {
		sim_fail(sim, "is reached", "host %u", s->host->index);
		return;
	}
	switch (sim->sc.expect) {
	case EXPECT_COMPLETE:
		if (!s->host->dead && !s->host->refusing)
			check_complete(s);
		if (sim->sc.early && s->first_at >= 1)
			sim_fail(sim, "has early what was settled", "host %u", s->host->index);
		check_in_time(s);
		if (sim->sc.profile == TX_SOW)
			check_known(s);
		break;
	case EXPECT_GONE:
		check_gone(s);
		break;
	case EXPECT_REPORT:
		if (!s->ended && !s->gone && !s->receipted)
			sim_fail(sim, "reports an end", "host %u", s->host->index);
		break;
	case EXPECT_ANYTHING:
		break;
	}
}

/* Who is here has the first objects, and is not busy. */
void check_settled(struct sender *s)
{
	struct sim *sim = s->sim;

	for (unsigned i = 0; i < sim->n_hosts; i++) {
		const struct session *h = session_at(sim, session_index(sim, i, s->index));

		if (!h->rx || h->host->dead || h->host->refusing || !h->joined)
			continue;
		if (h->busy_until)
			sim_fail(sim, "waits for who is busy", "host %u", i);
		for (unsigned j = 0; j < sim->sc.n_settled; j++)
			if (j >= h->n_sinks || !h->sinks[j].complete)
				sim_fail(sim, "settled means complete", "host %u object %u", i,
					 j);
	}
}

static void check_sender_end(struct sender *s)
{
	const struct tx_counters *c = tx_counters(s->tx);
	double limit = s->sim->sc.overhead * (double)c->source;
	double lacking = (double)s->n_lacking * s->conf.segment_size;
	double bytes = (double)(c->bytes - s->bytes_before);

	if (s->sim->sc.union_overhead > 0 && bytes > s->sim->sc.union_overhead * lacking)
		sim_fail(s->sim, "sends no more than is lacking", "%.4f bytes a byte",
			 bytes / lacking);

	if (limit > 0 && (double)c->packets > limit)
		sim_fail(s->sim, "sends no more than needed", "%.4f packets a source packet",
			 (double)c->packets / (double)c->source);
	if (c->packets != s->check.packets || c->bytes != s->check.bytes)
		sim_fail(s->sim, "counts what it sends", "%llu packets, %llu bytes",
			 (unsigned long long)c->packets, (unsigned long long)c->bytes);
	if (c->source + c->parity + c->again + c->info + c->cmds != c->packets)
		sim_fail(s->sim, "counts what it sends", "%llu packets do not add up",
			 (unsigned long long)c->packets);
}

void check_end(struct sim *sim)
{
	double nacks = sim->sc.nacks_a_block > 0 ? sim->sc.nacks_a_block : 8;

	for (unsigned i = 0; i < sim->n_senders; i++)
		check_sender_end(&sim->senders[i]);
	if (sim->sc.expect == EXPECT_ANYTHING)
		return;
	for (unsigned i = 0; i < sim->n_hosts; i++)
		for (unsigned j = 0; j < sim->n_senders; j++)
			check_session_end(&sim->hosts[i].sessions[j]);
	if ((double)count_nacks(sim) > nacks * (double)count_blocks(sim))
		sim_fail(sim, "does not ask too often", "%llu NACKs for %llu blocks",
			 (unsigned long long)count_nacks(sim),
			 (unsigned long long)count_blocks(sim));
}
