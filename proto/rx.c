/* rx.c - a NORM receiver session: life, events, answers and deadlines. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/rx_hold.h"
#include "proto/rx_large.h"
#include "proto/rx_nack.h"

#include "proto/key.h"
#include "proto/quant.h"
#include "proto/rs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY     ((size_t)24 << 20)
#define DEFAULT_OBJECTS    256
#define DEFAULT_ROBUST     20
#define DEFAULT_INACTIVITY (10 * NSEC_PER_SEC)
#define DONE_RANGES        16384
#define HEARD_RANGES       512
#define NAMED_RANGES       4096
#define HELD_RANGES        262144
#define RECEIPT_FIRST      (50 * NSEC_PER_MSEC)
#define RECEIPT_SLOWEST    (400 * NSEC_PER_MSEC)
#define RECEIPT_LINGER     (2 * NSEC_PER_SEC) /* after the sender's end */
#define ANNOUNCE_SLOWEST   (300 * NSEC_PER_MSEC)

static int alloc_all(struct rx *rx)
{
	uint32_t n = rx->conf.max_objects;
	int r;

	rx->objects = calloc(n, sizeof(*rx->objects));
	rx->infos = calloc(n, RX_INFO_MAX);
	if (!rx->objects || !rx->infos)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		rx->objects[i].info = rx->infos + (size_t)i * RX_INFO_MAX;
	r = ranges_init(&rx->done, rx->conf.max_ranges);
	if (r == 0)
		r = ranges_init(&rx->named, MIN(rx->conf.max_ranges, NAMED_RANGES));
	return r < 0 ? r : ranges_init(&rx->nack.heard, MIN(rx->conf.max_ranges, HEARD_RANGES));
}

static size_t copy_text(char *to, size_t cap, const char *text)
{
	size_t n = 0;

	for (; text && n < cap && text[n]; n++)
		to[n] = text[n];
	return n;
}

static void introduce(struct rx *rx, const struct rx_conf *c)
{
	rx->self = (struct announce){
		.host = rx->host,
		.host_len = copy_text(rx->host, sizeof(rx->host), c->host),
		.version = rx->version,
		.version_len = copy_text(rx->version, sizeof(rx->version), c->version),
		.state = c->state,
		.free = c->free,
		.machine = c->machine,
	};
}

static void set_defaults(struct rx *rx, const struct rx_conf *conf)
{
	struct rx_conf *c = &rx->conf;

	*c = *conf;
	if (!c->memory)
		c->memory = DEFAULT_MEMORY;
	if (!c->max_objects)
		c->max_objects = DEFAULT_OBJECTS;
	if (!c->max_ranges)
		c->max_ranges = DONE_RANGES;
	if (!c->max_held)
		c->max_held = HELD_RANGES;
	if (!c->robust)
		c->robust = DEFAULT_ROBUST;
	if (!c->inactivity)
		c->inactivity = DEFAULT_INACTIVITY;
	introduce(rx, conf);
	c->host = c->version = NULL;
}

int rx_new(struct rx **ret, const struct rx_conf *conf, nsec_t now)
{
	struct rx *rx;
	int r;

	if (conf->node_id == NORM_NODE_NONE || conf->node_id == NORM_NODE_ANY ||
	    conf->max_objects > 16384)
		return -EINVAL;
	rx = calloc(1, sizeof(*rx));
	if (!rx)
		return -ENOMEM;
	set_defaults(rx, conf);
	r = alloc_all(rx);
	if (r < 0) {
		rx_free(rx);
		return r;
	}
	rx->rng = rng_init(conf->seed);
	rx->sender.grtt = NSEC_PER_SEC / 2; /* RFC 5740 §5.1, until it tells */
	rx->sender.gsize = 1000;
	rx->sender.heard_at = now;
	rx->large_at = NSEC_NEVER;
	loss_init(&rx->loss);
	rx->at = (struct rx_timers){ NSEC_NEVER, NSEC_NEVER, NSEC_NEVER, NSEC_NEVER,
				     now + NSEC_PER_SEC };
	rx->announce_interval = 100 * NSEC_PER_MSEC;
	rx_report_init(rx);
	*ret = rx;
	return 0;
}

void rx_free(struct rx *rx)
{
	if (!rx)
		return;
	rxblocks_fini(&rx->blocks);
	rxlarges_fini(&rx->large);
	rs_free(rx->rs);
	ranges_fini(&rx->done);
	ranges_fini(&rx->named);
	ranges_fini(&rx->nack.heard);
	for (uint32_t i = 0; rx->objects && i < rx->conf.max_objects; i++)
		rx_object_free(&rx->objects[i]);
	free(rx->infos);
	free(rx->objects);
	free(rx);
}

