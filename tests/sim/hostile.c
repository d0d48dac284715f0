/* hostile.c - strangers who send garbage, altered copies and forged feedback. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/hostile.h"

#include "proto/request.h"
#include "tests/sim/models.h"

#define PACKETS_AT_ONCE 4
#define PERIOD          (NSEC_PER_MSEC / 2)

/* Straight to one host, or to a sender: strangers are not subject to loss. */
static void inject(struct sim *sim, bool to_sender, struct packet *p)
{
	uint32_t who =
		(uint32_t)rng_below(&sim->rng, to_sender ? sim->n_senders : sim->n_hosts);

	p->forged = true;
	heap_push(&sim->heap, (struct event){ .at = sim->now,
					      .kind = to_sender ? EV_FEEDBACK : EV_DATA,
					      .who = who,
					      .end = who + 1,
					      .data = p });
}

static void garbage(struct sim *sim)
{
	uint8_t buf[1500];
	size_t len = rng_below(&sim->rng, rng_below(&sim->rng, 4) ? 64 : sizeof(buf));

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)rng_u64(&sim->rng);
	if (len && rng_below(&sim->rng, 2))
		buf[0] = (uint8_t)(NORM_VERSION << 4 | rng_below(&sim->rng, 8));
	inject(sim, rng_below(&sim->rng, 2), packet_new(0, buf, len, NULL, 0));
}

static void flipped_copy(struct sim *sim)
{
	struct packet *p;

	if (!sim->last)
		return;
	p = packet_new(0, sim->last->data, sim->last->len, NULL, 0);
	for (unsigned n = 1 + (unsigned)rng_below(&sim->rng, 3); n && p->len; n--)
		p->data[rng_below(&sim->rng, p->len)] ^= 1u << rng_below(&sim->rng, 8);
	inject(sim, rng_below(&sim->rng, 2), p);
}

static struct request random_request(struct sim *sim, const struct sender *s)
{
	static const uint8_t levels[] = { NACK_SEGMENT, NACK_BLOCK, NACK_OBJECT, NACK_INFO };
	struct request q = { .form = (uint8_t)(1 + rng_below(&sim->rng, 3)),
			     .flags = levels[rng_below(&sim->rng, 4)] };

	q.object_first = (uint16_t)rng_below(&sim->rng, s->n_objects + 1);
	q.object_last = (uint16_t)(q.object_first + rng_below(&sim->rng, 2));
	q.first.sbn = (uint32_t)rng_below(&sim->rng, 20);
	q.first.sbl = s->conf.block_len;
	q.first.esi = (uint16_t)rng_below(&sim->rng, s->conf.block_len);
	q.last = q.first;
	if (q.form == NACK_FORM_RANGES)
		q.last.esi = s->conf.block_len;
	else
		q.object_last = q.object_first;
	return q;
}

/* A NACK for anything, from a real receiver or from nobody; or, from nobody, some ACK. */
static void forged_feedback(struct sim *sim, bool insider)
{
	const struct sender *s = &sim->senders[rng_below(&sim->rng, sim->n_senders)];
	struct msg m = { .type = NORM_NACK,
			 .sequence = (uint16_t)rng_u64(&sim->rng),
			 .source_id = 0x66000000u + (uint32_t)rng_below(&sim->rng, 50),
			 .server_id = s->conf.node_id,
			 .instance_id = s->conf.instance_id };
	struct request_writer w;
	struct request q;
	uint8_t body[256], pkt[512];
	int len;

	if (insider)
		m.source_id = sim->hosts[rng_below(&sim->rng, sim->n_hosts)].node_id;
	m.grtt_response.sec = (uint32_t)rng_below(&sim->rng, 10);
	m.grtt_response.usec = (uint32_t)rng_below(&sim->rng, 1000000);
	request_writer_init(&w, body, sizeof(body), s->conf.fec_id, true);
	do
		q = random_request(sim, s);
	while (request_put(&w, &q) == 0);
	m.payload = body;
	m.payload_len = request_writer_len(&w);
	if (!insider && rng_below(&sim->rng, 8) == 0) {
		m.type = NORM_ACK;
		m.ack_type = (uint8_t)rng_below(&sim->rng, 20);
		m.payload_len = rng_below(&sim->rng, m.payload_len + 1);
	}
	len = msg_encode(&m, pkt, sizeof(pkt));
	if (len > 0)
		inject(sim, true, packet_new(0, pkt, (size_t)len, NULL, 0));
}

void hostile_act(struct sim *sim)
{
	if (sim->sc.hostile_until && sim->now - sim->start > sim->sc.hostile_until)
		return;
	for (unsigned i = 0; i < PACKETS_AT_ONCE; i++) {
		if (sim->sc.hostile & HOSTILE_FEEDBACK)
			forged_feedback(sim, false);
		if (sim->sc.hostile & HOSTILE_INSIDER)
			forged_feedback(sim, true);
		if (sim->sc.hostile & HOSTILE_GARBAGE)
			garbage(sim);
		if (sim->sc.hostile & HOSTILE_FLIPS)
			flipped_copy(sim);
	}
	sim_wake(sim, EV_HOSTILE, 0, sim->now + 1 + (nsec_t)rng_below(&sim->rng, PERIOD));
}
