/* program.c - the model of a receiving program: what it does with each event. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "tests/sim/models.h"

/* Checks the INFO and says whether the digest is in it. */
static bool info_has_digest(struct session *s, const struct sink *k, const struct rx_event *ev)
{
	struct object o = { .key = k->key };
	uint8_t want[INFO_MAX];

	if (ev->info_len != s->sender->info_len && !sim_is_spoiled(s->host->sim))
		sim_fail(s->host->sim, "INFO arrives whole", "host %u object %llu: %zu bytes",
			 s->host->index, (unsigned long long)ev->object, ev->info_len);
	if (!ev->info_len || s->host->sim->failed)
		return true;
	object_info(&o, ev->info[0], want, s->sender->info_len);
	if (!sim_is_spoiled(s->host->sim) && memcmp(want, ev->info, ev->info_len) != 0)
		sim_fail(s->host->sim, "INFO arrives whole", "host %u object %llu",
			 s->host->index, (unsigned long long)ev->object);
	return ev->info[0];
}

static void on_object(struct session *s, const struct rx_event *ev)
{
	struct sim *sim = s->host->sim;
	struct sink *k = sink_find(s, ev->object);

	if (k) {
		sim_fail(sim, "announces an object once", "host %u object %llu", s->host->index,
			 (unsigned long long)ev->object);
		return;
	}
	k = sink_add(s, ev->object, ev->size);
	k->wants_info = !info_has_digest(s, k, ev);
	k->refused = s->host->refusing;
	if (k->refused)
		rx_refuse(s->rx, sim->now, ev->object);
	else
		rx_accept(s->rx, sim->now, ev->object);
	if (!k->refused && k->wants_info)
		rx_want_info(s->rx, sim->now, ev->object);
	if (!k->refused && sim->sc.piece && ev->object >= sim->sc.n_settled)
		sink_hold(s, k);
}

static void release(struct session *s, struct sink *k)
{
	if (!k->complete || k->wants_info || k->released)
		return;
	k->released = true;
	sink_forget(k);
	rx_release(s->rx, k->object);
}

/* Some of it is not what it should be. */
static void prove_wrong(struct session *s, struct sink *k)
{
	struct rng rng = rng_init(s->host->sim->seed << 20 ^ s->index << 8 ^ s->n_wrong++);
	uint64_t offset = rng_below(&rng, k->size);

	k->complete = false;
	sink_discard(s, k, offset, 1 + rng_below(&rng, k->size - offset));
}

static void on_complete(struct session *s, struct sink *k)
{
	if (k->complete || k->refused || k->n_written != k->size)
		sim_fail(s->host->sim, "complete means every byte",
			 "host %u object %llu: %llu of %llu", s->host->index,
			 (unsigned long long)k->object, (unsigned long long)k->n_written,
			 (unsigned long long)k->size);
	k->complete = true;
	s->complete_at = s->host->sim->now;
	if (k->object < s->host->sim->sc.n_settled)
		s->first_at = sender_progress(s->sender);
	if (s->n_wrong < s->host->sim->sc.n_wrong && k->size) {
		prove_wrong(s, k);
		return;
	}
	if (s->host->sim->sc.busy && k->object + 1 == s->host->sim->sc.n_settled) {
		s->busy_until = s->host->sim->now + s->host->sim->sc.busy;
		rx_set_busy(s->rx, s->host->sim->now, true);
	}
	release(s, k);
}

static void set_receipt(struct session *s, uint8_t status)
{
	struct receipt rc = { .status = status, .n_objects = s->n_sinks, .text = "as told" };

	rc.text_len = 7;
	for (unsigned i = 0; i < s->n_sinks; i++) {
		rc.n_verified += s->sinks[i].complete;
		rc.bytes += s->sinks[i].n_written;
	}
	s->status = status;
	s->has_receipt = true;
	rx_set_receipt(s->rx, s->host->sim->now, &rc);
}

/* Everything that was wanted is here. */
static void settle(struct session *s)
{
	unsigned n_refused = 0, n_aborted = 0;

	if (!s->finished || s->has_receipt)
		return;
	for (unsigned i = 0; i < s->n_sinks; i++) {
		struct sink *k = &s->sinks[i];

		if (k->wants_info && !k->refused && !k->aborted)
			return;
		if (!k->complete && !k->refused && !k->aborted && !sim_is_spoiled(s->host->sim))
			sim_fail(s->host->sim, "finished means every object",
				 "host %u object %llu", s->host->index,
				 (unsigned long long)k->object);
		n_refused += k->refused;
		n_aborted += k->aborted && !k->refused;
	}
	set_receipt(s, n_refused   ? RECEIPT_REFUSED
		       : n_aborted ? RECEIPT_PARTIAL
				   : RECEIPT_COMPLETE);
}

static void on_object_event(struct session *s, const struct rx_event *ev)
{
	struct sink *k = sink_find(s, ev->object);

	if (!k) {
		/* aborted before it was announced: nothing to do for a program */
		if (ev->kind != RX_EV_ABORTED)
			sim_fail(s->host->sim, "announces before it reports",
				 "host %u object %llu event %d", s->host->index,
				 (unsigned long long)ev->object, ev->kind);
	} else if (ev->kind == RX_EV_COMPLETE) {
		on_complete(s, k);
	} else if (ev->kind == RX_EV_ABORTED) {
		if (k->complete)
			sim_fail(s->host->sim, "complete stays complete", "host %u object %llu",
				 s->host->index, (unsigned long long)ev->object);
		k->aborted = true;
	} else if (!k->released) {
		k->wants_info = !info_has_digest(s, k, ev);
		release(s, k);
	}
	settle(s);
}

void program_event(struct session *s, const struct rx_event *ev)
{
	static const char *const names[] = { "?",          "OBJECT",    "INFO",
					     "COMPLETE",   "ABORTED",   "JOINED",
					     "FINISHED",   "RECEIPTED", "SENDER_END",
					     "SENDER_GONE" };

	sim_note(s->host->sim, "host", s->host->index, names[ev->kind],
		 ev->kind <= RX_EV_ABORTED ? ev->object : 0);
	switch (ev->kind) {
	case RX_EV_OBJECT:
		on_object(s, ev);
		break;
	case RX_EV_INFO:
	case RX_EV_COMPLETE:
	case RX_EV_ABORTED:
		on_object_event(s, ev);
		break;
	case RX_EV_JOINED:
		s->joined = true;
		break;
	case RX_EV_FINISHED:
		s->finished = true;
		s->finished_at = s->host->sim->now;
		settle(s);
		break;
	case RX_EV_RECEIPTED:
		s->receipted = true;
		break;
	case RX_EV_SENDER_END:
		s->ended = true;
		if (!s->has_receipt)
			set_receipt(s, RECEIPT_PARTIAL);
		break;
	case RX_EV_SENDER_GONE:
		s->gone = true;
		break;
	}
}
