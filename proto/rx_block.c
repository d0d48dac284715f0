/* rx_block.c - the receiver's small blocks: data in, work out. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_block.h"

#include "proto/key.h"
#include "proto/rs.h"
#include "proto/rx_hold.h"
#include "proto/rx_large.h"
#include "proto/rx_nack.h"

#include <errno.h>
#include <string.h>

/*
 * Memory for blocks is taken with the first object, whose FTI tells their shape. For one of
 * another shape it is taken anew, large enough for all that are in progress.
 */
static int make_memory(struct rx *rx, const struct fti *fti)
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

int rx_block_room(struct rx *rx, const struct fti *fti)
{
	int r = make_memory(rx, fti);

	return r == 0 && fti->num_parity && !rx->rs ? make_codec(rx, fti->max_block_len) : r;
}

/* --- symbols --- */

/* A new block begins with what of it was there before. */
static struct rxblock *begin_block(struct rx *rx, const struct rx_object *o,
				   const struct msg *m)
{
	uint64_t key = key_of(o->number, m->fpi.sbn);
	struct rxblock *b = rxblocks_get(&rx->blocks, key, layout_k(&o->layout, key_sbn(key)),
					 o->layout.segment_size);
	struct range run = { 0 };

	if (b)
		b->late = rx_block_opened(rx, o, m);
	while (b && rx_held_run(o, key_sbn(key), &run))
		for (uint64_t i = run.first; i < run.end; i++)
			rxblock_hold(&rx->blocks, b, (uint32_t)i);
	return b;
}

/* When the last buffer is taken another block gives its up, so that the next one finds one. */
static void make_room(struct rx *rx, const struct rxblock *keep)
{
	if (!rx->blocks.n_free_bufs && rxblocks_spill(&rx->blocks, keep))
		rx->work_due = true;
}

bool rx_block_valid(const struct rx_object *o, const struct msg *m)
{
	uint32_t k = layout_k(&o->layout, m->fpi.sbn);

	if (m->fpi.esi >= k) /* any that the code could make, whatever the FTI calls parity */
		return o->fti.num_parity > 0 &&
		       m->fpi.esi - k + o->fti.max_block_len < RS8_MAX && m->payload_len > 0 &&
		       m->payload_len <= o->layout.segment_size;
	return m->payload_len == layout_segment_bytes(&o->layout, m->fpi.sbn, m->fpi.esi);
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

static void block_stored(struct rx *rx, struct rx_object *o, struct rxblock *b)
{
	uint64_t key = b->key;

	rxblocks_drop(&rx->blocks, b);
	rx_blocks_done(rx, o, key, key + 1);
}

/* It may have all that it needs. */
static void check_block(struct rx *rx, struct rx_object *o, struct rxblock *b)
{
	if (rxblock_deficit(b) || (b->state != RXBLOCK_FILLING && b->state != RXBLOCK_SPILLED))
		return;
	if (b->disk.count == b->k) {
		block_stored(rx, o, b);
		return;
	}
	rxblock_begin(b, rxblock_sources(b) == b->k ? RXBLOCK_WRITING
			 : b->disk.count            ? RXBLOCK_LOADING
						    : RXBLOCK_DECODING);
	rx->work_due = true;
}

static void fill(struct rx *rx, nsec_t now, struct rx_object *o, struct rxblock *b,
		 const struct msg *m)
{
	if (!rxblock_store(&rx->blocks, b, m->fpi.esi, m->payload, m->payload_len)) {
		rx->counters.duplicate++;
		return;
	}
	b->gained_at = now;
	if (m->fpi.esi < b->k)
		rx->counters.source++;
	else
		rx->counters.parity++;
	if (m->flags & NORM_FLAG_REPAIR)
		rx_nack_arriving(rx, now, b->key);
	check_block(rx, o, b);
}

void rx_block_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m)
{
	uint64_t key = key_of(o->number, m->fpi.sbn);
	struct rxblock *b = rxblocks_find(&rx->blocks, key);

	if (!b && rx_holds_symbol(o, &m->fpi)) {
		rx->counters.duplicate++;
		return;
	}
	if (!b)
		b = begin_block(rx, o, m);
	else if (b->state == RXBLOCK_SPILLED && !rxblocks_attach(&rx->blocks, b))
		b = NULL;
	make_room(rx, b);
	if (!b) {
		rx->counters.no_room++;
		return;
	}
	note_transmission(b, now, m);
	if (b->state == RXBLOCK_FILLING)
		fill(rx, now, o, b, m);
	else
		rx->counters.duplicate++;
}

/* --- what is in the store --- */

static void give_up(struct rx *rx, struct rxblock *b)
{
	if (b->busy)
		b->dead = true;
	else
		rxblocks_drop(&rx->blocks, b);
}

void rx_block_drop(struct rx *rx, uint64_t number)
{
	uint32_t i = rxblocks_lower_bound(&rx->blocks, key_of(number, 0));

	while (i < rx->blocks.n && key_object(rxblocks_at(&rx->blocks, i)->key) == number) {
		struct rxblock *b = rxblocks_at(&rx->blocks, i);

		i += b->busy;
		give_up(rx, b);
	}
}

static void hold(struct rx *rx, struct rx_object *o, struct rxblock *b, struct range s)
{
	struct range run = rx_part_of_block(&o->layout, key_sbn(b->key), s);

	if (b->dead || b->state > RXBLOCK_SPILLED)
		return;
	for (uint64_t i = run.first; i < run.end; i++)
		rxblock_hold(&rx->blocks, b, (uint32_t)i);
	check_block(rx, o, b);
}

