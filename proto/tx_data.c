/* tx_data.c - the sender's object messages: INFO, new data, repairs, and the work they need. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_large.h"

#include "proto/key.h"

#include <string.h>

#define INFO_REPEAT      (250 * NSEC_PER_MSEC)
#define PREFETCH_SYMBOLS 192 /* source symbols read ahead of their transmission */
#define OBJECT_FLAGS     (NORM_FLAG_FILE | NORM_FLAG_INFO)
#define LOAD_AHEAD       4 /* older blocks loaded for repair at a time */

static bool object_live(const struct tx_object *o)
{
	return o && !o->withdrawn;
}

void tx_info_due(struct tx *tx, struct tx_object *o, uint8_t times)
{
	if (o->withdrawn)
		times = 0;
	tx->n_info_due += (times > 0) - (o->info_due > 0);
	o->info_due = times;
	tx->idle = false;
}

static struct tx_object *next_info(const struct tx *tx)
{
	struct tx_object *o = tx_object_find(tx, tx->object);

	if (o && o->info_due)
		return o;
	for (uint64_t n = tx->object_base; n < tx->object_end; n++) {
		o = tx_object_find(tx, n);
		if (o && o->info_due)
			return o;
	}
	return NULL;
}

/* INFO carries the FTI; DATA does not, so that all DATA are alike (libnorm wants it
 * so). */
int tx_info_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	struct tx_object *o = tx->n_info_due ? next_info(tx) : NULL;
	struct msg m;

	if (!o || !tx_object_open(tx, o))
		return 0;
	m = (struct msg){
		.type = NORM_INFO,
		.flags = OBJECT_FLAGS,
		.fec_id = o->fec.fec_id,
		.object_id = (uint16_t)o->number,
		.ext = { .present = EXT_HAS_FTI,
			 .fti = { .object_size = o->layout.size,
				  .segment_size = tx->conf.segment_size,
				  .max_block_len = o->fec.block_len,
				  .num_parity = o->fec.n_parity,
				  .fec_instance_id = o->fec.instance } },
		.payload = tx_object_info(tx, o),
		.payload_len = o->info_len,
	};
	tx_info_due(tx, o, o->info_due - 1);
	o->info_at = now;
	o->active_at = now;
	tx->counters.info++;
	return tx_emit(tx, now, &m, ret);
}

int tx_data_output(struct tx *tx, nsec_t now, struct tx_object *o, const struct tx_symbol *s,
		   struct tx_packet *ret)
{
	struct msg m = {
		.type = NORM_DATA,
		.flags = OBJECT_FLAGS | s->flags,
		.fec_id = o->fec.fec_id,
		.object_id = (uint16_t)o->number,
		.fpi = { .sbn = s->sbn, .sbl = (uint16_t)s->k, .esi = (uint16_t)s->esi },
		.payload = s->data,
		.payload_len = s->len,
	};

	if (s->has_target) {
		m.ext.present = EXT_HAS_TARGET;
		m.ext.target = s->target;
	}
	o->active_at = now;
	tx->flushes = 0;
	return tx_emit(tx, now, &m, ret);
}

static int data_output(struct tx *tx, nsec_t now, struct txblock *b, const struct tx_symbol *s,
		       struct tx_packet *ret)
{
	b->sent_at = now;
	if (s->esi < b->k)
		recent_add(&b->recent, now, tx->grtt.value, s->esi);
	return tx_data_output(tx, now, tx_object_find(tx, key_object(b->key)), s, ret);
}

static struct tx_symbol source_symbol(const struct tx *tx, const struct txblock *b,
				      uint32_t esi)
{
	const struct tx_object *o = tx_object_find(tx, key_object(b->key));

	return (struct tx_symbol){
		.sbn = key_sbn(b->key),
		.k = b->k,
		.esi = esi,
		.data = txblock_source(&tx->blocks, b) + esi * tx->conf.segment_size,
		.len = layout_segment_bytes(&o->layout, key_sbn(b->key), esi),
	};
}

static bool parity_encoded(const struct txblock *b, uint32_t p)
{
	return p >= b->parity_first && p < b->parity_first + b->parity_n && !b->encoding;
}

static struct tx_symbol parity_symbol(const struct tx *tx, const struct txblock *b, uint32_t p)
{
	return (struct tx_symbol){
		.sbn = key_sbn(b->key),
		.k = b->k,
		.esi = b->k + p,
		.data = txblock_parity(&tx->blocks, b) +
			(size_t)(p - b->parity_first) * tx->conf.segment_size,
		.len = tx->conf.segment_size,
	};
}

/* --- new data --- */

