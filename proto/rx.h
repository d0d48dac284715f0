/* rx.h - a NORM receiver session with one sender: packets in, feedback and a deadline out (RFC
 * 5740 §5.3). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_H
#define PROTO_RX_H

#include "proto/census.h"
#include "proto/counters.h"
#include "proto/types.h"
#include "proto/work.h"

/*
 * A session lives with one participation of one sender: (source_id, instance_id). A program
 * that hears several senders keeps one rx for each and finds it by those two and the source
 * address.
 */
struct rx_conf {
	uint32_t node_id; /* ours: random, not NONE, not ANY */
	uint32_t sender_id;
	uint16_t instance_id;
	const char *host, *version; /* for ANNOUNCE; copied, cut at their bounds; NULL: none */
	uint8_t state;              /* ... enum announce_state */
	uint64_t free, machine;     /* ... as there */
	size_t memory;        /* bytes for symbols of unfinished blocks, and as much for those
				 of large blocks; 0: 24 MiB */
	unsigned max_objects; /* objects in progress; 0: 256 */
	unsigned max_ranges;  /* gaps between finished blocks that are kept; 0: 16384 */
	unsigned max_held;    /* ranges of an object that rx_hold() may tell of; 0: 262144 */
	unsigned robust;      /* R; 0: 20 */
	nsec_t inactivity;    /* the sender is gone after this silence; 0: 10 s; never less than
				 3 * max(1 s, 2 R GRTT) unless it is ours */
	uint64_t seed;        /* differs on every host */
	bool counting; /* large blocks keep no symbols and ask for no work (simulations) */
};

struct rx;
int rx_new(struct rx **ret, const struct rx_conf *conf, nsec_t now); /* -EINVAL, -ENOMEM */
void rx_free(struct rx *rx);

/*
 * A packet of this sender, or feedback of other receivers to it (suppression). 0, or -EBADMSG,
 * -EPROTONOSUPPORT, -ENOENT (not of this session): counted, and safe to ignore. The packet is
 * not referred to afterwards.
 */
int rx_input(struct rx *rx, nsec_t now, const uint8_t *pkt, size_t len);

/* The next feedback message for the sender, to be sent by unicast: its length, or 0 for none
 * now. */
int rx_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap);

/* When to call rx_output() next if nothing comes in; > now after it returned 0. */
nsec_t rx_deadline(const struct rx *rx, nsec_t now);

/*
 * Requests to serve (work.h): READ gives back what earlier WRITEs of this session wrote, or
 * what rx_hold() told of. It begins and ends with such bytes; what was not written between them
 * may be anything. A result < 0 of a WRITE or READ aborts the object. Drain after every
 * rx_input() and rx_output().
 */
bool rx_work(struct rx *rx, struct work *ret);
void rx_work_done(struct rx *rx, nsec_t now, const struct work *w, int result);

enum rx_event_kind {
	RX_EV_OBJECT = 1,  /* size and INFO are known: answer with rx_accept() or rx_refuse() */
	RX_EV_INFO,        /* INFO content changed */
	RX_EV_COMPLETE,    /* every byte was written; rx_release() when it is of no more use */
	RX_EV_ABORTED,     /* withdrawn by the sender, refused, or its WRITE failed */
	RX_EV_JOINED,      /* the sender has heard our ANNOUNCE */
	RX_EV_FINISHED,    /* every object of the session is complete, refused or aborted */
	RX_EV_RECEIPTED,   /* the sender has heard our receipt */
	RX_EV_SENDER_END,  /* the sender ended; what is incomplete stays so */
	RX_EV_SENDER_GONE, /* not heard for the bound */
};

struct rx_event {
	enum rx_event_kind kind;
	uint64_t object; /* OBJECT, INFO, COMPLETE, ABORTED */
	uint64_t size;   /* OBJECT */
	const uint8_t
		*info; /* OBJECT, INFO; owned by rx until rx_release() or the next RX_EV_INFO */
	size_t info_len; /* 0: none */
	bool file;       /* OBJECT: NORM_FLAG_FILE */
	int error;       /* ABORTED: 0 or -errno */
};

