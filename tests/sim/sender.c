/* sender.c - the model of a sending program around a tx session. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/content.h"
#include "tests/sim/models.h"

#define WAIT_FOR_RECEIVERS (3 * NSEC_PER_SEC)

void object_info(const struct object *o, bool digest, uint8_t *buf, size_t len)
{
	content_fill(~o->key, 0, buf, len);
	if (len)
		buf[0] = digest;
}

/* Sizes at which segments and blocks begin and end. */
static uint64_t edge_size(const struct tx_conf *conf, unsigned i)
{
	const uint64_t e = conf->segment_size, block = e * conf->block_len;
	const uint64_t edges[] = { 0,
				   1,
				   e - 1,
				   e,
				   e + 1,
				   2 * e - 1,
				   block - 1,
				   block,
				   block + 1,
				   block + e,
				   2 * block,
				   2 * block - 1,
				   2 * block + 1,
				   3 * block + e / 2 };

	return edges[i % ARRAY_LEN(edges)];
}

static void draw_objects(struct sender *s, struct rng *rng)
{
	const struct scenario *sc = &s->sim->sc;

	for (unsigned i = 0; i < s->n_objects; i++) {
		struct object *o = &s->objects[i];

		o->size = sc->edges ? edge_size(&s->conf, i)
				    : sc->size_min +
					      rng_below(rng, sc->size_max - sc->size_min + 1);
		if (i == 0 && sc->first_size)
			o->size = sc->first_size;
	}
}

static void configure(struct sender *s, struct rng *rng)
{
	const struct scenario *sc = &s->sim->sc;
	struct tx_conf *c = &s->conf;

	*c = (struct tx_conf){
		.profile = sc->profile,
		.node_id = 0x51000001 + s->index,
		.instance_id = (uint16_t)(0x1d00 + s->index),
		.segment_size = sc->segment_size,
		.fec_id = sc->fec_id,
		.block_len = sc->block_len,
		.n_parity = sc->n_parity,
		.code = sc->large_len ? TX_CODE_LARGE : TX_CODE_SMALL,
		.large_len = sc->large_len,
		.rate = sc->rate,
		.rate_auto = sc->rate_auto,
		.rate_cc = sc->rate_cc,
		.rate_min = sc->rate / 50,
		.rate_start = sc->rate,
		.rate_max = sc->rate * 50,
		.backoff = 4,
		.drop_after = sc->drop_after,
		.near = sc->near,
		.max_objects = sc->tx_objects,
		.max_receivers = MAX(4096, 2 * s->sim->n_hosts),
		.seed = rng_u64(rng),
	};
	c->memory = (size_t)(sc->tx_blocks ? sc->tx_blocks : 64) * c->segment_size *
		    (c->block_len + c->n_parity + sc->large_len / 2);
}

int sender_init(struct sender *s, struct sim *sim, uint32_t index)
{
	struct rng rng = rng_init(sim->seed * 0x10001 + index);

	*s = (struct sender){ .sim = sim, .index = index, .armed_at = NSEC_NEVER };
	configure(s, &rng);
	s->n_objects = sim->sc.n_objects;
	s->info_len = MIN(s->conf.segment_size, 1 + rng_below(&rng, INFO_MAX - 1));
	s->early_finish = rng_below(&rng, 2);
	s->has_digests = !sim->sc.late_info;
	s->n_expected = MAX(1, sim->n_hosts - sim->sc.n_late);
	s->objects = calloc(s->n_objects + 1, sizeof(*s->objects));
	if (!s->objects)
		abort();
	draw_objects(s, &rng);
	return tx_new(&s->tx, &s->conf, sim->now);
}

void sender_fini(struct sender *s)
{
	tx_free(s->tx);
	free(s->objects);
}

double sender_progress(const struct sender *s)
{
	struct tx_status st = tx_status(s->tx);

	if (s->n_added < s->n_objects)
		return (double)s->n_added / s->n_objects;
	if (s->sim->sc.asked)
		return (double)tx_counters(s->tx)->again / (double)MAX(1, s->n_lacking);
	return st.total ? (double)st.sent / (double)st.total : 1;
}

