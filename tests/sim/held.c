/* held.c - what hosts have of an object before it comes. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/models.h"

static bool has_piece(const struct host *h, uint64_t key, uint64_t piece)
{
	const struct scenario *sc = &h->sim->sc;
	struct rng rng;

	if (h->index < sc->n_empty || h->refusing)
		return false;
	rng = rng_init(h->sim->seed << 40 ^ key ^ piece << 8 ^ (sc->held_alike ? 0 : h->index));
	return rng_unit(&rng) < sc->held;
}

/* The next range of pieces that the host has, from *pos on; false: none. */
static bool next_held(const struct host *h, uint64_t key, uint64_t size, struct range *r)
{
	uint64_t len = h->sim->sc.piece, i = (r->end + len - 1) / len;

	while (i * len < size && !has_piece(h, key, i))
		i++;
	r->first = i * len;
	while (i * len < size && has_piece(h, key, i))
		i++;
	r->end = MIN(i * len, size);
	return r->first < r->end;
}

void sink_hold(struct session *s, struct sink *k)
{
	uint64_t e = s->sender->conf.segment_size;
	struct range r = { 0 };

	while (next_held(s->host, k->key, k->size, &r)) {
		uint64_t end = r.end == k->size ? r.end : r.end / e * e;

		/* the rest of a symbol that is not held as a whole comes with it */
		sink_mark(k, (r.first + e - 1) / e * e, end);
		rx_hold(s->rx, s->host->sim->now, k->object, r.first, r.end - r.first);
	}
}

uint64_t held_lacking(const struct sim *sim, const struct object *o, size_t segment)
{
	uint64_t n = 0, at = 0;

	while (at * segment < o->size) {
		uint64_t first = at * segment, last = MIN(first + segment, o->size) - 1;
		bool lacking = false;

		for (unsigned i = 0; i < sim->n_hosts && !lacking; i++)
			for (uint64_t p = first / sim->sc.piece; p <= last / sim->sc.piece; p++)
				lacking |= !has_piece(&sim->hosts[i], o->key, p);
		n += lacking;
		at++;
	}
	return n;
}
