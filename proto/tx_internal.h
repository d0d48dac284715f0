/* tx_internal.h - the sender session, shared by the files tx*.c and by nobody else. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_TX_INTERNAL_H
#define PROTO_TX_INTERNAL_H

#include "proto/cc.h"
#include "proto/fec.h"
#include "proto/grtt.h"
#include "proto/layout.h"
#include "proto/msg.h"
#include "proto/pacer.h"
#include "proto/poll.h"
#include "proto/ranges.h"
#include "proto/rate.h"
#include "proto/request.h"
#include "proto/roster.h"
#include "proto/spread.h"
#include "proto/threshold.h"
#include "proto/tx.h"
#include "proto/txblock.h"
#include "proto/txlarge.h"

/* One object in the repair window; number n lives in slot n % max_objects. */
struct tx_object {
	uint64_t number;
	bool opened; /* its code is chosen */
	struct fec fec;
	struct layout layout;
	uint16_t info_len;
	bool in_use, withdrawn, asked; /* asked: by tx_add_asked() */
	uint8_t info_due;              /* how many times INFO is to be sent soon */
	nsec_t info_at;                /* when it was last sent */
	nsec_t active_at;              /* last sent or asked for */
};

/* What a DATA message says. */
struct tx_symbol {
	uint32_t sbn, k, esi;
	const uint8_t *data;
	size_t len;
	uint8_t flags;
	bool has_target;
	uint16_t target; /* the block's parity target */
};

/* The large blocks that are sent in turns, from (tx.object, tx.sbn) on. */
#define TX_GROUP_MAX 64
struct tx_group {
	struct txlarge *b[TX_GROUP_MAX];
	uint32_t n;    /* 0: none begun */
	uint32_t turn; /* whose it is */
	uint32_t run;  /* symbols sent in this turn */
};

enum tx_stage {
	TX_WAITING, /* before tx_start() */
	TX_RUNNING,
	TX_CLOSING, /* all receivers accounted for: echoes and EOT */
	TX_CLOSED,
};

/* Commands in one batch, i.e. between two calls of tx_work(). */
#define TX_SCRATCH 8

/* When each command goes out next; NSEC_NEVER: not. */
struct tx_timers {
	nsec_t cc_at, probe_at, flush_at, adv_at, squelch_at, eot_at;
};

struct tx {
	struct tx_conf conf;
	struct tx_counters counters;
	enum tx_stage stage;
	bool finishing, settling, paused; /* by tx_finish(), tx_settle(), tx_pause() */
	uint16_t sequence;
	nsec_t epoch; /* what send_time counts from */

	struct pacer pacer;
	struct grtt grtt;
	struct rs *rs;
	struct roster roster;
	struct spread spread;

	struct tx_object *objects;
	uint8_t *infos;       /* max_objects x segment_size */
	uint64_t object_base; /* the oldest object still kept */
	uint64_t object_end;  /* one past the newest */
	uint64_t early_end;   /* key: what lies below is repaired in any phase */

	struct txblocks blocks;
	struct ranges whole;    /* keys of blocks to be sent again entirely */
	struct txblock *repair; /* the block whose repair is being sent */
	bool scan_repairs;      /* some block in memory may owe something */
	bool work_due;          /* some block may need work */
	uint64_t prefetched;    /* key + 1 of the position for which blocks were read ahead */

	struct txlarges large; /* unless conf.code is SMALL */
	struct tx_group group;
	struct txlarge *large_repair; /* the one whose repair is being sent */
	uint32_t repair_run;          /* symbols sent in its turn */
	bool untold;                  /* some block may have a target that nobody heard of */
	bool poll_due;
	uint64_t sorted; /* object_end when stragglers were told from the others */
	struct threshold threshold;
	struct poll poll;

	/* new data: the next symbol to be sent for the first time */
	uint64_t object;
	uint32_t sbn, esi;
	struct txblock *block; /* being sent, NULL: to be found */
	uint64_t sent_bytes, total_bytes;

