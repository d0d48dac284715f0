/* rx_object.c - the receiver's objects and blocks, and the work they need. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_block.h"
#include "proto/rx_hold.h"
#include "proto/rx_large.h"

#include "proto/key.h"
#include "proto/serial.h"

#include <errno.h>
#include <string.h>

/* --- objects --- */

uint64_t rx_object_number(const struct rx *rx, uint16_t id)
{
	uint64_t near = rx->sender.synced ? key_object(rx->sender.position) : id;

	return serial16_extend(near, id);
}

struct rx_object *rx_object_look_up(const struct rx *rx, uint64_t number)
{
	if (rx->last_object && rx->last_object->in_use && rx->last_object->number == number)
		return rx->last_object;
	for (uint32_t i = 0; i < rx->conf.max_objects; i++)
		if (rx->objects[i].in_use && rx->objects[i].number == number)
			return &rx->objects[i];
	return NULL;
}

struct rx_object *rx_object_find(struct rx *rx, uint64_t number)
{
	struct rx_object *o = rx_object_look_up(rx, number);

	if (o)
		rx->last_object = o;
	return o;
}

static struct rx_object *free_object(const struct rx *rx)
{
	for (uint32_t i = 0; i < rx->conf.max_objects; i++)
		if (!rx->objects[i].in_use)
			return &rx->objects[i];
	return NULL;
}

uint32_t rx_object_room(const struct rx *rx)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rx->conf.max_objects; i++)
		n += !rx->objects[i].in_use;
	return n;
}

struct rx_object *rx_object_get(struct rx *rx, uint64_t number)
{
	struct rx_object *o = rx_object_find(rx, number);

	if (o)
		return o;
	if (ranges_has(&rx->done, key_of(number, 0)) &&
	    ranges_next_gap(&rx->done, key_of(number, 0)) >= key_of(number + 1, 0))
		return NULL;
	o = free_object(rx);
	if (!o) {
		rx->counters.no_room++;
		return NULL;
	}
	*o = (struct rx_object){ .number = number, .in_use = true, .info = o->info };
	rx->last_object = o;
	return o;
}

void rx_object_free(struct rx_object *o)
{
	ranges_fini(&o->held);
	o->in_use = false;
}

static void set_due(struct rx *rx, struct rx_object *o, unsigned due)
{
	o->due |= due;
	rx->events_due = true;
}

/* Everything of the object counts as received from now on. False: the set is full. */
static bool close_object(struct rx *rx, struct rx_object *o)
{
	return ranges_add(&rx->done, key_of(o->number, 0), key_of(o->number + 1, 0)) == 0;
}

/* Size and INFO are known: the program may decide. */
static void offer(struct rx *rx, struct rx_object *o)
{
	if (o->state != RX_OBJECT_HEARD || !o->has_fti || (o->info_exists && !o->has_info))
		return;
	o->state = RX_OBJECT_OFFERED;
	rx->bytes_total += o->layout.size;
	set_due(rx, o, RX_DUE_OBJECT);
}

/* Which codes we can decode: Reed-Solomon over GF(2^8), ours for large blocks, or none at all.
 */
static bool fti_supported(uint8_t fec_id, const struct fti *fti)
{
	if (rx_large_fti(fec_id, fti))
		return rx_large_supported(fti);
	if (fti->num_parity == 0)
		return true;
	return (fec_id == FEC_RS8 || (fec_id == FEC_SB_SYST && fti->fec_instance_id == 0)) &&
	       fti->max_block_len + fti->num_parity <= RS8_MAX;
}

void rx_object_fti(struct rx *rx, struct rx_object *o, uint8_t fec_id, const struct fti *fti)
{
	if (o->has_fti)
		return;
	if (!fti_supported(fec_id, fti) ||
	    layout_init(&o->layout, fti->object_size, fti->segment_size, fti->max_block_len) <
		    0) {
		rx_object_abort(rx, o, -EPROTONOSUPPORT);
		return;
	}
	o->fec_id = fec_id;
	o->large = rx_large_fti(fec_id, fti);
	o->fti = *fti;
	o->has_fti = true;
	rx->sender.segment_size = fti->segment_size;
	offer(rx, o);
}

static void unwant_info(struct rx *rx, struct rx_object *o)
{
	rx->n_want_info -= o->want_info;
	o->want_info = false;
}

void rx_object_info(struct rx *rx, struct rx_object *o, const uint8_t *info, size_t len)
{
	bool same;

	len = MIN(len, RX_INFO_MAX);
	same = o->has_info && o->info_len == len && memcmp(o->info, info, len) == 0;
	if (same || o->state == RX_OBJECT_ABORTED)
		return;
	if (o->has_info && o->state != RX_OBJECT_HEARD)
		set_due(rx, o, RX_DUE_INFO);
	if (len)
		memcpy(o->info, info, len);
	o->info_len = (uint16_t)len;
	o->has_info = true;
	unwant_info(rx, o);
	offer(rx, o);
}

