/* tx_large.c - the sender's large blocks: groups in turns, POLL, parity by counts, their work.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_large.h"

#include "proto/key.h"
#include "proto/poll.h"

#include <string.h>

/* Blocks of a group where losses come in bursts, unless told otherwise. */
#define INTERLEAVE   8
#define GROUP_TIME_2 2 /* a group takes at most 1 / this of a second, unless told otherwise */
#define RUN          8 /* symbols of a block before it is the next one's turn */
#define AHEAD_FIRST  2 /* pieces in memory of a block that is sent for the first time */
#define AHEAD        1 /* of another one */
#define PASSES       2 /* blocks at once that are read again */
#define SLOT_ROUNDS  8 /* K * GRTT after a POLL nobody answers it any more */
#define ONCE         8 /* parity symbols for who did not hear the end of the repair, at first */
#define LARGE_SLOT   (1u << 31)
#define PIECE_BITS   12

static bool live(const struct tx *tx, const struct txlarge *b, struct tx_object **ret)
{
	*ret = tx_object_find(tx, key_object(b->key));
	return *ret && !(*ret)->withdrawn;
}

/* --- groups --- */

static uint32_t interleave(const struct tx *tx, const struct tx_object *o, bool bursts)
{
	uint64_t block = (uint64_t)o->layout.k_large * tx->conf.segment_size;
	uint32_t n = tx->conf.interleave;

	if (!n) {
		n = bursts ? INTERLEAVE : 1;
		if (tx->conf.rate)
			n = (uint32_t)CLAMP(tx->conf.rate / GROUP_TIME_2 / block, 1, n);
	}
	return (uint32_t)MIN(n, o->layout.n_blocks - tx->sbn);
}

/*
 * Blocks that were polled so long ago that nobody will answer any more teach the threshold.
 * Until then they are not forgotten.
 */
void tx_large_learn(struct tx *tx, nsec_t now)
{
	nsec_t wait = SLOT_ROUNDS * MAX(tx_backoff(tx), 1) * tx_grtt(tx);

	for (uint32_t i = 0; i < tx->large.n; i++) {
		struct txlarge *b = txlarges_at(&tx->large, i);

		if (b->learned || b->polled_at == NSEC_NEVER || now - b->polled_at < wait)
			continue;
		threshold_learn(&tx->threshold, b->k, b->largest, b->unasked);
		b->learned = true;
		b->held = false;
	}
}

/*
 * Blocks that owe what is not in memory are read again, a few at a time. The first of them gets
 * memory in any case, so that blocks which wait for each other's never stop it all.
 */
static void begin_passes(struct tx *tx)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tx->large.n && n < PASSES; i++) {
		struct txlarge *b = txlarges_at(&tx->large, i);
		enum txlarge_pass pass = TXLARGE_AGAIN;
		uint32_t end = b->parity_target;

		if (b->pass == TXLARGE_FIRST)
			continue;
		if (end > b->parity_ready && end > b->parity_sent)
			pass = TXLARGE_PARITY;
		else if (b->pass == TXLARGE_REST && !b->want.count)
			continue;
		n++;
		if (b->pass != TXLARGE_REST || txlarges_begin(&tx->large, b, pass, end))
			continue;
		if (n == 1 && txlarges_starve(&tx->large, b))
			txlarges_begin(&tx->large, b, pass, end);
		return;
	}
}

/* One more block joins the group. False: there is no memory for it. */
static bool join(struct tx *tx, const struct tx_object *o, uint64_t sbn, uint32_t plan)
{
	uint64_t key = key_of(o->number, sbn);
	struct txlarge *b = txlarges_get(&tx->large, key, layout_k(&o->layout, sbn));

	if (!b)
		return false;
	b->held = true;
	if (txlarges_begin(&tx->large, b, TXLARGE_FIRST, MIN(plan, o->fec.n_parity))) {
		tx->group.b[tx->group.n++] = b;
		return true;
	}
	txlarges_forget(&tx->large, b);
	return false;
}

