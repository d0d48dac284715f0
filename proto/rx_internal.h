/* rx_internal.h - the receiver session, shared by the files rx*.c and by nobody else. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_INTERNAL_H
#define PROTO_RX_INTERNAL_H

#include "proto/cc.h"
#include "proto/layout.h"
#include "proto/loss.h"
#include "proto/msg.h"
#include "proto/ranges.h"
#include "proto/rx.h"
#include "proto/rx_report.h"
#include "proto/rxblock.h"
#include "proto/rxlarge.h"

/*
 *	HEARD --INFO, FTI--> OFFERED --accept--> ACTIVE --all written--> COMPLETE --release-->
 *gone
 *	   \___________________\__refuse, SQUELCH__\__WRITE failed__--> ABORTED --release,
 *event--> gone
 */
enum rx_object_state {
	RX_OBJECT_HEARD,
	RX_OBJECT_OFFERED,
	RX_OBJECT_ACTIVE,
	RX_OBJECT_COMPLETE,
	RX_OBJECT_ABORTED,
};

/* Events that the program has not seen yet, in the order in which it gets them. */
enum {
	RX_DUE_OBJECT = 1 << 0,
	RX_DUE_INFO = 1 << 1,
	RX_DUE_COMPLETE = 1 << 2,
	RX_DUE_ABORTED = 1 << 3,
};

struct rx_object {
	uint64_t number;
	enum rx_object_state state;
	bool in_use;
	bool file;
	bool info_exists; /* the sender says there is INFO */
	bool has_info, has_fti;
	bool want_info; /* ... again, it lacks something */
	bool large;     /* its code is that of large blocks */
	uint8_t fec_id;
	struct fti fti;
	struct layout layout;
	uint64_t blocks_done;
	struct ranges held; /* segments in the store that did not come from the sender */
	uint16_t info_len;
	uint8_t *info; /* segment of rx->infos */
	unsigned due;  /* RX_DUE_* */
	int error;
};

#define RX_NACK_MESSAGES 4 /* back to back */

#define RX_INFO_MAX 1600 /* longer INFO is cut off: no name we accept needs it */

/*
 * The NACK cycle (RFC 5740 §5.3):
 *
 *	IDLE --something is missing--> BACKOFF --time, not suppressed--> SENDING --> HOLDOFF -->
 *IDLE
 */
enum rx_nack_state {
	RX_NACK_IDLE,
	RX_NACK_BACKOFF,
	RX_NACK_SENDING,
	RX_NACK_HOLDOFF,
};

struct rx_nack {
	enum rx_nack_state state;
	nsec_t at;           /* BACKOFF, HOLDOFF: until */
	nsec_t patience_at;  /* HOLDOFF: not longer than until then */
	uint64_t half;       /* SENDING: where the second half of the messages begins */
	uint64_t resume_key; /* HOLDOFF: when this comes there is more to ask for; or never */
	uint64_t cursor;     /* SENDING: first key not looked at */
	unsigned messages;   /* SENDING: so far */
	uint32_t room;       /* SENDING: objects that may still be asked for, */
	uint32_t large_room; /* and large blocks of which we have nothing */
	uint32_t symbol; /* SENDING: of block `cursor`, first symbol not asked for by name */
	struct ranges heard; /* keys that others asked for during BACKOFF */
};

/* What the sender said about itself. */
struct rx_sender {
	bool sow;
	bool synced, census;
	bool end_known, ended, gone;
	bool flushed; /* a FLUSH was heard */
	bool lost;    /* it gave up objects that we never heard of */
	uint8_t fec_id;
	uint8_t phase;
	uint16_t segment_size; /* of the last FTI; 0: none heard */
	nsec_t spread;         /* what it says of answers, at least */
	nsec_t grtt;
	nsec_t grtt_high; /* timers were set when it was no more than this */
	uint8_t backoff;
	double gsize;
	nsec_t heard_at, data_at, early_at, ended_at; /* early_at: DATA below `early` */
	nsec_t repair_at;                             /* a repair of a large block was heard */
	uint64_t first, end;        /* object numbers; end is final if end_known */
	uint64_t floor;             /* key: below it repair waits for the catch-up pass, */
	uint64_t early;             /* key: but not below this one */
	uint64_t position;          /* key: everything below it was sent */
	struct norm_time send_time; /* of the last CMD(CC) */
	nsec_t cc_heard_at;
	uint16_t cc_sequence;
	bool cc_asked;        /* it carried EXT_RATE: it is for congestion control */
	struct ccmeter meter; /* what was received between the last ones */
	nsec_t rtt;           /* ours, as the sender measured it; 0: not told */
};

