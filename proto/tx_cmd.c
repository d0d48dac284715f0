/* tx_cmd.c - the sender's commands: probes, flush, squelch, repair advertisement, end. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_large.h"
#include "proto/tx_straggle.h"

#include "proto/key.h"
#include "proto/quant.h"
#include "proto/request.h"

#define CC_INTERVAL     (100 * NSEC_PER_MSEC) /* TX_SOW; TX_NORM doubles from one GRTT */
#define CC_INTERVAL_MAX (30 * NSEC_PER_SEC)
#define PROBE_WAIT      (100 * NSEC_PER_MSEC)
#define PROBE_RUN       (50 * NSEC_PER_MSEC)
#define PROBE_ECHO      (5 * NSEC_PER_MSEC)
#define FLUSH_RECEIPTS  (100 * NSEC_PER_MSEC) /* when only receipts and the busy are missing */
#define FLUSH_NAMES     8                     /* at least */
#define EOT_INTERVAL    (5 * NSEC_PER_MSEC)
#define EOT_COUNT       3
#define EOT_GRACE       (50 * NSEC_PER_MSEC)
#define EOT_COUNT_MAX   400 /* 2 s: no receiver waits longer for its echo */

void tx_cmd_start(struct tx *tx, nsec_t now)
{
	tx->cc_interval = tx->conf.profile == TX_SOW ? CC_INTERVAL : tx_grtt(tx);
	tx->at = (struct tx_timers){
		.cc_at = now,
		.probe_at = tx->conf.profile == TX_SOW ? now : NSEC_NEVER,
		.flush_at = now,
		.adv_at = NSEC_NEVER,
		.squelch_at = NSEC_NEVER,
		.eot_at = NSEC_NEVER,
	};
}

/* CMD(CC): the time probe that GRTT is measured with (RFC 5740 §4.2.3.4, §5.5.1). */
static int cc_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	nsec_t interval, t = now - tx->epoch;
	struct msg m = {
		.type = NORM_CMD,
		.cmd = CMD_CC,
		.cc_sequence = tx->cc_sequence++,
		.send_time = { .sec = (uint32_t)(t / NSEC_PER_SEC),
			       .usec = (uint32_t)(t % NSEC_PER_SEC / NSEC_PER_USEC) },
	};

	/* EXT_RATE asks every receiver for an answer; ours have ANNOUNCE for that. */
	if (tx->conf.profile == TX_NORM || tx->conf.rate_cc) {
		m.ext.present = EXT_HAS_RATE;
		m.ext.send_rate = quant_rate_encode((double)tx->conf.rate);
	}
	if (!tx->conf.rate_cc || now - tx->grtt_at >= CC_INTERVAL) {
		grtt_interval(&tx->grtt);
		tx->grtt_at = now;
	}
	if (tx->conf.profile == TX_NORM && tx->cc_sequence > 1)
		tx->cc_interval = MIN(tx->cc_interval * 2, CC_INTERVAL_MAX);
	interval = tx->conf.rate_cc ? tx_rate_cc_probe(tx, now, &m) : tx->cc_interval;
	tx->at.cc_at = now + interval;
	return tx_emit(tx, now, &m, ret);
}

static nsec_t probe_interval(const struct tx *tx)
{
	if (tx->roster.n_echo)
		return PROBE_ECHO;
	return tx->stage == TX_WAITING ? PROBE_WAIT : PROBE_RUN;
}

/* Once it is known how many there are, their receipts will come at the same time. */
static uint8_t next_spread(struct tx *tx, nsec_t now)
{
	const uint32_t *n = tx->roster.count;
	uint8_t asked = spread_next(&tx->spread, now, tx_backoff(tx) * tx_grtt(tx));
	nsec_t receipts = spread_for(n[RECEIVER_ACTIVE] + n[RECEIVER_ACKED]);

	return tx->stage == TX_WAITING ? asked : MAX(asked, spread_units(receipts));
}

/* The session's first object, as far as ids can tell. */
static uint64_t first_object(const struct tx *tx)
{
	return tx->object_end < 32768 ? 0 : tx->object_base;
}

static uint8_t early_objects(const struct tx *tx)
{
	uint64_t first = first_object(tx), end = key_object(tx->early_end);

	return end > first ? (uint8_t)MIN(end - first, PROBE_EARLY_MAX) : 0;
}