void tx_large_prefetch(struct tx *tx, const struct tx_object *o)
{
	struct tx_group *g = &tx->group;
	struct threshold_hint hint;
	uint32_t n;

	begin_passes(tx);
	if (g->n || tx->sbn >= o->layout.n_blocks)
		return;
	hint = threshold_hint(&tx->threshold, o->layout.k_large);
	n = interleave(tx, o, hint.bursts);
	while (g->n < n && join(tx, o, tx->sbn + g->n, hint.plan))
		;
	g->turn = g->run = 0;
	tx->work_due |= g->n > 0;
}

/* The group has been sent: who lacks something may say so. */
static void end_group(struct tx *tx, nsec_t now)
{
	struct tx_group *g = &tx->group;
	struct threshold_hint hint;
	uint32_t unasked = UINT32_MAX;

	tx_large_learn(tx, now);
	hint = threshold_hint(&tx->threshold, g->b[0]->k);
	for (uint32_t i = 0; i < g->n; i++)
		unasked = MIN(unasked, g->b[i]->parity_end);
	unasked = MIN(unasked, hint.unasked);
	for (uint32_t i = 0; i < g->n; i++) {
		struct txlarge *b = g->b[i];

		b->polled_at = now;
		b->unasked = b->parity_target = b->told = unasked;
	}
	tx->poll = (struct poll){
		.object_id = (uint16_t)tx->object,
		.sbn = tx->sbn,
		.n_blocks = (uint16_t)g->n,
		.threshold = tx_backoff(tx) > 1 ? (uint16_t)MIN(hint.threshold, UINT16_MAX) : 0,
		.step = (uint16_t)MIN(hint.step, UINT16_MAX),
		.target = (uint16_t)unasked,
	};
	tx->poll_due = tx->scan_repairs = true;
	tx->sbn += g->n;
	g->n = 0;
}

/* The block whose turn it is; each gets some symbols, the last may end alone. */
static struct txlarge *turn(struct tx *tx)
{
	struct tx_group *g = &tx->group;

	for (uint32_t i = 0; i <= g->n; i++) {
		struct txlarge *b = g->b[g->turn];

		if (b->sent < b->k && g->run < RUN)
			return b;
		g->turn = (g->turn + 1) % g->n;
		g->run = 0;
	}
	return NULL;
}

int tx_large_new_output(struct tx *tx, nsec_t now, struct tx_object *o, struct tx_packet *ret)
{
	struct txlarge *b = tx->group.n ? turn(tx) : NULL;
	struct tx_symbol s;
	int r;

	if (!tx->group.n) /* no memory for the next one */
		tx_large_learn(tx, now);
	if (!b)
		return 0;
	s = (struct tx_symbol){
		.sbn = key_sbn(b->key),
		.k = b->k,
		.esi = b->sent,
		.data = txlarge_source(&tx->large, b, b->sent),
		.len = layout_segment_bytes(&o->layout, key_sbn(b->key), b->sent),
	};
	if (!s.data)
		return 0;
	r = tx_data_output(tx, now, o, &s, ret);
	b->sent_at = now;
	recent_add(&b->recent, now, tx->grtt.value, b->sent);
	tx->counters.source++;
	tx->sent_bytes += s.len;
	tx->group.run++;
	b->sent++;
	txlarges_sent(&tx->large, b, b->sent - 1);
	tx->work_due = true;
	if (b->sent == b->k && !turn(tx))
		end_group(tx, now);
	return r;
}

int tx_poll_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	uint8_t *buf = tx->poll_due ? tx_scratch(tx) : NULL;
	struct msg m = { .type = NORM_CMD, .cmd = CMD_APPLICATION, .payload = buf };
	int len = buf ? poll_encode(&tx->poll, buf, tx->conf.segment_size) : -1;

	if (len < 0)
		return 0;
	tx->poll_due = false;
	m.payload_len = (size_t)len;
	return tx_emit(tx, now, &m, ret);
}

