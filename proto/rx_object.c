/* rx_object.c - the receiver's objects and blocks, and the work they need. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_large.h"

#include "proto/key.h"
#include "proto/rs.h"
#include "proto/serial.h"

#include <errno.h>
#include <string.h>

/* --- objects --- */

uint64_t rx_object_number(const struct rx *rx, uint16_t id)
{
	uint64_t near = rx->sender.synced ? key_object(rx->sender.position) : id;

	return serial16_extend(near, id);
}

static struct rx_object *look_up(const struct rx *rx, uint64_t number)
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
	struct rx_object *o = look_up(rx, number);

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

static void drop_blocks(struct rx *rx, uint64_t number)
{
	uint32_t i = rxblocks_lower_bound(&rx->blocks, key_of(number, 0));

	rx_large_drop(rx, number);
	while (i < rx->blocks.n && key_object(rxblocks_at(&rx->blocks, i)->key) == number) {
		struct rxblock *b = rxblocks_at(&rx->blocks, i);

		if (b->busy) {
			b->dead = true;
			i++;
		} else {
			rxblocks_drop(&rx->blocks, b);
		}
	}
}

void rx_object_abort(struct rx *rx, struct rx_object *o, int error)
{
	if (o->state == RX_OBJECT_COMPLETE || o->state == RX_OBJECT_ABORTED)
		return;
	drop_blocks(rx, o->number);
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

/*
 * Memory for blocks is taken with the first object, whose FTI tells their shape. For one of
 * another shape it is taken anew, large enough for all that are in progress.
 */
static int make_room(struct rx *rx, const struct fti *fti)
{
	uint32_t k = fti->max_block_len, len = fti->segment_size;
	struct rxblocks blocks;
	int r;

	if (rxblocks_fit(&rx->blocks, k, len))
		return 0;
	if (rx->blocks.n)
		return -EFBIG;
	for (uint32_t i = 0; i < rx->conf.max_objects; i++) {
		const struct rx_object *o = &rx->objects[i];

		if (!o->in_use || o->state != RX_OBJECT_ACTIVE || o->large)
			continue;
		k = MAX(k, o->fti.max_block_len);
		len = MAX(len, o->fti.segment_size);
	}
	r = rxblocks_init(&blocks, rx->conf.memory, k, len);
	if (r < 0)
		return r;
	rxblocks_fini(&rx->blocks);
	rx->blocks = blocks;
	return 0;
}

/* Makes rx->rs the code of dimension `dim`. -EBUSY: another one is decoding. -ENOMEM. */
static int make_codec(struct rx *rx, uint32_t dim)
{
	if (rx->rs && rx->rs_dim == dim)
		return 0;
	for (uint32_t i = 0; i < rx->blocks.n; i++) {
		const struct rxblock *b = rxblocks_at(&rx->blocks, i);

		if (b->busy && b->state == RXBLOCK_DECODING)
			return -EBUSY;
	}
	rs_free(rx->rs);
	rx->rs = NULL;
	rx->rs_dim = dim;
	return rs_new(&rx->rs, dim, RS8_MAX - dim);
}

void rx_accept(struct rx *rx, nsec_t now, uint64_t object)
{
	struct rx_object *o = rx_object_find(rx, object);
	int r;

	if (!o || o->state != RX_OBJECT_OFFERED)
		return;
	r = o->large ? rx_large_room(rx, &o->fti) : make_room(rx, &o->fti);
	if (r == 0 && !o->large && o->fti.num_parity && !rx->rs)
		r = make_codec(rx, o->fti.max_block_len);
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
	o->in_use = false;
}

bool rx_complete_through(const struct rx *rx, uint64_t key)
{
	return ranges_next_gap(&rx->done, 0) >= key;
}

uint64_t rx_front(const struct rx *rx, uint64_t object)
{
	const struct rx_object *o = look_up(rx, object);
	uint64_t sbn;

	if (!o || !o->has_fti || o->state == RX_OBJECT_ABORTED)
		return 0;
	sbn = ranges_next_gap(&rx->done, key_of(object, 0)) - key_of(object, 0);
	return sbn < o->layout.n_blocks ? layout_offset(&o->layout, sbn) : o->layout.size;
}

/* --- blocks --- */

/* A block with a buffer; others give theirs up when there is none. */
static struct rxblock *open_block(struct rx *rx, const struct rx_object *o, uint64_t key)
{
	struct rxblock *b = rxblocks_find(&rx->blocks, key);

	if (b && b->state != RXBLOCK_SPILLED)
		return b;
	if (!b)
		b = rxblocks_get(&rx->blocks, key, layout_k(&o->layout, key_sbn(key)),
				 o->layout.segment_size);
	else if (!rxblocks_attach(&rx->blocks, b))
		b = NULL;
	if (!rx->blocks.n_free_bufs && rxblocks_spill(&rx->blocks, b))
		rx->work_due = true; /* so that the next block finds one */
	return b;
}

static bool data_valid(const struct rx_object *o, const struct msg *m)
{
	uint64_t sbn = m->fpi.sbn;
	uint32_t k;

	if (m->fec_id != o->fec_id || sbn >= o->layout.n_blocks)
		return false;
	if (o->large)
		return rx_large_valid(o, m);
	k = layout_k(&o->layout, sbn);
	if (m->fpi.esi >= k) /* any that the code could make, whatever the FTI calls parity */
		return o->fti.num_parity > 0 &&
		       m->fpi.esi - k + o->fti.max_block_len < RS8_MAX && m->payload_len > 0 &&
		       m->payload_len <= o->layout.segment_size;
	return m->payload_len == layout_segment_bytes(&o->layout, sbn, m->fpi.esi);
}

/* What the packet tells about the transmission it is part of (doc/PROTOCOL.md, "Parity
 * target"). */
static void note_transmission(struct rxblock *b, nsec_t now, const struct msg *m)
{
	bool repair = m->flags & NORM_FLAG_REPAIR;
	uint32_t target = m->ext.present & EXT_HAS_TARGET ? m->ext.target : 0;

	b->heard_at = now;
	if (m->fpi.esi >= b->k)
		b->parity_heard = MAX(b->parity_heard, m->fpi.esi - b->k + 1);
	b->parity_target = MAX(b->parity_target, MAX(target, b->parity_heard));
	b->over = !repair || (m->fpi.esi >= b->k && b->parity_heard >= b->parity_target);
}

static void fill(struct rx *rx, struct rxblock *b, const struct msg *m)
{
	if (!rxblock_store(&rx->blocks, b, m->fpi.esi, m->payload, m->payload_len)) {
		rx->counters.duplicate++;
		return;
	}
	if (m->fpi.esi < b->k)
		rx->counters.source++;
	else
		rx->counters.parity++;
	if (rxblock_deficit(b))
		return;
	b->state = b->disk.count      ? RXBLOCK_LOADING
		   : rxblock_whole(b) ? RXBLOCK_WRITING
				      : RXBLOCK_DECODING;
	rx->work_due = true;
}

void rx_object_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m)
{
	uint64_t key = key_of(o->number, m->fpi.sbn);
	struct rxblock *b;

	if (o->state != RX_OBJECT_ACTIVE) {
		rx->counters.not_wanted++;
		return;
	}
	if (!data_valid(o, m)) {
		rx->counters.malformed++;
		return;
	}
	if (o->large) {
		rx_large_data(rx, now, o, m);
		return;
	}
	if (ranges_has(&rx->done, key)) {
		rx->counters.duplicate++;
		return;
	}
	b = open_block(rx, o, key);
	if (!b) {
		rx->counters.no_room++;
		return;
	}
	note_transmission(b, now, m);
	if (b->state == RXBLOCK_FILLING)
		fill(rx, b, m);
	else
		rx->counters.duplicate++;
}

