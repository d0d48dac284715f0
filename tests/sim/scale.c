/* scale.c - one sender and very many receivers, in steps of the network's round trip. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/scale.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/msg.h"
#include "proto/quant.h"
#include "proto/request.h"
#include "proto/tx.h"
#include "tests/sim/bound.h"
#include "tests/sim/crowd.h"
#include "tests/sim/packet.h"
#include "tests/sim/trace.h"

#define NODE_ID     0x51000001
#define INSTANCE_ID 0x1d00
#define LIMIT       (600 * NSEC_PER_SEC)
#define START_BY    (20 * NSEC_PER_SEC)

/* What became of one block. */
struct block {
	nsec_t end_at;    /* its last source symbol left for the first time */
	nsec_t parity_at; /* its first parity left; 0: none */
	nsec_t grtt;      /* then */
	uint32_t n_source, n_parity, nacks;
};

struct scale {
	const struct scale_conf *conf;
	struct layout layout;
	struct tx *tx;
	struct air air;
	struct fade fade;
	struct crowd crowd;
	struct heap up;
	struct block *blocks;
	nsec_t start, now, deadline;
	unsigned n_announced;
	bool started, finished;

	struct work work; /* the request that takes time, done at work_at; op 0: none */
	nsec_t work_at;
	uint64_t nacks;
	nsec_t ms_at; /* the millisecond in which n_ms NACKs came */
	unsigned n_ms, peak;
};

/* --- what is seen of packets --- */

static void trace(const struct scale *s, const char *who, uint32_t id, const uint8_t *bytes,
		  size_t len)
{
	struct packet *p = packet_new(id, bytes, len, NULL, 0);

	trace_packet(s->now - s->start, who, id, p);
	packet_unref(p);
}

/* Whether everybody loses this packet. */
static bool is_lost(const struct scale *s, const struct msg *m)
{
	uint32_t first, end;

	if (m->type != NORM_DATA || (m->flags & NORM_FLAG_REPAIR) || s->fade.conf.common <= 0)
		return false;
	fade_slice(&s->fade, m->fpi.sbn, layout_k(&s->layout, m->fpi.sbn), &first, &end);
	return m->fpi.esi >= first && m->fpi.esi < end;
}

static void note_sent(struct scale *s, const struct msg *m)
{
	struct block *b = &s->blocks[m->fpi.sbn];
	uint32_t k = layout_k(&s->layout, m->fpi.sbn);

	if (m->fpi.esi < k) {
		if (!(m->flags & NORM_FLAG_REPAIR) && ++b->n_source == k) {
			b->end_at = s->now;
			b->grtt = quant_rtt_decode(m->grtt);
		}
		return;
	}
	if (!b->n_parity++)
		b->parity_at = s->now;
}

/* A NACK counts for the first block that it names. */
static void note_nack(struct scale *s, const struct msg *m)
{
	nsec_t ms = (s->now - s->start) / NSEC_PER_MSEC;
	uint32_t sbn = UINT32_MAX;
	struct request_reader rd;
	struct request q;

	s->nacks++;
	s->n_ms = ms == s->ms_at ? s->n_ms + 1 : 1;
	s->ms_at = ms;
	s->peak = MAX(s->peak, s->n_ms);
	request_reader_init(&rd, m->payload, m->payload_len);
	while (request_next(&rd, &q) > 0)
		if (q.flags & (NACK_SEGMENT | NACK_BLOCK))
			sbn = MIN(sbn, q.first.sbn);
	if (sbn < s->layout.n_blocks)
		s->blocks[sbn].nacks++;
}

/* --- the sending program --- */