/* PROBE (doc/PROTOCOL.md): where we are, and whom we heard. */
static int probe_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	uint8_t *buf = tx_scratch(tx);
	uint64_t floor = tx_floor(tx);
	struct tx_object *first = tx_object_find(tx, tx->object);
	uint8_t ids[3][1200];
	struct probe p = {
		.phase = tx_status(tx).phase,
		.end_known = tx->finishing,
		.census = tx->conf.census,
		.spread = next_spread(tx, now),
		.job = tx->conf.job,
		.first_object = (uint16_t)first_object(tx),
		.n_early = early_objects(tx),
		.end_object = (uint16_t)tx->object_end,
		.floor_object = (uint16_t)key_object(floor),
		.floor_sbn = key_sbn(floor),
		.position_object = (uint16_t)tx->object,
		.position_sbn = tx->sbn,
		.announced = ids[0],
		.receipts = ids[1],
		.behind = ids[2],
	};
	struct msg m = { .type = NORM_CMD, .cmd = CMD_APPLICATION, .payload = buf };
	uint32_t cap = MIN((tx->conf.segment_size - PROBE_LEN) / 4u - 1, sizeof(ids[0]) / 4);
	int len;

	if (p.phase == PHASE_CATCHUP)
		tx_straggle_sort(tx, now);
	tx_straggle_recall(tx, now);
	p.n_behind = roster_list(&tx->roster, RECEIVER_BEHIND, ids[2], cap / 2);
	cap -= p.n_behind;
	p.n_announced = roster_take_echoes(&tx->roster, false, ids[0], cap);
	p.n_receipts = roster_take_echoes(&tx->roster, true, ids[1], cap - p.n_announced);
	tx_rate_probe(tx, now, &p);
	tx->at.probe_at = now + probe_interval(tx);
	tx_large_learn(tx, now);
	if (tx->stage == TX_WAITING && first && now - first->info_at >= PROBE_WAIT / 2)
		tx_info_due(tx, first, MAX(first->info_due, 1));
	len = buf ? probe_encode(&p, buf, tx->conf.segment_size) : -1;
	if (len < 0)
		return 0;
	m.payload_len = (size_t)len;
	len = tx_emit(tx, now, &m, ret);
	tx_rate_probed(tx, now, &p);
	return len;
}

static nsec_t probe_at(const struct tx *tx)
{
	return MIN(tx->at.probe_at, tx_rate_probe_at(tx));
}

/*
 * The last symbol of an object. An empty one has none; what it says there matters to nobody
 * (NRL's sender underflows in this place).
 */
struct watermark tx_last_symbol(const struct tx *tx, const struct tx_object *o)
{
	struct watermark wm = { .fec_id = o->fec.fec_id, .object_id = (uint16_t)o->number };

	if (o->layout.n_blocks) {
		wm.fpi.sbn = (uint32_t)(o->layout.n_blocks - 1);
		wm.fpi.sbl = (uint16_t)layout_k(&o->layout, wm.fpi.sbn);
		wm.fpi.esi = wm.fpi.sbl - 1;
	}
	return wm;
}

/* Where a FLUSH stands: at the end of the last object that was not withdrawn. */
struct watermark tx_watermark(const struct tx *tx)
{
	uint64_t n = tx->object_end - 1;

	while (n > tx->object_base && tx_object_find(tx, n)->withdrawn)
		n--;
	return tx_last_symbol(tx, tx_object_find(tx, n));
}

/* Who still has to answer. */
static unsigned asked_states(const struct tx *tx)
{
	unsigned states = 1 << RECEIVER_ACTIVE;

	if (tx->conf.profile == TX_SOW && tx->finishing)
		states |= 1 << RECEIVER_ACKED;
	return states;
}

/*
 * Everybody has everything. Ours have announced themselves; others, and receivers that nobody
 * heard, get all R repetitions to object (RFC 5740 §4.2.3.1).
 */
static bool answered(const struct tx *tx)
{
	const uint32_t *n = tx->roster.count;
	bool sow = tx->conf.profile == TX_SOW;

	if (n[RECEIVER_ACTIVE] || n[RECEIVER_BEHIND] || (sow && n[RECEIVER_ACKED]))
		return false;
	return (sow && tx->roster.n > n[RECEIVER_DROPPED]) || tx->flushes >= tx->conf.robust;
}

