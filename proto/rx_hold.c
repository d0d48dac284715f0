/* rx_hold.c - what of an object lies in the store: held from before, received, proved wrong. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_hold.h"

#include "proto/key.h"
#include "proto/rx_block.h"
#include "proto/rx_large.h"
#include "proto/rx_nack.h"

#include <errno.h>

/* --- segments and bytes --- */

/* Those that lie wholly in these bytes. */
static struct range inside(const struct layout *l, uint64_t off, uint64_t len)
{
	uint64_t end;

	if (off >= l->size)
		return (struct range){ 0 };
	end = off + MIN(len, l->size - off);
	return (struct range){ (off + l->segment_size - 1) / l->segment_size,
			       end == l->size ? l->n_segments : end / l->segment_size };
}

/* Those that have some of them. */
static struct range touched(const struct layout *l, uint64_t off, uint64_t len)
{
	uint64_t end;

	if (off >= l->size || !len)
		return (struct range){ 0 };
	end = off + MIN(len, l->size - off);
	return (struct range){ off / l->segment_size, (end - 1) / l->segment_size + 1 };
}

static uint64_t bytes_of(const struct layout *l, uint64_t first, uint64_t end)
{
	return MIN(end * l->segment_size, l->size) - first * l->segment_size;
}

struct range rx_part_of_block(const struct layout *l, uint64_t sbn, struct range s)
{
	uint64_t first = layout_first(l, sbn), end = layout_first(l, sbn + 1);

	return (struct range){ MAX(s.first, first) - first, MIN(s.end, end) - first };
}

/* --- the set of what is held --- */

uint64_t rx_next_held(const struct rx_object *o, uint64_t at)
{
	return MIN(ranges_next(&o->held, at), o->layout.n_segments);
}

bool rx_held_run(const struct rx_object *o, uint64_t sbn, struct range *run)
{
	uint64_t first = layout_first(&o->layout, sbn), end = layout_first(&o->layout, sbn + 1);
	uint64_t at = rx_next_held(o, first + run->end);

	if (at >= end)
		return false;
	run->first = at - first;
	run->end = MIN(ranges_next_gap(&o->held, at), end) - first;
	return true;
}

bool rx_holds(const struct rx_object *o, uint64_t sbn)
{
	return o->held.n && rx_next_held(o, layout_first(&o->layout, sbn)) <
				    layout_first(&o->layout, sbn + 1);
}

bool rx_holds_symbol(const struct rx_object *o, const struct fpi *fpi)
{
	return o->held.n && fpi->esi < layout_k(&o->layout, fpi->sbn) &&
	       ranges_has(&o->held, layout_first(&o->layout, fpi->sbn) + fpi->esi);
}

/* Which symbols of a block came, or are held; NULL: it is not in progress. */
static const struct bitmap *have_of(const struct rx *rx, const struct rx_object *o,
				    uint64_t key)
{
	return o->large ? rx_large_have(rx, key) : rx_block_have(rx, key);
}

uint32_t rx_next_lacking(const struct rx *rx, const struct rx_object *o, uint64_t key,
			 uint32_t i, bool lacking)
{
	const struct bitmap *have = have_of(rx, o, key);
	uint64_t first = layout_first(&o->layout, key_sbn(key));
	uint32_t k = layout_k(&o->layout, key_sbn(key));
	uint64_t next;

	if (have)
		next = lacking ? bitmap_next_clear(have, i) : bitmap_next(have, i);
	else
		next = (lacking ? ranges_next_gap(&o->held, first + i)
				: rx_next_held(o, first + i)) -
		       first;
	return (uint32_t)MIN(next, k);
}

bool rx_to_be_named(const struct rx *rx, const struct rx_object *o, uint64_t key)
{
	return rx_holds(o, key_sbn(key)) &&
	       !(have_of(rx, o, key) && ranges_has(&rx->named, key));
}

/* Of what is sent for the first time whatever does not come was lost. */
bool rx_block_opened(struct rx *rx, const struct rx_object *o, const struct msg *m)
{
	uint64_t key = key_of(o->number, m->fpi.sbn);
	bool repair = m->flags & NORM_FLAG_REPAIR;

	if (!repair && rx_holds(o, m->fpi.sbn))
		ranges_add(&rx->named, key, key + 1);
	return repair;
}