static void serve(struct sender *s, const struct work *w)
{
	int r = 0;

	if (w->op == WORK_READ) {
		unsigned i = 0;

		while (i < s->n_added && s->objects[i].number != w->object)
			i++;
		if (i == s->n_added || w->offset + w->len > s->objects[i].size)
			sim_fail(s->sim, "reads what exists", "object %llu, %llu + %zu",
				 (unsigned long long)w->object, (unsigned long long)w->offset,
				 w->len);
		else
			content_fill(s->objects[i].key, w->offset, w->data, w->len);
	} else {
		r = work_codec(w);
	}
	if (r < 0)
		sim_fail(s->sim, "asks for work that can be done", "sender op %d: %d", w->op,
			 r);
	tx_work_done(s->tx, s->sim->now, w, r);
}

/* True when there was something to do. */
static bool serve_all(struct sender *s)
{
	struct work w;
	bool any = false;

	while (!s->sim->failed && tx_work(s->tx, &w)) {
		any = true;
		if (w.op == WORK_READ)
			memset(w.data, 0xa5, w.len);
		if (sim_defer_work(s->sim, EV_SENDER_WORK, s->index, &w))
			serve(s, &w);
		else
			s->n_working++;
	}
	return any;
}

static bool emit(struct sender *s)
{
	struct tx_packet out;
	struct packet *p;
	bool any = false;

	while (!s->sim->failed && tx_output(s->tx, s->sim->now, &out)) {
		any = true;
		p = packet_new(s->index, out.hdr, out.hdr_len, out.payload, out.payload_len);
		check_sent(s, p);
		sim_multicast(s->sim, s->index, p);
	}
	return any;
}

/* Offers objects as long as the session takes them. */
static bool add_objects(struct sender *s)
{
	uint8_t info[INFO_MAX];
	bool any = false;
	int r = 0;

	while (s->n_added < s->n_objects) {
		struct object *o = &s->objects[s->n_added];
		bool later = s->n_added >= s->sim->sc.n_settled;

		if (later && s->sim->sc.n_settled && !s->settled_at)
			break;
		/* the content is needed before the number is known: numbers count up from 0 */
		o->key = content_key(s->conf.node_id, s->n_added);
		object_info(o, s->has_digests, info, s->info_len);
		if (later && s->sim->sc.asked)
			r = tx_add_asked(s->tx, s->sim->now, o->size, info, s->info_len,
					 &o->number);
		else
			r = tx_add(s->tx, s->sim->now, o->size, info, s->info_len, &o->number);
		if (r < 0)
			break;
		o->key = content_key(s->conf.node_id, o->number);
		if (o->key != content_key(s->conf.node_id, s->n_added))
			sim_fail(s->sim, "numbers count up", "object %u is %llu", s->n_added,
				 (unsigned long long)o->number);
		s->n_added++;
		any = true;
		if (later && s->sim->sc.piece)
			s->n_lacking += held_lacking(s->sim, o, s->conf.segment_size);
	}
	if (r < 0 && r != -EAGAIN)
		sim_fail(s->sim, "takes objects", "%llu bytes: %d",
			 (unsigned long long)s->objects[s->n_added].size, r);
	return any;
}

static bool add_digests(struct sender *s)
{
	uint8_t info[INFO_MAX];
	int r = 0;

	for (unsigned i = 0; i < s->n_objects && r == 0; i++) {
		object_info(&s->objects[i], true, info, s->info_len);
		r = tx_set_info(s->tx, s->sim->now, s->objects[i].number, info, s->info_len);
	}
	if (r < 0)
		sim_fail(s->sim, "takes INFO", "%d", r);
	s->has_digests = true;
	return true;
}

/* What the scenario wants in the middle. */
static bool act(struct sender *s)
{
	const struct scenario *sc = &s->sim->sc;
	double done = sender_progress(s);

	if (sc->sender_dies_at > 0 && done >= sc->sender_dies_at) {
		s->dead = true;
		s->died_at = s->sim->now;
		return false;
	}
	if (s->acted || !s->started)
		return false;
	if (sc->withdraw_at > 0 && done >= sc->withdraw_at) {
		struct object *o = &s->objects[(unsigned)(sc->withdraw_at * s->n_objects)];

		o->withdrawn = s->acted = true;
		tx_withdraw(s->tx, s->sim->now, o->number);
	} else if (sc->abort_at > 0 && done >= sc->abort_at) {
		s->acted = true;
		tx_abort(s->tx, s->sim->now);
	} else if (sc->slow_at > 0 && done >= sc->slow_at) {
		s->acted = true;
		tx_set_rate(s->tx, s->sim->now, s->conf.rate / 2);
	}
	return s->acted;
}

