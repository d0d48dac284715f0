/* tx_input.c - what the sender hears: requests, acknowledgements, census. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_large.h"

#include "proto/key.h"
#include "proto/request.h"
#include "proto/serial.h"

#include <errno.h>

#define MUCH   8 /* symbols: less than that is served at any time */
#define ECHOES 2 /* PROBEs that list a node after each of its messages */

/* Round trip of this message: now minus our own clock as the receiver returned it (RFC 5740
 * §5.5.1); 0: it does not tell. */
static nsec_t sample_grtt(struct tx *tx, nsec_t now, struct norm_time response)
{
	nsec_t sent = tx->epoch + (nsec_t)response.sec * NSEC_PER_SEC +
		      (nsec_t)response.usec * NSEC_PER_USEC;

	if ((!response.sec && !response.usec) || response.usec > 1000000)
		return 0;
	grtt_sample(&tx->grtt, now - sent);
	return now - sent;
}

/* Key of the first block that was not yet sent completely. */
static uint64_t unsent_key(const struct tx *tx)
{
	return key_of(tx->object, tx->sbn);
}

/* Some of it is on its way, or will be. */
static bool in_flight(const struct tx *tx, const struct txblock *b, nsec_t now)
{
	return txblock_pending(b) || now - b->sent_at < tx_grtt(tx);
}

static bool deaf(const struct tx *tx, nsec_t now)
{
	return tx->conf.profile == TX_NORM && now < tx->holdoff_until;
}

/* A valid request arrived: in RFC order it starts, or joins, a round of aggregation. */
static void on_request(struct tx *tx, nsec_t now)
{
	tx->idle = false;
	tx->scan_repairs = tx->work_due = true;
	if (tx->conf.profile != TX_NORM)
		return;
	if (!tx->aggregate_at)
		tx->aggregate_at = now + (tx->conf.backoff + 1) * tx_grtt(tx);
	if (tx->conf.backoff && tx->conf.repair_adv && tx->at.adv_at == NSEC_NEVER)
		tx->at.adv_at = now;
}

/* The block's state, made when there is room; NULL: not sent yet, or no room (it will be asked
 * again). */
static struct txblock *owing_block(struct tx *tx, const struct tx_object *o, uint64_t sbn)
{
	struct txblock *b;

	if (sbn >= o->layout.n_blocks || key_of(o->number, sbn) >= unsent_key(tx))
		return NULL;
	b = txblocks_find(&tx->blocks, key_of(o->number, sbn));
	if (b || tx->blocks.n >= tx->blocks.cap / 2 ||
	    ranges_has(&tx->whole, key_of(o->number, sbn)))
		return b;
	return txblocks_get(&tx->blocks, key_of(o->number, sbn), layout_k(&o->layout, sbn));
}

/*
 * Source symbols first .. end-1, but those that left less than a round trip ago: the request
 * was made before they arrived. If they were lost the receiver asks again.
 */
static void want_sources(const struct tx *tx, nsec_t now, struct txblock *b, uint32_t first,
			 uint32_t end)
{
	nsec_t grtt = tx->grtt.value;

	for (uint32_t s = first; s < end; s++)
		if (!recent_has(&b->recent, now, grtt, s))
			bitmap_set(&b->want, s);
}

/* Blocks first .. last of an object, all of each. */
static void want_blocks(struct tx *tx, nsec_t now, const struct tx_object *o, uint64_t first,
			uint64_t last)
{
	uint64_t begin = key_of(o->number, first);
	uint64_t end =
		MIN(key_of(o->number, MIN(last, o->layout.n_blocks - 1)) + 1, unsent_key(tx));
	uint32_t i;

	if (o->layout.n_blocks == 0 || begin >= end || deaf(tx, now))
		return;
	if (ranges_add(&tx->whole, begin, end) < 0) {
		tx->counters.refused++;
		return;
	}
	for (i = txblocks_lower_bound(&tx->blocks, begin); i < tx->blocks.n; i++) {
		struct txblock *b = txblocks_at(&tx->blocks, i);

		if (b->key >= end)
			break;
		if (b->state == TXBLOCK_IDLE && !txblock_pending(b))
			continue;
		if (ranges_remove(&tx->whole, b->key, b->key + 1) == 0)
			want_sources(tx, now, b, 0, b->k);
	}
	tx_large_want_blocks(tx, now, begin, end);
	on_request(tx, now);
}

/* All parity is used up: these symbols once more. */
static void again_by_name(struct txblock *b, uint32_t first, uint32_t end)
{
	for (uint32_t p = first; p < end; p++)
		bitmap_set(&b->want, b->k + p);
}