/* When each answer is due; NSEC_NEVER: not. */
struct rx_timers {
	nsec_t flush_ack_at, cc_ack_at, announce_at, receipt_at, check_at;
};

struct rx {
	struct rx_conf conf;
	struct rx_counters counters;
	struct rng rng;
	char host[CENSUS_HOST_MAX], version[CENSUS_VERSION_MAX];
	struct announce self;

	struct rx_sender sender;
	struct loss loss;
	struct rx_object *objects;
	struct rx_object *last_object; /* of the last packet: usually the next one's, too */
	uint8_t *infos;
	struct ranges done;  /* keys of finished blocks; finished objects with all their keys */
	struct ranges named; /* of blocks that held symbols, and were asked for by name */
	struct rxblocks blocks;
	struct rs *rs;
	uint32_t rs_dim; /* B of its code */
	struct rxlarges large;
	nsec_t large_at;         /* the earliest of its blocks' timers */
	uint64_t large_end;      /* key: from there on there is no memory for their parity */
	nsec_t large_asked_at;   /* the last request for large blocks, */
	unsigned large_messages; /* and how many there were at that instant */
	bool work_due;

	struct rx_nack nack;
	struct rx_reporting reporting;
	struct rx_timers at;
	struct watermark watermark; /* to be acknowledged */
	uint64_t flush_end;         /* key: when everything below is here; 0: no matter when */
	bool busy, holds;           /* as rx_set_busy(), rx_set_holds() said */
	bool behind;                /* the sender does not hear our requests */
	nsec_t announce_interval, receipt_interval;
	nsec_t announce_from, receipt_from; /* after it a random part of the window */
	bool announced, joined, joined_due;
	bool finished, finished_due, ended_due, gone_due;
	struct receipt receipt;
	char receipt_text[CENSUS_TEXT_MAX];
	bool has_receipt, receipted, receipted_due;
	bool events_due;
	uint64_t n_complete;
	uint64_t bytes_total, bytes_done;
	uint16_t sequence;
	unsigned n_want_info;
};

/* rx_object.c: objects, blocks and their work */
struct rx_object *rx_object_find(struct rx *rx, uint64_t number); /* NULL: not in progress */
struct rx_object *rx_object_look_up(const struct rx *rx, uint64_t number); /* the same */
struct rx_object *rx_object_get(struct rx *rx, uint64_t number); /* NULL: done, or no room */
uint32_t rx_object_room(const struct rx *rx);                    /* for so many more */
uint64_t rx_object_number(const struct rx *rx, uint16_t id); /* UINT64_MAX: before the first */
void rx_object_fti(struct rx *rx, struct rx_object *o, uint8_t fec_id, const struct fti *fti);
void rx_object_info(struct rx *rx, struct rx_object *o, const uint8_t *info, size_t len);
void rx_object_abort(struct rx *rx, struct rx_object *o, int error);
void rx_object_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m);
bool rx_complete_through(const struct rx *rx, uint64_t key);
/* These blocks of the object are stored. */
void rx_blocks_done(struct rx *rx, struct rx_object *o, uint64_t first, uint64_t end);
void rx_object_free(struct rx_object *o);
/* It is complete no more. False: it is not in progress, or cannot be. */
bool rx_object_reopen(struct rx *rx, struct rx_object *o);

void rx_check_finished(struct rx *rx, nsec_t now); /* rx_input.c */
/* A FLUSH asks us to confirm all below `end`; it may be here now. */
void rx_flush_heard(struct rx *rx, nsec_t now, const struct watermark *wm, uint64_t end);
void rx_flush_check(struct rx *rx, nsec_t now);

/* rx.c: whether it asks for nothing now; a feedback message with all that every one says. */
bool rx_is_mute(const struct rx *rx);
void rx_set_spread(struct rx *rx, nsec_t now, nsec_t spread); /* of answers to PROBEs */
void rx_announce_after(struct rx *rx, nsec_t from);
struct msg rx_feedback(struct rx *rx, nsec_t now, uint8_t type);
double rx_cc_rate(const struct rx *rx); /* bytes a second, as TFMCC has it */
/* An ACK of this type; len < 0: none. */
int rx_ack_output(struct rx *rx, nsec_t now, uint8_t ack_type, const uint8_t *content, int len,
		  uint8_t *buf, size_t cap);

#endif
