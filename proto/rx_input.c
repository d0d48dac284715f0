/* rx_input.c - what a receiver hears: the sender's messages, and other receivers' requests. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_large.h"
#include "proto/rx_nack.h"

#include "proto/backoff.h"
#include "proto/key.h"
#include "proto/quant.h"
#include "proto/serial.h"
#include "proto/spread.h"

#include <errno.h>

/* Ids up to here are taken for the beginning of a session, so that its first objects are not
 * missed. */
#define FRESH_SESSION_IDS 256

/* A sender that does not say how many objects there are has finished when it flushed and is
 * quiet. */
#define FOREIGN_QUIET (2 * NSEC_PER_SEC)

/* No sender makes us wait longer, whatever it says: what it says may be forged. NRL's limit. */
#define GRTT_MAX (10 * NSEC_PER_SEC)
#define CC_NEAR  0.9

/* The first object of this session that we want: everything before it counts as done. */
static void sync_to(struct rx *rx, uint64_t first)
{
	struct rx_sender *s = &rx->sender;

	if (s->synced && first < s->first)
		ranges_remove(&rx->done, key_of(first, 0), key_of(s->first, 0));
	else if (!s->synced && first > 0)
		ranges_add(&rx->done, 0, key_of(first, 0));
	else if (s->synced)
		return;
	s->first = first;
	if (!s->synced)
		s->position = key_of(first, 0);
	s->synced = true;
}

static void sync_on(struct rx *rx, uint16_t id)
{
	if (!rx->sender.synced)
		sync_to(rx, id < FRESH_SESSION_IDS ? 0 : id);
}

/* Everything below `key` was sent: what is missing there may be asked for. */
static void sender_at(struct rx *rx, nsec_t now, uint64_t key)
{
	if (key > rx->sender.position) {
		rx->sender.position = key;
		rx_nack_trigger(rx, now);
		rx_large_trigger(rx, now);
	}
}

/* The object that a message of the sender is about; UINT64_MAX: none that this session has. */
static uint64_t heard_number(struct rx *rx, uint16_t id)
{
	const struct rx_sender *s = &rx->sender;
	uint64_t number;

	sync_on(rx, id);
	number = rx_object_number(rx, id);
	return s->sow && s->end_known && number >= s->end ? UINT64_MAX : number;
}

static struct rx_object *heard_object(struct rx *rx, const struct msg *m)
{
	uint64_t number = heard_number(rx, m->object_id);
	struct rx_object *o;

	rx->sender.fec_id = m->fec_id;
	if (number == UINT64_MAX || number < rx->sender.first)
		return NULL;
	o = rx_object_get(rx, number);
	if (!o)
		return NULL;
	o->file |= (m->flags & NORM_FLAG_FILE) != 0;
	o->info_exists |= (m->flags & NORM_FLAG_INFO) != 0;
	if (m->flags & NORM_FLAG_STREAM)
		rx_object_abort(rx, o, -EPROTONOSUPPORT);
	if (m->ext.present & EXT_HAS_FTI)
		rx_object_fti(rx, o, m->fec_id, &m->ext.fti);
	return o;
}

static void on_info(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct rx_object *o = heard_object(rx, m);

	if (o) {
		o->info_exists = true;
		rx_object_info(rx, o, m->payload, m->payload_len);
		sender_at(rx, now, key_of(o->number, 0));
	}
}

static void on_data(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct rx_object *o = heard_object(rx, m);
	uint64_t number = o ? o->number : heard_number(rx, m->object_id);

	if (o)
		rx_object_data(rx, now, o, m);
	else
		rx->counters.not_wanted++;
	if (number == UINT64_MAX)
		return;
	if (o && o->large && !(m->flags & NORM_FLAG_REPAIR))
		sender_at(rx, now, key_of(number, 0)); /* blocks are sent in turns */
	else if (o && o->has_fti && m->fpi.sbn < o->layout.n_blocks)
		sender_at(rx, now, key_of(number, m->fpi.sbn));
	else
		sender_at(rx, now, key_of(number, 0));
	if (key_of(number, 0) < rx->sender.early)
		rx->sender.early_at = now;
	if ((m->flags & NORM_FLAG_REPAIR) && !(o && o->large))
		rx_nack_trigger(rx, now);
}