/* --- repair --- */

/*
 * The first symbol asked for by name that is in memory: others may have been asked for when the
 * pass was over their piece already, and wait for another one.
 */
static const uint8_t *wanted_source(const struct tx *tx, const struct txlarge *b,
				    uint32_t *ret_esi)
{
	uint32_t per_piece = tx->large.per_piece, esi = bitmap_next(&b->want, 0);
	const uint8_t *data = NULL;

	while (b->pass == TXLARGE_AGAIN && esi < b->k) {
		data = txlarge_source(&tx->large, b, esi);
		if (data)
			break;
		esi = bitmap_next(&b->want, esi - esi % per_piece + per_piece);
	}
	*ret_esi = esi;
	return data;
}

/* The next symbol that block b owes; false: it is not in memory. */
static bool owed_symbol(struct tx *tx, const struct tx_object *o, struct txlarge *b,
			struct tx_symbol *ret)
{
	*ret = (struct tx_symbol){
		.sbn = key_sbn(b->key),
		.k = b->k,
		.flags = NORM_FLAG_REPAIR,
		.has_target = true,
		.target = (uint16_t)b->parity_target,
	};
	if (b->parity_target > b->parity_sent && b->parity_sent < b->parity_ready) {
		ret->esi = b->k + b->parity_sent;
		ret->data = txlarge_parity(&tx->large, b, b->parity_sent);
		ret->len = tx->conf.segment_size;
		return true;
	}
	ret->data = wanted_source(tx, b, &ret->esi);
	if (!ret->data)
		return false;
	ret->flags |= NORM_FLAG_EXPLICIT;
	ret->len = layout_segment_bytes(&o->layout, ret->sbn, ret->esi);
	return true;
}

static int repair_block(struct tx *tx, nsec_t now, struct txlarge *b, struct tx_packet *ret)
{
	struct tx_object *o;
	struct tx_symbol s;
	int r;

	if (!txlarge_pending(b) || b->pass == TXLARGE_FIRST || !live(tx, b, &o) ||
	    !owed_symbol(tx, o, b, &s))
		return 0;
	r = tx_data_output(tx, now, o, &s, ret);
	b->sent_at = now;
	b->told = b->parity_target;
	tx->work_due = true;
	if (s.esi >= b->k) {
		b->parity_sent++;
		tx->counters.parity++;
		return r;
	}
	bitmap_clear(&b->want, s.esi);
	recent_add(&b->recent, now, tx->grtt.value, s.esi);
	txlarges_sent(&tx->large, b, s.esi);
	tx->counters.again++;
	return r;
}

/*
 * One symbol of a block that waits for its turn, if its target has risen: whoever hears that
 * need not ask.
 */
static int tell_target(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	int r = 0;

	for (uint32_t i = 0; tx->untold && i < tx->large.n && !r; i++) {
		struct txlarge *b = txlarges_at(&tx->large, i);

		if (b->told < b->parity_target)
			r = repair_block(tx, now, b, ret);
	}
	tx->untold &= r > 0;
	return r;
}

/* The block after the one that had its turn, the first after the last. */
static int next_turn(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	const struct txlarge *last = tx->large_repair;
	uint32_t n = tx->large.n, first = 0;
	int r = 0;

	while (last && first < n && txlarges_at(&tx->large, first)->key <= last->key)
		first++;
	for (uint32_t i = 0; i < n && !r; i++) {
		tx->large_repair = txlarges_at(&tx->large, (first + i) % n);
		r = repair_block(tx, now, tx->large_repair, ret);
	}
	tx->repair_run = 0;
	if (!r)
		tx->large_repair = NULL;
	return r;
}

