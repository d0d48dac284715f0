/* host.c - the model of a receiving host: one rx session for each sender. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/models.h"

#define PACKET_MAX 65536
#define PLENTY     ((size_t)1 << 20)

struct session *session_at(struct sim *sim, uint32_t index)
{
	return &sim->hosts[index / sim->n_senders].sessions[index % sim->n_senders];
}

static void serve(struct session *s, const struct work *w)
{
	struct sink *k = NULL;
	int r = -EINVAL;

	if (w->op == WORK_READ || w->op == WORK_WRITE) {
		k = sink_find(s, w->object);
		if (k && w->len) {
			(w->op == WORK_READ ? sink_read : sink_write)(s, k, w);
			r = 0;
		}
	} else {
		r = work_codec(w);
	}
	if (r < 0)
		sim_fail(s->host->sim, "asks for work that can be done",
			 "host %u op %d object %llu: %d", s->host->index, w->op,
			 (unsigned long long)w->object, r);
	rx_work_done(s->rx, s->host->sim->now, w, r);
}

static bool serve_all(struct session *s)
{
	struct work w;
	bool any = false;

	while (!s->host->sim->failed && rx_work(s->rx, &w)) {
		any = true;
		if (w.op == WORK_READ)
			memset(w.data, 0xa5, w.len);
		if (sim_defer_work(s->host->sim, EV_SESSION_WORK, s->index, &w))
			serve(s, &w);
		else
			s->n_working++;
	}
	return any;
}

static bool drain_events(struct session *s)
{
	struct rx_event ev;
	bool any = false;

	while (!s->host->sim->failed && rx_event(s->rx, &ev)) {
		any = true;
		program_event(s, &ev);
	}
	return any;
}

static bool emit(struct session *s)
{
	uint8_t buf[PACKET_MAX];
	struct packet *p;
	int len;

	len = rx_output(s->rx, s->host->sim->now, buf, sizeof(buf));
	if (len <= 0)
		return false;
	p = packet_new(s->index, buf, (size_t)len, NULL, 0);
	check_feedback(s, p);
	sim_feedback(s->host->sim, s->index, p);
	return true;
}

static void end_session(struct session *s)
{
	s->over = true;
	s->over_at = s->host->sim->now;
	s->counters = *rx_counters(s->rx);
	rx_free(s->rx);
	s->rx = NULL;
	for (unsigned i = 0; i < s->n_sinks; i++)
		sink_forget(&s->sinks[i]);
}

/* The program goes home when the sender knows, or will never know. */
static bool goes_home(const struct session *s, nsec_t deadline)
{
	if (s->n_working)
		return false;
	return s->receipted || s->gone || (s->ended && deadline == NSEC_NEVER);
}

static void arm(struct session *s)
{
	if (s->busy_until)
		s->deadline = MIN(s->deadline, s->busy_until);
	if (s->deadline >= s->armed_at)
		return;
	s->armed_at = s->deadline;
	sim_wake(s->host->sim, EV_WAKE_SESSION, s->index, s->armed_at);
}

static void pump(struct session *s, bool woken)
{
	struct sim *sim = s->host->sim;
	bool busy, any = false;

	if (s->busy_until && sim->now >= s->busy_until) {
		s->busy_until = 0;
		rx_set_busy(s->rx, sim->now, false);
	}
	do {
		busy = emit(s);
		busy |= serve_all(s);
		busy |= drain_events(s);
		any |= busy;
	} while (busy && !sim->failed);
	if (sim->failed)
		return;
	s->deadline = rx_deadline(s->rx, sim->now);
	check_session_quiet(s, s->deadline, woken && !any);
	if (goes_home(s, s->deadline))
		end_session(s);
	else
		arm(s);
}

void session_wake(struct session *s, nsec_t at)
{
	if (!s->rx || s->host->dead || at != s->armed_at)
		return;
	s->armed_at = NSEC_NEVER;
	if (s->deadline > s->host->sim->now)
		arm(s);
	else
		pump(s, true);
}

void session_served(struct session *s, const struct work *w)
{
	s->n_working--;
	if (s->host->dead || !s->rx)
		return;
	serve(s, w);
	pump(s, false);
}

