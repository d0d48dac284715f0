/* tx.c - a NORM sender session: life, objects, and who goes first. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/tx_internal.h"

#include "proto/key.h"
#include "proto/quant.h"
#include "proto/rs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROBUST    20
#define DEFAULT_MEMORY    ((size_t)24 << 20)
#define DEFAULT_OBJECTS   4096
#define DEFAULT_RECEIVERS 4096
#define WHOLE_RANGES      4096
#define BURST_MIN         65536
#define BURST_PER_SEC     250 /* a burst is at most 4 ms of the rate */

static void set_defaults(struct tx_conf *c)
{
	if (!c->robust)
		c->robust = DEFAULT_ROBUST;
	if (!c->grtt_initial)
		c->grtt_initial = 10 * NSEC_PER_MSEC;
	if (!c->grtt_min)
		c->grtt_min = NSEC_PER_MSEC;
	if (!c->grtt_max)
		c->grtt_max = 10 * NSEC_PER_SEC;
	if (!c->drop_after)
		c->drop_after = 10 * NSEC_PER_SEC;
	if (!c->memory)
		c->memory = DEFAULT_MEMORY;
	if (!c->max_objects)
		c->max_objects = DEFAULT_OBJECTS;
	if (!c->max_receivers)
		c->max_receivers = DEFAULT_RECEIVERS;
	if (!c->large_len)
		c->large_len = FEC_LARGE_LEN;
}

static bool rate_valid(const struct tx_conf *c)
{
	if (!c->rate_auto && !c->rate_cc)
		return true;
	return !(c->rate_auto && (c->rate_cc || c->profile == TX_NORM)) && c->rate_min > 0 &&
	       c->rate_min <= c->rate_start && c->rate_start <= c->rate_max;
}

static bool conf_valid(const struct tx_conf *c)
{
	return c->node_id != NORM_NODE_NONE && c->node_id != NORM_NODE_ANY &&
	       c->segment_size >= 64 && c->segment_size <= SEGMENT_SIZE_MAX &&
	       (c->fec_id == FEC_RS8 || c->fec_id == FEC_SB_SYST) && c->block_len > 0 &&
	       c->block_len + c->n_parity <= RS8_MAX && c->backoff <= 15 &&
	       c->max_objects < 32768 && c->grtt_min <= c->grtt_max && rate_valid(c) &&
	       (c->code == TX_CODE_SMALL ||
		(c->profile == TX_SOW && c->segment_size % 2 == 0 &&
		 c->large_len >= c->block_len && c->large_len <= BLOCK_LEN_MAX &&
		 c->interleave <= TX_GROUP_MAX));
}

static uint64_t burst_of(uint64_t rate)
{
	return MAX(BURST_MIN, rate / BURST_PER_SEC);
}

static int alloc_all(struct tx *tx)
{
	const struct tx_conf *c = &tx->conf;
	int r;

	tx->objects = calloc(c->max_objects, sizeof(*tx->objects));
	tx->infos = calloc(c->max_objects, c->segment_size);
	tx->scratch = calloc(TX_SCRATCH, c->segment_size);
	if (!tx->objects || !tx->infos || !tx->scratch)
		return -ENOMEM;
	r = rs_new(&tx->rs, c->block_len, c->n_parity);
	if (r == 0)
		r = roster_init(&tx->roster, c->max_receivers);
	if (r == 0)
		r = ranges_init(&tx->whole, WHOLE_RANGES);
	if (r == 0)
		r = txblocks_init(&tx->blocks, c->memory, c->block_len,
				  c->block_len + c->n_parity, c->segment_size);
	if (r == 0 && c->code != TX_CODE_SMALL) {
		struct fec fec = fec_large(c->large_len);

		r = txlarges_init(&tx->large, &(struct txlarges_conf){
						      .memory = c->memory,
						      .max_k = fec.block_len,
						      .max_parity = fec.n_parity,
						      .symbol_len = c->segment_size,
						      .counting = c->counting,
					      });
	}
	return r;
}

