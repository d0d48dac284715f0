/* rx_large.c - the receiver's large blocks: data in, work out (doc/PROTOCOL.md, "Repair of
 * large blocks"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_large.h"

#include "proto/key.h"
#include "proto/rx_hold.h"
#include "proto/rx_nack.h"

#include <errno.h>

#define LARGE_SLOT (1u << 31)

bool rx_large_fti(uint8_t fec_id, const struct fti *fti)
{
	return fec_id == FEC_SB_SYST && fti->fec_instance_id == FEC_INSTANCE_LARGE;
}

bool rx_large_supported(const struct fti *fti)
{
	return fti->segment_size % 2 == 0 && fti->num_parity >= 1 &&
	       fti->num_parity <= FFT16_MAX && fti->max_block_len <= FFT16_MAX;
}

/* Memory is taken with the first object; for one of another shape anew, as in rx_object.c. */
int rx_large_room(struct rx *rx, const struct fti *fti)
{
	struct rxlarge_shape shape = { .k = fti->max_block_len,
				       .n_parity = fti->num_parity,
				       .symbol_len = fti->segment_size };
	struct rxlarges large;
	int r;

	if (rxlarges_fit(&rx->large, &shape))
		return 0;
	if (rx->large.n)
		return -EFBIG;
	for (uint32_t i = 0; i < rx->conf.max_objects; i++) {
		const struct rx_object *o = &rx->objects[i];

		if (!o->in_use || !o->large || o->state != RX_OBJECT_ACTIVE)
			continue;
		shape.k = MAX(shape.k, o->fti.max_block_len);
		shape.n_parity = MAX(shape.n_parity, o->fti.num_parity);
		shape.symbol_len = MAX(shape.symbol_len, o->fti.segment_size);
	}
	r = rxlarges_init(&large, &(struct rxlarges_conf){ .memory = rx->conf.memory,
							   .max_k = shape.k,
							   .max_parity = shape.n_parity,
							   .max_symbol = shape.symbol_len,
							   .counting = rx->conf.counting });
	if (r < 0)
		return r;
	rxlarges_fini(&rx->large);
	rx->large = large;
	return 0;
}

bool rx_large_valid(const struct rx_object *o, const struct msg *m)
{
	uint32_t k = layout_k(&o->layout, m->fpi.sbn);

	if (m->fpi.esi < k)
		return m->payload_len ==
		       layout_segment_bytes(&o->layout, m->fpi.sbn, m->fpi.esi);
	return m->fpi.esi - k < o->fti.num_parity && m->payload_len == o->fti.segment_size;
}

/*
 * Parity alone begins no block: whoever lost all the rest, or was not there, asks for the block
 * as a whole and needs no parity then.
 */
static struct rxlarge *open_block(struct rx *rx, const struct rx_object *o, const struct msg *m)
{
	uint32_t sbn = m->fpi.sbn;
	uint64_t key = key_of(o->number, sbn);
	struct range run = { 0 };
	struct rxlarge_shape shape = {
		.k = layout_k(&o->layout, sbn),
		.n_parity = o->fti.num_parity,
		.symbol_len = o->layout.segment_size,
	};
	struct rxlarge *b;

	shape.last_len = (uint32_t)layout_segment_bytes(&o->layout, sbn, shape.k - 1);
	b = rxlarges_get(&rx->large, key, &shape);
	if (b)
		b->late = rx_block_opened(rx, o, m);
	while (b && rx_held_run(o, sbn, &run))
		for (uint64_t i = run.first; i < run.end; i++)
			rxlarges_hold(&rx->large, b, (uint32_t)i);
	return b;
}

/* The block needs nothing more from the network, or nothing more at all. */
static void on_progress(struct rx *rx, nsec_t now, struct rx_object *o, struct rxlarge *b)
{
	uint64_t key = b->key;

	if (b->state == RXLARGE_GATHERING)
		return;
	rx_large_quiet(rx, b);
	if (b->state != RXLARGE_DONE)
		return;
	rx->counters.recovered += b->k - b->have.count;
	rxlarges_drop(&rx->large, b);
	rx_blocks_done(rx, o, key, key + 1);
	rx_large_trigger(rx, now); /* there is room for the repair of another one */
}

static bool store(struct rx *rx, struct rxlarge *b, const struct msg *m)
{
	uint32_t esi = m->fpi.esi;
	int r;

	if (esi < b->k)
		r = rxlarges_source(&rx->large, b, esi, m->payload);
	else
		r = rxlarges_parity(&rx->large, b, esi - b->k, m->payload);
	if (r < 0)
		rx->counters.no_room++;
	else if (r == 0)
		rx->counters.duplicate++;
	else if (esi < b->k)
		rx->counters.source++;
	else
		rx->counters.parity++;
	return r > 0;
}

