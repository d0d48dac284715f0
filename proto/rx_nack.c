/* rx_nack.c - what a receiver asks for again, and when (RFC 5740 §5.3). */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_nack.h"

#include "proto/backoff.h"
#include "proto/key.h"
#include "proto/rx_hold.h"
#include "proto/rx_large.h"

#define PATIENCE    (250 * NSEC_PER_MSEC) /* with a sender that repairs, before asking again */
#define UNHEARD_MAX 16384 /* objects in one range: 16-bit ids have no order beyond 2^15, */
#define MISSING_MAX ((uint64_t)1 << 22) /* nor 24-bit block numbers beyond 2^23 */

/* New data flows from a sender of ours; what is not urgent waits until it has passed. */
static bool is_running(const struct rx *rx)
{
	return rx->sender.sow && rx->sender.phase == PHASE_RUN;
}

/* The first key worth asking for: while new data flows our sender repairs only what is recent.
 */
static uint64_t lowest_wanted(const struct rx *rx)
{
	return rx_waits(rx, key_of(rx->sender.first, 0)) ? rx->sender.floor : 0;
}

bool rx_waits(const struct rx *rx, uint64_t key)
{
	return is_running(rx) && key >= rx->sender.early;
}

/* The first key from this one on that is missing, and worth asking for. */
static uint64_t next_wanted(const struct rx *rx, uint64_t key)
{
	key = ranges_next_gap(&rx->done, key);
	if (!rx_waits(rx, key) || key >= rx->sender.floor)
		return key;
	return ranges_next_gap(&rx->done, rx->sender.floor);
}

/* What is missing at `key` is a large block that has a timer of its own, or waits. */
static bool asks_for_itself(struct rx *rx, const struct rx_object *o, uint64_t key)
{
	if (!o || !o->large || o->state != RX_OBJECT_ACTIVE)
		return false;
	return rx_waits(rx, key) ||
	       (rxlarges_find(&rx->large, key) && !rx_to_be_named(rx, o, key));
}

static bool something_missing(struct rx *rx)
{
	uint64_t key = next_wanted(rx, lowest_wanted(rx));

	if (rx->n_want_info)
		return true;
	while (rx->sender.synced && key < rx->sender.position) {
		const struct rx_object *o = rx_object_find(rx, key_object(key));

		if (!asks_for_itself(rx, o, key))
			return true;
		key = next_wanted(rx, rx_waits(rx, key) ? key_of(o->number + 1, 0) : key + 1);
	}
	return false;
}

void rx_nack_trigger(struct rx *rx, nsec_t now)
{
	if (rx->nack.state != RX_NACK_IDLE || rx->sender.ended || rx_is_mute(rx) ||
	    !something_missing(rx))
		return;
	rx->nack.state = RX_NACK_BACKOFF;
	rx->nack.at = now + backoff_random(&rx->rng, rx->sender.backoff * rx->sender.grtt,
					   rx->sender.gsize);
	ranges_clear(&rx->nack.heard);
	/* Our sender repairs only for those it knows: the ANNOUNCE goes first. */
	if (rx->sender.sow && !rx->joined)
		rx->at.announce_at = MIN(rx->at.announce_at, rx->nack.at);
}

/* How much parity of a block was asked for, item by item. */
struct asked {
	uint64_t key;
	uint32_t parity;
};

static void segments_heard(struct rx *rx, uint64_t key, const struct request *req,
			   struct asked *asked)
{
	const struct rxblock *b = rxblocks_find(&rx->blocks, key);

	if (!b || req->first.esi < b->k)
		return;
	if (asked->key != key)
		*asked = (struct asked){ .key = key };
	asked->parity += req->last.esi - req->first.esi + 1u;
	if (asked->parity >= rxblock_deficit(b))
		ranges_add(&rx->nack.heard, key, key + 1);
}

/*
 * Others asked for the same (RFC 5401 §3.2.2). Only requests that surely cover any need of ours
 * count: whole objects and blocks, and as much parity as we lack.
 */