size_t tx_memory_least(const struct tx_conf *conf)
{
	struct tx_conf c = *conf;

	set_defaults(&c);
	if (c.code == TX_CODE_SMALL)
		return txblocks_memory_least(c.block_len, c.block_len + c.n_parity,
					     c.segment_size);
	return txlarges_memory_least(fec_large(c.large_len).n_parity, c.segment_size);
}

int tx_new(struct tx **ret, const struct tx_conf *conf, nsec_t now)
{
	struct rng rng = rng_init(conf->seed);
	struct tx *tx;
	int r;

	tx = calloc(1, sizeof(*tx));
	if (!tx)
		return -ENOMEM;
	tx->conf = *conf;
	set_defaults(&tx->conf);
	r = conf_valid(&tx->conf) ? alloc_all(tx) : -EINVAL;
	if (r < 0) {
		tx_free(tx);
		return r;
	}
	/* The clock that receivers see starts at a random second, never at 0 (norm-time 0:
	 * none). */
	tx->epoch = now - (nsec_t)(1 + rng_below(&rng, 1 << 20)) * NSEC_PER_SEC;
	tx_rate_init(tx, now);
	pacer_init(&tx->pacer, tx->conf.rate, burst_of(tx->conf.rate), now);
	grtt_init(&tx->grtt, tx->conf.grtt_initial, tx->conf.grtt_min, tx->conf.grtt_max);
	tx->grtt.near = tx->conf.near;
	spread_init(&tx->spread, now, tx->conf.expected);
	tx_cmd_start(tx, now);
	*ret = tx;
	return 0;
}

void tx_free(struct tx *tx)
{
	if (!tx)
		return;
	txlarges_fini(&tx->large);
	txblocks_fini(&tx->blocks);
	ranges_fini(&tx->whole);
	roster_fini(&tx->roster);
	rs_free(tx->rs);
	free(tx->scratch);
	free(tx->infos);
	free(tx->objects);
	free(tx);
}

struct tx_object *tx_object_find(const struct tx *tx, uint64_t number)
{
	struct tx_object *o = &tx->objects[number % tx->conf.max_objects];

	return o->in_use && o->number == number ? o : NULL;
}

uint8_t *tx_object_info(const struct tx *tx, const struct tx_object *o)
{
	return tx->infos + (size_t)(o->number % tx->conf.max_objects) * tx->conf.segment_size;
}

uint8_t *tx_scratch(struct tx *tx)
{
	if (tx->scratch_used == TX_SCRATCH)
		return NULL;
	return tx->scratch + (size_t)tx->scratch_used++ * tx->conf.segment_size;
}

nsec_t tx_grtt(const struct tx *tx)
{
	return quant_rtt_decode(
		grtt_advertise(&tx->grtt, tx->conf.rate, tx->conf.segment_size));
}

/*
 * The back-off factor K spreads feedback over time so that few receivers speak for many. A
 * handful of receivers need no such patience.
 */
uint8_t tx_backoff(const struct tx *tx)
{
	uint32_t n = MAX(tx->roster.n, tx->conf.expected);
	uint8_t k = tx->conf.backoff;

	if (tx->conf.profile == TX_NORM || (tx->stage == TX_WAITING && !tx->conf.expected))
		return k;
	if (n <= 1)
		return 0;
	if (n <= 8)
		return MIN(k, 1);
	return n <= 64 ? MIN(k, 2) : k;
}

static double group_size(const struct tx *tx)
{
	if (tx->conf.profile == TX_NORM)
		return 1000;
	return tx->stage == TX_WAITING ? 100 : MAX(10, tx->roster.n);
}

/*
 * The oldest object leaves the window when everybody has it. Where nobody acknowledges (plain
 * NORM) it leaves when nobody asked for two NACK cycles (RFC 5740 §5.4.3 leaves the policy to
 * us).
 */