/* --- commands --- */

static bool list_has(const uint8_t *list, size_t len, uint32_t node_id)
{
	return probe_lists(list, (unsigned)(len / 4), node_id);
}

/* All of the last object may be asked for, and some receivers are asked to confirm (RFC 5740
 * §5.3). */
static void on_flush(struct rx *rx, nsec_t now, const struct msg *m)
{
	uint64_t number = heard_number(rx, m->object_id), end, all;
	struct rx_object *o;

	if (number == UINT64_MAX)
		return;
	end = key_of(number, 0) + 1;
	all = key_of(number + 1, 0); /* of what is not known yet there may be more blocks */
	o = rx_object_find(rx, number);
	if (o && o->has_fti && o->layout.n_blocks)
		all = end = key_of(number, MIN(m->fpi.sbn, o->layout.n_blocks - 1)) + 1;
	rx->sender.fec_id = m->fec_id;
	rx->sender.flushed = true;
	rx->sender.position = MAX(rx->sender.position, end);
	rx_nack_trigger(rx, now);
	rx_large_trigger(rx, now);
	if (!list_has(m->payload, m->payload_len, rx->conf.node_id))
		return;
	rx_flush_heard(rx, now, &(struct watermark){ m->fec_id, m->object_id, m->fpi }, all);
}

/* Everything before the point, and the listed ids, will not be repaired (RFC 5740 §4.2.3.3). */
static void on_squelch(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct rd r = rd_init(m->payload, m->payload_len);
	uint64_t point;

	sync_on(rx, m->object_id);
	point = rx_object_number(rx, m->object_id);
	if (point == UINT64_MAX)
		return;
	for (uint32_t i = 0; i < rx->conf.max_objects; i++)
		if (rx->objects[i].in_use && rx->objects[i].number < point)
			rx_object_abort(rx, &rx->objects[i], -ESTALE);
	rx->sender.lost |=
		ranges_next_gap(&rx->done, key_of(rx->sender.first, 0)) < key_of(point, 0);
	ranges_add(&rx->done, 0, key_of(point, 0));
	while (rd_left(&r) >= 2) {
		uint64_t number = rx_object_number(rx, rd_u16(&r));
		struct rx_object *o = number == UINT64_MAX ? NULL : rx_object_get(rx, number);

		if (o)
			rx_object_abort(rx, o, -ESTALE);
	}
	rx_check_finished(rx, now);
}

/* CMD(CC): the time to be returned, and perhaps a question (RFC 5740 §5.5.2.2). */
static void on_cc(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct rx_sender *s = &rx->sender;
	struct rd r = rd_init(m->payload, m->payload_len);
	bool named = false;

	ccmeter_probe(&s->meter, now, rx->counters.packets, rx->counters.bytes);
	s->send_time = m->send_time;
	s->cc_heard_at = now;
	s->cc_sequence = m->cc_sequence;
	s->cc_asked = m->ext.present & EXT_HAS_RATE;
	if (!s->cc_asked)
		return;
	while (rd_left(&r) >= 8) {
		struct cc_node node = cc_node_decode(&r);

		if (node.node_id != rx->conf.node_id)
			continue;
		named |= (node.flags & (CC_FLAG_CLR | CC_FLAG_PLR)) != 0;
		if (node.flags & CC_FLAG_RTT)
			s->rtt = MIN(quant_rtt_decode(node.rtt), GRTT_MAX);
	}
	rx->at.cc_ack_at =
		named ? now
		      : now + backoff_random(&rx->rng, MAX(s->backoff, 4) * s->grtt, s->gsize);
}