/* Blocks that are to be sent unasked. */
static uint64_t new_blocks(const struct tx_object *o)
{
	return o->asked ? 0 : o->layout.n_blocks;
}

/* Moves the position past finished and withdrawn objects; the object there, NULL: none left. */
static struct tx_object *position(struct tx *tx)
{
	while (tx->object < tx->object_end) {
		struct tx_object *o = tx_object_find(tx, tx->object);

		if (object_live(o) && (new_blocks(o) > tx->sbn || o->info_due))
			return o;
		tx->object++;
		tx->sbn = 0;
		tx->esi = 0;
		tx->block = NULL;
		o = tx_object_find(tx, tx->object);
		if (object_live(o))
			tx_info_due(tx, o, 2);
	}
	return NULL;
}

bool tx_new_left(const struct tx *tx)
{
	return tx->object < tx->object_end;
}

uint64_t tx_repair_end(const struct tx *tx)
{
	return tx_new_left(tx) && tx->conf.profile == TX_SOW ? tx->early_end : UINT64_MAX;
}

static void advance(struct tx *tx)
{
	tx->block->fresh = false;
	tx->block = NULL;
	tx->sbn++;
	tx->esi = 0;
	position(tx); /* tx_work() wants to know whether anything new is left */
}

int tx_new_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	struct tx_object *o = position(tx);
	struct tx_symbol s;
	int r;

	if (!o || tx->sbn >= new_blocks(o))
		return tx_info_output(tx, now, ret);
	if (now - o->info_at > INFO_REPEAT) {
		tx_info_due(tx, o, MAX(o->info_due, 1));
		return tx_info_output(tx, now, ret);
	}
	if (o->info_due)
		return tx_info_output(tx, now, ret);
	if (o->fec.large) {
		r = tx_large_new_output(tx, now, o, ret);
		position(tx); /* as advance() */
		return r;
	}
	if (!tx->block)
		tx->block = txblocks_find(&tx->blocks, key_of(tx->object, tx->sbn));
	if (!tx->block || tx->block->state != TXBLOCK_READY)
		return 0;
	s = source_symbol(tx, tx->block, tx->esi);
	r = data_output(tx, now, tx->block, &s, ret);
	tx->counters.source++;
	tx->sent_bytes += s.len;
	if (++tx->esi == tx->block->k)
		advance(tx);
	return r;
}

/* --- repair --- */

/* Which parity the block needs next that is not encoded; n = 0: none. */
static void missing_parity(const struct tx *tx, const struct txblock *b, unsigned *first,
			   unsigned *n)
{
	uint32_t esi = bitmap_next(&b->want, b->k);

	*n = 0;
	if (b->parity_target > b->parity_sent) {
		*first = b->parity_sent;
		if (!parity_encoded(b, *first))
			*n = MIN(b->parity_target - b->parity_sent, tx->blocks.parity_cap);
	} else if (bitmap_next(&b->want, 0) == esi && esi < b->want.n) {
		*first = esi - b->k;
		if (!parity_encoded(b, *first))
			*n = MIN(tx->conf.n_parity - *first, tx->blocks.parity_cap);
	}
}

/* Sends the next symbol that block b owes; 0: it has to be encoded first. */
static int repair_block(struct tx *tx, nsec_t now, struct txblock *b, struct tx_packet *ret)
{
	bool ours = tx->conf.profile == TX_SOW;
	unsigned first, n;
	uint32_t esi;
	struct tx_symbol s;

	if (b->parity_target > b->parity_sent) {
		if (!parity_encoded(b, b->parity_sent))
			return 0;
		s = parity_symbol(tx, b, b->parity_sent++);
		tx->counters.parity++;
	} else {
		esi = bitmap_next(&b->want, 0);
		if (esi >= b->k && !parity_encoded(b, esi - b->k))
			return 0;
		s = esi < b->k ? source_symbol(tx, b, esi) : parity_symbol(tx, b, esi - b->k);
		s.flags = NORM_FLAG_EXPLICIT;
		bitmap_clear(&b->want, esi);
		tx->counters.again++;
	}
	s.flags |= NORM_FLAG_REPAIR;
	s.has_target = ours;
	s.target = (uint16_t)b->parity_target;
	missing_parity(tx, b, &first, &n);
	tx->work_due |= n > 0;
	return data_output(tx, now, b, &s, ret);
}

static bool repair_ready(const struct txblock *b)
{
	return b->state == TXBLOCK_READY && !b->fresh && !b->encoding && txblock_pending(b);
}

/* RFC order: NACKs are gathered for a while before any of them is served. */
static bool aggregating(struct tx *tx, nsec_t now)
{
	if (tx->conf.profile != TX_NORM || !tx->aggregate_at)
		return false;
	return now < tx->aggregate_at;
}