static bool purgeable(const struct tx *tx, nsec_t now)
{
	const struct tx_object *o = tx_object_find(tx, tx->object_base);
	nsec_t quiet = 4 * (tx->conf.backoff + 2) * tx_grtt(tx);

	if (tx->object_base >= tx->object)
		return false;
	if (o->withdrawn)
		return true;
	if (tx->roster.n > tx->roster.count[RECEIVER_DROPPED])
		return roster_acked_through(&tx->roster) > tx->object_base;
	return now - o->active_at > MAX(quiet, 20 * NSEC_PER_MSEC);
}

static void purge(struct tx *tx)
{
	struct tx_object *o = tx_object_find(tx, tx->object_base);

	tx_forget_blocks(tx, o->number);
	tx_info_due(tx, o, 0);
	o->in_use = false;
	tx->object_base++;
}

/* There is INFO for each object: it carries the FTI. */
static bool info_fits(const struct tx *tx, size_t len)
{
	return len > 0 && len <= tx->conf.segment_size;
}

static struct fec small_fec(const struct tx *tx)
{
	return (struct fec){
		.fec_id = tx->conf.fec_id,
		.block_len = tx->conf.block_len,
		.n_parity = tx->conf.n_parity,
	};
}

static bool wants_large(const struct tx *tx, uint64_t n_segments)
{
	uint32_t n = tx->roster.n - tx->roster.count[RECEIVER_DROPPED];

	if (tx->conf.code == TX_CODE_AUTO)
		return fec_prefers_large(n_segments, MAX(n, tx->conf.expected));
	return tx->conf.code == TX_CODE_LARGE && n_segments > tx->conf.block_len;
}

bool tx_object_open(struct tx *tx, struct tx_object *o)
{
	bool early = tx->stage == TX_WAITING && !tx->conf.expected;

	if (o->opened)
		return true;
	if (tx->conf.code == TX_CODE_AUTO && early)
		return false; /* not before it is known how many receivers there are */
	o->opened = true;
	if (wants_large(tx, o->layout.n_segments)) {
		o->fec = fec_large(tx->conf.large_len);
		layout_init(&o->layout, o->layout.size, tx->conf.segment_size,
			    o->fec.block_len);
	}
	return true;
}

static bool layout_fits(const struct tx *tx, const struct layout *l)
{
	return tx->conf.fec_id == FEC_SB_SYST || l->n_blocks <= (uint64_t)1 << 24;
}

static void new_object(struct tx *tx, nsec_t now, struct tx_object *o)
{
	tx->idle = false;
	tx->settling = false;
	tx->flushes = 0;
	tx->at.flush_at = now;
	roster_reopen(&tx->roster);
	if (tx->object != o->number)
		return;
	tx_info_due(tx, o, 2);
	if (tx->conf.profile == TX_SOW && tx->stage == TX_RUNNING)
		tx->at.probe_at = MIN(tx->at.probe_at, now); /* the phase changed */
}

int tx_add(struct tx *tx, nsec_t now, uint64_t size, const uint8_t *info, size_t info_len,
	   uint64_t *ret_object)
{
	struct tx_object *o = &tx->objects[tx->object_end % tx->conf.max_objects];
	struct layout l;

	if (!info_fits(tx, info_len) || tx->finishing ||
	    layout_init(&l, size, tx->conf.segment_size, tx->conf.block_len) < 0 ||
	    !layout_fits(tx, &l))
		return -EINVAL;
	if (tx->object_end - tx->object_base == tx->conf.max_objects) {
		if (!purgeable(tx, now))
			return -EAGAIN;
		purge(tx);
	}
	*o = (struct tx_object){
		.number = tx->object_end,
		.fec = small_fec(tx),
		.layout = l,
		.info_len = (uint16_t)info_len,
		.in_use = true,
		.active_at = now,
		.info_at = now - NSEC_PER_SEC, /* long ago */
	};
	memcpy(tx_object_info(tx, o), info, info_len);
	*ret_object = tx->object_end++;
	tx->total_bytes += size;
	new_object(tx, now, o);
	return 0;
}