static void probe_positions(struct rx *rx, nsec_t now, const struct probe *p)
{
	struct rx_sender *s = &rx->sender;
	uint64_t first, end, floor, position;

	if (!s->synced)
		sync_to(rx, p->first_object);
	first = rx_object_number(rx, p->first_object);
	end = rx_object_number(rx, p->end_object);
	floor = rx_object_number(rx, p->floor_object);
	position = rx_object_number(rx, p->position_object);
	if (first == UINT64_MAX || end == UINT64_MAX || floor == UINT64_MAX || end < first)
		return;
	sync_to(rx, first);
	s->end = end;
	s->end_known = p->end_known;
	s->floor = key_of(floor, p->floor_sbn);
	s->early = key_of(first + p->n_early, 0);
	if (p->phase >= PHASE_CATCHUP)
		s->position = MAX(s->position, key_of(end, 0));
	else if (position < end)
		s->position = MAX(s->position, key_of(position, p->position_sbn));
}

/* PROBE (doc/PROTOCOL.md, "Census"). */
static void on_probe(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct rx_sender *s = &rx->sender;
	struct probe p;

	if (probe_decode(&p, m->payload, m->payload_len) < 0)
		return;
	s->sow = true;
	s->census = p.census;
	s->phase = p.phase;
	rx_set_spread(rx, now, p.spread * SPREAD_UNIT);
	probe_positions(rx, now, &p);
	rx_report_probe(rx, now, &p);
	rx->behind = probe_lists(p.behind, p.n_behind, rx->conf.node_id);
	if (rx->behind)
		rx->nack.state = RX_NACK_IDLE;
	if (probe_lists(p.announced, p.n_announced, rx->conf.node_id) && !rx->joined) {
		rx->joined = rx->joined_due = rx->events_due = true;
		rx->at.announce_at = NSEC_NEVER;
	}
	if (probe_lists(p.receipts, p.n_receipts, rx->conf.node_id) && rx->has_receipt &&
	    !rx->receipted) {
		rx->receipted = rx->receipted_due = rx->events_due = true;
		rx->at.receipt_at = NSEC_NEVER;
	}
	if (!rx->joined && !s->ended && p.phase != PHASE_END &&
	    rx->at.announce_at == NSEC_NEVER)
		rx_announce_after(rx, now);
	rx_nack_trigger(rx, now);
	rx_large_trigger(rx, now);
	rx_check_finished(rx, now);
}

/* POLL: blocks of a large object were sent (doc/PROTOCOL.md). */
static void on_poll(struct rx *rx, nsec_t now, const struct poll *p)
{
	uint64_t number = heard_number(rx, p->object_id);
	struct rx_object *o = number == UINT64_MAX ? NULL : rx_object_find(rx, number);

	if (!o || !o->large || o->state != RX_OBJECT_ACTIVE || p->sbn >= o->layout.n_blocks)
		return;
	rx_large_polled(rx, now, o, p);
	sender_at(rx, now,
		  key_of(number, MIN((uint64_t)p->sbn + p->n_blocks, o->layout.n_blocks)));
}

static void on_application(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct poll p;

	if (poll_decode(&p, m->payload, m->payload_len) == 0)
		on_poll(rx, now, &p);
	else
		on_probe(rx, now, m);
}

/* All that is left to say is the receipt. */
static void on_end(struct rx *rx, nsec_t now)
{
	if (rx->sender.ended)
		return;
	rx->sender.ended = rx->ended_due = rx->events_due = true;
	rx->sender.ended_at = now;
	rx->nack.state = RX_NACK_IDLE;
	rx->at.announce_at = rx->at.cc_ack_at = rx->at.check_at = NSEC_NEVER;
}

/*
 * Somebody tells the sender of a rate that is as low as ours, or nearly: it need not hear ours,
 * too (RFC 5740 §5.5.2.2, 4). Who was named answers nevertheless, and at once.
 */
static void cc_heard(struct rx *rx, nsec_t now, const struct msg *m)
{
	const struct ext_cc *e = &m->ext.cc;

	if (!(m->ext.present & EXT_HAS_CC) || rx->at.cc_ack_at <= now ||
	    (e->cc_flags & CC_FLAG_RTT && !rx->sender.rtt))
		return;
	if (rx_cc_rate(rx) > CC_NEAR * quant_rate_decode(e->cc_rate))
		rx->at.cc_ack_at = NSEC_NEVER;
}