void rx_nack_heard(struct rx *rx, const struct msg *m)
{
	struct asked asked = { .key = UINT64_MAX };
	struct request_reader r;
	struct request req;

	if (rx->nack.state != RX_NACK_BACKOFF)
		return;
	request_reader_init(&r, m->payload, m->payload_len);
	while (request_next(&r, &req) > 0) {
		uint64_t first = rx_object_number(rx, req.object_first);
		uint64_t last = rx_object_number(rx, req.object_last);

		if (first == UINT64_MAX || last == UINT64_MAX || last < first)
			continue;
		if (req.flags & NACK_OBJECT)
			ranges_add(&rx->nack.heard, key_of(first, 0), key_of(last + 1, 0));
		else if (req.flags & NACK_BLOCK)
			ranges_add(&rx->nack.heard, key_of(first, req.first.sbn),
				   key_of(first, req.last.sbn) + 1);
		else if (req.flags & NACK_SEGMENT)
			segments_heard(rx, key_of(first, req.first.sbn), &req, &asked);
	}
}

/* --- what to ask for --- */

static int put_segments(struct request_writer *w, uint64_t key, uint32_t k, uint32_t first,
			uint32_t n)
{
	struct request req = {
		.form = n <= 2 ? NACK_FORM_ITEMS : NACK_FORM_RANGES,
		.flags = NACK_SEGMENT,
		.object_first = (uint16_t)key_object(key),
		.object_last = (uint16_t)key_object(key),
		.first = { .sbn = key_sbn(key), .sbl = (uint16_t)k, .esi = (uint16_t)first },
	};
	int r = 0;

	req.last = req.first;
	if (n == 0)
		return 0;
	if (n > 2) {
		req.last.esi = (uint16_t)(first + n - 1);
		return request_put(w, &req);
	}
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		req.first.esi = req.last.esi = (uint16_t)(first + i);
		r = request_put(w, &req);
	}
	return r;
}

/* In ascending order (RFC 5740 §5.3). */
int rx_put_sources(struct request_writer *w, uint64_t key, const struct bitmap *have,
		   uint32_t k, uint32_t n)
{
	uint32_t i = k, first;
	int r = 0;

	for (; i > 0 && n > 0; i--)
		n -= !bitmap_has(have, i - 1);
	while (r == 0 && (i = bitmap_next_clear(have, i)) < k) {
		first = i;
		i = MIN(bitmap_next(have, i), k);
		r = put_segments(w, key, k, first, i - first);
	}
	return r;
}

/* A partly received block, our sender: fresh parity behind the highest that anybody was
 * promised. */
static int put_fresh(const struct rx *rx, struct request_writer *w, const struct rxblock *b,
		     uint32_t n_parity)
{
	uint32_t first = MIN(b->parity_target, n_parity);
	uint32_t need = rxblock_deficit(b);
	uint32_t parity = MIN(need, n_parity - first);
	int r = rx_put_sources(w, b->key, &b->have, b->k, need - parity);

	return r < 0 ? r : put_segments(w, b->key, b->k, b->k + first, parity);
}

/* The same for any sender: the lowest-numbered parity that is missing, the same for all
 * receivers. */
static int put_lowest(struct request_writer *w, const struct rxblock *b, uint32_t n_parity)
{
	uint32_t need = rxblock_deficit(b), missing = 0, i;
	int r;

	for (i = b->k; i < b->k + n_parity; i++)
		missing += !bitmap_has(&b->have, i);
	r = rx_put_sources(w, b->key, &b->have, b->k, need - MIN(need, missing));
	need = MIN(need, missing);
	for (i = b->k; r == 0 && need;) {
		uint32_t first = bitmap_next_clear(&b->have, i);

		i = MIN(bitmap_next(&b->have, first), first + need);
		need -= i - first;
		r = put_segments(w, b->key, b->k, first, i - first);
	}
	return r;
}

/*
 * So much of a block whose first transmission was not heard is hardly lost: the sender has not
 * come to it yet, and what came was for others. By name nothing is asked for twice.
 */
bool rx_unserved(const struct rx *rx, uint64_t key, bool late, uint32_t deficit, uint32_t k)
{
	return !rx_waits(rx, key) && late && deficit > k / 2;
}

static bool in_transit(const struct rx *rx, const struct rxblock *b, nsec_t now)
{
	return rx->sender.sow && !b->over && now - b->heard_at < 2 * rx->sender.grtt &&
	       now - b->gained_at < MAX(RXTIMER_BELIEF, 8 * rx->sender.grtt);
}