void rx_object_abort(struct rx *rx, struct rx_object *o, int error)
{
	if (o->state == RX_OBJECT_COMPLETE || o->state == RX_OBJECT_ABORTED)
		return;
	rx_large_drop(rx, o->number);
	rx_block_drop(rx, o->number);
	unwant_info(rx, o);
	close_object(rx, o);
	o->state = RX_OBJECT_ABORTED;
	o->error = error;
	o->due = 0;
	set_due(rx, o, RX_DUE_ABORTED);
}

static void complete(struct rx *rx, struct rx_object *o)
{
	if (!close_object(rx, o))
		return;
	rx->n_complete++;
	o->state = RX_OBJECT_COMPLETE;
	set_due(rx, o, RX_DUE_COMPLETE);
}

/* For its blocks. */
static int take_memory(struct rx *rx, const struct rx_object *o)
{
	return o->large ? rx_large_room(rx, &o->fti) : rx_block_room(rx, &o->fti);
}

void rx_accept(struct rx *rx, nsec_t now, uint64_t object)
{
	struct rx_object *o = rx_object_find(rx, object);
	int r;

	if (!o || o->state != RX_OBJECT_OFFERED)
		return;
	r = take_memory(rx, o);
	if (r < 0) {
		rx_object_abort(rx, o, r);
		return;
	}
	o->state = RX_OBJECT_ACTIVE;
	if (o->layout.n_blocks == 0)
		complete(rx, o);
}

void rx_refuse(struct rx *rx, nsec_t now, uint64_t object)
{
	struct rx_object *o = rx_object_find(rx, object);

	if (o)
		rx_object_abort(rx, o, 0);
}

void rx_want_info(struct rx *rx, nsec_t now, uint64_t object)
{
	struct rx_object *o = rx_object_find(rx, object);

	if (!o || o->want_info || o->state == RX_OBJECT_ABORTED || (o->due & RX_DUE_INFO))
		return;
	o->want_info = true;
	rx->n_want_info++;
}

void rx_release(struct rx *rx, uint64_t object)
{
	struct rx_object *o = rx_object_find(rx, object);

	if (!o || o->state != RX_OBJECT_COMPLETE)
		return;
	unwant_info(rx, o);
	rx_object_free(o);
}

bool rx_object_reopen(struct rx *rx, struct rx_object *o)
{
	int r = o->state == RX_OBJECT_COMPLETE ? take_memory(rx, o) : 0;

	if (o->state == RX_OBJECT_COMPLETE) {
		o->state = RX_OBJECT_ACTIVE;
		o->due &= ~RX_DUE_COMPLETE;
		rx->n_complete--;
		rx->finished = rx->finished_due = false;
	}
	if (r < 0)
		rx_object_abort(rx, o, r);
	return r == 0 && o->state == RX_OBJECT_ACTIVE;
}

bool rx_complete_through(const struct rx *rx, uint64_t key)
{
	return ranges_next_gap(&rx->done, 0) >= key;
}

uint64_t rx_front(const struct rx *rx, uint64_t object)
{
	const struct rx_object *o = rx_object_look_up(rx, object);
	uint64_t sbn;

	if (!o || !o->has_fti || o->state == RX_OBJECT_ABORTED)
		return 0;
	sbn = ranges_next_gap(&rx->done, key_of(object, 0)) - key_of(object, 0);
	return sbn < o->layout.n_blocks ? layout_offset(&o->layout, sbn) : o->layout.size;
}

void rx_object_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m)
{
	uint64_t sbn = m->fpi.sbn, key = key_of(o->number, sbn);

	if (o->large && (m->flags & NORM_FLAG_REPAIR))
		rx->sender.repair_at = now;
	if (o->state != RX_OBJECT_ACTIVE)
		rx->counters.not_wanted++;
	else if (m->fec_id != o->fec_id || sbn >= o->layout.n_blocks ||
		 !(o->large ? rx_large_valid(o, m) : rx_block_valid(o, m)))
		rx->counters.malformed++;
	else if (ranges_has(&rx->done, key))
		rx->counters.duplicate++;
	else if (o->large)
		rx_large_data(rx, now, o, m);
	else
		rx_block_data(rx, now, o, m);
}

void rx_blocks_done(struct rx *rx, struct rx_object *o, uint64_t first, uint64_t end)
{
	uint64_t bytes = rx_lacking_bytes(rx, o, layout_first(&o->layout, key_sbn(first)),
					  layout_first(&o->layout, key_sbn(end - 1) + 1ull));

	if (ranges_add(&rx->done, first, end) == 0) {
		o->blocks_done += end - first;
		rx->bytes_done += bytes;
	}
	if (o->blocks_done == o->layout.n_blocks)
		complete(rx, o);
}
