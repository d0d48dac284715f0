/* crowd.c - very many receivers of one sender, run in steps of time, not event by event. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/crowd.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/sim/packet.h"

#define PACKET_MAX 2048 /* of feedback */

/* A receiving program. */
struct member {
	struct rx *rx; /* NULL: gone home */
	nsec_t ready_at, deadline;
	uint64_t next;     /* packet to be read */
	uint32_t n_blocks; /* complete, */
	nsec_t decoded_at; /* and decoded then */
	struct rng rng;
	bool complete;
};

int air_init(struct air *a, size_t longest)
{
	*a = (struct air){ .p = calloc(FADE_RING, sizeof(*a->p)),
			   .memory = calloc(FADE_RING, longest) };
	if (!a->p || !a->memory) {
		air_fini(a);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < FADE_RING; i++)
		a->p[i].bytes = a->memory + i * longest;
	return 0;
}

void air_fini(struct air *a)
{
	free(a->p);
	free(a->memory);
	*a = (struct air){ 0 };
}

static const struct air_packet *on_air(const struct crowd *c, uint64_t i)
{
	return &c->air->p[i % FADE_RING];
}

/* --- the program --- */

/*
 * Nothing is read, written or decoded, but decoding takes its time, one block after the other.
 * Blocks are told apart by their number only: the n-th that is complete, whichever it is.
 */
static void note_progress(struct crowd *c, struct member *m, nsec_t now)
{
	uint64_t received = rx_status(m->rx).received;
	const struct layout *l = c->layout;

	while (m->n_blocks < l->n_blocks && received > layout_offset(l, m->n_blocks)) {
		size_t len = layout_block_bytes(l, m->n_blocks);
		nsec_t *at = &c->delivered_at[m->n_blocks];

		if (received < layout_offset(l, m->n_blocks) + len)
			break;
		m->decoded_at = MAX(m->decoded_at, now);
		if (c->conf.decode_rate)
			m->decoded_at +=
				(nsec_t)(len * (uint64_t)NSEC_PER_SEC / c->conf.decode_rate);
		*at = MAX(*at, m->decoded_at);
		m->n_blocks++;
	}
}

static void serve_all(struct member *m, nsec_t now)
{
	struct work w;

	while (rx_work(m->rx, &w))
		rx_work_done(m->rx, now, &w, 0);
}

static void go_home(struct crowd *c, struct member *m)
{
	const struct rx_counters *rc = rx_counters(m->rx);

	c->sums.packets += rc->packets;
	c->sums.nacks += rc->nacks;
	c->sums.acks += rc->acks;
	c->sums.suppressed += rc->suppressed;
	c->sums.parity += rc->parity;
	c->sums.duplicate += rc->duplicate;
	c->sums.no_room += rc->no_room;
	c->n_complete += m->complete;
	c->n_over++;
	rx_free(m->rx);
	m->rx = NULL;
}

static void drain_events(struct crowd *c, struct member *m, nsec_t now)
{
	struct receipt rc = { .status = RECEIPT_COMPLETE, .n_objects = 1, .n_verified = 1 };
	struct rx_event ev;

	while (m->rx && rx_event(m->rx, &ev)) {
		if (ev.kind == RX_EV_OBJECT) {
			rx_accept(m->rx, now, ev.object);
		} else if (ev.kind == RX_EV_COMPLETE) {
			m->complete = true;
			rx_release(m->rx, ev.object);
		} else if (ev.kind == RX_EV_FINISHED) {
			if (!m->complete)
				rc.status = RECEIPT_PARTIAL;
			rx_set_receipt(m->rx, now, &rc);
		} else if (ev.kind == RX_EV_RECEIPTED || ev.kind == RX_EV_SENDER_END ||
			   ev.kind == RX_EV_SENDER_GONE) {
			go_home(c, m);
		}
	}
}

