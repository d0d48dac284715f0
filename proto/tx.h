/* tx.h - a NORM sender session: feedback in, packets and a deadline out (RFC 5740 §5.4). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_TX_H
#define PROTO_TX_H

#include "proto/census.h"
#include "proto/counters.h"
#include "proto/rate.h"
#include "proto/types.h"
#include "proto/work.h"

enum tx_profile {
	TX_SOW,  /* doc/PROTOCOL.md: census, receipts, parity targets, live repair first */
	TX_NORM, /* plain RFC 5740 order and timers, nothing that is news to NRL's receivers */
};

/* Which code an object gets. */
enum tx_code {
	TX_CODE_SMALL, /* blocks of block_len symbols, Reed-Solomon over GF(2^8) */
	TX_CODE_LARGE, /* large blocks, over GF(2^16), for objects of several small blocks */
	TX_CODE_AUTO,  /* by the object's size and the number of receivers (fec.h) */
};

struct tx_conf {
	enum tx_profile profile;
	uint32_t node_id;             /* not NONE, not ANY */
	uint16_t instance_id;         /* random for each run */
	uint16_t segment_size;        /* E, bytes */
	uint8_t fec_id;               /* FEC_RS8 or FEC_SB_SYST (instance 0) */
	uint16_t block_len, n_parity; /* B, parity a block; B + parity <= 255 */
	enum tx_code code;            /* TX_SOW; needs an even segment_size if not SMALL */
	uint16_t large_len;           /* B of large blocks, <= 32768; 0: 8000 */
	uint16_t interleave; /* large blocks that are sent in turns, 64 at most; 0: 1, or 8
			      where losses come in bursts, less if they would last over half a
			      second */
	bool counting; /* large blocks keep no symbols: payloads and the data of their requests
			  are there in number only (simulations) */
	/* Bytes of NORM messages a second; 0: unlimited. In any interval d at most
	 * rate * d + max(64 KiB, 4 ms of the rate) + one message leave (pacer.h). */
	uint64_t rate;
	/* The rate follows what receivers report, min .. max, from start on; `rate` is not
	 * looked at. TX_SOW only. */
	bool rate_auto;
	/* The same by RFC 5740 §5.5.2, with any profile. Not both. */
	bool rate_cc;
	uint64_t rate_min, rate_start, rate_max;
	unsigned robust; /* R: how often a command is repeated; 0: 20 */
	uint8_t backoff; /* K for the group; TX_SOW lowers it for few receivers */
	bool repair_adv; /* TX_NORM: feedback comes by unicast, so advertise it */
	nsec_t grtt_initial, grtt_min, grtt_max; /* 0: 10 ms, 1 ms, 10 s */
	bool near;         /* all receivers are on this LAN: GRTT may fall fast */
	nsec_t drop_after; /* a receiver that was asked and stays silent this long is dropped;
			      0: 10 s */
	size_t memory; /* bytes for block buffers, tx_memory_least() at least, and as much for
			  large blocks; 0: 24 MiB */
	unsigned max_objects;   /* objects kept for repair, < 2^15; 0: 4096 */
	unsigned max_receivers; /* 0: 4096 */
	uint32_t job;           /* TX_SOW: what PROBEs say of its name; 0: nothing */
	bool census;            /* TX_SOW: nothing will be sent, it only asks who is there */
	unsigned expected; /* TX_SOW: receivers that will announce themselves; 0: unknown */
	uint64_t seed;
};

/* What blocks of the code, which is not AUTO, take at least: less memory would be exceeded. */
size_t tx_memory_least(const struct tx_conf *conf);
/* -EINVAL (names a contradiction in conf), -ENOMEM. */
struct tx;
int tx_new(struct tx **ret, const struct tx_conf *conf, nsec_t now);
void tx_free(struct tx *tx);

/*
 * Queues an object; `info` (at most E bytes, copied) becomes its NORM_INFO. Returns 0 and the
 * number that later calls and requests use; -EAGAIN: max_objects are still needed, try after
 * output; -EINVAL: too large for the code, or info empty or too long.
 */
int tx_add(struct tx *tx, nsec_t now, uint64_t size, const uint8_t *info, size_t info_len,
	   uint64_t *ret_object);
/*
 * The same for an object of which receivers hold parts: nothing but its INFO is sent until they
 * ask, in the catch-up pass, for what they lack. It does not count in struct tx_status.
 */
int tx_add_asked(struct tx *tx, nsec_t now, uint64_t size, const uint8_t *info, size_t info_len,
		 uint64_t *ret_object);
/* Replaces an object's INFO; it is sent again soon. -ENOENT, -EINVAL. */
int tx_set_info(struct tx *tx, nsec_t now, uint64_t object, const uint8_t *info,
		size_t info_len);
/* Gives an object up: not sent any further, receivers are told by SQUELCH. */
void tx_withdraw(struct tx *tx, nsec_t now, uint64_t object);
/* Object data may flow from now on; before, only commands and INFO do. */
void tx_start(struct tx *tx, nsec_t now);
/*
 * No more objects for now: the catch-up pass goes over all that was queued until every receiver
 * has acknowledged it, without saying that it is busy (for 10 min at most), or was dropped.
 * Then tx_settled(), until the next tx_add(). Who comes later gets what was queued at once.
 */