uint64_t rx_lacking_bytes(const struct rx *rx, const struct rx_object *o, uint64_t first,
			  uint64_t end)
{
	const struct layout *l = &o->layout;
	uint64_t bytes = 0, at = first;

	while (at < end) {
		uint64_t key = key_of(o->number, layout_block(l, at));
		uint64_t gap = ranges_next_gap(&rx->done, key), stop = end;

		if (gap > key) {
			at = gap < key_of(o->number, l->n_blocks)
				     ? layout_first(l, key_sbn(gap))
				     : end;
			continue;
		}
		gap = ranges_next_gap(&o->held, at);
		if (gap > at) {
			at = gap;
			continue;
		}
		key = ranges_next(&rx->done, key);
		if (key < key_of(o->number, l->n_blocks))
			stop = MIN(stop, layout_first(l, key_sbn(key)));
		stop = MIN(stop, ranges_next(&o->held, at));
		bytes += bytes_of(l, at, stop);
		at = stop;
	}
	return bytes;
}

/* Memory for the set is taken when there is something to put into it. */
static bool has_set(const struct rx *rx, struct rx_object *o)
{
	return o->held.cap || ranges_init(&o->held, rx->conf.max_held) == 0;
}

void rx_hold_bitmap(struct rx_object *o, uint64_t sbn, const struct bitmap *stored)
{
	uint64_t first = layout_first(&o->layout, sbn);
	uint32_t i = 0, end;

	while ((i = bitmap_next(stored, i)) < stored->n) {
		end = bitmap_next_clear(stored, i);
		ranges_add(&o->held, first + i, first + end);
		i = end;
	}
}

/* --- held from before --- */

/* Blocks first .. end-1 are held as a whole; those that are in progress know it. */
static void finish_blocks(struct rx *rx, struct rx_object *o, uint64_t first, uint64_t end)
{
	uint64_t key = key_of(o->number, first), last = key_of(o->number, end);

	while ((key = ranges_next_gap(&rx->done, key)) < last) {
		uint64_t next = rx_missing_run(rx, key, last);

		if (next > key)
			rx_blocks_done(rx, o, key, next);
		key = MAX(next, key + 1);
	}
}

static bool held_whole(const struct rx_object *o, uint64_t sbn)
{
	uint64_t first = layout_first(&o->layout, sbn);

	return ranges_next_gap(&o->held, first) >= layout_first(&o->layout, sbn + 1);
}

void rx_hold(struct rx *rx, nsec_t now, uint64_t object, uint64_t off, uint64_t len)
{
	struct rx_object *o = rx_object_find(rx, object);
	uint64_t first, last, bytes;
	struct range s;

	if (!o || o->state != RX_OBJECT_ACTIVE)
		return;
	s = inside(&o->layout, off, len);
	if (s.first >= s.end || !has_set(rx, o))
		return;
	bytes = rx_lacking_bytes(rx, o, s.first, s.end);
	if (ranges_add(&o->held, s.first, s.end) < 0)
		return;
	rx->bytes_done += bytes;
	first = layout_block(&o->layout, s.first);
	last = layout_block(&o->layout, s.end - 1);
	rx_block_hold(rx, o, s);
	rx_large_hold(rx, now, o, s);
	first += !held_whole(o, first);
	last += held_whole(o, last);
	if (first < last)
		finish_blocks(rx, o, first, last);
	rx_check_finished(rx, now);
	rx_flush_check(rx, now);
}

/* --- proved wrong --- */

/* Without room for two rests of a range the second is lacking, too. */
static void unhold(struct rx_object *o, struct range s)
{
	if (ranges_remove(&o->held, s.first, s.end) < 0)
		ranges_remove(&o->held, s.first, ranges_next_gap(&o->held, s.first));
}

/* Of a finished block the others are held from now on. */
static bool reopen_block(struct rx *rx, struct rx_object *o, uint64_t sbn, struct range s)
{
	uint64_t key = key_of(o->number, sbn);

	if (!ranges_has(&rx->done, key)) {
		s = rx_part_of_block(&o->layout, sbn, s);
		rx_block_discard(rx, o, sbn, s);
		rx_large_discard(rx, o, sbn, s);
		return true;
	}
	if (ranges_remove(&rx->done, key, key + 1) < 0)
		return false;
	o->blocks_done--;
	ranges_add(&o->held, layout_first(&o->layout, sbn), layout_first(&o->layout, sbn + 1));
	ranges_remove(&rx->named, key, key + 1);
	return true;
}