/* --- answers --- */

/* The last CMD(CC)'s time plus how long we held it (RFC 5740 §4.3.1). */
static struct norm_time grtt_response(const struct rx *rx, nsec_t now)
{
	struct norm_time t = rx->sender.send_time;
	uint64_t usec;

	if (!t.sec && !t.usec)
		return t;
	usec = t.usec + (uint64_t)((now - rx->sender.cc_heard_at) / NSEC_PER_USEC);
	return (struct norm_time){ .sec = t.sec + (uint32_t)(usec / 1000000),
				   .usec = (uint32_t)(usec % 1000000) };
}

static nsec_t cc_rtt(const struct rx *rx)
{
	return rx->sender.rtt ? rx->sender.rtt : rx->sender.grtt;
}

/* Rate that TFMCC would allow: the equation of RFC 5740 §5.5.2.2, or twice what arrives without
 * loss. */
double rx_cc_rate(const struct rx *rx)
{
	double p = loss_event_fraction(&rx->loss);
	double s = rx->counters.packets
			   ? (double)rx->counters.bytes / (double)rx->counters.packets
			   : 1400;

	return p > 0 ? cc_equation(s, cc_rtt(rx), p) : 2 * rx->sender.meter.rate;
}

struct msg rx_feedback(struct rx *rx, nsec_t now, uint8_t type)
{
	double p = loss_event_fraction(&rx->loss);
	struct msg m = {
		.type = type,
		.sequence = rx->sequence++,
		.source_id = rx->conf.node_id,
		.server_id = rx->conf.sender_id,
		.instance_id = rx->conf.instance_id,
		.grtt_response = grtt_response(rx, now),
	};

	if (!rx->sender.sow || rx->sender.cc_asked) {
		m.ext.present = EXT_HAS_CC;
		m.ext.cc = (struct ext_cc){
			.cc_sequence = rx->sender.cc_sequence,
			.cc_flags = (uint8_t)((p > 0 ? 0 : CC_FLAG_START) |
					      (rx->sender.rtt ? CC_FLAG_RTT : 0)),
			.cc_rtt = quant_rtt_encode(cc_rtt(rx)),
			.cc_loss = quant_loss_encode(p),
			.cc_rate = quant_rate_encode(rx_cc_rate(rx)),
		};
	}
	rx->at.cc_ack_at = NSEC_NEVER; /* any feedback answers a CMD(CC) */
	return m;
}

static int ack_output(struct rx *rx, struct msg *m, const uint8_t *content, int len,
		      uint8_t *buf, size_t cap)
{
	int r;

	if (len < 0)
		return 0;
	m->payload = content;
	m->payload_len = (size_t)len;
	r = msg_encode(m, buf, cap);
	if (r > 0)
		rx->counters.acks++;
	return MAX(r, 0);
}

int rx_ack_output(struct rx *rx, nsec_t now, uint8_t ack_type, const uint8_t *content, int len,
		  uint8_t *buf, size_t cap)
{
	struct msg m = rx_feedback(rx, now, NORM_ACK);

	m.ack_type = ack_type;
	return ack_output(rx, &m, content, len, buf, cap);
}

/* In 65535ths, rounded up. */
static uint16_t lacks(const struct rx *rx)
{
	double part = 0;

	if (rx->bytes_total > rx->bytes_done)
		part = (double)(rx->bytes_total - rx->bytes_done) / (double)rx->bytes_total;
	return (uint16_t)MIN(UINT16_MAX, ceil(part * UINT16_MAX));
}

static int flush_ack_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	uint8_t content[16];
	struct msg m;

	rx->at.flush_ack_at = NSEC_NEVER;
	/* it was busy when asked, or had all of less than the last FLUSH asked for */
	if (!rx->busy && !rx_complete_through(rx, rx->flush_end))
		return 0;
	if (!rx->busy)
		rx->flush_end = 0;
	m = rx_feedback(rx, now, NORM_ACK);
	m.ack_type = ACK_FLUSH;
	if (rx->sender.sow) {
		m.ext.present |= EXT_HAS_HOLDINGS;
		m.ext.holdings = (struct ext_holdings){ rx->holds, rx->busy, lacks(rx) };
	}
	return ack_output(rx, &m, content,
			  watermark_encode(&rx->watermark, content, sizeof(content)), buf, cap);
}

static void confirm(struct rx *rx, nsec_t now)
{
	double spread = rx->sender.backoff ? (double)rx->sender.grtt : 0;

	if (rx->at.flush_ack_at == NSEC_NEVER)
		rx->at.flush_ack_at = now + (nsec_t)(rng_unit(&rx->rng) * spread);
}