void tx_close(struct tx *tx, nsec_t now)
{
	tx->stage = TX_CLOSING;
	tx->at.eot_at = now;
	if (tx->conf.profile == TX_SOW)
		tx->at.probe_at = now;
	tx->idle = false;
}

static nsec_t flush_interval(const struct tx *tx)
{
	nsec_t interval = 2 * tx_grtt(tx);

	if (tx->conf.profile == TX_SOW && !roster_waits(&tx->roster))
		return MAX(interval, FLUSH_RECEIPTS);
	return interval;
}

/* So many that their answers, which come within one GRTT, are welcome before the next FLUSH. */
static uint32_t flush_names(const struct tx *tx)
{
	uint32_t welcome = (uint32_t)(2 * tx_grtt(tx) * SPREAD_PER_SEC / NSEC_PER_SEC);

	return MIN(MAX(welcome, FLUSH_NAMES), tx->conf.segment_size / 4u);
}

/* CMD(FLUSH): asks for everything up to here, and names who is to confirm it (RFC 5740
 * §4.2.3.1). */
int tx_flush_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	uint8_t *buf;
	struct watermark wm;
	struct msg m = { .type = NORM_CMD, .cmd = CMD_FLUSH };

	if (tx_new_left(tx))
		return 0;
	roster_drop_silent(&tx->roster, now, asked_states(tx), tx->conf.drop_after);
	tx_straggle_sort(tx, now);
	if (tx_straggle_recall(tx, now))
		return tx_cmd_output(tx, now, ret);
	if (tx->finishing && (answered(tx) || !tx->object_end)) {
		tx_close(tx, now);
		return tx_cmd_output(tx, now, ret);
	}
	if (tx_repair_pending(tx))
		return 0;
	buf = now >= tx->at.flush_at && tx->object_end ? tx_scratch(tx) : NULL;
	if (!buf)
		return 0;
	wm = tx_watermark(tx);
	m.fec_id = wm.fec_id;
	m.object_id = wm.object_id;
	m.fpi = wm.fpi;
	m.payload = buf;
	m.payload_len = 4 * (size_t)roster_ask(&tx->roster, now, asked_states(tx), buf,
					       flush_names(tx));
	tx->flushes++;
	tx->at.flush_at = now + flush_interval(tx);
	if (tx->flushes == 1 && tx->conf.profile == TX_SOW)
		tx->at.probe_at = now; /* the phase changed */
	return tx_emit(tx, now, &m, ret);
}

/* CMD(SQUELCH): what can still be repaired, and what cannot although it is later (RFC 5740
 * §4.2.3.3). */
static int squelch_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	const struct tx_object *base = tx_object_find(tx, tx->object_base);
	uint8_t *buf = tx_scratch(tx);
	struct wr w = wr_init(buf, buf ? tx->conf.segment_size : 0);
	struct msg m = { .type = NORM_CMD, .cmd = CMD_SQUELCH, .fec_id = tx->conf.fec_id };

	tx->at.squelch_at = now + 2 * tx_grtt(tx);
	if (base && base->layout.n_blocks)
		m.fpi.sbl = (uint16_t)layout_k(&base->layout, 0);
	m.object_id = (uint16_t)tx->object_base;
	for (uint64_t n = tx->object_base; n < tx->object_end && wr_left(&w) >= 2; n++)
		if (tx_object_find(tx, n)->withdrawn)
			wr_u16(&w, (uint16_t)n);
	tx->squelch_due = false;
	m.payload = buf;
	m.payload_len = wr_len(&w);
	return tx_emit(tx, now, &m, ret);
}

/* A request for all that one block still owes, at symbol level. */
static int advertise_block(const struct tx *tx, const struct txblock *b,
			   struct request_writer *rw)
{
	struct request req = {
		.form = NACK_FORM_RANGES,
		.flags = NACK_SEGMENT,
		.object_first = (uint16_t)key_object(b->key),
		.object_last = (uint16_t)key_object(b->key),
		.first = { .sbn = key_sbn(b->key), .sbl = (uint16_t)b->k },
	};
	int r = 0;