/* --- work --- */

/* Bytes of a run of symbols: the object's last one may be short. */
static size_t run_bytes(const struct layout *l, uint32_t sbn, uint32_t first, uint32_t n)
{
	size_t end = MIN((size_t)(first + n) * l->segment_size, layout_block_bytes(l, sbn));

	return end - (size_t)first * l->segment_size;
}

static bool in_run(const struct rxblock *b, uint32_t i)
{
	if (b->state == RXBLOCK_LOADING)
		return bitmap_has(&b->disk, i);
	return b->esi[i] == i && !bitmap_has(&b->disk, i); /* SPILLING */
}

/* The next run of symbols to load or to spill; false: none left. */
static bool next_run(struct rxblock *b)
{
	uint32_t i = 0;

	while (i < b->k && !in_run(b, i))
		i++;
	b->run_first = i;
	while (i < b->k && in_run(b, i))
		i++;
	b->run_n = i - b->run_first;
	return b->run_n > 0;
}

static void io_work(struct rx *rx, struct rxblock *b, enum work_op op, struct work *ret)
{
	const struct rx_object *o = rx_object_find(rx, key_object(b->key));
	uint32_t sbn = key_sbn(b->key);
	size_t skip = (size_t)b->run_first * o->layout.segment_size;

	ret->op = op;
	ret->object = o->number;
	ret->offset = layout_offset(&o->layout, sbn) + skip;
	ret->data = rxblock_data(&rx->blocks, b) + skip;
	ret->len = run_bytes(&o->layout, sbn, b->run_first, b->run_n);
	if (op == WORK_READ) /* the codec wants the object's last symbol padded */
		memset(ret->data + ret->len, 0,
		       (size_t)b->run_n * o->layout.segment_size - ret->len);
}

