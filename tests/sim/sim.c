/* sim.c - the clock, the queue and the network between the models. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/hostile.h"
#include "tests/sim/models.h"
#include "tests/sim/trace.h"

#define LIMIT_DEFAULT (60 * NSEC_PER_SEC)

void sim_fail(struct sim *sim, const char *property, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (sim->failed)
		return;
	sim->failed = true;
	n = snprintf(sim->failure, sizeof(sim->failure), "%s: ", property);
	va_start(ap, fmt);
	vsnprintf(sim->failure + n, sizeof(sim->failure) - (size_t)n, fmt, ap);
	va_end(ap);
}

static void mix(struct sim *sim, uint64_t v)
{
	sim->hash = (sim->hash ^ v) * 0x9fb21c651e98df25u;
	sim->hash ^= sim->hash >> 29;
}

void sim_note(struct sim *sim, const char *who, uint32_t id, const char *what, uint64_t value)
{
	mix(sim, (uint64_t)sim->now);
	mix(sim, (uint64_t)id << 32 ^ (uint64_t)what[0] ^ value);
	if (sim->trace)
		trace_note(sim->now - sim->start, who, id, what, value);
}

static void note_packet(struct sim *sim, const char *who, uint32_t id, const struct packet *p)
{
	mix(sim, (uint64_t)sim->now ^ id);
	sim->hash = packet_hash(p, sim->hash);
	if (sim->trace)
		trace_packet(sim->now - sim->start, who, id, p);
}

static void push(struct sim *sim, struct event ev)
{
	heap_push(&sim->heap, ev);
}

void sim_wake(struct sim *sim, enum event_kind kind, uint32_t who, nsec_t at)
{
	push(sim, (struct event){ .at = at, .kind = kind, .who = who, .end = who + 1 });
}

bool sim_defer_work(struct sim *sim, enum event_kind kind, uint32_t who, const struct work *w)
{
	nsec_t wait = sim->sc.work_delay;
	struct event ev = { .kind = kind, .who = who };

	if (!wait)
		return true;
	ev.at = sim->now + (nsec_t)rng_below(&sim->rng, (uint64_t)wait);
	ev.data = malloc(sizeof(*w));
	if (!ev.data)
		abort();
	memcpy(ev.data, w, sizeof(*w));
	push(sim, ev);
	return false;
}

/* One copy for each host whose path lets it through. */
static void multicast_each(struct sim *sim, struct packet *p)
{
	for (uint32_t i = 0; i < sim->n_hosts; i++) {
		struct link *l = &sim->hosts[i].down;
		struct event ev = { .kind = EV_DATA, .who = i, .end = i + 1, .data = p };

		if (!link_passes(l, sim->now) || !link_takes(l, sim->now, p->len))
			continue;
		ev.at = link_arrival(l, sim->now);
		packet_ref(p);
		push(sim, ev);
		if (!link_duplicates(l))
			continue;
		ev.at = link_arrival(l, sim->now);
		packet_ref(p);
		push(sim, ev);
	}
	packet_unref(p);
}

void sim_multicast(struct sim *sim, uint32_t sender, struct packet *p)
{
	note_packet(sim, "sender", sender, p);
	if (sim->tap)
		sim->tap(sim, false, p);
	packet_unref(sim->last);
	sim->last = packet_ref(p);
	if (rng_unit(&sim->rng) < sim->sc.common_loss)
		packet_unref(p);
	else if (!sim->steady)
		multicast_each(sim, p);
	else
		push(sim, (struct event){ .at = sim->now + sim->sc.down.delay,
					  .kind = EV_DATA,
					  .end = sim->n_hosts,
					  .data = p });
}

/* Feedback as the others hear it: along the sender's paths. */
static void overhear(struct sim *sim, uint32_t host, struct packet *p)
{
	for (uint32_t i = 0; i < sim->n_hosts; i++) {
		struct link *l = &sim->hosts[i].down;

		if (i != host && link_passes(l, sim->now))
			push(sim, (struct event){ .at = sim->now + l->conf.delay,
						  .kind = EV_OVERHEARD,
						  .who = i,
						  .end = i + 1,
						  .data = packet_ref(p) });
	}
}

void sim_feedback(struct sim *sim, uint32_t session, struct packet *p)
{
	struct session *s = session_at(sim, session);
	struct link *l = &s->host->up;
	struct event ev = { .kind = EV_FEEDBACK, .who = s->sender->index, .data = p };

	note_packet(sim, "host", s->host->index, p);
	if (sim->tap)
		sim->tap(sim, true, p);
	packet_unref(sim->last);
	sim->last = packet_ref(p);
	if (sim->sc.feedback_group)
		overhear(sim, s->host->index, p);
	if (!link_passes(l, sim->now)) {
		packet_unref(p);
		return;
	}
	ev.at = link_arrival(l, sim->now);
	if (link_duplicates(l)) {
		packet_ref(p);
		push(sim, ev);
		ev.at = link_arrival(l, sim->now);
	}
	push(sim, ev);
}

static void deliver(struct sim *sim, const struct event *ev)
{
	struct packet *p = ev->data;

	for (uint32_t i = ev->who; i < ev->end && !sim->failed; i++)
		if (!sim->steady || ev->kind != EV_DATA || p->forged ||
		    link_passes(&sim->hosts[i].down, sim->now))
			host_hear(&sim->hosts[i], p, ev->kind == EV_DATA);
	packet_unref(p);
}