/*
 * Parity first .. end-1 of a block, ours: receivers name the parity after the last one they
 * know of (doc/PROTOCOL.md, "Parity target"), so the target is simply the highest that anybody
 * named.
 */
static void want_parity(struct tx *tx, nsec_t now, struct txblock *b, uint32_t first,
			uint32_t end)
{
	if (end <= b->parity_sent) { /* it was lost, with the targets */
		if (in_flight(tx, b, now))
			return;
		if (b->parity_sent + (end - first) > tx->conf.n_parity) {
			again_by_name(b, first, end);
			return;
		}
		end = b->parity_sent + (end - first);
	}
	if (first > b->parity_sent && b->parity_target <= b->parity_sent)
		b->parity_sent = b->parity_target = first; /* we forgot what went before */
	b->parity_target = MAX(b->parity_target, end);
}

/*
 * Who lacks most of a block while new data is sent is about to become a straggler, or had an
 * outage. It asks again when all was sent; the others do not wait for that.
 */
static bool can_wait(const struct tx *tx, const struct txblock *b, uint32_t n)
{
	return n > MAX(b->k / 2, MUCH) && tx_new_left(tx) &&
	       tx->roster.count[RECEIVER_ACTIVE] > 2;
}

/* One SEGMENT request, ours. */
static void want_symbols(struct tx *tx, nsec_t now, struct txblock *b,
			 const struct request *req)
{
	uint32_t first = req->first.esi, last = req->last.esi;

	if (last >= b->k + tx->conf.n_parity) { /* there is no such symbol */
		tx->counters.refused++;
		return;
	}
	if (can_wait(tx, b, last - first + 1))
		return;
	if (last >= b->k)
		want_parity(tx, now, b, MAX(first, b->k) - b->k, last - b->k + 1);
	want_sources(tx, now, b, first, MIN(last + 1, b->k));
}

/* --- RFC order: counts, gathered over a round (RFC 5740 §5.4.1, §5.4.2) --- */

static bool same_block(const struct request *a, const struct request *b)
{
	return (b->flags & NACK_SEGMENT) && a->object_first == b->object_first &&
	       a->first.sbn == b->first.sbn;
}

/*
 * All SEGMENT requests of one block in one NACK, beginning with `req`. As much fresh parity as
 * symbols were asked for, if there is so much; otherwise the rest of it, and the symbols by
 * name. `ahead` reads what follows `req`.
 */
static void want_count(struct tx *tx, struct txblock *b, struct request req,
		       struct request_reader ahead)
{
	const struct request first = req;
	uint32_t n = 0;
	struct request_reader again = ahead;

	if (b->round != tx->round || !b->parity_target)
		b->round_base = b->parity_sent;
	b->round = tx->round;
	do {
		n += req.last.esi - req.first.esi + 1u;
	} while (request_next(&ahead, &req) > 0 && same_block(&first, &req));
	if (b->round_base + n <= tx->conf.n_parity) {
		b->parity_target = MAX(b->parity_target, b->round_base + n);
		return;
	}
	b->parity_target = b->parity_sent = tx->conf.n_parity;
	req = first;
	do {
		for (uint32_t s = req.first.esi;
		     s <= req.last.esi && s < b->k + tx->conf.n_parity; s++)
			bitmap_set(&b->want, s);
	} while (request_next(&again, &req) > 0 && same_block(&first, &req));
}

/* --- one NACK --- */

/* The object that a request names, if it is one of ours; otherwise a SQUELCH says what is. */
static struct tx_object *asked_object(struct tx *tx, nsec_t now, uint16_t id)
{
	uint64_t number = serial16_extend(tx->object, id);
	struct tx_object *o;

	/* An id from before our first, or one not used so far: that one a SQUELCH must not
	 * name, or the object that gets it would be given up by everybody. */
	if (number >= tx->object_end)
		tx->counters.refused++;
	o = tx_object_find(tx, number);
	if (!o || o->withdrawn) {
		tx_squelch(tx, now);
		return NULL;
	}
	o->active_at = now;
	return o;
}

static void want_info(struct tx *tx, nsec_t now, struct tx_object *o)
{
	if (!o->info_due && now - o->info_at >= tx_grtt(tx) && o->number <= tx->object)
		tx_info_due(tx, o, 1);
}

/* `*left` bounds the work that one NACK makes: an honest one names every object once. */
static void want_objects(struct tx *tx, nsec_t now, const struct request *req, uint32_t *left)
{
	uint16_t n = (uint16_t)(req->object_last - req->object_first);

	for (uint32_t i = 0; i <= n && *left > 0; i++, --*left) {
		struct tx_object *o = asked_object(tx, now, (uint16_t)(req->object_first + i));

		if (!o)
			continue;
		want_info(tx, now, o);
		if (!o->asked) /* who holds parts of it will say what it lacks */
			want_blocks(tx, now, o, 0, UINT32_MAX);
	}
}

