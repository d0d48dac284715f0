/* fuzz_rx.c - a receiver session under any sequence of packets of its sender. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/msg.h"
#include "proto/ranges.h"
#include "proto/rx.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sequence.h"

#define FEEDBACK_MAX 20000
#define AFTER        200
#define N_SINKS      64
#define N_HELD       8 /* requests that a slow program keeps */

/* Objects of any size are taken; only which bytes were written is kept. */
struct sink {
	uint64_t object, size;
	struct ranges written;
	bool full; /* more gaps than it can hold: no checks any more */
	bool complete;
	bool looked_at; /* some of it proved wrong */
};

struct state {
	struct rx *rx;
	nsec_t now;
	unsigned n_packets, n_sinks;
	struct sink sinks[N_SINKS];
	bool slow;   /* requests are served at the next packet, the last one first */
	bool partly; /* some of every object is there before */
	struct rng rng;
	struct work held[N_HELD];
	unsigned n_held;
};

static struct sink *sink_find(struct state *s, uint64_t object)
{
	for (unsigned i = s->n_sinks; i-- > 0;)
		if (s->sinks[i].object == object)
			return &s->sinks[i];
	return NULL;
}

static void on_write(struct sink *k, const struct work *w)
{
	CHECK(w->len > 0 && w->offset + w->len <= k->size && !k->complete);
	if (k->full)
		return;
	CHECK(ranges_next(&k->written, w->offset) >= w->offset + w->len);
	k->full = ranges_add(&k->written, w->offset, w->offset + w->len) != 0;
}

static void on_read(struct sink *k, const struct work *w)
{
	CHECK(w->len > 0 && w->offset + w->len <= k->size);
	memset(w->data, 0, w->len);
	if (k->full)
		return;
	CHECK(ranges_has(&k->written, w->offset));
	CHECK(ranges_has(&k->written, w->offset + w->len - 1));
}

static void serve(struct state *s, const struct work *w)
{
	struct sink *k = sink_find(s, w->object);
	int r = 0;

	CHECK((w->op != WORK_WRITE && w->op != WORK_READ) || k);
	if (w->op == WORK_WRITE)
		on_write(k, w);
	else if (w->op == WORK_READ)
		on_read(k, w);
	else
		r = work_codec(w);
	CHECK(r == 0);
	rx_work_done(s->rx, s->now, w, r);
}

/* The codec of large blocks has one request at a time. */
static void hold(struct state *s, const struct work *w)
{
	for (unsigned i = 0; i < s->n_held; i++)
		CHECK(!w->large || !s->held[i].large);
	s->held[s->n_held++] = *w;
}

static bool serve_all(struct state *s)
{
	struct work w;
	bool any = false;

	while (s->n_held < N_HELD && rx_work(s->rx, &w)) {
		any = true;
		if (s->slow)
			hold(s, &w);
		else
			serve(s, &w);
	}
	return any;
}

static void serve_held(struct state *s)
{
	while (s->n_held)
		serve(s, &s->held[--s->n_held]);
}

static uint64_t some_byte(struct state *s, const struct sink *k)
{
	return rng_below(&s->rng, MIN(k->size, (uint64_t)1 << rng_below(&s->rng, 30)) + 1);
}

/* What the session says is stored counts as written. */
static void hold_some(struct state *s, struct sink *k)
{
	uint64_t pos = 0, len;

	for (unsigned i = 0; i < 4; i++)
		rx_hold(s->rx, s->now, k->object, some_byte(s, k), some_byte(s, k));
	for (; rx_stored_next(s->rx, k->object, &pos, &len); pos += len) {
		CHECK(len > 0 && pos + len <= k->size);
		k->full |= ranges_add(&k->written, pos, pos + len) != 0;
	}
}

/* Some of a complete object proves wrong, once. */
static bool looks_wrong(struct state *s, struct sink *k)
{
	if (!s->partly || k->looked_at || !k->size)
		return false;
	k->looked_at = k->full = true; /* from here on bytes are written again */
	k->complete = false;
	rx_discard(s->rx, s->now, k->object, rng_below(&s->rng, k->size), 1 + some_byte(s, k));
	return true;
}