int tx_add_asked(struct tx *tx, nsec_t now, uint64_t size, const uint8_t *info, size_t info_len,
		 uint64_t *ret_object)
{
	int r = tx_add(tx, now, size, info, info_len, ret_object);

	if (r == 0) {
		tx_object_find(tx, *ret_object)->asked = true;
		tx->total_bytes -= size;
	}
	return r;
}

int tx_set_info(struct tx *tx, nsec_t now, uint64_t object, const uint8_t *info,
		size_t info_len)
{
	struct tx_object *o = tx_object_find(tx, object);

	if (!o || o->withdrawn)
		return -ENOENT;
	if (!info_fits(tx, info_len))
		return -EINVAL;
	memcpy(tx_object_info(tx, o), info, info_len);
	o->info_len = (uint16_t)info_len;
	if (object <= tx->object)
		tx_info_due(tx, o, 2);
	return 0;
}

void tx_squelch(struct tx *tx, nsec_t now)
{
	if (!tx->squelch_due && tx->at.squelch_at == NSEC_NEVER)
		tx->at.squelch_at = now;
	tx->squelch_due = true;
	tx->idle = false;
}

void tx_withdraw(struct tx *tx, nsec_t now, uint64_t object)
{
	struct tx_object *o = tx_object_find(tx, object);

	if (!o || o->withdrawn)
		return;
	o->withdrawn = true;
	tx_info_due(tx, o, 0);
	tx_forget_blocks(tx, object);
	tx_squelch(tx, now);
}

void tx_start(struct tx *tx, nsec_t now)
{
	struct tx_object *first = tx_object_find(tx, tx->object);

	if (tx->stage != TX_WAITING)
		return;
	tx->stage = TX_RUNNING;
	tx->at.probe_at = MIN(tx->at.probe_at, now);
	if (tx->conf.rate_cc)
		tx->at.cc_at = now;
	tx->idle = false;
	if (first)
		tx_info_due(tx, first,
			    MAX(first->info_due, 2)); /* who lacks it can keep nothing */
}

void tx_settle(struct tx *tx, nsec_t now)
{
	tx->settling = true;
	tx->early_end = key_of(tx->object_end, 0);
	tx->idle = false;
}

/* Receivers that nobody heard get all R repetitions of FLUSH, as at the end (tx_cmd.c). */
bool tx_settled(const struct tx *tx)
{
	const uint32_t *n = tx->roster.count;

	if (!tx->settling || tx->stage != TX_RUNNING || tx_new_left(tx) || n[RECEIVER_ACTIVE])
		return false;
	return tx->roster.n > n[RECEIVER_DROPPED] || tx->flushes >= tx->conf.robust ||
	       !tx->object_end;
}

void tx_finish(struct tx *tx, nsec_t now)
{
	tx->finishing = true;
	tx->at.probe_at = MIN(tx->at.probe_at, now);
	tx->idle = false;
	if (tx->roster.count[RECEIVER_FINISHED] && tx_all_told(tx))
		tx_close(tx, now);
}

void tx_abort(struct tx *tx, nsec_t now)
{
	if (tx->stage == TX_CLOSED)
		return;
	tx->stage = TX_CLOSING;
	tx->at.probe_at = now;
	tx->at.eot_at = now;
	tx->idle = false;
}

void tx_pause(struct tx *tx, nsec_t now, bool pause)
{
	if (tx->paused && !pause)
		roster_forgive(&tx->roster);
	tx->paused = pause;
	tx->at.probe_at = MIN(tx->at.probe_at, now);
	tx->idle = false;
}

void tx_set_rate(struct tx *tx, nsec_t now, uint64_t rate)
{
	tx->conf.rate = rate;
	pacer_set_rate(&tx->pacer, rate, burst_of(rate), now);
}