static int put_block(const struct rx *rx, nsec_t now, struct request_writer *w,
		     const struct rx_object *o, const struct rxblock *b)
{
	if (b->state != RXBLOCK_FILLING && b->state != RXBLOCK_SPILLED &&
	    b->state != RXBLOCK_SPILLING)
		return 0;
	if (in_transit(rx, b, now))
		return 0;
	if (!rx->sender.sow)
		return put_lowest(w, b, o->fti.num_parity);
	if (rx_unserved(rx, b->key, b->late, rxblock_deficit(b), b->k))
		return rx_put_sources(w, b->key, &b->have, b->k, b->k);
	return put_fresh(rx, w, b, o->fti.num_parity);
}

static int put_level(struct request_writer *w, uint8_t flags, uint64_t first, uint64_t last,
		     uint16_t sbl)
{
	struct request req = {
		.form = first == last ? NACK_FORM_ITEMS : NACK_FORM_RANGES,
		.flags = flags,
		.object_first = (uint16_t)key_object(first),
		.object_last = (uint16_t)key_object(last),
		.first = { .sbn = key_sbn(first), .sbl = sbl },
		.last = { .sbn = key_sbn(last), .sbl = sbl },
	};

	return request_put(w, &req);
}

uint64_t rx_missing_run(const struct rx *rx, uint64_t key, uint64_t end)
{
	uint32_t i = rxblocks_lower_bound(&rx->blocks, key);
	uint32_t j = rxlarges_lower_bound(&rx->large, key);

	end = MIN(end, ranges_next(&rx->done, key));
	if (i < rx->blocks.n)
		end = MIN(end, rxblocks_at(&rx->blocks, i)->key);
	if (j < rx->large.n)
		end = MIN(end, rxlarges_at(&rx->large, j)->key);
	return end;
}

/* The first block from `key` on, below `end`, of which some symbols are held. */
static uint64_t first_held(const struct rx_object *o, uint64_t key, uint64_t end)
{
	uint64_t at = rx_next_held(o, layout_first(&o->layout, key_sbn(key)));

	if (at == o->layout.n_segments)
		return end;
	return MIN(end, key_of(o->number, layout_block(&o->layout, at)));
}

/* Whether one more block of the object can be received, beside those that were asked for. */
static bool has_room(const struct rx *rx, const struct rx_object *o)
{
	return o->large ? rx->nack.large_room > 0 : rxblocks_room(&rx->blocks);
}

/* The same for one that may be in progress. */
static bool room_for(struct rx *rx, const struct rx_object *o, uint64_t key)
{
	if (o->large ? rxlarges_find(&rx->large, key) != NULL
		     : rxblocks_find(&rx->blocks, key) != NULL)
		return true;
	if (!has_room(rx, o))
		return false;
	rx->nack.large_room -= o->large;
	return true;
}

/* Blocks from `key` on, below *ret_next, of which we have nothing: of large ones no more than
 * there are states for. */
static int put_blocks(struct rx *rx, struct request_writer *w, const struct rx_object *o,
		      uint64_t key, uint64_t *ret_next)
{
	uint64_t max = o->large ? rx->nack.large_room : MISSING_MAX;
	int r;

	*ret_next = MIN(*ret_next, key + max);
	r = put_level(w, NACK_BLOCK, key, *ret_next - 1,
		      (uint16_t)layout_k(&o->layout, key_sbn(key)));
	if (r == 0 && o->large)
		rx->nack.large_room -= (uint32_t)(*ret_next - key);
	return r;
}

/*
 * A block that holds symbols: those that were lacking from the beginning, by name, so that it
 * need not be decoded. What does not fit goes into the next message.
 */
static int put_lacking(struct rx *rx, nsec_t now, struct request_writer *w,
		       const struct rx_object *o, uint64_t key, uint64_t *ret_next)
{
	uint32_t k = layout_k(&o->layout, key_sbn(key)), end;
	uint32_t i = key == rx->nack.cursor ? rx->nack.symbol : 0;
	int r = 0;

	*ret_next = key + 1;
	if (rx_waits(rx, key) || asks_for_itself(rx, o, key) || !room_for(rx, o, key))
		return 0;
	while ((i = rx_next_lacking(rx, o, key, i, true)) < k) {
		end = rx_next_lacking(rx, o, key, i, false);
		r = put_segments(w, key, k, i, end - i);
		if (r < 0) {
			*ret_next = key;
			rx->nack.symbol = i;
			return r;
		}
		i = end;
	}
	rx->nack.symbol = 0;
	ranges_add(&rx->named, key, key + 1);
	if (o->large)
		rx_large_named(rx, now, key);
	return 0;
}