static bool decode_work(struct rx *rx, struct rxblock *b, struct work *ret)
{
	const struct rx_object *o = rx_object_find(rx, key_object(b->key));

	if (make_codec(rx, o->fti.max_block_len) < 0) /* later */
		return false;
	ret->op = WORK_DECODE;
	ret->codec = rx->rs;
	ret->data = rxblock_data(&rx->blocks, b);
	ret->k = b->k;
	ret->symbol_len = b->symbol_len;
	ret->esi = b->esi;
	return true;
}

/* The next request of one block; false: none (a state without work, or nothing left to move).
 */
static bool block_work(struct rx *rx, struct rxblock *b, struct work *ret)
{
	switch (b->state) {
	case RXBLOCK_FILLING:
	case RXBLOCK_SPILLED:
		return false;
	case RXBLOCK_SPILLING:
		if (next_run(b)) {
			io_work(rx, b, WORK_WRITE, ret);
			return true;
		}
		rxblocks_spilled(&rx->blocks, b);
		if (!b->have.count)
			rxblocks_drop(&rx->blocks, b);
		return false;
	case RXBLOCK_LOADING:
		if (next_run(b)) {
			io_work(rx, b, WORK_READ, ret);
			return true;
		}
		b->state = rxblock_whole(b) ? RXBLOCK_WRITING : RXBLOCK_DECODING;
		return block_work(rx, b, ret);
	case RXBLOCK_DECODING:
		return decode_work(rx, b, ret);
	case RXBLOCK_WRITING:
		b->run_first = 0;
		b->run_n = b->k;
		io_work(rx, b, WORK_WRITE, ret);
		return true;
	}
	return false;
}

bool rx_work(struct rx *rx, struct work *ret)
{
	for (uint32_t i = 0; rx->work_due && i < rx->blocks.n; i++) {
		struct rxblock *b = rxblocks_at(&rx->blocks, i);
		uint32_t n = rx->blocks.n;

		*ret = (struct work){ .slot = (uint32_t)(b - rx->blocks.b) };
		if (!b->busy && block_work(rx, b, ret)) {
			b->busy = true;
			return true;
		}
		if (rx->blocks.n < n)
			i--; /* it went, and the next one has its place */
	}
	if (rx->work_due && rx_large_work(rx, ret))
		return true;
	rx->work_due = false;
	return false;
}

void rx_block_done(struct rx *rx, struct rx_object *o, uint64_t key)
{
	if (ranges_add(&rx->done, key, key + 1) == 0) {
		o->blocks_done++;
		rx->bytes_done += layout_block_bytes(&o->layout, key_sbn(key));
	}
	if (o->blocks_done == o->layout.n_blocks)
		complete(rx, o);
}

static void block_written(struct rx *rx, struct rx_object *o, struct rxblock *b)
{
	uint64_t key = b->key;

	rxblocks_drop(&rx->blocks, b);
	rx_block_done(rx, o, key);
}

void rx_work_done(struct rx *rx, nsec_t now, const struct work *w, int result)
{
	struct rxblock *b;
	struct rx_object *o;

	if (rx_large_work_done(rx, now, w, result))
		return;
	b = &rx->blocks.b[w->slot];
	o = rx_object_find(rx, key_object(b->key));
	b->busy = false;
	rx->work_due = true;
	if (b->dead || !o) {
		rxblocks_drop(&rx->blocks, b);
		return;
	}
	if (result < 0) {
		rx_object_abort(rx, o, result);
		return;
	}
	if (w->op == WORK_DECODE) {
		for (uint32_t i = 0; i < b->k; i++)
			rx->counters.recovered += !bitmap_has(&b->have, i);
		b->state = RXBLOCK_WRITING;
	} else if (b->state == RXBLOCK_WRITING) {
		block_written(rx, o, b);
	} else {
		for (uint32_t i = b->run_first; i < b->run_first + b->run_n; i++) {
			if (b->state == RXBLOCK_SPILLING)
				bitmap_set(&b->disk, i);
			else
				bitmap_clear(&b->disk, i);
		}
	}
}