/* The next event; false when there is none. Drain after every rx_input(), rx_output(),
 * rx_work_done(). */
bool rx_event(struct rx *rx, struct rx_event *ret);

/* Answers to RX_EV_OBJECT. Data heard before is not used. */
void rx_accept(struct rx *rx, nsec_t now, uint64_t object);
void rx_refuse(struct rx *rx, nsec_t now, uint64_t object);
/* The object's INFO lacks something (a digest): ask for it again until it changes. */
void rx_want_info(struct rx *rx, nsec_t now, uint64_t object);
void rx_release(struct rx *rx, uint64_t object);

/* Sends this receipt until the sender echoes it, for 2 s at most after RX_EV_SENDER_END. Text
 * is copied. */
void rx_set_receipt(struct rx *rx, nsec_t now, const struct receipt *rc);

/*
 * The store has these bytes of the object already, from elsewhere: symbols that lie wholly
 * inside count as received, are not asked for and not written. Ranges are to be maximal, since
 * a symbol across the border of two is received, and written as a whole. They may come in any
 * order, but ascending is fast. Any time between rx_accept() and RX_EV_COMPLETE, which may
 * follow at once. What there is no room to remember is received, too.
 */
void rx_hold(struct rx *rx, nsec_t now, uint64_t object, uint64_t off, uint64_t len);

/*
 * Stored bytes have proved wrong: the symbols that they touch are lacking again. Also after
 * RX_EV_COMPLETE, until rx_release(); another one follows then, and another RX_EV_FINISHED. A
 * block that is being decoded with them is decoded anew. What an earlier decoding made of them
 * is stored like the rest, and proves wrong when it is looked at.
 */
void rx_discard(struct rx *rx, nsec_t now, uint64_t object, uint64_t off, uint64_t len);

/*
 * Walks what is stored, that is held, or received and its WRITE has returned: the next range
 * that begins at *pos or later, of which the part before *pos is left out. False: none. For the
 * next one, *pos += *ret_len.
 */
bool rx_stored_next(const struct rx *rx, uint64_t object, uint64_t *pos, uint64_t *ret_len);

/*
 * The program does not know yet what it needs (it looks for bytes to hold): nothing is asked
 * for, and a FLUSH is answered by "busy", so that the sender waits. What comes is taken.
 */
void rx_set_busy(struct rx *rx, nsec_t now, bool busy);
/* Something is here that may belong to the job; every ACK(FLUSH) says so. */
void rx_set_holds(struct rx *rx, bool holds);

/*
 * Bytes from the object's start that are complete and stored, block by block: they can be read
 * while the rest is on its way. It falls by rx_discard() only, and is the object's size once it
 * is complete; 0 for one that is not in progress.
 */
uint64_t rx_front(const struct rx *rx, uint64_t object);

/*
 * When what rx_input() gets next came here, as far as the program knows: reading it late is not
 * the path's doing. Without it that is `now`.
 */
void rx_set_arrival(struct rx *rx, nsec_t at);

/*
 * How the program fares, counted from the beginning of the session: datagrams that its socket
 * had no room for, and bytes that it took and has not stored yet. Goes into reports to the
 * sender, and is a reason for one.
 */
void rx_set_health(struct rx *rx, nsec_t now, uint64_t dropped, uint64_t backlog);

/* Progress. `total` is 0 until known. */
struct rx_status {
	uint64_t received,
		total; /* object bytes complete or held; of the objects known so far */
	uint64_t objects, complete;
	bool end_known;
	bool announced, joined; /* we told the sender that we are here; it has heard that */
	bool lost;              /* the sender gave up objects that we never heard of */
	bool sow;               /* the sender speaks our profile (a PROBE was heard) */
	bool census;            /* it only asks who is there */
	nsec_t grtt;
};
struct rx_status rx_status(const struct rx *rx);
const struct rx_counters *rx_counters(const struct rx *rx);

#endif