/* Asks for what begins at `key`, which is missing; the key after what was dealt with, in
 * *ret_next. */
static int put_active(struct rx *rx, nsec_t now, struct request_writer *w, struct rx_object *o,
		      uint64_t key, uint64_t *ret_next)
{
	uint64_t end = MIN(key_of(o->number, o->layout.n_blocks), rx->sender.position);
	const struct rxblock *b = rxblocks_find(&rx->blocks, key);

	if (key >= end) {
		*ret_next = key_of(o->number + 1, 0);
		return 0;
	}
	if (rx_holds(o, key_sbn(key)) && (!b || rx_to_be_named(rx, o, key)))
		return put_lacking(rx, now, w, o, key, ret_next);
	if (b && b->have.count) {
		*ret_next = key + 1;
		return put_block(rx, now, w, o, b);
	}
	/* What is not asked for is passed over at once: it may be 2^32 blocks. */
	*ret_next = MAX(rx_missing_run(rx, key, first_held(o, key, end)), key + 1);
	if (rx_waits(rx, key) || asks_for_itself(rx, o, key) || (!b && !has_room(rx, o)))
		return 0; /* a late comer would stop the others; what cannot be kept is no use
			   */
	return put_blocks(rx, w, o, key, ret_next);
}

/* Objects from `key` on that were never heard of: no more than there is room for. */
static int put_unheard(struct rx *rx, struct request_writer *w, uint64_t key,
		       uint64_t *ret_next)
{
	uint64_t first = key_object(key), n = first + 1, end = rx->sender.position;
	uint32_t max = rx->nack.room ? MIN(rx->nack.room, UNHEARD_MAX) : UNHEARD_MAX;

	if (is_running(rx) && !rx_waits(rx, key))
		end = MIN(end, rx->sender.early);
	while (key_of(n, 0) < end && n - first < max && !rx_object_find(rx, n) &&
	       !ranges_has(&rx->done, key_of(n, 0)))
		n++;
	*ret_next = key_of(n, 0);
	if (rx_waits(rx, key) || !rx->nack.room)
		return 0; /* there is time, or they would be sent in vain */
	rx->nack.room -= (uint32_t)(n - first);
	return put_level(w, NACK_OBJECT, key_of(first, 0), key_of(n - 1, 0), 0);
}

static int put_missing(struct rx *rx, nsec_t now, struct request_writer *w, uint64_t key,
		       uint64_t *ret_next)
{
	struct rx_object *o = rx_object_find(rx, key_object(key));

	if (ranges_has(&rx->nack.heard, key)) {
		*ret_next = ranges_next_gap(&rx->nack.heard, key);
		return 0;
	}
	if (!o)
		return put_unheard(rx, w, key, ret_next);
	if (o->has_fti)
		request_writer_code(w, o->fec_id);
	if (o->state == RX_OBJECT_ACTIVE)
		return put_active(rx, now, w, o, key, ret_next);
	*ret_next = key_of(o->number + 1, 0);
	if (o->state == RX_OBJECT_HEARD)
		return put_level(w, NACK_INFO, key_of(o->number, 0), key_of(o->number, 0), 0);
	return 0;
}

static int put_wanted_info(struct rx *rx, struct request_writer *w)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && rx->n_want_info && i < rx->conf.max_objects; i++) {
		const struct rx_object *o = &rx->objects[i];

		if (o->in_use && o->want_info)
			r = put_level(w, NACK_INFO, key_of(o->number, 0), key_of(o->number, 0),
				      0);
	}
	return r;
}

/* Of objects that do not say it themselves. */
static uint8_t request_fec_id(const struct rx *rx)
{
	for (uint32_t i = 0; i < rx->conf.max_objects; i++)
		if (rx->objects[i].in_use && rx->objects[i].has_fti)
			return rx->objects[i].fec_id;
	return rx->sender.fec_id ? rx->sender.fec_id : FEC_RS8;
}

/* At most a segment, as far as its size is known (RFC 5740 §4.3.1), but room for a request. */
size_t rx_body_cap(const struct rx *rx, size_t cap)
{
	return rx->sender.segment_size ? MIN(cap, MAX(rx->sender.segment_size, 64)) : cap;
}