void rx_block_hold(struct rx *rx, struct rx_object *o, struct range s)
{
	uint64_t first = key_of(o->number, layout_block(&o->layout, s.first));
	uint64_t last = key_of(o->number, layout_block(&o->layout, s.end - 1));
	uint32_t i = rxblocks_lower_bound(&rx->blocks, first);

	while (i < rx->blocks.n && rxblocks_at(&rx->blocks, i)->key <= last) {
		uint32_t n = rx->blocks.n;

		hold(rx, o, rxblocks_at(&rx->blocks, i), s);
		i += rx->blocks.n == n; /* otherwise it is done */
	}
}

/* A block that is being decoded is lost with one of its symbols; what is stored of it is not.
 */
void rx_block_discard(struct rx *rx, struct rx_object *o, uint64_t sbn, struct range run)
{
	struct rxblock *b = rxblocks_find(&rx->blocks, key_of(o->number, sbn));

	if (!b || b->dead)
		return;
	if (b->state <= RXBLOCK_SPILLED) {
		for (uint64_t i = run.first; i < run.end; i++)
			rxblock_unhold(b, (uint32_t)i);
		return;
	}
	rx_hold_bitmap(o, sbn, &b->disk);
	give_up(rx, b);
}

static const struct rxblock *find_alive(const struct rx *rx, uint64_t key)
{
	const struct rxblock *b = rxblocks_find(&rx->blocks, key);

	return b && !b->dead ? b : NULL;
}

const struct bitmap *rx_block_have(const struct rx *rx, uint64_t key)
{
	const struct rxblock *b = find_alive(rx, key);

	return b ? &b->have : NULL;
}

const struct bitmap *rx_block_stored(const struct rx *rx, uint64_t key)
{
	const struct rxblock *b = find_alive(rx, key);

	return b ? &b->disk : NULL;
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
	bool stored = bitmap_has(&b->disk, i);

	if (b->state == RXBLOCK_LOADING)
		return stored;
	return !stored && (b->state == RXBLOCK_WRITING || b->esi[i] == i);
}

/* The next run of symbols to load, to spill or to write; false: none left. */
static bool next_run(struct rxblock *b)
{
	uint32_t i = b->run_first + b->run_n;

	while (i < b->k && !in_run(b, i))
		i++;
	b->run_first = i;
	while (i < b->k && in_run(b, i))
		i++;
	b->run_n = i - b->run_first;
	return b->run_n > 0;
}

static void io_work(struct rx *rx, const struct rx_object *o, struct rxblock *b,
		    enum work_op op, struct work *ret)
{
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

static bool decode_work(struct rx *rx, const struct rx_object *o, struct rxblock *b,
			struct work *ret)
{
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
	struct rx_object *o = rx_object_find(rx, key_object(b->key));

	switch (b->state) {
	case RXBLOCK_FILLING:
	case RXBLOCK_SPILLED:
		return false;
	case RXBLOCK_SPILLING:
		if (next_run(b)) {
			io_work(rx, o, b, WORK_WRITE, ret);
			return true;
		}
		rxblocks_spilled(&rx->blocks, b);
		if (!b->have.count)
			rxblocks_drop(&rx->blocks, b);
		else
			check_block(rx, o, b);
		return false;
	case RXBLOCK_LOADING:
		if (next_run(b)) {
			io_work(rx, o, b, WORK_READ, ret);
			return true;
		}
		rxblock_begin(b, RXBLOCK_DECODING);
		return decode_work(rx, o, b, ret);
	case RXBLOCK_DECODING:
		return decode_work(rx, o, b, ret);
	case RXBLOCK_WRITING:
		(void)next_run(b); /* after the last one the block is gone */
		io_work(rx, o, b, WORK_WRITE, ret);
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

/* A request of the block's returned. */
static void on_result(struct rx *rx, struct rx_object *o, struct rxblock *b)
{
	switch (b->state) {
	case RXBLOCK_DECODING:
		for (uint32_t i = 0; i < b->k; i++)
			rx->counters.recovered += !bitmap_has(&b->have, i);
		rxblock_begin(b, RXBLOCK_WRITING);
		break;
	case RXBLOCK_SPILLING:
	case RXBLOCK_WRITING:
		for (uint32_t i = b->run_first; i < b->run_first + b->run_n; i++)
			bitmap_set(&b->disk, i);
		if (b->state == RXBLOCK_WRITING && b->disk.count == b->k)
			block_stored(rx, o, b);
		break;
	case RXBLOCK_LOADING:
	case RXBLOCK_FILLING:
	case RXBLOCK_SPILLED:
		break;
	}
}

static void block_work_done(struct rx *rx, const struct work *w, int result)
{
	struct rxblock *b = &rx->blocks.b[w->slot];
	struct rx_object *o = rx_object_find(rx, key_object(b->key));

	b->busy = false;
	rx->work_due = true;
	if (b->dead || !o)
		rxblocks_drop(&rx->blocks, b);
	else if (result < 0)
		rx_object_abort(rx, o, result);
	else
		on_result(rx, o, b);
}

void rx_work_done(struct rx *rx, nsec_t now, const struct work *w, int result)
{
	if (!rx_large_work_done(rx, now, w, result))
		block_work_done(rx, w, result);
	rx_check_finished(rx, now);
	rx_flush_check(rx, now);
}
