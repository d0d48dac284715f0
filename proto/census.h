/* census.h - who is there: PROBE, ANNOUNCE, RECEIPT (doc/PROTOCOL.md, "Census"). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_CENSUS_H
#define PROTO_CENSUS_H

#include "proto/jobinfo.h"

#define CENSUS_HOST_MAX    64
#define CENSUS_VERSION_MAX 32
#define CENSUS_TEXT_MAX    200
#define PROBE_LEN          32 /* without its lists */
#define PROBE_EARLY_MAX    3
#define ANNOUNCE_MAX       (24 + CENSUS_HOST_MAX + CENSUS_VERSION_MAX)
#define RECEIPT_MAX        (72 + CENSUS_TEXT_MAX)

enum probe_phase {
	PHASE_WAIT = 1,    /* not started: announce yourself */
	PHASE_RUN = 2,     /* new data is being sent */
	PHASE_CATCHUP = 3, /* all data has been sent once; ask for whatever is missing */
	PHASE_END = 4,     /* no more repair */
};

/*
 * Payload of CMD(APPLICATION) kind PROBE: "SOW" version, kind, then the fields; lists of node
 * ids last. Sent every 100-200 ms until the start, then at least once a second.
 */
struct probe {
	uint8_t phase;         /* enum probe_phase */
	bool end_known;        /* end_object is final */
	uint8_t n_early;       /* so many first objects are repaired in any phase */
	bool census;           /* nothing will be sent: it only asks who is there */
	uint8_t spread;        /* answers: over how many SPREAD_UNITs, at least (spread.h) */
	uint32_t job;          /* stands for the job's name; 0: not told */
	uint16_t first_object; /* the session's first object */
	uint16_t end_object;   /* one past the last object queued so far */
	uint16_t floor_object; /* below this position repair waits for the catch-up pass */
	uint32_t floor_sbn;
	uint16_t sequence;        /* counts the sender's PROBEs */
	uint16_t report_every;    /* whom it asks for a REPORT: probe_asks() */
	uint16_t position_object; /* everything before was sent once */
	uint32_t position_sbn;
	const uint8_t
		*announced; /* node ids whose ANNOUNCE was heard; 4 bytes each, borrowed */
	unsigned n_announced;
	const uint8_t *receipts; /* node ids whose RECEIPT was heard; 4 bytes each, borrowed */
	unsigned n_receipts;
	const uint8_t *behind; /* node ids of stragglers; 4 bytes each, borrowed */
	unsigned n_behind;
};

/* Encoders return the length, -ENOSPC, or -EINVAL for a value that our decoder would refuse. */
int probe_encode(const struct probe *p, uint8_t *buf, size_t cap);
/* -EPROTONOSUPPORT: another kind, or some other application's command. -EBADMSG. */
int probe_decode(struct probe *ret, const uint8_t *buf, size_t len);
/* Whether `node_id` is in such a list. */
bool probe_lists(const uint8_t *ids, unsigned n, uint32_t node_id);
/* Whether this PROBE asks `node_id` for a REPORT. */
bool probe_asks(const struct probe *p, uint32_t node_id);

/* What a receiver is doing. */
enum announce_state {
	ANNOUNCE_IDLE = 0,
	ANNOUNCE_RECEIVING = 1, /* data of another session come */
	ANNOUNCE_STORING = 2,   /* all of it came, and is being verified and stored */
};

#define ANNOUNCE_FREE_UNKNOWN UINT64_MAX

/* Content of ACK type ACK_ANNOUNCE. Texts are borrowed and not NUL-terminated. */
struct announce {
	const char *host; /* 0 .. CENSUS_HOST_MAX bytes */
	size_t host_len;
	const char *version; /* of the program; 0 .. CENSUS_VERSION_MAX bytes */
	size_t version_len;
	uint8_t state;    /* enum announce_state */
	uint64_t free;    /* bytes there is room for; ANNOUNCE_FREE_UNKNOWN */
	uint64_t machine; /* a hint: the same on one machine, if not cloned; 0: not told */
};

int announce_encode(const struct announce *a, uint8_t *buf, size_t cap);
/* -EPROTONOSUPPORT: another version. -EBADMSG. A NUL inside a text is malformed; what follows
 * the fields that we know is ignored. */
int announce_decode(struct announce *ret, const uint8_t *buf, size_t len);

enum receipt_status {
	RECEIPT_COMPLETE = 0, /* every object stored and verified */
	RECEIPT_PARTIAL = 1,  /* some object incomplete, or not asked for in time */
	RECEIPT_CORRUPT = 2,  /* a digest did not match */
	RECEIPT_REFUSED = 3,  /* the receiver would not store it (name, size, space) */
	RECEIPT_IO = 4,       /* the receiver could not store it */
	RECEIPT_INTERRUPTED = 5,
	RECEIPT_HOOK = 6, /* all is stored, but the program that the receiver then ran failed */
	RECEIPT_STUCK = 7, /* all is stored, but not all is gone that was to be removed */
};

/* Content of ACK type ACK_RECEIPT; repeated until a PROBE lists the node under `receipts`. */
struct receipt {
	uint8_t status; /* enum receipt_status */
	uint32_t n_objects, n_verified;
	uint64_t bytes;             /* object bytes stored */
	uint32_t symbols, lost;     /* sender messages heard, and missed by sequence number */
	uint64_t needed;            /* object bytes that were not here before */
	uint32_t time_ms;           /* from the first data until the end */
	uint8_t digest[DIGEST_LEN]; /* SHA-256 over the objects' digests in order */
	const char *text; /* reason for people; borrowed, 0 .. CENSUS_TEXT_MAX bytes */
	size_t text_len;
};

int receipt_encode(const struct receipt *rc, uint8_t *buf, size_t cap);
/* As announce_decode(); a status that we do not know is passed on. */
int receipt_decode(struct receipt *ret, const uint8_t *buf, size_t len);

/* Names for people: "idle", "receiving", ... and "complete", "partial", ... ; "unknown" for
 * anything else. */
const char *announce_state_name(uint8_t state);
const char *receipt_status_name(uint8_t status);

#endif