int host_init(struct host *h, struct sim *sim, uint32_t index)
{
	struct rng rng = rng_init(sim->seed * 0x20003 + index);

	*h = (struct host){ .sim = sim, .index = index, .node_id = 0x41000001 + index };
	h->slow = index < sim->sc.n_slow;
	link_init(&h->down, h->slow ? &sim->sc.slow : &sim->sc.down, sim->start, rng_u64(&rng));
	link_init(&h->up, &sim->sc.up, sim->start, rng_u64(&rng));
	h->sessions = calloc(sim->n_senders, sizeof(*h->sessions));
	if (!h->sessions)
		abort();
	for (uint32_t i = 0; i < sim->n_senders; i++)
		h->sessions[i] = (struct session){ .host = h,
						   .sender = &sim->senders[i],
						   .index = session_index(sim, index, i),
						   .armed_at = NSEC_NEVER };
	/* the first hosts may be slow; the last ones are special, each in one way */
	index = sim->n_hosts - 1 - index;
	h->late = index < sim->sc.n_late;
	h->dying = !h->late && index < sim->sc.n_late + sim->sc.n_dying;
	h->refusing = !h->late && !h->dying &&
		      index < sim->sc.n_late + sim->sc.n_dying + sim->sc.n_refusing;
	return 0;
}

void host_fini(struct host *h)
{
	for (uint32_t i = 0; i < h->sim->n_senders; i++) {
		struct session *s = &h->sessions[i];

		for (unsigned j = 0; j < s->n_sinks; j++)
			sink_forget(&s->sinks[j]);
		free(s->sinks);
		rx_free(s->rx);
	}
	free(h->sessions);
}

static void begin_session(struct session *s)
{
	struct sim *sim = s->host->sim;
	const struct tx_conf *tx = &s->sender->conf;
	struct rx_conf conf = {
		.node_id = s->host->node_id,
		.sender_id = tx->node_id,
		.instance_id = tx->instance_id,
		.host = "host",
		.inactivity = sim->sc.inactivity,
		.seed = sim->seed << 20 ^ s->index,
	};
	int r;

	conf.memory = sim->sc.rx_blocks
			      ? (size_t)sim->sc.rx_blocks * tx->segment_size * tx->block_len
			      : PLENTY;
	r = rx_new(&s->rx, &conf, sim->now);
	if (r < 0)
		sim_fail(sim, "starts", "rx_new: %d", r);
}

/* A late host is not there yet, a dying one not any more. */
static bool listens(struct host *h)
{
	double progress;

	if (h->dead)
		return false;
	if (!h->late && !h->dying)
		return true;
	progress = sender_progress(&h->sim->senders[0]);
	if (h->dying && progress >= h->sim->sc.dying_at) {
		h->dead = true;
		return false;
	}
	if (h->late && progress >= h->sim->sc.late_at)
		h->late = false;
	return !h->late;
}

/* What rx_input() said about a packet that somebody really sent. */
static void check_heard(struct session *s, const struct packet *p, bool from_sender, int r)
{
	bool ours = from_sender && p->from == s->sender->index;

	if (ours ? r == 0 : r == -ENOENT || (!from_sender && r == 0))
		return;
	sim_fail(s->host->sim, "hears its sender only", "host %u: %d", s->host->index, r);
}

static void session_hear(struct session *s, const struct packet *p, bool from_sender)
{
	struct sim *sim = s->host->sim;
	bool ours = from_sender && !p->forged && p->from == s->sender->index;
	int r;

	if (s->over || (!s->rx && !ours))
		return;
	if (!s->rx)
		begin_session(s);
	if (sim->failed)
		return;
	r = rx_input(s->rx, sim->now, p->data, p->len);
	s->check.heard++;
	if (ours)
		s->heard_at = sim->now;
	if (!p->forged)
		check_heard(s, p, from_sender, r);
	pump(s, false);
}

void host_hear(struct host *h, const struct packet *p, bool from_sender)
{
	if (!listens(h))
		return;
	/* every session hears everything, and has to tell what is its own */
	for (uint32_t i = 0; i < h->sim->n_senders && !h->sim->failed; i++)
		session_hear(&h->sessions[i], p, from_sender);
}