/* In turns like the blocks themselves, so that a burst of loss is shared among them. */
int tx_large_repair_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	int r = tell_target(tx, now, ret);

	if (r)
		return r;
	if (tx->large_repair && tx->repair_run < RUN)
		r = repair_block(tx, now, tx->large_repair, ret);
	if (!r)
		r = next_turn(tx, now, ret);
	tx->repair_run++;
	return r;
}

/* Of what more is sent, as much is lost as of the block itself; about. */
static uint32_t with_margin(const struct txlarge *b, uint32_t count)
{
	uint32_t rise = count - b->parity_target;

	return count + (uint32_t)(((uint64_t)rise * count + b->k - 1) / b->k);
}

/* What a receiver lacks that asks for `count`: less by what it lost of the repair so far. */
static uint32_t lacking(const struct txlarge *b, uint32_t count)
{
	uint64_t sent = MIN(b->parity_sent, count);

	return count - (uint32_t)(sent * count / (b->k + count));
}

/*
 * A receiver did not hear the end of the repair, and lacks no more than `count`, mostly much
 * less: when it hears any of what is sent now it says how much. Where there is no other parity
 * the last is sent again.
 */
static uint32_t once_more(struct txlarge *b, uint32_t n_parity, uint32_t count)
{
	uint32_t target;

	b->once = MIN(count, MAX(2 * b->once, ONCE));
	target = with_margin(b, b->parity_target + b->once);

	if (target > n_parity)
		b->parity_sent -= MIN(target - n_parity, b->parity_sent);
	return target;
}

/*
 * A receiver needs parity 0 .. count-1 to be sent. The threshold learns from those whose timer
 * began with the first one's: later ones are those who lost much of the repair.
 */
static void raise_target(struct tx *tx, nsec_t now, const struct tx_object *o,
			 struct txlarge *b, uint32_t count)
{
	uint32_t target = b->parity_target;

	count = MIN(count, o->fec.n_parity);
	if (!b->asked_at)
		b->asked_at = now;
	if (now - b->asked_at <= (tx_backoff(tx) + 1) * tx_grtt(tx))
		b->largest = MAX(b->largest, lacking(b, count));
	if (count > target) {
		target = with_margin(b, count);
		b->once = 0;
	} else if (b->parity_sent >= target && now - b->sent_at >= tx_grtt(tx)) {
		target = once_more(b, o->fec.n_parity, count);
	}
	b->parity_target = MIN(target, o->fec.n_parity);
	tx->untold |= b->told < b->parity_target;
}

/* The block's state. While new data flows, what is forgotten waits for the catch-up pass. */
static struct txlarge *asked_block(struct tx *tx, const struct tx_object *o, uint64_t sbn)
{
	uint64_t key = key_of(o->number, sbn);
	struct txlarge *b = txlarges_find(&tx->large, key);

	if (b || key >= tx_repair_end(tx))
		return b;
	return txlarges_get(&tx->large, key, layout_k(&o->layout, sbn));
}

/*
 * In steps of what is not yet wanted: an item that is repeated costs nothing. What left lately
 * is on its way.
 */
static void want_sources(const struct tx *tx, nsec_t now, struct txlarge *b, uint32_t first,
			 uint32_t last)
{
	uint32_t i = bitmap_next_clear(&b->want, MIN(first, b->k));
	nsec_t grtt = tx->grtt.value;

	for (; i <= last && i < b->k; i = bitmap_next_clear(&b->want, i + 1))
		if (!recent_has(&b->recent, now, grtt, i))
			bitmap_set(&b->want, i);
}

bool tx_large_request(struct tx *tx, nsec_t now, const struct tx_object *o,
		      const struct request *req)
{
	uint64_t sbn = req->first.sbn;
	struct txlarge *b;

	if (sbn >= o->layout.n_blocks ||
	    key_of(o->number, sbn) >= key_of(tx->object, tx->sbn) ||
	    ranges_has(&tx->whole, key_of(o->number, sbn)))
		return false;
	b = asked_block(tx, o, sbn);
	if (!b)
		return false;
	if (req->form == NACK_FORM_ERASURES)
		raise_target(tx, now, o, b, req->first.esi);
	else if (b->key < tx_repair_end(tx))
		want_sources(tx, now, b, req->first.esi, req->last.esi);
	return txlarge_pending(b);
}