static void put_on_air(struct scale *s, const struct tx_packet *out)
{
	struct air_packet *p = &s->air.p[s->air.n % FADE_RING];
	struct msg m;

	p->at = s->now + s->conf->rtt / 2;
	p->len = out->hdr_len + out->payload_len;
	memcpy(p->bytes, out->hdr, out->hdr_len);
	/* DATA of large blocks is there in number only, and nobody looks at that of others */
	if (out->hdr[0] % 16 != NORM_DATA && out->payload_len)
		memcpy(p->bytes + out->hdr_len, out->payload, out->payload_len);
	if (msg_decode(&m, p->bytes, p->len) < 0)
		abort();
	fade_send(&s->fade, s->air.n++, is_lost(s, &m));
	if (m.type == NORM_DATA)
		note_sent(s, &m);
	if (s->conf->trace && (m.type != NORM_DATA || (m.flags & NORM_FLAG_REPAIR)))
		trace(s, "sender", 0, p->bytes, p->len);
}

static bool serve_all(struct scale *s)
{
	bool any = false;
	struct work w;

	while (!s->work.op && tx_work(s->tx, &w)) {
		any = true;
		if (w.op == WORK_ADD && s->conf->encode_rate) {
			uint64_t bytes = (uint64_t)w.block.k * w.block.len;

			s->work = w;
			s->work_at = s->now + (nsec_t)(bytes * (uint64_t)NSEC_PER_SEC /
						       s->conf->encode_rate);
		} else {
			tx_work_done(s->tx, s->now, &w, 0);
		}
	}
	return any;
}

static void pump(struct scale *s)
{
	struct tx_packet out;
	bool busy;

	do {
		busy = serve_all(s);
		if (!s->started &&
		    (s->n_announced >= s->conf->n_receivers || s->now - s->start > START_BY)) {
			s->started = busy = true;
			tx_start(s->tx, s->now);
			tx_finish(s->tx, s->now);
		}
		while (tx_output(s->tx, s->now, &out)) {
			busy = true;
			put_on_air(s, &out);
		}
	} while (busy);
	s->deadline = tx_deadline(s->tx, s->now);
	s->finished = tx_done(s->tx);
}

static void hear(struct scale *s, struct packet *p)
{
	struct tx_event ev;
	struct msg m;

	if (s->conf->trace)
		trace(s, "host", p->from, p->data, p->len);
	if (msg_decode(&m, p->data, p->len) == 0 && m.type == NORM_NACK)
		note_nack(s, &m);
	if (tx_input(s->tx, s->now, p->data, p->len, &ev) == 0 && ev.kind == TX_EV_ANNOUNCE &&
	    ev.fresh)
		s->n_announced++;
	packet_unref(p);
}

static nsec_t sender_next(const struct scale *s)
{
	nsec_t at = s->deadline;

	if (s->work.op)
		at = MIN(at, s->work_at);
	return s->up.n ? MIN(at, s->up.v[0].at) : at;
}

/* Everything that the sender does before `end`. */
static void sender_run(struct scale *s, nsec_t end)
{
	struct event ev;
	nsec_t at;

	while (!s->finished && (at = sender_next(s)) < end) {
		s->now = MAX(at, s->now);
		if (s->work.op && s->work_at <= s->now) {
			struct work w = s->work;

			s->work.op = 0;
			tx_work_done(s->tx, s->now, &w, 0);
		}
		while (s->up.n && s->up.v[0].at <= s->now && heap_pop(&s->up, &ev))
			hear(s, ev.data);
		pump(s);
	}
}

/*
 * Nothing that a receiver does at a packet reaches the sender within a round trip of its
 * sending. So the sender runs for that long, then every receiver for as long, half of it later.
 */
static void run(struct scale *s)
{
	nsec_t t = s->start, way = s->conf->rtt / 2;

	pump(s);
	while (s->crowd.n_over < s->conf->n_receivers && t - s->start < LIMIT) {
		nsec_t end = t + 2 * way, next;

		sender_run(s, end);
		crowd_run(&s->crowd, end + way);
		next = s->finished ? NSEC_NEVER : sender_next(s);
		t = MAX(end, MIN(next, s->crowd.next_at - way));
	}
}

/* --- beginning and end --- */