int tx_emit(struct tx *tx, nsec_t now, struct msg *m, struct tx_packet *ret)
{
	int len;

	m->source_id = tx->conf.node_id;
	m->instance_id = tx->conf.instance_id;
	m->sequence = tx->sequence++;
	m->grtt = grtt_advertise(&tx->grtt, tx->conf.rate, tx->conf.segment_size);
	m->backoff = tx_backoff(tx);
	m->gsize = quant_gsize_encode(group_size(tx));
	len = msg_encode_header(m, ret->hdr, sizeof(ret->hdr));
	if (len < 0)
		return 0;
	ret->hdr_len = (size_t)len;
	ret->payload = m->payload;
	ret->payload_len = m->payload_len;
	pacer_sent(&tx->pacer, now, ret->hdr_len + ret->payload_len);
	tx->counters.packets++;
	tx->counters.bytes += ret->hdr_len + ret->payload_len;
	if (m->type == NORM_CMD)
		tx->counters.cmds++;
	return 1;
}

/*
 * Whose turn it is (doc/ARCHITECTURE.md, "Order at the sender"): commands, INFO, repair of what
 * is still in memory, new data, then older repair. The RFC wants all repair before new data;
 * with TX_NORM older repair is loaded at once (tx_work) and so goes first here, too.
 */
int tx_output(struct tx *tx, nsec_t now, struct tx_packet *ret)
{
	if (tx->stage == TX_CLOSED)
		return 0;
	if (pacer_ready_at(&tx->pacer, now) > now)
		return 0;
	if (tx_cmd_output(tx, now, ret) || tx_info_output(tx, now, ret) ||
	    (tx->stage == TX_RUNNING && !tx->paused &&
	     (tx_repair_output(tx, now, ret) || tx_new_output(tx, now, ret) ||
	      tx_flush_output(tx, now, ret))))
		return 1;
	tx->idle = true;
	if (tx->conf.rate_auto && (tx->paused || (!tx_new_left(tx) && !tx_repair_pending(tx))))
		rate_on_idle(&tx->rate);
	return 0;
}

nsec_t tx_deadline(const struct tx *tx, nsec_t now)
{
	nsec_t ready = pacer_ready_at(&tx->pacer, now);
	nsec_t at;

	if (tx->stage == TX_CLOSED)
		return NSEC_NEVER;
	at = tx->idle ? tx_cmd_deadline(tx, now) : now;
	return MAX(at, ready);
}

bool tx_done(const struct tx *tx)
{
	return tx->stage == TX_CLOSED;
}

unsigned tx_n_receivers(const struct tx *tx)
{
	return tx->roster.n;
}

struct tx_receiver tx_receiver(const struct tx *tx, unsigned i)
{
	static const enum tx_rx_state states[] = {
		[RECEIVER_ACTIVE] = TX_RX_ACTIVE,     [RECEIVER_ACKED] = TX_RX_ACKED,
		[RECEIVER_FINISHED] = TX_RX_FINISHED, [RECEIVER_BEHIND] = TX_RX_BEHIND,
		[RECEIVER_DROPPED] = TX_RX_DROPPED,
	};
	const struct receiver *rc = &tx->roster.r[i];

	return (struct tx_receiver){
		.node_id = rc->node_id,
		.state = states[rc->state],
		.receipt_status = rc->receipt_status,
		.barred = rc->barred,
		.straggled = rc->straggled,
		.heard_at = rc->heard_at,
		.holds = rc->holds,
		.busy = rc->busy,
		.lacks = rc->lacks,
	};
}

struct tx_status tx_status(const struct tx *tx)
{
	enum probe_phase phase = tx->stage == TX_WAITING   ? PHASE_WAIT
				 : tx->stage != TX_RUNNING ? PHASE_END
				 : tx_new_left(tx)         ? PHASE_RUN
							   : PHASE_CATCHUP;

	return (struct tx_status){
		.sent = tx->sent_bytes,
		.total = tx->total_bytes,
		.rate = tx->conf.rate,
		.rate_reason = tx_rate_reason(tx),
		.grtt = tx->grtt.value,
		.phase = phase,
	};
}

const struct tx_counters *tx_counters(const struct tx *tx)
{
	return &tx->counters;
}