bool tx_large_again(struct tx *tx, const struct tx_object *o, uint64_t sbn)
{
	struct txlarge *b =
		txlarges_get(&tx->large, key_of(o->number, sbn), layout_k(&o->layout, sbn));

	if (!b)
		return false;
	for (uint32_t i = 0; i < b->k; i++)
		bitmap_set(&b->want, i);
	tx->work_due = tx->scan_repairs = true;
	return true;
}

/* Those of the blocks begin .. end-1 that are known: what of them is not on its way. */
void tx_large_want_blocks(struct tx *tx, nsec_t now, uint64_t begin, uint64_t end)
{
	for (uint32_t i = 0; i < tx->large.n; i++) {
		struct txlarge *b = txlarges_at(&tx->large, i);

		if (b->key >= begin && b->key < end &&
		    ranges_remove(&tx->whole, b->key, b->key + 1) == 0)
			want_sources(tx, now, b, 0, b->k - 1);
	}
}

uint32_t tx_large_pending(const struct tx *tx)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tx->large.n; i++)
		n += txlarge_pending(txlarges_at(&tx->large, i));
	return n;
}

void tx_large_forget(struct tx *tx, uint64_t object)
{
	for (uint32_t i = tx->large.n; i-- > 0;)
		if (key_object(txlarges_at(&tx->large, i)->key) == object)
			txlarges_forget(&tx->large, txlarges_at(&tx->large, i));
	tx->large_repair = NULL;
	if (tx->object == object)
		tx->group.n = 0;
}

/* --- work --- */

static void complete_read(struct tx *tx, const struct txlarge *b, uint32_t piece,
			  struct work *w)
{
	const struct tx_object *o = tx_object_find(tx, key_object(b->key));
	size_t skip = (size_t)piece * tx->large.per_piece * tx->conf.segment_size;
	size_t whole = MIN((size_t)b->k * tx->conf.segment_size - skip,
			   (size_t)tx->large.per_piece * tx->conf.segment_size);

	w->object = o->number;
	w->offset = layout_offset(&o->layout, key_sbn(b->key)) + skip;
	w->len = MIN(whole, layout_block_bytes(&o->layout, key_sbn(b->key)) - skip);
	if (w->data)
		memset(w->data + w->len, 0, whole - w->len);
}

bool tx_large_work(struct tx *tx, struct work *ret)
{
	uint32_t piece;

	begin_passes(tx);
	for (uint32_t i = 0; i < tx->large.n; i++) {
		struct txlarge *b = txlarges_at(&tx->large, i);
		uint32_t ahead = b->pass == TXLARGE_FIRST ? AHEAD_FIRST : AHEAD;

		if (!txlarges_work(&tx->large, b, ahead, ret, &piece))
			continue;
		ret->slot = LARGE_SLOT | (uint32_t)(b - tx->large.b) << PIECE_BITS | piece;
		if (ret->op == WORK_READ)
			complete_read(tx, b, piece, ret);
		return true;
	}
	return false;
}

bool tx_large_work_done(struct tx *tx, nsec_t now, const struct work *w, int result)
{
	uint32_t i = (w->slot & ~LARGE_SLOT) >> PIECE_BITS;

	if (!(w->slot & LARGE_SLOT))
		return false;
	tx->untold = true;
	txlarges_done(&tx->large, &tx->large.b[i], w->op, w->slot & ((1u << PIECE_BITS) - 1));
	if (result < 0)
		tx_withdraw(tx, now, key_object(tx->large.b[i].key));
	return true;
}