/* The round is over: a time of deafness, then the next NACK starts another. */
static void end_round(struct tx *tx, nsec_t now)
{
	if (!tx->aggregate_at || tx_repair_pending(tx))
		return;
	tx->aggregate_at = 0;
	tx->round++;
	tx->holdoff_until = now + tx_grtt(tx);
}

int tx_repair_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	int r = 0;

	if (!tx->scan_repairs || aggregating(tx, now))
		return 0;
	if (tx->repair && repair_ready(tx->repair))
		r = repair_block(tx, now, tx->repair, ret);
	for (uint32_t i = 0; !r && i < tx->blocks.n; i++) {
		tx->repair = txblocks_at(&tx->blocks, i);
		if (repair_ready(tx->repair))
			r = repair_block(tx, now, tx->repair, ret);
	}
	if (!r)
		tx->repair = NULL;
	if (!r)
		r = tx_large_repair_output(tx, now, ret);
	tx->scan_repairs = r > 0;
	end_round(tx, now);
	return r;
}

bool tx_repair_pending(const struct tx *tx)
{
	if (tx->whole.n)
		return true;
	for (uint32_t i = 0; i < tx->blocks.n; i++)
		if (txblock_pending(txblocks_at(&tx->blocks, i)))
			return true;
	return tx_large_pending(tx) > 0;
}

void tx_forget_blocks(struct tx *tx, uint64_t object)
{
	uint32_t i = txblocks_lower_bound(&tx->blocks, key_of(object, 0));

	ranges_remove(&tx->whole, key_of(object, 0), key_of(object + 1, 0));
	tx_large_forget(tx, object);
	while (i < tx->blocks.n) {
		struct txblock *b = txblocks_at(&tx->blocks, i);

		if (key_object(b->key) != object)
			break;
		b->parity_target = b->parity_sent;
		bitmap_init(&b->want, b->want.words, b->want.n);
		b->fresh = false;
		if (b == tx->repair)
			tx->repair = NULL;
		if (b == tx->block)
			tx->block = NULL;
		if (b->state == TXBLOCK_READING || b->encoding)
			i++; /* work is out; it leaves when its buffer is needed */
		else
			txblocks_drop(&tx->blocks, b);
	}
}

uint64_t tx_floor(const struct tx *tx)
{
	uint32_t i = txblocks_lower_bound(&tx->blocks, tx->early_end);

	for (; i < tx->blocks.n; i++)
		if (txblocks_at(&tx->blocks, i)->state != TXBLOCK_IDLE)
			return txblocks_at(&tx->blocks, i)->key;
	for (i = 0; i < tx->large.n; i++)
		if (txlarges_at(&tx->large, i)->key >= tx->early_end)
			return txlarges_at(&tx->large, i)->key;
	return key_of(tx->object, tx->sbn);
}

/* --- work --- */

/* Blocks that will be sent soon get a buffer. */
static void prefetch(struct tx *tx)
{
	struct tx_object *at = tx_object_find(tx, tx->object);
	uint64_t object = tx->object, sbn = tx->sbn;
	uint32_t symbols = 0, n = 0;

	if (tx->prefetched && tx->prefetched == key_of(object, sbn) + 1)
		return;
	if (object_live(at) && tx_object_open(tx, at) && at->fec.large && !at->asked)
		tx_large_prefetch(tx, at);
	tx->prefetched = key_of(object, sbn) + 1;
	while (object < tx->object_end && symbols < PREFETCH_SYMBOLS &&
	       n < tx->blocks.n_bufs / 2) {
		struct tx_object *o = tx_object_find(tx, object);
		struct txblock *b;

		if (!object_live(o) || sbn >= new_blocks(o)) {
			object++;
			sbn = 0;
			continue;
		}
		if (!tx_object_open(tx, o) || o->fec.large)
			break;
		b = txblocks_get(&tx->blocks, key_of(object, sbn), layout_k(&o->layout, sbn));
		if (!b)
			break;
		if (b->state == TXBLOCK_IDLE) {
			b->fresh = true;
			if (!txblocks_attach(&tx->blocks, b)) {
				txblocks_drop(&tx->blocks, b);
				break;
			}
			tx->work_due = true;
		}
		symbols += b->k;
		n++;
		sbn++;
	}
	if (n == 0)
		tx->prefetched = 0; /* again, when there is room or an object */
}