static void on_object(struct state *s, const struct rx_event *ev)
{
	CHECK(!sink_find(s, ev->object));
	if (s->n_sinks == N_SINKS || ev->object % 8 == 7) {
		rx_refuse(s->rx, s->now, ev->object);
		return;
	}
	s->sinks[s->n_sinks] = (struct sink){ .object = ev->object, .size = ev->size };
	CHECK(ranges_init(&s->sinks[s->n_sinks].written, 256) == 0);
	s->n_sinks++;
	rx_accept(s->rx, s->now, ev->object);
	if (s->partly)
		hold_some(s, &s->sinks[s->n_sinks - 1]);
	if (ev->info_len && ev->info[0] == 0)
		rx_want_info(s->rx, s->now, ev->object);
}

static void on_event(struct state *s, const struct rx_event *ev)
{
	struct receipt rc = { .status = RECEIPT_COMPLETE };
	struct sink *k = sink_find(s, ev->object);

	switch (ev->kind) {
	case RX_EV_OBJECT:
		on_object(s, ev);
		break;
	case RX_EV_COMPLETE:
		CHECK(k && !k->complete);
		CHECK(k->full || ranges_next_gap(&k->written, 0) >= k->size);
		k->complete = true;
		if (!looks_wrong(s, k))
			rx_release(s->rx, ev->object);
		break;
	case RX_EV_FINISHED:
	case RX_EV_SENDER_END:
		rx_set_receipt(s->rx, s->now, &rc);
		break;
	case RX_EV_INFO:
	case RX_EV_ABORTED:
	case RX_EV_JOINED:
	case RX_EV_RECEIPTED:
	case RX_EV_SENDER_GONE:
		break;
	}
}

static bool take_events(struct state *s)
{
	struct rx_event ev;
	bool any = false;

	for (; rx_event(s->rx, &ev); any = true)
		on_event(s, &ev);
	return any;
}

static bool answer(struct state *s)
{
	uint8_t buf[2048];
	struct msg m;
	int len = rx_output(s->rx, s->now, buf, sizeof(buf));

	CHECK(len >= 0);
	if (len == 0)
		return false;
	CHECK(msg_decode(&m, buf, (size_t)len) == 0);
	CHECK(m.source_id == SEQUENCE_RECEIVER && m.server_id == SEQUENCE_SENDER);
	s->n_packets++;
	return true;
}

static void drain(struct state *s)
{
	bool busy;

	do {
		busy = serve_all(s);
		busy |= take_events(s);
		busy |= answer(s);
	} while (busy);
	CHECK(rx_deadline(s->rx, s->now) > s->now);
}

static void run_to(struct state *s, nsec_t until)
{
	nsec_t at;

	while ((at = rx_deadline(s->rx, s->now)) <= until && s->n_packets < FEEDBACK_MAX) {
		s->now = at;
		drain(s);
	}
	s->now = until;
}

static void session(bool slow, bool partly, const uint8_t *data, size_t len)
{
	const struct rx_conf conf = { .node_id = SEQUENCE_RECEIVER,
				      .sender_id = SEQUENCE_SENDER,
				      .instance_id = SEQUENCE_INSTANCE,
				      .host = "fuzz",
				      .memory = 65536,
				      .max_objects = 8,
				      .inactivity = 2 * NSEC_PER_SEC,
				      .seed = 1 };
	struct rd r = rd_init(data, len);
	struct state s = { .now = NSEC_PER_SEC, .slow = slow, .partly = partly };
	const uint8_t *pkt;
	size_t n;

	CHECK(rx_new(&s.rx, &conf, s.now) == 0);
	s.rng = rng_init(len);
	for (nsec_t at = s.now; sequence_next(&r, &at, &pkt, &n);) {
		run_to(&s, at);
		rx_input(s.rx, s.now, pkt, n);
		if (partly && rng_below(&s.rng, 8) == 0)
			rx_set_busy(s.rx, s.now, rng_below(&s.rng, 2));
		serve_held(&s);
		drain(&s);
	}
	for (unsigned i = 0; i < AFTER && rx_deadline(s.rx, s.now) != NSEC_NEVER; i++)
		run_to(&s, rx_deadline(s.rx, s.now));
	serve_held(&s);
	rx_free(s.rx);
	for (unsigned i = 0; i < s.n_sinks; i++)
		ranges_fini(&s.sinks[i].written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	session(false, false, data, len);
	session(true, false, data, len);
	session(false, true, data, len);
	session(true, true, data, len);
	return 0;
}