/* The first objects are confirmed before the others come. True when that went on. */
static bool settles(struct sender *s)
{
	unsigned n = s->sim->sc.n_settled;

	if (!n || s->settled_at || !s->started || s->n_added < n)
		return false;
	if (!s->settling) {
		s->settling = true;
		tx_settle(s->tx, s->sim->now);
		return true;
	}
	if (!tx_settled(s->tx))
		return false;
	check_settled(s);
	s->settled_at = s->sim->now;
	s->bytes_before = tx_counters(s->tx)->bytes;
	sim_note(s->sim, "sender", s->index, "settled", 0);
	return true;
}

/* What the program does next. True when it changed something. */
static bool plan(struct sender *s)
{
	bool all = s->n_added == s->n_objects;

	if (settles(s) || (!all && add_objects(s)))
		return true;
	if (!s->started && (s->n_announced >= s->n_expected || s->conf.profile == TX_NORM ||
			    s->sim->now - s->sim->start >= WAIT_FOR_RECEIVERS)) {
		s->started = true;
		s->started_at = s->sim->now;
		sim_note(s->sim, "sender", s->index, "starts", s->n_announced);
		tx_start(s->tx, s->sim->now);
		return true;
	}
	if (all && !s->finished && s->has_digests && (s->started || s->early_finish)) {
		s->finished = true;
		tx_finish(s->tx, s->sim->now);
		return true;
	}
	if (all && !s->has_digests && sender_progress(s) >= 1)
		return add_digests(s);
	return act(s);
}

static void arm(struct sender *s, nsec_t at)
{
	if (!s->started)
		at = MIN(at, MAX(s->sim->start + WAIT_FOR_RECEIVERS, s->sim->now + 1));
	if (at >= s->armed_at)
		return;
	s->armed_at = at;
	sim_wake(s->sim, EV_WAKE_SENDER, s->index, at);
}

static void pump(struct sender *s, bool woken)
{
	struct sim *sim = s->sim;
	bool busy, any = false;
	nsec_t deadline;

	if (s->dead || s->done_at)
		return;
	do {
		busy = serve_all(s);
		busy |= plan(s);
		if (s->dead || sim->failed)
			return;
		busy |= emit(s);
		any |= busy;
	} while (busy && !sim->failed);
	if (sim->failed)
		return;
	deadline = tx_deadline(s->tx, sim->now);
	check_sender_quiet(s, deadline, woken && !any);
	if (tx_done(s->tx)) {
		s->done_at = MAX(sim->now, 1);
		sim_note(sim, "sender", s->index, "is done", tx_n_receivers(s->tx));
		return;
	}
	if (deadline != NSEC_NEVER)
		arm(s, deadline);
}

void sender_pump(struct sender *s)
{
	pump(s, false);
}

void sender_wake(struct sender *s, nsec_t at)
{
	if (at != s->armed_at)
		return;
	s->armed_at = NSEC_NEVER;
	/* the deadline may have moved away; then this is no wake-up for the session */
	if (tx_deadline(s->tx, s->sim->now) <= s->sim->now || !s->started)
		pump(s, s->started);
	else if (!s->dead && !s->done_at)
		arm(s, tx_deadline(s->tx, s->sim->now));
}

void sender_hear(struct sender *s, const struct packet *p)
{
	struct tx_event ev;
	int r;

	if (s->dead || s->done_at)
		return;
	r = tx_input(s->tx, s->sim->now, p->data, p->len, &ev);
	if (r < 0 && !p->forged)
		sim_fail(s->sim, "hears its receivers", "%d", r);
	if (r == 0 && ev.kind == TX_EV_ANNOUNCE && ev.fresh && !p->forged)
		s->n_announced++;
	pump(s, false);
}

void sender_served(struct sender *s, const struct work *w)
{
	s->n_working--;
	serve(s, w);
	pump(s, false);
}