/* The next block of `whole` becomes one that owes all its source symbols. */
static bool take_whole(struct tx *tx)
{
	uint64_t key = ranges_next(&tx->whole, 0);
	const struct tx_object *o = tx_object_find(tx, key_object(key));
	struct txblock *b;

	if (key >= tx_repair_end(tx))
		return false;
	if (!object_live(o) || key_sbn(key) >= o->layout.n_blocks) {
		ranges_remove(&tx->whole, key, key + 1);
		return true;
	}
	if (o->fec.large)
		return tx_large_again(tx, o, key_sbn(key)) &&
		       ranges_remove(&tx->whole, key, key + 1) == 0;
	b = txblocks_get(&tx->blocks, key, layout_k(&o->layout, key_sbn(key)));
	if (!b)
		return false;
	if (ranges_remove(&tx->whole, key, key + 1) < 0)
		return false;
	for (uint32_t i = 0; i < b->k; i++)
		bitmap_set(&b->want, i);
	return true;
}

/* Older repair: loaded when there is nothing new to send, or at once where it is early or the
 * RFC's order holds. */
static void load_repairs(struct tx *tx)
{
	uint64_t end = tx_repair_end(tx);
	uint32_t n = txblocks_lower_bound(&tx->blocks, end);
	uint32_t loaded = end == UINT64_MAX ? tx_large_pending(tx) : 0;

	for (uint32_t i = 0; i < n; i++)
		loaded += txblock_pending(txblocks_at(&tx->blocks, i));
	while (loaded < LOAD_AHEAD && tx->whole.n && take_whole(tx))
		loaded++;
	loaded = 0;
	for (uint32_t i = 0; i < tx->blocks.n && loaded < LOAD_AHEAD; i++) {
		struct txblock *b = txblocks_at(&tx->blocks, i);

		if (b->key >= end)
			break;
		if (!txblock_pending(b) || b->fresh)
			continue;
		loaded++;
		if (b->state != TXBLOCK_IDLE)
			continue;
		if (!txblocks_attach(&tx->blocks, b))
			return;
		tx->work_due = true;
		i = txblocks_lower_bound(&tx->blocks,
					 b->key); /* it may have dropped an earlier one */
	}
}

static void read_work(struct tx *tx, struct txblock *b, struct work *ret)
{
	const struct tx_object *o = tx_object_find(tx, key_object(b->key));
	uint32_t sbn = key_sbn(b->key);
	size_t len = layout_block_bytes(&o->layout, sbn);
	uint8_t *data = txblock_source(&tx->blocks, b);

	b->state = TXBLOCK_READING;
	memset(data + len, 0, b->k * (size_t)tx->conf.segment_size - len);
	*ret = (struct work){
		.op = WORK_READ,
		.slot = (uint32_t)(b - tx->blocks.b),
		.object = o->number,
		.offset = layout_offset(&o->layout, sbn),
		.data = data,
		.len = len,
	};
}

static bool encode_work(struct tx *tx, struct txblock *b, struct work *ret)
{
	unsigned first, n;

	missing_parity(tx, b, &first, &n);
	if (!n)
		return false;
	b->encoding = true;
	b->parity_first = first;
	b->parity_n = n;
	*ret = (struct work){
		.op = WORK_ENCODE,
		.slot = (uint32_t)(b - tx->blocks.b),
		.data = txblock_source(&tx->blocks, b),
		.codec = tx->rs,
		.k = b->k,
		.symbol_len = tx->conf.segment_size,
		.first = first,
		.n = n,
		.parity = txblock_parity(&tx->blocks, b),
	};
	return true;
}

static bool next_work(struct tx *tx, struct work *ret)
{
	for (uint32_t i = 0; tx->work_due && i < tx->blocks.n; i++) {
		struct txblock *b = txblocks_at(&tx->blocks, i);

		if (b->state == TXBLOCK_EMPTY) {
			read_work(tx, b, ret);
			return true;
		}
		if (repair_ready(b) && encode_work(tx, b, ret))
			return true;
	}
	tx->work_due = false;
	return false;
}

bool tx_work(struct tx *tx, struct work *ret)
{
	tx->scratch_used = 0;
	if (tx->stage != TX_RUNNING)
		return false;
	if (next_work(tx, ret))
		return true;
	prefetch(tx);
	load_repairs(tx);
	return next_work(tx, ret) || tx_large_work(tx, ret);
}

void tx_work_done(struct tx *tx, nsec_t now, const struct work *w, int result)
{
	struct txblock *b;

	tx->idle = false;
	tx->scan_repairs = tx->work_due = true;
	if (tx_large_work_done(tx, now, w, result))
		return;
	b = &tx->blocks.b[w->slot];
	if (w->op == WORK_ENCODE) {
		b->encoding = false;
		return;
	}
	b->state = TXBLOCK_READY;
	b->sent_at = now;
	if (result < 0)
		tx_withdraw(tx, now, w->object);
}