void rx_flush_check(struct rx *rx, nsec_t now)
{
	if (rx->flush_end && !rx->busy && rx_complete_through(rx, rx->flush_end))
		confirm(rx, now);
}

void rx_flush_heard(struct rx *rx, nsec_t now, const struct watermark *wm, uint64_t end)
{
	rx->watermark = *wm;
	rx->flush_end = end;
	if (rx->busy)
		confirm(rx, now);
	else
		rx_flush_check(rx, now);
}

void rx_set_busy(struct rx *rx, nsec_t now, bool busy)
{
	rx->busy = busy;
	if (busy) {
		rx->nack.state = RX_NACK_IDLE;
		return;
	}
	rx_flush_check(rx, now);
	rx_nack_trigger(rx, now);
	rx_large_trigger(rx, now);
}

bool rx_is_mute(const struct rx *rx)
{
	return rx->busy || rx->behind;
}

void rx_set_holds(struct rx *rx, bool holds)
{
	rx->holds = holds;
}

/* Over which answers to PROBEs are spread. */
static nsec_t window(const struct rx *rx)
{
	return MAX(rx->sender.backoff * rx->sender.grtt, rx->sender.spread);
}

static nsec_t some_of_window(struct rx *rx)
{
	return (nsec_t)(rng_unit(&rx->rng) * (double)window(rx));
}

/*
 * The random part of a timer keeps its place in the window when that becomes wider, or
 * narrower; in one that had no width nobody had a place.
 */
static void stretch(struct rx *rx, nsec_t now, nsec_t before, nsec_t from, nsec_t *at)
{
	nsec_t start = MAX(from, now);

	if (*at == NSEC_NEVER || *at < start)
		return;
	if (!before)
		*at = start + some_of_window(rx);
	else
		*at = start +
		      (nsec_t)((double)(*at - start) * (double)window(rx) / (double)before);
}

void rx_set_spread(struct rx *rx, nsec_t now, nsec_t spread)
{
	nsec_t before = window(rx);

	rx->sender.spread = spread;
	if (window(rx) == before)
		return;
	stretch(rx, now, before, rx->announce_from, &rx->at.announce_at);
	stretch(rx, now, before, rx->receipt_from, &rx->at.receipt_at);
}

void rx_announce_after(struct rx *rx, nsec_t from)
{
	rx->announce_from = from;
	rx->at.announce_at = from + some_of_window(rx);
}

static void receipt_after(struct rx *rx, nsec_t from)
{
	rx->receipt_from = from;
	rx->at.receipt_at = from + some_of_window(rx);
}

static int announce_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	uint8_t content[ANNOUNCE_MAX];

	rx->announced = true;
	rx_announce_after(rx, now + rx->announce_interval);
	rx->announce_interval = MIN(rx->announce_interval * 2, ANNOUNCE_SLOWEST);
	return rx_ack_output(rx, now, ACK_ANNOUNCE, content,
			     announce_encode(&rx->self, content, sizeof(content)), buf, cap);
}

static int receipt_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	uint8_t content[RECEIPT_MAX];

	rx->receipt_interval = CLAMP(rx->receipt_interval * 2, RECEIPT_FIRST, RECEIPT_SLOWEST);
	receipt_after(rx, now + rx->receipt_interval);
	if (rx->sender.ended && rx->at.receipt_at > rx->sender.ended_at + RECEIPT_LINGER)
		rx->at.receipt_at = NSEC_NEVER;
	return rx_ack_output(rx, now, ACK_RECEIPT, content,
			     receipt_encode(&rx->receipt, content, sizeof(content)), buf, cap);
}

void rx_set_receipt(struct rx *rx, nsec_t now, const struct receipt *rc)
{
	rx->receipt = *rc;
	rx->receipt.text_len = MIN(rc->text_len, sizeof(rx->receipt_text));
	if (rc->text_len)
		memcpy(rx->receipt_text, rc->text, rx->receipt.text_len);
	rx->receipt.text = rx->receipt_text;
	rx->has_receipt = true;
	rx->receipted = false;
	rx->receipt_interval = 0;
	if (rx->sender.sow) /* no other sender would echo it */
		receipt_after(rx, now);
}

/* --- time --- */

static nsec_t inactivity_bound(const struct rx *rx)
{
	nsec_t period = MAX(NSEC_PER_SEC, 2 * (nsec_t)rx->conf.robust * rx->sender.grtt);

	return rx->sender.sow ? rx->conf.inactivity : MAX(rx->conf.inactivity, 3 * period);
}