/* True when the program has to look again. */
static bool speak(struct crowd *c, size_t who, nsec_t now)
{
	struct member *m = &c->members[who];
	struct event ev = { .at = now + c->conf.delay, .who = (uint32_t)who };
	double loss = c->conf.feedback_loss;
	uint8_t buf[PACKET_MAX];
	int len = rx_output(m->rx, now, buf, sizeof(buf));

	if (len <= 0)
		return false;
	if (loss < 0)
		loss = fade_loss(c->fade, (unsigned)who);
	if (rng_unit(&m->rng) >= loss) {
		ev.data = packet_new((uint32_t)who, buf, (size_t)len, NULL, 0);
		heap_push(c->up, ev);
	}
	return true;
}

static void hear(struct crowd *c, size_t who, nsec_t now)
{
	struct member *m = &c->members[who];
	bool any = false;

	if (m->next + FADE_RING < c->air->n)
		abort(); /* the ring is too small for this rate */
	for (; m->rx && m->next < c->air->n && on_air(c, m->next)->at <= now; m->next++) {
		const struct air_packet *p = on_air(c, m->next);

		if (!fade_hears(c->fade, (unsigned)who, m->next))
			continue;
		any = true;
		rx_input(m->rx, now, p->bytes, p->len);
		serve_all(m, now);
		drain_events(c, m, now);
	}
	if (any)
		m->ready_at = now + c->conf.nap / 2 +
			      (nsec_t)rng_below(&m->rng, (uint64_t)c->conf.nap / 2 + 1);
}

static void wake(struct crowd *c, size_t who, nsec_t now)
{
	struct member *m = &c->members[who];

	hear(c, who, now);
	while (m->rx && speak(c, who, now))
		;
	if (!m->rx)
		return;
	serve_all(m, now);
	note_progress(c, m, now);
	drain_events(c, m, now);
	if (m->rx)
		m->deadline = rx_deadline(m->rx, now);
}

static nsec_t wake_at(struct crowd *c, size_t who)
{
	struct member *m = &c->members[who];
	nsec_t at = m->deadline;

	while (m->next < c->air->n && !fade_hears(c->fade, (unsigned)who, m->next))
		m->next++;
	if (m->next < c->air->n)
		at = MIN(at, on_air(c, m->next)->at);
	return MAX(at, m->ready_at);
}

void crowd_run(struct crowd *c, nsec_t end)
{
	c->next_at = NSEC_NEVER;
	for (unsigned who = 0; who < c->conf.n; who++) {
		nsec_t at;

		if (!c->members[who].rx)
			continue;
		while ((at = wake_at(c, who)) < end && c->members[who].rx)
			wake(c, who, at);
		if (c->members[who].rx)
			c->next_at = MIN(c->next_at, at);
	}
}

static int begin(struct crowd *c, unsigned who, nsec_t now)
{
	struct member *m = &c->members[who];
	struct rx_conf conf = {
		.node_id = 0x41000001 + who,
		.sender_id = c->conf.sender_id,
		.instance_id = c->conf.instance_id,
		.host = "host",
		.memory = c->conf.memory,
		.max_objects = 2,
		.max_ranges = 4096,
		.counting = true,
		.seed = c->conf.seed << 20 ^ who,
	};

	m->rng = rng_init(c->conf.seed * 0x20003 + who);
	m->deadline = now;
	return rx_new(&m->rx, &conf, now);
}

int crowd_init(struct crowd *c, const struct crowd_conf *conf, nsec_t now)
{
	int r = 0;

	c->conf = *conf;
	c->members = calloc(conf->n, sizeof(*c->members));
	c->delivered_at = calloc(c->layout->n_blocks, sizeof(*c->delivered_at));
	if (!c->members || !c->delivered_at)
		r = -ENOMEM;
	for (unsigned i = 0; r == 0 && i < conf->n; i++)
		r = begin(c, i, now);
	if (r < 0)
		crowd_fini(c);
	return r;
}

void crowd_fini(struct crowd *c)
{
	for (unsigned i = 0; c->members && i < c->conf.n; i++)
		rx_free(c->members[i].rx);
	free(c->members);
	free(c->delivered_at);
	c->members = NULL;
	c->delivered_at = NULL;
}