static int make_sender(struct scale *s)
{
	const struct scale_conf *c = s->conf;
	struct tx_conf conf = {
		.profile = TX_SOW,
		.node_id = NODE_ID,
		.instance_id = INSTANCE_ID,
		.segment_size = c->segment_size,
		.fec_id = FEC_SB_SYST,
		.block_len = c->large ? 64 : c->block_len,
		.n_parity = c->large ? 16 : c->n_parity,
		.code = c->large ? TX_CODE_LARGE : TX_CODE_SMALL,
		.large_len = c->block_len,
		.interleave = (uint16_t)c->interleave,
		.near = true,
		.counting = true,
		.memory = c->tx_memory,
		.rate = (uint64_t)(c->rate / 8),
		.backoff = 4,
		.max_receivers = c->n_receivers + 16,
		.expected = c->n_receivers,
		.seed = c->seed,
	};
	const uint8_t info[] = "info";
	uint64_t object;
	int r = tx_new(&s->tx, &conf, s->now);

	if (r == 0)
		r = tx_add(s->tx, s->now, s->layout.size, info, sizeof(info), &object);
	return r;
}

static int make_crowd(struct scale *s)
{
	const struct scale_conf *c = s->conf;
	struct crowd_conf conf = {
		.n = c->n_receivers,
		.sender_id = NODE_ID,
		.instance_id = INSTANCE_ID,
		.delay = c->rtt - c->rtt / 2,
		.nap = c->nap,
		.memory = c->rx_memory,
		.decode_rate = c->decode_rate,
		.feedback_loss = c->feedback_loss,
		.seed = c->seed,
	};

	s->crowd = (struct crowd){
		.air = &s->air, .layout = &s->layout, .fade = &s->fade, .up = &s->up
	};
	return crowd_init(&s->crowd, &conf, s->now);
}

static int begin(struct scale *s, const struct scale_conf *c)
{
	int r = layout_init(&s->layout, c->n_packets * c->segment_size, c->segment_size,
			    c->block_len);

	s->conf = c;
	s->start = s->now = NSEC_PER_SEC;
	if (r == 0)
		r = air_init(&s->air, TX_HDR_MAX + (size_t)c->segment_size);
	if (r == 0)
		r = fade_init(&s->fade, &c->fade, c->n_receivers, c->seed);
	if (r == 0)
		r = make_sender(s);
	if (r == 0)
		r = make_crowd(s);
	if (r < 0)
		return r;
	s->blocks = calloc(s->layout.n_blocks, sizeof(*s->blocks));
	return s->blocks ? 0 : -ENOMEM;
}

static void finish(struct scale *s)
{
	struct event ev;

	while (heap_pop(&s->up, &ev))
		packet_unref(ev.data);
	heap_fini(&s->up);
	crowd_fini(&s->crowd);
	fade_fini(&s->fade);
	air_fini(&s->air);
	tx_free(s->tx);
	free(s->blocks);
}

/* The blocks of the first group, which nothing is known about. */
static uint64_t first_group(const struct scale *s)
{
	nsec_t end = s->blocks[0].end_at + 4 * NSEC_PER_MSEC;
	uint64_t n = 0;

	while (n < s->layout.n_blocks && s->blocks[n].end_at <= end)
		n++;
	return n;
}

static void latencies(const struct scale *s, struct scale_result *ret)
{
	uint64_t first = first_group(s), n = 0;
	nsec_t parity = 0, delivered = 0;

	for (uint64_t i = 0; i < s->layout.n_blocks; i++) {
		const struct block *b = &s->blocks[i];
		nsec_t *worst = i < first ? &ret->parity_first : &ret->parity_later;
		nsec_t after = MAX(0, b->parity_at - b->end_at);

		if (b->parity_at) {
			parity += after;
			*worst = MAX(*worst, after);
			n++;
		}
		worst = i < first ? &ret->delivered_first : &ret->delivered_later;
		after = s->crowd.delivered_at[i] - b->end_at;
		delivered += after;
		*worst = MAX(*worst, after);
	}
	ret->parity_mean = n ? parity / (nsec_t)n : 0;
	ret->delivered_mean = delivered / (nsec_t)s->layout.n_blocks;
}