static void nack_body(struct tx *tx, nsec_t now, const struct msg *m)
{
	struct request_reader r;
	struct request req;
	struct txblock *counted = NULL;
	uint32_t objects_left = tx->conf.max_objects;

	request_reader_init(&r, m->payload, m->payload_len);
	while (request_next(&r, &req) > 0) {
		struct tx_object *o;
		struct txblock *b;

		if (req.flags & NACK_OBJECT) {
			want_objects(tx, now, &req, &objects_left);
			continue;
		}
		o = asked_object(tx, now, req.object_first);
		if (!o)
			continue;
		if (req.flags & NACK_INFO)
			want_info(tx, now, o);
		if (req.fec_id != o->fec.fec_id)
			continue;
		if (req.flags & NACK_BLOCK)
			want_blocks(tx, now, o, req.first.sbn, req.last.sbn);
		if (o->fec.large && (req.flags & NACK_SEGMENT) &&
		    tx_large_request(tx, now, o, &req))
			on_request(tx, now);
		if (o->fec.large || req.form == NACK_FORM_ERASURES)
			continue;
		b = req.flags & NACK_SEGMENT ? owing_block(tx, o, req.first.sbn) : NULL;
		if (!b || deaf(tx, now) || req.last.esi < req.first.esi)
			continue;
		if (tx->conf.profile == TX_SOW)
			want_symbols(tx, now, b, &req);
		else if (b != counted)
			want_count(tx, b, req, r);
		counted = b;
		if (b->state == TXBLOCK_IDLE && !txblock_pending(b)) {
			txblocks_drop(&tx->blocks, b); /* nothing came of it */
			counted = NULL;
			continue;
		}
		on_request(tx, now);
	}
}

/* --- acknowledgements --- */

static void on_flush_ack(struct tx *tx, nsec_t now, struct receiver *rc, const struct msg *m)
{
	const struct tx_object *o;
	struct watermark wm, end;
	uint64_t number;
	bool last;

	if (watermark_decode(&wm, m->payload, m->payload_len) < 0)
		return;
	rc->holds = m->ext.holdings.holds;
	rc->lacks = m->ext.holdings.lacks;
	roster_busy(&tx->roster, rc, now, m->ext.holdings.busy);
	if (rc->busy) /* it will ask, or acknowledge, when it knows */
		return;
	number = serial16_extend(tx->object, wm.object_id);
	o = tx_object_find(tx, number);
	if (!o)
		return;
	end = tx_last_symbol(tx, o);
	if (wm.fpi.sbn != end.fpi.sbn || wm.fpi.esi != end.fpi.esi)
		return;
	last = wm.object_id == tx_watermark(tx).object_id;
	rc->acked_through = MAX(rc->acked_through, last ? tx->object_end : number + 1);
	if (last && (rc->state == RECEIVER_ACTIVE || rc->state == RECEIVER_BEHIND) &&
	    !tx_new_left(tx))
		roster_set_state(&tx->roster, rc, RECEIVER_ACKED);
	tx->idle = false;
}

/* Only our profile has PROBEs to carry it. */
static void echo(struct tx *tx, struct receiver *rc, bool receipt)
{
	if (tx->conf.profile == TX_SOW)
		roster_echo(&tx->roster, rc, receipt, ECHOES);
}

static int on_announce(struct tx *tx, nsec_t now, const struct msg *m, struct tx_event *ret)
{
	int r = announce_decode(&ret->announce, m->payload, m->payload_len);
	uint32_t before = tx->roster.n;
	struct receiver *rc;

	if (r < 0)
		return r;
	rc = roster_add(&tx->roster, now, m->source_id);
	if (!rc)
		return -ENOSPC;
	spread_heard(&tx->spread, now);
	echo(tx, rc, false);
	tx->at.probe_at = MIN(tx->at.probe_at, now + NSEC_PER_MSEC);
	tx->idle = false;
	ret->kind = TX_EV_ANNOUNCE;
	ret->fresh = tx->roster.n > before;
	tx->counters.announces++;
	return 0;
}

/* Everybody has said the last word; what was not sent yet would be for nobody. */
bool tx_all_told(const struct tx *tx)
{
	return tx->conf.profile == TX_SOW && tx->stage == TX_RUNNING && tx->finishing &&
	       !tx->roster.count[RECEIVER_ACTIVE] && !tx->roster.count[RECEIVER_ACKED] &&
	       !tx->roster.count[RECEIVER_BEHIND];
}