	req.last = req.first;
	for (uint32_t i = bitmap_next(&b->want, 0); r == 0 && i < b->want.n;
	     i = bitmap_next(&b->want, i + 1)) {
		req.first.esi = req.last.esi = (uint16_t)i;
		req.form = NACK_FORM_ITEMS;
		r = request_put(rw, &req);
	}
	if (r == 0 && b->parity_target > b->parity_sent) {
		req.form = NACK_FORM_RANGES;
		req.first.esi = (uint16_t)(b->k + b->parity_sent);
		req.last.esi = (uint16_t)(b->k + b->parity_target - 1);
		r = request_put(rw, &req);
	}
	return r;
}

/* CMD(REPAIR_ADV): what was asked for by unicast, so that the others need not (RFC 5740
 * §4.2.3.5). */
static int adv_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	uint8_t *buf = tx_scratch(tx);
	struct request_writer rw;
	struct msg m = { .type = NORM_CMD, .cmd = CMD_REPAIR_ADV, .payload = buf };

	tx->at.adv_at = NSEC_NEVER;
	if (!buf)
		return 0;
	request_writer_init(&rw, buf, tx->conf.segment_size, tx->conf.fec_id, false);
	for (uint32_t i = 0; i < tx->blocks.n; i++) {
		if (advertise_block(tx, txblocks_at(&tx->blocks, i), &rw) < 0) {
			m.flags = NORM_REPAIR_ADV_LIMIT;
			break;
		}
	}
	m.payload_len = request_writer_len(&rw);
	return m.payload_len ? tx_emit(tx, now, &m, ret) : 0;
}

/*
 * More often while receipts come, and, after an end before its time, until those that are there
 * have had the time to send one.
 */
static unsigned eot_count(const struct tx *tx)
{
	const uint32_t *n = tx->roster.count;
	uint32_t owing = n[RECEIVER_ACTIVE] + n[RECEIVER_ACKED];
	nsec_t window =
		MAX(tx_backoff(tx) * tx_grtt(tx), MAX(tx->spread.window, spread_for(owing)));

	if (tx->roster.n_echo)
		return EOT_COUNT_MAX;
	if (tx->conf.profile != TX_SOW || tx->conf.census || !owing)
		return EOT_COUNT;
	return MIN(EOT_COUNT_MAX, (unsigned)((window + EOT_GRACE) / EOT_INTERVAL));
}

/* CMD(EOT): nothing will be repaired any more (RFC 5740 §4.2.3.2). */
static int eot_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	struct msg m = { .type = NORM_CMD, .cmd = CMD_EOT };

	tx->at.eot_at = now + EOT_INTERVAL;
	tx->at.probe_at = MIN(tx->at.probe_at, tx->at.eot_at);
	tx->eots++;
	if (tx->eots >= eot_count(tx)) {
		tx->stage = TX_CLOSED;
		tx->at.eot_at = NSEC_NEVER;
	}
	return tx_emit(tx, now, &m, ret);
}

int tx_cmd_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	int r = 0;

	if (now >= tx->at.cc_at && tx->stage != TX_CLOSING)
		r = cc_output(tx, now, ret);
	if (!r && now >= probe_at(tx) && tx->conf.profile == TX_SOW)
		r = probe_output(tx, now, ret);
	if (!r)
		r = tx_poll_output(tx, now, ret);
	if (!r && now >= tx->at.squelch_at && tx->squelch_due)
		r = squelch_output(tx, now, ret);
	if (!r && now >= tx->at.adv_at)
		r = adv_output(tx, now, ret);
	if (!r && now >= tx->at.eot_at)
		r = eot_output(tx, now, ret);
	return r;
}

nsec_t tx_cmd_deadline(const struct tx *tx, nsec_t now)
{
	nsec_t at = MIN(tx->at.adv_at, tx->at.eot_at);

	if (tx->conf.profile == TX_SOW)
		at = MIN(at, probe_at(tx));
	if (tx->stage != TX_CLOSING)
		at = MIN(at, tx->at.cc_at);
	if (tx->squelch_due)
		at = MIN(at, tx->at.squelch_at);
	if (tx->stage == TX_RUNNING && !tx->paused && !tx_new_left(tx) && tx->object_end &&
	    !tx_repair_pending(tx))
		at = MIN(at, tx->at.flush_at);
	if (tx->aggregate_at > now)
		at = MIN(at, tx->aggregate_at);
	return at;
}