static void counts(const struct scale *s, struct scale_result *ret)
{
	const struct tx_counters *c = tx_counters(s->tx);
	double source = (double)s->layout.n_segments;
	uint64_t first = first_group(s), later = 0;

	ret->n_blocks = s->layout.n_blocks;
	ret->packets = c->packets;
	ret->source = c->source;
	ret->parity = c->parity;
	ret->again = c->again;
	ret->info = c->info;
	ret->cmds = c->cmds;
	ret->ratio = (double)c->packets / source;
	ret->data_ratio = (double)(c->source + c->parity + c->again) / source;
	ret->nacks = s->crowd.sums.nacks;
	ret->suppressed = s->crowd.sums.suppressed;
	ret->nacks_heard = s->nacks;
	ret->nacks_a_block = (double)s->crowd.sums.nacks / (double)s->layout.n_blocks;
	for (uint64_t i = first; i < s->layout.n_blocks; i++)
		later += s->blocks[i].nacks;
	if (s->layout.n_blocks > first)
		ret->later_nacks = (double)later / (double)(s->layout.n_blocks - first);
	ret->peak = s->peak;
	ret->virtual_s = (double)(s->now - s->start) / NSEC_PER_SEC;
	ret->heard = s->crowd.sums.packets;
}

static bool all_told(const struct scale *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tx_n_receivers(s->tx); i++) {
		struct tx_receiver r = tx_receiver(s->tx, i);

		n += r.state == TX_RX_FINISHED && r.receipt_status == RECEIPT_COMPLETE;
	}
	return n == s->conf->n_receivers;
}

static void judge(const struct scale *s, struct scale_result *ret)
{
	unsigned n = s->conf->n_receivers;

	ret->ok = s->crowd.n_complete == n && all_told(s);
	if (!ret->ok)
		snprintf(ret->failure, sizeof(ret->failure),
			 "%u of %u came to an end, %u complete, the sender knows %s",
			 s->crowd.n_over, n, s->crowd.n_complete, all_told(s) ? "all" : "less");
}

static void bounds(const struct scale *s, struct scale_result *ret)
{
	const struct scale_conf *c = s->conf;
	bool independent = c->fade.burst <= 1 && !c->fade.fanout && c->fade.common <= 0;

	ret->bound =
		bound_simulated(&c->fade, c->n_receivers, &s->layout, c->interleave, c->seed);
	ret->bound_exact = independent ? bound_exact(&c->fade, c->n_receivers, &s->layout) : -1;
	ret->capacity = bound_capacity(&c->fade);
}

static void print_blocks(const struct scale *s)
{
	FILE *f = fopen(s->conf->blocks, "w");

	if (!f)
		return;
	fprintf(f, "block k end_ms parity_ms delivered_ms parity nacks grtt_ms\n");
	for (uint64_t i = 0; i < s->layout.n_blocks; i++) {
		const struct block *b = &s->blocks[i];

		fprintf(f, "%u %u %.3f %.3f %.3f %u %u %.1f\n", (unsigned)i,
			layout_k(&s->layout, i), (double)(b->end_at - s->start) / 1e6,
			b->parity_at ? (double)(b->parity_at - b->end_at) / 1e6 : 0,
			(double)(s->crowd.delivered_at[i] - b->end_at) / 1e6, b->n_parity,
			b->nacks, (double)b->grtt / 1e6);
	}
	fclose(f);
}

int scale_run(const struct scale_conf *conf, struct scale_result *ret)
{
	struct scale s = { .conf = conf };
	clock_t before = clock();
	int r = begin(&s, conf);

	*ret = (struct scale_result){ 0 };
	if (r == 0) {
		run(&s);
		counts(&s, ret);
		latencies(&s, ret);
		judge(&s, ret);
		ret->cpu_s = (double)(clock() - before) / CLOCKS_PER_SEC;
		bounds(&s, ret);
		if (conf->blocks)
			print_blocks(&s);
	}
	finish(&s);
	return r;
}