void rx_large_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m)
{
	uint64_t key = key_of(o->number, m->fpi.sbn);
	struct rxlarge *b;
	bool parity, gained;

	b = rxlarges_find(&rx->large, key);
	if (!b && rx_holds_symbol(o, &m->fpi)) {
		rx->counters.duplicate++;
		return;
	}
	parity = m->fpi.esi >= layout_k(&o->layout, m->fpi.sbn);
	if (!b && !parity)
		b = open_block(rx, o, m);
	if (!b) {
		rx->counters.no_room += !parity;
		rx->counters.not_wanted += parity;
		return;
	}
	gained = store(rx, b, m);
	if (gained)
		rxtimer_gained(&b->timer, now);
	if (gained && (m->flags & NORM_FLAG_REPAIR))
		rx_nack_arriving(rx, now, key);
	rx->work_due |= rxlarges_busy(&rx->large);
	if (b->state == RXLARGE_GATHERING)
		rx_large_heard(rx, now, b, m);
	else
		on_progress(rx, now, o, b);
}

void rx_large_drop(struct rx *rx, uint64_t number)
{
	uint32_t i = rxlarges_lower_bound(&rx->large, key_of(number, 0));

	while (i < rx->large.n && key_object(rxlarges_at(&rx->large, i)->key) == number) {
		struct rxlarge *b = rxlarges_at(&rx->large, i);

		i += b->n_out > 0; /* it stays until they return */
		rx_large_quiet(rx, b);
		rxlarges_drop(&rx->large, b);
	}
}

/* --- what is in the store --- */

static void hold(struct rx *rx, nsec_t now, struct rx_object *o, struct rxlarge *b,
		 struct range s)
{
	struct range run = rx_part_of_block(&o->layout, key_sbn(b->key), s);

	if (b->dead || b->state != RXLARGE_GATHERING)
		return;
	for (uint64_t i = run.first; i < run.end; i++)
		rxlarges_hold(&rx->large, b, (uint32_t)i);
	rx->work_due |= rxlarges_busy(&rx->large);
	on_progress(rx, now, o, b);
}

void rx_large_hold(struct rx *rx, nsec_t now, struct rx_object *o, struct range s)
{
	uint64_t first = key_of(o->number, layout_block(&o->layout, s.first));
	uint64_t last = key_of(o->number, layout_block(&o->layout, s.end - 1));
	uint32_t i = rxlarges_lower_bound(&rx->large, first);

	while (i < rx->large.n && rxlarges_at(&rx->large, i)->key <= last) {
		uint32_t n = rx->large.n;

		hold(rx, now, o, rxlarges_at(&rx->large, i), s);
		i += rx->large.n == n; /* otherwise it is done */
	}
}

/* A block that is being decoded is lost with one of its symbols; what is stored of it is not.
 */
void rx_large_discard(struct rx *rx, struct rx_object *o, uint64_t sbn, struct range run)
{
	struct rxlarge *b = rxlarges_find(&rx->large, key_of(o->number, sbn));

	if (!b || b->dead)
		return;
	if (b->state == RXLARGE_GATHERING) {
		for (uint64_t i = run.first; i < run.end; i++)
			rxlarge_unhold(b, (uint32_t)i);
		return;
	}
	rx_hold_bitmap(o, sbn, &b->disk);
	rx_large_quiet(rx, b);
	rxlarges_drop(&rx->large, b);
}

static const struct rxlarge *find_alive(const struct rx *rx, uint64_t key)
{
	uint32_t i = rxlarges_lower_bound(&rx->large, key);
	const struct rxlarge *b = i < rx->large.n ? rxlarges_at(&rx->large, i) : NULL;

	return b && b->key == key && !b->dead ? b : NULL;
}

const struct bitmap *rx_large_have(const struct rx *rx, uint64_t key)
{
	const struct rxlarge *b = find_alive(rx, key);

	return b ? &b->have : NULL;
}

const struct bitmap *rx_large_stored(const struct rx *rx, uint64_t key)
{
	const struct rxlarge *b = find_alive(rx, key);

	return b ? &b->disk : NULL;
}

/* --- work --- */

bool rx_large_work(struct rx *rx, struct work *ret)
{
	const struct rxlarge *b = rxlarges_work(&rx->large, ret);
	const struct rx_object *o;

	if (!b)
		return false;
	o = rx_object_find(rx, key_object(b->key));
	ret->object = o->number;
	ret->offset += layout_offset(&o->layout, key_sbn(b->key));
	ret->slot |= LARGE_SLOT;
	return true;
}

static uint64_t offset_in_block(const struct layout *l, uint64_t off)
{
	return off - layout_offset(l, layout_block(l, off / l->segment_size));
}

bool rx_large_work_done(struct rx *rx, nsec_t now, const struct work *w, int result)
{
	struct work inner = *w;
	struct rx_object *o;
	struct rxlarge *b;

	if (!(w->slot & LARGE_SLOT))
		return false;
	inner.slot &= ~LARGE_SLOT;
	o = rx_object_find(rx, w->object);
	if (o) /* else the block is dead */
		inner.offset = offset_in_block(&o->layout, w->offset);
	b = rxlarges_work_done(&rx->large, &inner);
	rx->work_due = true;
	if (b->dead) {
		if (!b->n_out)
			rxlarges_drop(&rx->large, b);
	} else if (result < 0) {
		rx_object_abort(rx, o, result);
	} else {
		on_progress(rx, now, o, b);
	}
	return true;
}
