/* censustest.c - how fast the answers of a crowd come: who is there, and how it ended. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/msg.h"
#include "proto/rx.h"
#include "proto/spread.h"
#include "proto/tx.h"
#include "tests/sim/heap.h"
#include "tests/sim/packet.h"

#define SENDER   1
#define INSTANCE 7
#define SEGMENT  1400
#define WAY      (100 * NSEC_PER_USEC) /* from any host to any other, and back */
#define TICK     WAY                   /* who has read naps for so long */

/* One case, and what it may cost. */
struct crowd_case {
	unsigned n;        /* receivers */
	bool told;         /* the sender knows how many will come */
	bool job;          /* a small file is sent, too, and receipts come */
	double loss;       /* each way, for each receiver by itself */
	nsec_t all_by;     /* everybody has been heard */
	unsigned peak;     /* answers in any millisecond, */
	unsigned peak_10;  /* and in any ten */
	double an_average; /* announcements of a receiver */
};

struct member {
	struct rx *rx;
	nsec_t deadline;
	bool over;
};

struct hall {
	const struct crowd_case *c;
	struct rng rng;
	struct tx *tx;
	struct member *members;
	struct heap up, down; /* packets on their way */
	nsec_t start, now;
	nsec_t all_at; /* 0: not yet */
	bool started;
	unsigned n_heard, n_receipts, n_announces;
	unsigned ms[10000]; /* answers in each millisecond */
};

/* --- the way --- */

static void receive(struct hall *h, struct packet *p)
{
	unsigned ms = (unsigned)((h->now - h->start) / NSEC_PER_MSEC);
	struct tx_event ev;

	if (ms < ARRAY_LEN(h->ms))
		h->ms[ms]++;
	if (tx_input(h->tx, h->now, p->data, p->len, &ev) == 0) {
		h->n_heard += ev.kind == TX_EV_ANNOUNCE && ev.fresh;
		h->n_announces += ev.kind == TX_EV_ANNOUNCE;
		h->n_receipts += ev.kind == TX_EV_RECEIPT && ev.fresh;
	}
	if (!h->all_at && h->n_heard == h->c->n)
		h->all_at = h->now - h->start;
}

static void push(struct hall *h, struct heap *to, uint32_t who, struct packet *p)
{
	heap_push(to, (struct event){ .at = h->now + WAY, .who = who, .data = p });
}

/* --- the sender --- */

static void sender_turn(struct hall *h)
{
	struct tx_packet out;
	struct event ev;
	struct work w;

	while (h->up.n && h->up.v[0].at <= h->now && heap_pop(&h->up, &ev)) {
		receive(h, ev.data);
		packet_unref(ev.data);
	}
	if (h->c->job && !h->started && h->n_heard == h->c->n) {
		tx_start(h->tx, h->now);
		tx_finish(h->tx, h->now);
		h->started = true;
	}
	do {
		while (tx_work(h->tx, &w))
			tx_work_done(h->tx, h->now, &w, 0);
		while (tx_output(h->tx, h->now, &out))
			push(h, &h->down, 0,
			     packet_new(SENDER, out.hdr, out.hdr_len, out.payload,
					out.payload_len));
	} while (tx_deadline(h->tx, h->now) <= h->now);
}

/* --- a receiver --- */

static void serve(struct hall *h, struct member *m)
{
	struct receipt rc = { .status = RECEIPT_COMPLETE };
	struct rx_event ev;
	struct work w;

	while (rx_work(m->rx, &w))
		rx_work_done(m->rx, h->now, &w, 0);
	while (rx_event(m->rx, &ev)) {
		if (ev.kind == RX_EV_OBJECT)
			rx_accept(m->rx, h->now, ev.object);
		else if (ev.kind == RX_EV_COMPLETE)
			rx_release(m->rx, ev.object);
		else if (ev.kind == RX_EV_FINISHED)
			rx_set_receipt(m->rx, h->now, &rc);
		m->over |= ev.kind == RX_EV_RECEIPTED || ev.kind == RX_EV_SENDER_GONE;
		while (rx_work(m->rx, &w))
			rx_work_done(m->rx, h->now, &w, 0);
	}
}

static void speak(struct hall *h, unsigned who)
{
	struct member *m = &h->members[who];
	uint8_t buf[SEGMENT];
	int len;

	if (m->over)
		return;
	while ((len = rx_output(m->rx, h->now, buf, sizeof(buf))) > 0)
		if (rng_unit(&h->rng) >= h->c->loss)
			push(h, &h->up, who, packet_new(who, buf, (size_t)len, NULL, 0));
	serve(h, m);
	m->deadline = rx_deadline(m->rx, h->now);
}

static void all_hear(struct hall *h, const struct packet *p)
{
	for (unsigned i = 0; i < h->c->n; i++) {
		struct member *m = &h->members[i];

		if (m->over || rng_unit(&h->rng) < h->c->loss)
			continue;
		rx_input(m->rx, h->now, p->data, p->len);
		serve(h, m);
		m->deadline = MIN(m->deadline, h->now);
	}
}