int tx_drop(struct tx *tx, nsec_t now, uint32_t node_id)
{
	struct receiver *rc = roster_find(&tx->roster, node_id);

	if (!rc)
		return -ENOENT;
	if (rc->state == RECEIVER_FINISHED)
		return -EALREADY;
	roster_bar(&tx->roster, rc);
	tx->idle = false;
	if (tx_all_told(tx))
		tx_close(tx, now);
	return 0;
}

static int on_receipt(struct tx *tx, nsec_t now, const struct msg *m, struct tx_event *ret)
{
	int r = receipt_decode(&ret->receipt, m->payload, m->payload_len);
	struct receiver *rc;

	if (r < 0)
		return r;
	rc = roster_add(&tx->roster, now, m->source_id);
	if (!rc)
		return -ENOSPC;
	ret->kind = TX_EV_RECEIPT;
	ret->fresh = rc->state != RECEIVER_FINISHED;
	if (ret->fresh) {
		rc->receipt_status = ret->receipt.status;
		rc->acked_through = UINT64_MAX;
		roster_set_state(&tx->roster, rc, RECEIVER_FINISHED);
	}
	echo(tx, rc, true);
	tx->at.probe_at = MIN(tx->at.probe_at, now + NSEC_PER_MSEC);
	tx->idle = false;
	tx->counters.receipts++;
	if (tx_all_told(tx))
		tx_close(tx, now);
	return 0;
}

static int on_ack(struct tx *tx, nsec_t now, const struct msg *m, struct receiver *rc,
		  struct tx_event *ret)
{
	tx->counters.acks++;
	switch (m->ack_type) {
	case ACK_ANNOUNCE:
		return on_announce(tx, now, m, ret);
	case ACK_RECEIPT:
		return on_receipt(tx, now, m, ret);
	case ACK_REPORT:
		return tx_rate_report(tx, now, m, rc, ret);
	case ACK_FLUSH:
		if (rc)
			on_flush_ack(tx, now, rc, m);
		return 0;
	default:
		return 0;
	}
}

/*
 * Whom repairs are made for. Ours announce themselves first, and after the receipt there is
 * nothing left to ask; so strangers cannot keep a session from ending, nor can who is barred.
 */
static bool may_ask(const struct tx *tx, const struct receiver *rc)
{
	if (rc && (rc->barred || rc->state == RECEIVER_BEHIND))
		return false;
	return tx->conf.profile == TX_NORM || (rc && rc->state != RECEIVER_FINISHED);
}

static void on_nack(struct tx *tx, nsec_t now, const struct msg *m, struct receiver *rc)
{
	nack_body(tx, now, m);
	if (!rc)
		return;
	roster_busy(&tx->roster, rc, now, false);
	/* what it had may have proved wrong since it said that it had everything */
	if (rc->state == RECEIVER_ACKED && tx->conf.profile == TX_SOW && tx_repair_pending(tx))
		roster_set_state(&tx->roster, rc, RECEIVER_ACTIVE);
}

static int input(struct tx *tx, nsec_t now, const struct msg *m, struct tx_event *ret)
{
	struct receiver *rc;
	nsec_t rtt;
	int r = 0;

	if ((m->type != NORM_NACK && m->type != NORM_ACK) || m->server_id != tx->conf.node_id ||
	    m->instance_id != tx->conf.instance_id || m->source_id == tx->conf.node_id)
		return -ENOENT;
	rc = tx->conf.profile == TX_NORM ? roster_add(&tx->roster, now, m->source_id)
					 : roster_find(&tx->roster, m->source_id);
	if (rc)
		roster_heard(&tx->roster, rc, now);
	rtt = sample_grtt(tx, now, m->grtt_response);
	if (tx->conf.rate_cc && rc && rc->state == RECEIVER_ACTIVE)
		tx_rate_cc(tx, now, m, rtt);
	*ret = (struct tx_event){ .kind = rc ? TX_EV_FEEDBACK : TX_EV_NONE,
				  .node_id = m->source_id };
	if (m->type == NORM_ACK) {
		r = on_ack(tx, now, m, rc, ret);
	} else {
		tx->counters.nacks++;
		if (tx->stage == TX_RUNNING && may_ask(tx, rc))
			on_nack(tx, now, m, rc);
	}
	return r;
}

int tx_input(struct tx *tx, nsec_t now, const uint8_t *pkt, size_t len, struct tx_event *ret)
{
	struct msg m;
	int r = msg_decode(&m, pkt, len);

	ret->kind = TX_EV_NONE;
	if (r == 0)
		r = input(tx, now, &m, ret);
	if (r == 0)
		return 0;
	ret->kind = TX_EV_NONE;
	if (r == -ENOENT)
		tx->counters.foreign++;
	else if (r == -ENOSPC)
		tx->counters.refused++;
	else
		tx->counters.malformed++;
	return r;
}