/* Once a second at least: is the sender still there, and are we waiting for something? */
static void on_check(struct rx *rx, nsec_t now)
{
	nsec_t silent = now - rx->sender.heard_at;

	rx->at.check_at = now + NSEC_PER_SEC;
	if (rx->sender.gone)
		return;
	if (silent >= inactivity_bound(rx)) {
		rx->sender.gone = true;
		rx->gone_due = rx->events_due = true;
		return;
	}
	if (silent >= NSEC_PER_SEC)
		rx_nack_trigger(rx, now);
	rx_check_finished(rx, now);
}

int rx_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap)
{
	int r = 0;

	if (now >= rx->at.check_at)
		on_check(rx, now);
	if (now >= rx->at.flush_ack_at)
		r = flush_ack_output(rx, now, buf, cap);
	if (!r && now >= rx->at.receipt_at)
		r = receipt_output(rx, now, buf, cap);
	if (!r && now >= rx->at.announce_at)
		r = announce_output(rx, now, buf, cap);
	if (!r)
		r = rx_report_output(rx, now, buf, cap);
	if (!r)
		r = rx_large_output(rx, now, buf, cap);
	if (!r)
		r = rx_nack_output(rx, now, buf, cap);
	if (!r && now >= rx->at.cc_ack_at)
		r = rx_ack_output(rx, now, ACK_CC, NULL, 0, buf, cap);
	return r;
}

nsec_t rx_deadline(const struct rx *rx, nsec_t now)
{
	nsec_t at = MIN(rx->at.flush_ack_at, rx->at.receipt_at);

	at = MIN(at, MIN(rx->at.announce_at, rx->at.cc_ack_at));
	at = MIN(at, rx->at.check_at);
	at = MIN(at, rx_large_deadline(rx));
	at = MIN(at, rx_report_deadline(rx));
	if (rx->nack.state != RX_NACK_IDLE)
		at = MIN(at, rx->nack.at);
	return at;
}

/* --- events --- */

static struct rx_event object_event(struct rx_object *o)
{
	struct rx_event ev = {
		.object = o->number,
		.size = o->layout.size,
		.info = o->info,
		.info_len = o->has_info ? o->info_len : 0,
		.file = o->file,
		.error = o->error,
	};

	if (o->due & RX_DUE_OBJECT) {
		o->due &= ~(RX_DUE_OBJECT | RX_DUE_INFO);
		ev.kind = RX_EV_OBJECT;
	} else if (o->due & RX_DUE_INFO) {
		o->due &= ~RX_DUE_INFO;
		ev.kind = RX_EV_INFO;
	} else if (o->due & RX_DUE_COMPLETE) {
		o->due &= ~RX_DUE_COMPLETE;
		ev.kind = RX_EV_COMPLETE;
	} else {
		o->due = 0;
		rx_object_free(o);
		ev.kind = RX_EV_ABORTED;
	}
	return ev;
}

/* An event of the session itself; those of objects go first. */
static bool session_event(struct rx *rx, struct rx_event *ret)
{
	const struct {
		bool *due;
		enum rx_event_kind kind;
	} events[] = {
		{ &rx->joined_due, RX_EV_JOINED },       { &rx->finished_due, RX_EV_FINISHED },
		{ &rx->receipted_due, RX_EV_RECEIPTED }, { &rx->ended_due, RX_EV_SENDER_END },
		{ &rx->gone_due, RX_EV_SENDER_GONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (!*events[i].due)
			continue;
		*events[i].due = false;
		*ret = (struct rx_event){ .kind = events[i].kind };
		return true;
	}
	return false;
}

bool rx_event(struct rx *rx, struct rx_event *ret)
{
	if (!rx->events_due)
		return false;
	for (uint32_t i = 0; i < rx->conf.max_objects; i++) {
		struct rx_object *o = &rx->objects[i];

		if (o->in_use && o->due) {
			*ret = object_event(o);
			return true;
		}
	}
	if (session_event(rx, ret))
		return true;
	rx->events_due = false;
	return false;
}

struct rx_status rx_status(const struct rx *rx)
{
	const struct rx_sender *s = &rx->sender;

	return (struct rx_status){
		.received = rx->bytes_done,
		.total = rx->bytes_total,
		.objects = s->end_known ? s->end - s->first : 0,
		.complete = rx->n_complete,
		.end_known = s->end_known,
		.announced = rx->announced,
		.joined = rx->joined,
		.sow = s->sow,
		.census = s->census,
		.lost = s->lost,
		.grtt = s->grtt,
	};
}

const struct rx_counters *rx_counters(const struct rx *rx)
{
	return &rx->counters;
}