static void work_served(struct sim *sim, const struct event *ev)
{
	struct work *w = ev->data;

	if (ev->kind == EV_SENDER_WORK)
		sender_served(&sim->senders[ev->who], w);
	else
		session_served(session_at(sim, ev->who), w);
	free(w);
}

static void dispatch(struct sim *sim, const struct event *ev)
{
	switch ((enum event_kind)ev->kind) {
	case EV_DATA:
	case EV_OVERHEARD:
		deliver(sim, ev);
		break;
	case EV_FEEDBACK:
		sender_hear(&sim->senders[ev->who], ev->data);
		packet_unref(ev->data);
		break;
	case EV_WAKE_SENDER:
		sender_wake(&sim->senders[ev->who], ev->at);
		break;
	case EV_WAKE_SESSION:
		session_wake(session_at(sim, ev->who), ev->at);
		break;
	case EV_SENDER_WORK:
	case EV_SESSION_WORK:
		work_served(sim, ev);
		break;
	case EV_HOSTILE:
		hostile_act(sim);
		break;
	}
}

/* Everybody who lives has come to an end. */
static bool all_over(const struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_senders; i++)
		if (!sim->senders[i].dead && !sim->senders[i].done_at)
			return false;
	for (unsigned i = 0; i < sim->n_hosts; i++)
		for (unsigned j = 0; j < sim->n_senders && !sim->hosts[i].dead; j++)
			if (sim->hosts[i].sessions[j].rx)
				return false;
	return true;
}

/* Those who wait for something that will not come show up here. */
static void out_of_time(struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_senders; i++)
		if (!sim->senders[i].dead && !sim->senders[i].done_at)
			sim_fail(sim, "ends in time", "sender %u is at %.0f%%", i,
				 100 * sender_progress(&sim->senders[i]));
	for (unsigned i = 0; i < sim->n_hosts; i++)
		for (unsigned j = 0; j < sim->n_senders; j++)
			if (!sim->hosts[i].dead && sim->hosts[i].sessions[j].rx)
				sim_fail(sim, "ends in time",
					 "host %u still listens to sender %u", i, j);
}

void sim_run(struct sim *sim)
{
	nsec_t limit = sim->start + (sim->sc.limit ? sim->sc.limit : LIMIT_DEFAULT);
	struct event ev;

	for (unsigned i = 0; i < sim->n_senders; i++)
		sender_pump(&sim->senders[i]);
	if (sim->sc.hostile)
		sim_wake(sim, EV_HOSTILE, 0, sim->now);
	while (!sim->failed && !all_over(sim) && heap_pop(&sim->heap, &ev)) {
		if (ev.at < sim->now)
			sim_fail(sim, "time goes forward", "%lld ns back",
				 (long long)(sim->now - ev.at));
		sim->now = ev.at;
		if (ev.at > limit) {
			heap_push(&sim->heap, ev);
			break;
		}
		sim->n_events++;
		dispatch(sim, &ev);
	}
	if (!sim->failed && !all_over(sim) && sim->sc.expect != EXPECT_ANYTHING)
		out_of_time(sim);
	if (!sim->failed)
		check_end(sim);
}

int sim_init(struct sim *sim, const struct scenario *sc, uint64_t seed)
{
	int r = 0;

	*sim = (struct sim){ .sc = scenario_draw(sc, seed), .seed = seed };
	sim->rng = rng_init(seed ^ 0x5eed);
	/* no session may care where its clock began */
	sim->start = sim->now = 1 + (nsec_t)(rng_u64(&sim->rng) >> 12);
	sim->n_hosts = sim->sc.n_hosts;
	sim->n_senders = sim->sc.n_senders;
	sim->steady = link_is_steady(&sim->sc.down) && link_is_steady(&sim->sc.slow);
	sim->senders = calloc(sim->n_senders, sizeof(*sim->senders));
	sim->hosts = calloc(sim->n_hosts + 1, sizeof(*sim->hosts));
	if (!sim->senders || !sim->hosts)
		abort();
	for (unsigned i = 0; i < sim->n_senders && r == 0; i++)
		r = sender_init(&sim->senders[i], sim, i);
	for (unsigned i = 0; i < sim->n_hosts && r == 0; i++)
		r = host_init(&sim->hosts[i], sim, i);
	return r;
}

static void drop_event(const struct event *ev)
{
	switch ((enum event_kind)ev->kind) {
	case EV_DATA:
	case EV_OVERHEARD:
	case EV_FEEDBACK:
		packet_unref(ev->data);
		break;
	case EV_SENDER_WORK:
	case EV_SESSION_WORK:
		free(ev->data);
		break;
	case EV_WAKE_SENDER:
	case EV_WAKE_SESSION:
	case EV_HOSTILE:
		break;
	}
}

void sim_fini(struct sim *sim)
{
	struct event ev;

	while (heap_pop(&sim->heap, &ev))
		drop_event(&ev);
	heap_fini(&sim->heap);
	packet_unref(sim->last);
	for (unsigned i = 0; i < sim->n_senders; i++)
		sender_fini(&sim->senders[i]);
	for (unsigned i = 0; i < sim->n_hosts; i++)
		host_fini(&sim->hosts[i]);
	free(sim->senders);
	free(sim->hosts);
}