static void receivers_turn(struct hall *h)
{
	struct event ev;

	while (h->down.n && h->down.v[0].at <= h->now && heap_pop(&h->down, &ev)) {
		all_hear(h, ev.data);
		packet_unref(ev.data);
	}
	for (unsigned i = 0; i < h->c->n; i++)
		if (h->members[i].deadline <= h->now)
			speak(h, i);
}

/* --- a case --- */

static void begin(struct hall *h, const struct crowd_case *c, uint64_t seed)
{
	struct tx_conf tc = {
		.profile = TX_SOW,
		.node_id = SENDER,
		.instance_id = INSTANCE,
		.segment_size = SEGMENT,
		.fec_id = FEC_RS8,
		.block_len = 4,
		.n_parity = 4,
		.rate = 100000000,
		.backoff = 4,
		.near = true,
		.census = !c->job,
		.max_receivers = c->n,
		.expected = c->told ? c->n : 0,
		.seed = seed,
	};
	uint64_t object;

	*h = (struct hall){ .c = c, .rng = rng_init(seed), .start = NSEC_PER_SEC };
	h->now = h->start;
	h->members = calloc(c->n, sizeof(*h->members));
	if (!h->members || tx_new(&h->tx, &tc, h->now) < 0 ||
	    (c->job && tx_add(h->tx, h->now, 3, (const uint8_t *)"i", 1, &object) < 0))
		abort();
	for (unsigned i = 0; i < c->n; i++) {
		struct rx_conf rc = {
			.node_id = 100 + i,
			.sender_id = SENDER,
			.instance_id = INSTANCE,
			.host = "host",
			.memory = 1 << 16,
			.max_objects = 2,
			.max_ranges = 16,
			.seed = seed << 32 ^ i,
		};

		if (rx_new(&h->members[i].rx, &rc, h->now) < 0)
			abort();
	}
}

static void end(struct hall *h)
{
	struct event ev;

	while (heap_pop(&h->up, &ev) || heap_pop(&h->down, &ev))
		packet_unref(ev.data);
	heap_fini(&h->up);
	heap_fini(&h->down);
	for (unsigned i = 0; i < h->c->n; i++)
		rx_free(h->members[i].rx);
	free(h->members);
	tx_free(h->tx);
}

static unsigned peak(const struct hall *h, unsigned width)
{
	unsigned most = 0;

	for (unsigned i = 0; i + width <= ARRAY_LEN(h->ms); i++) {
		unsigned sum = 0;

		for (unsigned j = 0; j < width; j++)
			sum += h->ms[i + j];
		most = MAX(most, sum);
	}
	return most;
}

static bool run(const struct crowd_case *c, uint64_t seed, bool verbose)
{
	static struct hall h;
	double average;
	bool ok;

	begin(&h, c, seed);
	while (h.now - h.start < 10 * NSEC_PER_SEC && !tx_done(h.tx) &&
	       (c->job || h.now - h.start < c->all_by)) {
		sender_turn(&h);
		receivers_turn(&h);
		h.now += TICK;
	}
	average = (double)h.n_announces / c->n;
	ok = h.n_heard == c->n && (!c->job || (h.n_receipts == c->n && tx_done(h.tx))) &&
	     h.all_at <= c->all_by && peak(&h, 1) <= c->peak && peak(&h, 10) <= c->peak_10 &&
	     average <= c->an_average;
	if (verbose || !ok)
		printf("%s%u receivers%s%s, %g %% loss, seed %llu: %u found in %.3f s, "
		       "%u receipts, over after %.3f s; answers: at most %u in 1 ms and %u in "
		       "10 ms; %.2f announcements of each\n",
		       ok ? "" : "FAILED: ", c->n, c->told ? ", expected" : "",
		       c->job ? ", a job" : "", 100 * c->loss, (unsigned long long)seed,
		       h.n_heard, (double)h.all_at / 1e9, h.n_receipts,
		       (double)(h.now - h.start) / 1e9, peak(&h, 1), peak(&h, 10), average);
	end(&h);
	return ok;
}

int main(int argc, char **argv)
{
#define MS NSEC_PER_MSEC
	static const struct crowd_case cases[] = {
		{ 1, false, false, 0, 150 * MS, 1, 1, 1 },
		{ 10, false, false, 0, 150 * MS, 4, 8, 1 },
		{ 100, false, false, 0, 250 * MS, 8, 35, 1.2 },
		{ 1000, false, false, 0, 2000 * MS, 20, 90, 1.2 },
		{ 1000, false, false, 0.05, 2000 * MS, 20, 90, 1.3 },
		{ 1000, true, false, 0, 2000 * MS, 20, 90, 1.2 },
		{ 4000, false, false, 0, 2000 * MS, 60, 150, 1.2 },
		{ 4, true, true, 0, 100 * MS, 8, 20, 1 },
		{ 1000, true, true, 0, 2000 * MS, 40, 160, 1.2 },
		{ 1000, false, true, 0.01, 2000 * MS, 40, 160, 1.2 },
	};
	bool verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0, ok = true;

	setvbuf(stdout, NULL, _IOLBF, 0);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (uint64_t seed = 1; seed <= (verbose ? 1 : 3); seed++)
			ok &= run(&cases[i], seed, verbose);
	return !ok;
}