/* Fills one NACK body from nack.cursor on; true when it was the last. */
static bool fill_body(struct rx *rx, nsec_t now, struct request_writer *w)
{
	uint64_t key, next = 0;

	if (rx->nack.messages == 0 && put_wanted_info(rx, w) < 0)
		return true;
	for (;;) {
		size_t before = request_writer_len(w);
		int r;

		key = next_wanted(rx, rx->nack.cursor);
		if (key >= rx->sender.position)
			return true;
		r = put_missing(rx, now, w, key, &next);
		/* A block that found room for some of its requests has had its turn. */
		if (r == 0 || request_writer_len(w) > before)
			rx->nack.cursor = next;
		if (r < 0)
			return false;
	}
}

static void hold_off(struct rx *rx, nsec_t now, bool last)
{
	rx->nack.state = RX_NACK_HOLDOFF;
	rx->nack.at = now + (rx->sender.backoff + 2) * rx->sender.grtt;
	rx->nack.resume_key =
		last || rx->sender.phase != PHASE_CATCHUP ? UINT64_MAX : rx->nack.half;
}

static void begin_sending(struct rx *rx, nsec_t now)
{
	rx->nack.state = RX_NACK_SENDING;
	rx->nack.at = now;
	rx->nack.messages = 0;
}

/*
 * As the sender works off what it was asked for, it is time to ask for the next part when the
 * last one begins to arrive: so it never waits for requests.
 */
void rx_nack_arriving(struct rx *rx, nsec_t now, uint64_t key)
{
	if (rx->nack.state == RX_NACK_HOLDOFF && key >= rx->nack.resume_key)
		begin_sending(rx, now);
}

/* The last packet of what the sender works off, when it is asked for as a whole. */
static nsec_t served_at(const struct rx *rx)
{
	if (rx->sender.sow && rx->sender.phase == PHASE_CATCHUP)
		return rx->sender.data_at;
	return is_running(rx) && !rx_complete_through(rx, rx->sender.early)
		       ? rx->sender.early_at
		       : NSEC_NEVER;
}

/* Asking again before the sender paused would tell it nothing new. */
static bool being_served(struct rx *rx, nsec_t now)
{
	nsec_t quiet_at = served_at(rx);

	if (quiet_at == NSEC_NEVER)
		return false;
	quiet_at += 2 * rx->sender.grtt;
	if (now >= MIN(quiet_at, rx->nack.patience_at))
		return false;
	rx->nack.at = MIN(quiet_at, rx->nack.patience_at);
	return true;
}

int rx_nack_message(struct rx *rx, nsec_t now, const struct request_writer *w, uint8_t *buf,
		    size_t cap)
{
	struct msg m = rx_feedback(rx, now, NORM_NACK);

	m.payload = w->w.start;
	m.payload_len = request_writer_len(w);
	rx->counters.nacks++;
	return MAX(msg_encode(&m, buf, cap), 0);
}

/* One NACK message of the cycle; 0: nothing to ask for (any more). */
static int nack_message(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	uint8_t body[1400];
	struct request_writer w;
	bool last;
	int r;

	request_writer_init(&w, body, rx_body_cap(rx, MIN(sizeof(body), cap - 64)),
			    request_fec_id(rx), rx->sender.sow);
	last = fill_body(rx, now, &w);
	if (request_writer_len(&w) == 0) {
		rx->counters.suppressed += rx->nack.messages == 0;
		hold_off(rx, now, true);
		return 0;
	}
	r = rx_nack_message(rx, now, &w, buf, cap);
	rx->nack.messages++;
	if (rx->nack.messages == RX_NACK_MESSAGES / 2)
		rx->nack.half = rx->nack.cursor;
	if (last || r == 0 || rx->nack.messages == RX_NACK_MESSAGES)
		hold_off(rx, now, last || r == 0);
	return r;
}

int rx_nack_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	if (rx->nack.state == RX_NACK_HOLDOFF && now >= rx->nack.at && !being_served(rx, now))
		rx->nack.state = RX_NACK_IDLE;
	if (rx->nack.state == RX_NACK_BACKOFF && now >= rx->nack.at) {
		begin_sending(rx, now);
		rx->nack.patience_at = now + PATIENCE;
		rx->nack.cursor = lowest_wanted(rx);
		rx->nack.symbol = 0;
		rx->nack.room = rx_object_room(rx);
		rx->nack.large_room = rxlarges_room(&rx->large);
	}
	return rx->nack.state == RX_NACK_SENDING ? nack_message(rx, now, buf, cap) : 0;
}
