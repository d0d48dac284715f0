/* sink.c - what a host stores: not the bytes, only which of them it has. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/content.h"
#include "tests/sim/models.h"

#define GAPS_MIN 64

struct sink *sink_find(struct session *s, uint64_t object)
{
	for (unsigned i = s->n_sinks; i-- > 0;)
		if (s->sinks[i].object == object)
			return &s->sinks[i];
	return NULL;
}

struct sink *sink_add(struct session *s, uint64_t object, uint64_t size)
{
	struct sink *k;

	if (s->n_sinks == s->cap_sinks) {
		s->cap_sinks = s->cap_sinks ? 2 * s->cap_sinks : 4;
		s->sinks = realloc(s->sinks, s->cap_sinks * sizeof(*s->sinks));
		if (!s->sinks)
			abort();
	}
	k = &s->sinks[s->n_sinks++];
	*k = (struct sink){ .object = object, .size = size };
	k->key = content_key(s->sender->conf.node_id, object);
	if (ranges_init(&k->written, GAPS_MIN) != 0)
		abort();
	return k;
}

/* ranges.h refuses what does not fit; a disk would not. */
static void grow(struct sink *k)
{
	struct ranges more;

	if (ranges_init(&more, 2 * k->written.cap) != 0)
		abort();
	memcpy(more.r, k->written.r, k->written.n * sizeof(*more.r));
	more.n = k->written.n;
	ranges_fini(&k->written);
	k->written = more;
}

void sink_mark(struct sink *k, uint64_t first, uint64_t end)
{
	while (ranges_add(&k->written, first, end) < 0)
		grow(k);
	k->n_written = ranges_count(&k->written);
}

void sink_discard(struct session *s, struct sink *k, uint64_t offset, uint64_t len)
{
	uint64_t e = s->sender->conf.segment_size;
	uint64_t first = offset / e * e, end = (offset + len + e - 1) / e * e;

	while (ranges_remove(&k->written, first, end) < 0)
		grow(k);
	k->n_written = ranges_count(&k->written);
	rx_discard(s->rx, s->host->sim->now, k->object, offset, len);
}

void sink_write(struct session *s, struct sink *k, const struct work *w)
{
	struct sim *sim = s->host->sim;
	uint64_t end = w->offset + w->len, seen = ranges_next(&k->written, w->offset);

	if (end > k->size || k->refused)
		sim_fail(sim, "writes inside", "host %u object %llu: %llu + %zu of %llu",
			 s->host->index, (unsigned long long)w->object,
			 (unsigned long long)w->offset, w->len, (unsigned long long)k->size);
	if (!sim_is_spoiled(sim) && !content_matches(k->key, w->offset, w->data, w->len))
		sim_fail(sim, "writes what was sown", "host %u object %llu: %llu + %zu",
			 s->host->index, (unsigned long long)w->object,
			 (unsigned long long)w->offset, w->len);
	/* who is short of memory may write again */
	if (seen < end && !sim->sc.rx_blocks && !sim_is_spoiled(sim))
		sim_fail(sim, "writes once", "host %u object %llu: %llu + %zu again",
			 s->host->index, (unsigned long long)w->object,
			 (unsigned long long)w->offset, w->len);
	sink_mark(k, w->offset, end);
}

/* Holes in between may be read along; there is anything in them. */
void sink_read(struct session *s, struct sink *k, const struct work *w)
{
	uint64_t end = w->offset + w->len, at = w->offset;

	if (!ranges_has(&k->written, w->offset) || !ranges_has(&k->written, end - 1))
		sim_fail(s->host->sim, "reads what it wrote", "host %u object %llu: %llu + %zu",
			 s->host->index, (unsigned long long)w->object,
			 (unsigned long long)w->offset, w->len);
	content_fill(k->key, w->offset, w->data, w->len);
	while ((at = ranges_next_gap(&k->written, at)) < end) {
		uint64_t next = ranges_next(&k->written, at);

		memset(w->data + (at - w->offset), 0xa5, MIN(next, end) - at);
		at = next;
	}
}

void sink_forget(struct sink *k)
{
	ranges_fini(&k->written);
	k->written = (struct ranges){ 0 };
}
