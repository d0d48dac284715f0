/* rate.h - how fast to send: as fast as the receivers' paths allow, without filling queues. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RATE_H
#define PROTO_RATE_H

#include "proto/ratepeer.h"

/*
 * The sender marks intervals with its PROBEs; within one the rate does not change. The reports
 * tell what became of what was sent between two of them.
 *
 *	START --all receivers get less than is sent--> TEST or DRAIN;  --max--> HOLD
 *	HOLD --loss--> TEST (lower for an interval) --less loss--> DRAIN;  --same loss--> back
 *	HOLD --drops, a queue, a disk--> DRAIN --queue gone--> HOLD
 *	HOLD --a few hold back most--> START
 *
 * HOLD tries a little more from time to time, the more rarely the more often that failed, and
 * faster and faster while it goes well. A straggler can do less than the minimum, or less than
 * half of the median of three or more; it does not count until those that do are done.
 */
#define RATE_PEERS                                                                             \
	64 /* receivers that are watched; one more replaces the one not heard longest */
#define RATE_MARKS 64

enum rate_state { RATE_START, RATE_TEST, RATE_DRAIN, RATE_HOLD };

/* Why it is what it is, for people. */
enum rate_reason {
	RATE_FIXED,    /* as the user said */
	RATE_STARTING, /* nobody has objected yet */
	RATE_MAX,      /* it may not be more */
	RATE_CLIMBING, /* trying whether there is more */
	RATE_TESTING,  /* lower for a moment: does the loss depend on it? */
	RATE_LOSS,     /* a path loses what is more */
	RATE_QUEUE,    /* a path queues what is more */
	RATE_DROPS,    /* a receiver reads no faster */
	RATE_BACKLOG,  /* a receiver reads or stores no faster */
	RATE_LOCAL,    /* our own interface takes no more */
	RATE_SENDER,   /* this host sends no faster */
	RATE_SILENCE,  /* no reports */
};
/* "the link's speed" and the like. */
const char *rate_reason_name(enum rate_reason reason);

struct rate_conf {
	uint64_t min, start, max; /* bytes a second, 0 < min <= start <= max */
};

/* A PROBE that leaves: its number, and all that was sent until then, itself included. */
struct rate_mark {
	uint16_t sequence;
	nsec_t at;
	uint64_t packets, bytes;
	uint32_t asked; /* receivers that are to answer */
	bool all;       /* ... and these are all there are */
	nsec_t grtt;
	double value; /* rate from there on; the machine's own, as what follows */
	bool idle;    /* there was nothing to send for a moment before it */
	bool left;    /* `at` is when it left */
};

struct rate {
	struct rate_conf conf;
	enum rate_state state;
	enum rate_reason reason;
	double value; /* now */
	double next;  /* from the next mark on; 0: as now */
	enum rate_reason next_reason;

	struct rate_mark marks[RATE_MARKS]; /* number m at m % RATE_MARKS */
	uint32_t n_marks;
	uint32_t begin;      /* the mark at which `value` began */
	uint32_t answers;    /* to the last mark */
	uint32_t unanswered; /* marks in a row that nobody answered */
	bool decided;        /* what the answers meant */
	nsec_t heard_at;     /* the last report */
	nsec_t interval;
	nsec_t answer_time; /* from a mark to its answers; forgets slowly */

	bool local;           /* our interface took no more, since the last mark */
	bool was_local;       /* ... between the two before */
	uint32_t local_since; /* the mark from which on it was so all the time */
	double local_cap;
	bool idle; /* there was nothing to send for a moment, since the last mark */

	nsec_t up_at, up_wait; /* when to try more, and how long to wait after a failure */
	double step;           /* how much more, as a share */
	bool climbing;
	double climbed_from;    /* the rate two steps before, which was fine */
	double climbed_last;    /* and one before, which seemed so */
	unsigned patience;      /* intervals that a state may still last */
	bool doubt;             /* HOLD: loss was seen once */
	enum rate_state resume; /* after TEST */
	double resume_value;
	enum rate_reason resume_reason;
	nsec_t retest_at, retest_wait;
	nsec_t sprint_at, sprint_wait;
	nsec_t objected_at;
	uint32_t class_marks, class_now, class_next;
	uint32_t focus; /* node id of the receiver to be watched; 0: any */

	struct ratepeer peers[RATE_PEERS];
};

void rate_init(struct rate *r, const struct rate_conf *conf, nsec_t now);

/* When the next PROBE is to leave, given the last; NSEC_NEVER before the first. */
nsec_t rate_mark_at(const struct rate *r);
/*
 * The number for the next PROBE, after `last`, when every one asks 1 / `every` of the
 * receivers: reports of one receiver are compared with each other, so the same ones are asked
 * some times in a row, and every other time the one that the rate follows is among them.
 */
uint16_t rate_next_sequence(struct rate *r, uint16_t last, uint16_t every);
/* A PROBE leaves. The rate from here on, bytes a second. */
uint64_t rate_on_mark(struct rate *r, const struct rate_mark *m);
/* All marks have left, the last one then. */
void rate_on_left(struct rate *r, nsec_t at);
/* A report of a receiver that still counts. */
void rate_on_report(struct rate *r, nsec_t now, uint32_t node_id, const struct rx_report *rp);
/* The system took no more packets: ENOBUFS, EAGAIN. */
void rate_on_local(struct rate *r);
/* There is nothing to send: that less leaves now says nothing about what could. */
void rate_on_idle(struct rate *r);
/* The receiver has what it needs, or is gone. */
void rate_forget(struct rate *r, uint32_t node_id);

/* Whether a receiver is too slow to be waited for. */
bool rate_straggles(const struct rate *r, const struct ratepeer *p);
/* Others begin to count: what they are known to get is where to go on from. */
void rate_resume(struct rate *r, nsec_t now, double value);
/* NULL: not watched. */
const struct ratepeer *rate_peer(const struct rate *r, uint32_t node_id);

#endif