	/* RFC order: aggregation and hold-off of NACKs (RFC 5740 §5.4.1) */
	uint32_t round;
	nsec_t aggregate_at; /* repairs wait until then; 0: no NACK yet */
	nsec_t holdoff_until;

	struct rate rate; /* with rate_auto */
	struct cc cc;     /* with rate_cc */
	nsec_t ask_at;    /* for the next reports, without */
	uint32_t asked;   /* receivers that the PROBE being made asks */

	struct tx_timers at;
	uint16_t cc_sequence, probe_sequence;
	nsec_t cc_interval, grtt_at; /* grtt_at: GRTT's last interval, with rate_cc */
	unsigned flushes, eots;      /* sent since the last DATA */
	bool squelch_due;
	uint32_t n_info_due; /* objects whose INFO is due */
	bool idle; /* the last output found nothing to send though the pacer allowed it */
	uint8_t *scratch; /* payloads of the commands of one batch: TX_SCRATCH x segment_size */
	unsigned scratch_used;
};

/* tx.c */
struct tx_object *tx_object_find(const struct tx *tx, uint64_t number); /* NULL: not kept */
uint8_t *tx_object_info(const struct tx *tx, const struct tx_object *o);
nsec_t tx_grtt(const struct tx *tx); /* what is advertised, decoded */
uint8_t tx_backoff(const struct tx *tx);
void tx_squelch(struct tx *tx, nsec_t now); /* a SQUELCH is due */
uint8_t *tx_scratch(struct tx *tx); /* room for one command's payload; NULL: batch is full */
/* Chooses the object's code, if that is not done; false: too early. */
bool tx_object_open(struct tx *tx, struct tx_object *o);

/* tx_data.c: INFO, new data, repairs. 1: a packet, 0: none. */
int tx_data_output(struct tx *tx, nsec_t now, struct tx_object *o, const struct tx_symbol *s,
		   struct tx_packet *ret);
int tx_info_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
void tx_info_due(struct tx *tx, struct tx_object *o, uint8_t times);
int tx_new_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
int tx_repair_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
bool tx_new_left(const struct tx *tx);       /* symbols never sent */
uint64_t tx_repair_end(const struct tx *tx); /* key: older repair from there on waits */
bool tx_repair_pending(const struct tx *tx); /* in memory or not */
void tx_forget_blocks(struct tx *tx, uint64_t object);
uint64_t tx_floor(const struct tx *tx); /* key of the oldest block in memory */

/* tx_cmd.c: commands */
int tx_cmd_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
int tx_flush_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
nsec_t tx_cmd_deadline(const struct tx *tx, nsec_t now);
struct watermark tx_last_symbol(const struct tx *tx, const struct tx_object *o);
struct watermark tx_watermark(const struct tx *tx); /* at least one object was added */
bool tx_all_told(const struct tx *tx);              /* nobody is left who wants anything */
void tx_close(struct tx *tx, nsec_t now); /* nothing is left to be sent: say good-bye */
void tx_cmd_start(struct tx *tx, nsec_t now);

/* tx_rate.c: REPORTs, and the rate that follows them */
void tx_rate_init(struct tx *tx, nsec_t now);
nsec_t tx_rate_probe_at(const struct tx *tx);
void tx_rate_probe(struct tx *tx, nsec_t now, struct probe *p); /* fills its share of it */
void tx_rate_probed(struct tx *tx, nsec_t now, const struct probe *p); /* it left */
int tx_rate_report(struct tx *tx, nsec_t now, const struct msg *m, struct receiver *rc,
		   struct tx_event *ret);
enum rate_reason tx_rate_reason(const struct tx *tx);
/* Congestion control: feedback; a CMD(CC) that leaves, and the time until the next one. */
void tx_rate_cc(struct tx *tx, nsec_t now, const struct msg *m, nsec_t rtt);
nsec_t tx_rate_cc_probe(struct tx *tx, nsec_t now, struct msg *m);

/* Encodes `m` with the session's common fields into a packet, and counts it. */
int tx_emit(struct tx *tx, nsec_t now, struct msg *m, struct tx_packet *ret);

#endif