void tx_settle(struct tx *tx, nsec_t now);
bool tx_settled(const struct tx *tx);
/* No more objects will come: flush, catch up, collect receipts, say good-bye. */
void tx_finish(struct tx *tx, nsec_t now);
/* Says good-bye at once (interrupt): no more data, a few EOT, then done. */
void tx_abort(struct tx *tx, nsec_t now);
/* Data and repair wait; commands go on, so that receivers know that we are here. */
void tx_pause(struct tx *tx, nsec_t now, bool pause);
/* Counts no longer, and is served no more. -ENOENT: unknown; -EALREADY: its receipt came. */
int tx_drop(struct tx *tx, nsec_t now, uint32_t node_id);
void tx_set_rate(struct tx *tx, nsec_t now, uint64_t rate);

/* What one packet of feedback meant for the program: nothing (NONE) unless it is of one of
 * tx_n_receivers(), which node_id tells. */
enum tx_event_kind {
	TX_EV_NONE,
	TX_EV_FEEDBACK, /* any other NACK or ACK */
	TX_EV_ANNOUNCE, /* announce; `fresh` when the node was not known */
	TX_EV_RECEIPT,  /* receipt; `fresh` for the first */
	TX_EV_REPORT,   /* report; `straggles`: it falls behind by it */
};

struct tx_event {
	enum tx_event_kind kind;
	uint32_t node_id;
	bool fresh, straggles;
	struct announce announce; /* borrowed from the packet */
	struct receipt receipt;   /* borrowed from the packet */
	struct rx_report report;
};

/*
 * A datagram of feedback. 0 and the event, or -EBADMSG, -EPROTONOSUPPORT, -ENOENT (another
 * session's), -ENOSPC (one receiver too many): counted, and safe to ignore.
 */
int tx_input(struct tx *tx, nsec_t now, const uint8_t *pkt, size_t len, struct tx_event *ret);
/* What tx_output() gave leaves then, or a little later; if it is not said, at once. */
void tx_left(struct tx *tx, nsec_t at);
/* The system took no more packets for now: ENOBUFS, EAGAIN. */
void tx_blocked(struct tx *tx);

/* One packet to send, as a scatter list: header, then payload. */
#define TX_HDR_MAX 96
struct tx_packet {
	uint8_t hdr[TX_HDR_MAX];
	size_t hdr_len;
	const uint8_t *payload; /* borrowed until the next tx_work(), tx_input() or tx_free() */
	size_t payload_len;
};

/*
 * 1 and the next packet, or 0: nothing may be sent before tx_deadline(). Work goes first: drain
 * tx_work() before a batch of tx_output().
 */
int tx_output(struct tx *tx, nsec_t now, struct tx_packet *ret);

/* When to call tx_output() next if nothing comes in: > now after it returned 0. NSEC_NEVER:
 * done. */
nsec_t tx_deadline(const struct tx *tx, nsec_t now);

/* The next request to serve, if any (work.h); results < 0 of a READ withdraw the object. */
bool tx_work(struct tx *tx, struct work *ret);
void tx_work_done(struct tx *tx, nsec_t now, const struct work *w, int result);

/* Everything sent, every receiver finished or dropped, good-bye said. */
bool tx_done(const struct tx *tx);

enum tx_rx_state {
	TX_RX_ACTIVE,   /* announced, or heard from (TX_NORM) */
	TX_RX_ACKED,    /* acknowledged the last flush: has all data; TX_NORM: finished */
	TX_RX_FINISHED, /* sent its receipt */
	TX_RX_BEHIND,   /* a straggler that is left alone until the others are done */
	TX_RX_DROPPED,  /* silent too long, or barred */
};

/* A receiver as the session knows it, in order of appearance. */
struct tx_receiver {
	uint32_t node_id;
	enum tx_rx_state state;
	uint8_t receipt_status; /* FINISHED: enum receipt_status */
	bool barred, straggled; /* by tx_drop(); the others did not wait for it */
	nsec_t heard_at;
	/* What its last ACK(FLUSH) said; 0 before there was one. */
	bool holds;     /* something of its own may be part of the job */
	bool busy;      /* it has all that was sent, and does not know yet what to ask for */
	uint16_t lacks; /* object bytes missing there, in 65535ths of all queued */
};

unsigned tx_n_receivers(const struct tx *tx);
/* i < tx_n_receivers(). */
struct tx_receiver tx_receiver(const struct tx *tx, unsigned i);

/* Progress: bytes of object data sent for the first time, of all objects queued; rate in use;
 * GRTT. */
struct tx_status {
	uint64_t sent, total;
	uint64_t rate;
	enum rate_reason rate_reason;
	nsec_t grtt;
	enum probe_phase phase;
};
struct tx_status tx_status(const struct tx *tx);
const struct tx_counters *tx_counters(const struct tx *tx);

#endif