static void on_cmd(struct rx *rx, nsec_t now, const struct msg *m)
{
	switch (m->cmd) {
	case CMD_FLUSH:
		on_flush(rx, now, m);
		break;
	case CMD_EOT:
		on_end(rx, now);
		break;
	case CMD_SQUELCH:
		on_squelch(rx, now, m);
		break;
	case CMD_CC:
		on_cc(rx, now, m);
		break;
	case CMD_REPAIR_ADV:
		rx_nack_heard(rx, m);
		cc_heard(rx, now, m);
		break;
	case CMD_APPLICATION:
		on_application(rx, now, m);
		break;
	default: /* ACK_REQ has no types that we know */
		break;
	}
}

/* --- any message --- */

void rx_check_finished(struct rx *rx, nsec_t now)
{
	const struct rx_sender *s = &rx->sender;

	if (rx->finished || !s->synced)
		return;
	if (s->sow && !(s->end_known && rx_complete_through(rx, key_of(s->end, 0))))
		return;
	if (!s->sow && !(s->flushed && now - s->data_at >= FOREIGN_QUIET &&
			 rx_complete_through(rx, s->position)))
		return;
	rx->finished = rx->finished_due = rx->events_due = true;
}

/*
 * A sender that was held up once takes that for a long way, and what is asked for then would be
 * asked for again after seconds, though the GRTT is soon what it was.
 */
static void note_grtt(struct rx *rx, nsec_t now)
{
	struct rx_sender *s = &rx->sender;
	double part = (double)s->grtt / (double)MAX(s->grtt_high, 1);

	s->grtt_high = MAX(s->grtt_high, s->grtt);
	if (s->grtt_high < 2 * s->grtt)
		return;
	s->grtt_high = s->grtt;
	rx_large_hasten(rx, now, part);
	if (rx->nack.state != RX_NACK_IDLE && rx->nack.at > now)
		rx->nack.at = now + (nsec_t)((double)(rx->nack.at - now) * part);
}

static void note_sender(struct rx *rx, nsec_t now, const struct msg *m)
{
	struct rx_sender *s = &rx->sender;

	s->heard_at = now;
	s->gone = false;
	s->grtt = MIN(quant_rtt_decode(m->grtt), GRTT_MAX);
	note_grtt(rx, now);
	s->backoff = m->backoff;
	s->gsize = quant_gsize_decode(m->gsize);
	loss_heard(&rx->loss, now, m->sequence, s->rtt ? s->rtt : s->grtt);
	if (rx->counters.missed != rx->loss.missed) {
		rx->counters.missed = rx->loss.missed;
		rx_report_lost(rx, now);
	}
}

/* What another receiver tells this sender. */
static int overhear(struct rx *rx, nsec_t now, const struct msg *m)
{
	if (m->server_id != rx->conf.sender_id || m->instance_id != rx->conf.instance_id)
		return -ENOENT;
	if (m->type == NORM_NACK)
		rx_nack_heard(rx, m);
	cc_heard(rx, now, m);
	return 0;
}

static int input(struct rx *rx, nsec_t now, const struct msg *m, size_t len)
{
	if (m->type == NORM_NACK || m->type == NORM_ACK)
		return overhear(rx, now, m);
	if (m->source_id != rx->conf.sender_id || m->instance_id != rx->conf.instance_id)
		return -ENOENT;
	if (m->type != NORM_INFO && m->type != NORM_DATA && m->type != NORM_CMD)
		return -ENOENT;
	rx->counters.packets++;
	rx->counters.bytes += len;
	note_sender(rx, now, m);
	if (m->type != NORM_CMD)
		rx->sender.data_at = now;
	if (m->type == NORM_INFO)
		on_info(rx, now, m);
	else if (m->type == NORM_DATA)
		on_data(rx, now, m);
	else
		on_cmd(rx, now, m);
	return 0;
}

int rx_input(struct rx *rx, nsec_t now, const uint8_t *pkt, size_t len)
{
	struct msg m;
	int r = msg_decode(&m, pkt, len);

	if (r == 0)
		r = input(rx, now, &m, len);
	else
		rx->counters.malformed++;
	if (r == -ENOENT)
		rx->counters.foreign++;
	return r;
}
