/* tx_rig.h - a sender session on a bench: feedback made by hand, packets read back as text. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_TX_RIG_H
#define TESTS_UNIT_TX_RIG_H

#include "proto/msg.h"
#include "proto/request.h"
#include "proto/tx.h"

#define RIG_E      100 /* segment size */
#define RIG_B      8   /* symbols a block */
#define RIG_PARITY 4
#define RIG_SENDER 1
#define RIG_BLOCK  ((uint64_t)RIG_E * RIG_B)
#define MS         NSEC_PER_MSEC

/* What the text of a run shows. */
enum {
	SHOW_OBJECT = 1 << 0,  /* "I0": INFO of object 0; "D0.1.2": symbol 2 of block 1 */
	SHOW_FLUSH = 1 << 1,   /* "F0.1.7[5,6]": through 0.1.7, nodes 5 and 6 are asked */
	SHOW_SQUELCH = 1 << 2, /* "S3[5]": from object 3 on, but not 5 */
	SHOW_ADV = 1 << 3,     /* "A(0.1.8-9)": the repair advertisement, by its requests */
	SHOW_EOT = 1 << 4,     /* "E" */
	SHOW_PROBE = 1 << 5,   /* "P2": a PROBE of phase 2 */
	SHOW_CC = 1 << 6,      /* "C" */
	SHOW_ALL = (1 << 7) - 1,
};

/*
 * Repairs: "R0.1.9/2": parity target 2; "R0.1.3!": sent by name (EXPLICIT). The packets that a
 * sender has to get right in any case (sequence, ids, payload of source symbols, deadline > now
 * when there is nothing) are checked on the way.
 */
struct tx_rig {
	struct tx *tx;
	nsec_t now;
	unsigned show;
	bool hold_reads; /* READ requests are kept waiting */
	struct work held[8];
	unsigned n_held;
	uint64_t fail_object; /* its READs fail; UINT64_MAX: none does */
	bool by_hand;         /* the test serves the work */
	uint64_t size[64];    /* of the objects */

	uint8_t pkt[2000]; /* the last packet, and what it says */
	size_t len;
	struct msg m;
	nsec_t grtt;
	uint64_t bytes;
	struct tx_event event; /* of the last feedback */
	uint8_t fec_id;
	struct rs *rs; /* what parity is compared with */
	unsigned n_parity;
	uint16_t sequence;
	bool any;
	char text[8192];
};

/* TX_SOW or TX_NORM; no rate limit, GRTT 10 ms, K = 4. */
struct tx_conf rig_conf(enum tx_profile profile);
void rig_init(struct tx_rig *r, const struct tx_conf *conf);
void rig_fini(struct tx_rig *r);
/* An object with INFO "i". */
uint64_t rig_add(struct tx_rig *r, uint64_t size);
/* Byte `offset` of an object. */
uint8_t rig_byte(uint64_t object, uint64_t offset);

/* Serves the work that is due. */
void rig_work(struct tx_rig *r);
/* One packet at r->now, if there is one. */
bool rig_next(struct tx_rig *r);
/* Everything that leaves within `time`, what is shown of it as text. */
const char *rig_run(struct tx_rig *r, nsec_t time);
/* The same for the present instant only, with other things shown than usual. */
const char *rig_see(struct tx_rig *r, unsigned show);

/* Feedback of a receiver. The result of tx_input(). */
int rig_input(struct tx_rig *r, const struct msg *m);
struct msg rig_feedback(const struct tx_rig *r, uint8_t type, uint32_t node);
int rig_nack(struct tx_rig *r, uint32_t node, const struct request *req, size_t n);
int rig_announce(struct tx_rig *r, uint32_t node);
int rig_receipt(struct tx_rig *r, uint32_t node, uint8_t status);
int rig_flush_ack(struct tx_rig *r, uint32_t node, uint16_t object, uint32_t sbn, uint16_t esi);

/* Symbols first .. last of a block; blocks of an object; INFO; whole objects. */
struct request rig_segments(uint16_t object, uint32_t sbn, uint16_t first, uint16_t last);
struct request rig_blocks(uint16_t object, uint32_t first, uint32_t last);
struct request rig_info(uint16_t object);
struct request rig_objects(uint16_t first, uint16_t last);

#endif
