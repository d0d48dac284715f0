/* rx_rig.h - a receiver session on a bench: packets made by hand, feedback and events as text.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_RX_RIG_H
#define TESTS_UNIT_RX_RIG_H

#include "proto/layout.h"
#include "proto/msg.h"
#include "proto/poll.h"
#include "proto/report.h"
#include "proto/request.h"
#include "proto/rx.h"

#define RIG_E       100 /* segment size */
#define RIG_B       8   /* symbols a block */
#define RIG_PARITY  4
#define RIG_BLOCK   ((uint64_t)RIG_E * RIG_B)
#define RIG_OBJECTS 16
#define RIG_LARGE   100 /* symbols of a large block, at most */
#define RIG_SENDER  1
#define RIG_NODE    2
#define MS          NSEC_PER_MSEC

/*
 * Feedback: "N(0.1.8-9 b0.2 b1.0-3 o2 i0 0.1+7)": a NACK for symbols, blocks, an object, INFO,
 * a parity target;
 * "AF0.1.7" (and "h": holds, "b": busy), "AA", "AR0", "AC": ACK of a FLUSH, ANNOUNCE, RECEIPT
 * with its status, ACK of CC; "A?": REPORT, "A!": the same as an objection, "AL": because
 * much was lost.
 *
 * Events: "O0" offered, "I0" new INFO, "C0" complete, "X0:5" aborted with error 5, and
 * "J"oined, "F"inished, "R"eceipted, sender "E"nded, sender "G"one.
 *
 * What is written must be the object's bytes, what is fed back must decode and be ours; when
 * there is nothing to send the deadline must be later than now.
 */
struct rx_rig {
	struct rx *rx;
	nsec_t now;
	uint64_t size[RIG_OBJECTS];
	uint8_t *sink[RIG_OBJECTS];
	struct rs *rs;
	struct fft16 *fft16;
	bool large;                   /* the next objects are in the large-block code */
	uint16_t block_len, n_parity; /* of the FTI, and so of all that is sent */

	/* what the sender says of itself */
	uint16_t sequence;
	nsec_t grtt;
	uint8_t backoff, gsize, fec_id;
	bool fti_in_data;
	uint8_t flags;   /* of DATA and INFO */
	uint16_t target; /* of repairs; parity target extension when sow */
	bool sow;
	bool cc_asked; /* the last CMD(CC) carried EXT_RATE */

	bool refuse; /* offers are refused */
	bool ignore; /* offers are not answered */
	bool keep;   /* complete objects are not released */
	int write_err, read_err;
	uint64_t n_written; /* bytes, of all objects */
	bool asleep;        /* neither work nor events are asked for */
	bool hold;          /* work is kept waiting */
	struct work held[16];
	unsigned n_held;

	struct msg m;            /* the last feedback */
	struct rx_report report; /* the last one */
	uint8_t pkt[2000];
	uint16_t fed_back;
	struct rx_event event; /* the last one */
	char text[4096], events[4096];
};

/* GRTT 10 ms, K = 0 (no random waits), FEC ID 5. */
void rig_init(struct rx_rig *r, const struct rx_conf *conf);
/* The same with large blocks of up to block_len symbols. */
void rig_init_large(struct rx_rig *r, const struct rx_conf *conf, uint16_t block_len,
		    uint16_t n_parity);
struct rx_conf rig_conf(void);
void rig_fini(struct rx_rig *r);
/* A sender of ours that knows the receiver: a PROBE has been answered. */
void rig_join(struct rx_rig *r);
uint8_t rig_byte(uint16_t object, uint64_t offset);
struct layout rig_layout(const struct rx_rig *r, uint16_t object);

/* --- what the sender sends --- */
int rig_send(struct rx_rig *r, struct msg *m);
struct msg rig_cmd(enum norm_cmd cmd);
void rig_info(struct rx_rig *r, uint16_t object, const char *content);
void rig_data(struct rx_rig *r, uint16_t object, uint32_t sbn, uint16_t esi);
/* A repair of ours, with the target. */
void rig_repair(struct rx_rig *r, uint16_t object, uint32_t sbn, uint16_t esi, uint16_t target);
/* INFO and all source symbols of the blocks first .. end-1. */
void rig_blocks(struct rx_rig *r, uint16_t object, uint32_t first, uint32_t end);
/* The same, but not symbols `lost` (bit i: symbol i) of block `sbn`. */
void rig_block_without(struct rx_rig *r, uint16_t object, uint32_t sbn, unsigned lost);
/* FLUSH at the end of an object; `node` is asked to confirm, 0: nobody. */
void rig_flush(struct rx_rig *r, uint16_t object, uint32_t node);
void rig_squelch(struct rx_rig *r, uint16_t object, const uint16_t *list, unsigned n);
/* `p` lacks only the lists: whether ours is in them. */
void rig_probe(struct rx_rig *r, struct probe p, bool announced, bool receipt);
void rig_poll(struct rx_rig *r, const struct poll *p);
/* Requests of others: in a NACK, or in a REPAIR_ADV. */
void rig_heard(struct rx_rig *r, bool adv, const struct request *req, size_t n);

/* --- what comes of it --- */
void rig_work(struct rx_rig *r);
/* The last of the requests that are held. */
void rig_serve_one(struct rx_rig *r);
/* The sink has these bytes already. */
void rig_hold(struct rx_rig *r, uint16_t object, uint64_t off, uint64_t len);
/* Events since the last call. */
const char *rig_events(struct rx_rig *r);
/* Feedback of the present instant, or of the time to come. */
const char *rig_see(struct rx_rig *r);
const char *rig_run(struct rx_rig *r, nsec_t time);

#endif