void rx_discard(struct rx *rx, nsec_t now, uint64_t object, uint64_t off, uint64_t len)
{
	struct rx_object *o = rx_object_find(rx, object);
	uint64_t first, last, begin, end, lacked;
	bool ok = true;
	struct range s;

	if (!o || (o->state != RX_OBJECT_ACTIVE && o->state != RX_OBJECT_COMPLETE))
		return;
	s = touched(&o->layout, off, len);
	if (s.first >= s.end || !has_set(rx, o) || !rx_object_reopen(rx, o))
		return;
	first = layout_block(&o->layout, s.first);
	last = layout_block(&o->layout, s.end - 1);
	begin = layout_first(&o->layout, first);
	end = layout_first(&o->layout, last + 1);
	lacked = rx_lacking_bytes(rx, o, begin, end);
	for (uint64_t sbn = first; sbn <= last && ok; sbn++)
		ok = reopen_block(rx, o, sbn, s);
	if (!ok) { /* too many gaps to remember one more */
		rx_object_abort(rx, o, -ENOSPC);
		return;
	}
	unhold(o, s);
	rx->bytes_done += lacked - rx_lacking_bytes(rx, o, begin, end);
	rx_flush_check(rx, now);
	rx_nack_trigger(rx, now);
	rx_large_trigger(rx, now);
}

/* --- what is stored --- */

/* Which symbols of a block are stored; NULL: those that are held. */
static const struct bitmap *stored_of(const struct rx *rx, const struct rx_object *o,
				      uint64_t key)
{
	return o->large ? rx_large_stored(rx, key) : rx_block_stored(rx, key);
}

/* The first segment from `at` on, below `end`, of which block `key` says this; `end`: none. */
static uint64_t find_in_block(const struct bitmap *in, uint64_t first, uint64_t at, bool stored)
{
	uint32_t i = (uint32_t)(at - first);

	return first + (stored ? bitmap_next(in, i) : bitmap_next_clear(in, i));
}

/* The first segment from `at` on that is stored, or is not; n_segments: none. */
static uint64_t next_segment(const struct rx *rx, const struct rx_object *o, uint64_t at,
			     bool stored)
{
	const struct layout *l = &o->layout;
	uint64_t all = key_of(o->number, l->n_blocks);

	while (at < l->n_segments) {
		uint64_t sbn = layout_block(l, at), key = key_of(o->number, sbn);
		uint64_t next = ranges_next_gap(&rx->done, key), found, end;
		const struct bitmap *in = stored_of(rx, o, key);

		if (next > key) { /* finished ones */
			if (stored)
				return at;
			at = next < all ? layout_first(l, key_sbn(next)) : l->n_segments;
			continue;
		}
		next = MAX(rx_missing_run(rx, key, all), key + 1);
		end = layout_first(l, next - key_of(o->number, 0));
		if (in)
			found = find_in_block(in, layout_first(l, sbn), at, stored);
		else
			found = stored ? ranges_next(&o->held, at)
				       : ranges_next_gap(&o->held, at);
		if (found < end)
			return found;
		at = end;
	}
	return l->n_segments;
}

static bool has_store(const struct rx_object *o)
{
	return o && (o->state == RX_OBJECT_ACTIVE || o->state == RX_OBJECT_COMPLETE);
}

bool rx_stored_next(const struct rx *rx, uint64_t object, uint64_t *pos, uint64_t *ret_len)
{
	const struct rx_object *o = rx_object_look_up(rx, object);
	uint64_t first, end, size;

	if (!has_store(o) || *pos >= o->layout.size)
		return false;
	size = o->layout.segment_size;
	first = next_segment(rx, o, *pos / size, true);
	if (first == o->layout.n_segments)
		return false;
	end = next_segment(rx, o, first, false);
	*pos = MAX(*pos, first * size);
	*ret_len = MIN(end * size, o->layout.size) - *pos;
	return true;
}
