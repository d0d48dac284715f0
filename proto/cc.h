/* cc.h - congestion control for shared paths: as fast as TCP would be (RFC 5740 §5.5.2). */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_CC_H
#define PROTO_CC_H

#include "proto/ext.h"
#include "proto/msg.h"
#include "proto/types.h"

/*
 * The sender follows the receiver whose rate is the lowest, the current limiting receiver
 * (CLR); the rate of one that loses is the equation's, by its loss and its round trip.
 *
 *	SLOW START --somebody loses--> STEADY --nobody answers any more--> SLOW START
 *
 * In slow start the rate is at most doubled in one round trip, and no more than the lowest of
 * what receivers say, which is twice what they get. Later it grows by a packet per round trip
 * in each round trip and falls at once. Five probes in a row without an answer of the CLR:
 * half the rate, for each one more again; after `robust` of them it is forgotten.
 *
 * Whatever lies in feedback: the rate stays within min .. max and does not grow faster than
 * that. A receiver that lies can make it slow; that is what the RFC gives it.
 */
#define CC_PEERS  16 /* the slowest are kept */
#define CC_LISTED 5  /* in one CMD(CC) */

struct cc_conf {
	double min, start, max; /* bytes a second, 0 < min <= start <= max */
	double packet;          /* bytes of one */
	unsigned robust;
};

struct ccpeer {
	uint32_t node_id; /* 0: free */
	nsec_t rtt;
	nsec_t rtt_high; /* with the queue: forgets slowly */
	double loss, rate;
	bool lossless;     /* it said START */
	bool told;         /* its RTT was sent to it */
	uint16_t sequence; /* of the probe that it answered last */
	nsec_t heard_at;
};

struct cc {
	struct cc_conf conf;
	double value; /* the rate now */
	bool slow_start;
	bool busy;         /* something to send waits, */
	bool used;         /* and what left between the last probes was the rate, about */
	uint32_t clr;      /* 0: none */
	unsigned silence;  /* probes since it was heard */
	uint16_t sequence; /* of the last probe */
	nsec_t grtt;
	nsec_t probed_at;
	uint64_t bytes;  /* sent until then */
	double probed;   /* and the rate then */
	uint16_t raised; /* the last probe when slow start raised the rate */
	nsec_t raised_at;
	nsec_t changed_at;
	struct ccpeer peers[CC_PEERS];
};

void cc_init(struct cc *c, const struct cc_conf *conf, nsec_t now);

/* A CMD(CC) that leaves. */
struct cc_probe {
	uint16_t sequence;
	nsec_t grtt;
	uint64_t bytes; /* sent so far */
	bool busy;      /* something to send waits */
};
void cc_on_probe(struct cc *c, nsec_t now, const struct cc_probe *p);
/* How long after it the next one leaves, while there is something to send; 0: no CLR. */
nsec_t cc_interval(const struct cc *c);
/* Its list, at most CC_LISTED long: the CLR first. */
unsigned cc_list(struct cc *c, struct cc_node *ret);

/* EXT_CC of a receiver; rtt as measured by its message, <= 0: not measured. */
void cc_on_feedback(struct cc *c, nsec_t now, uint32_t node_id, const struct ext_cc *e,
		    nsec_t rtt);
/* The receiver has what it needs, or is gone. */
void cc_forget(struct cc *c, uint32_t node_id);

/* TCP's rate, bytes a second, for 0 < loss <= 1. */
double cc_equation(double packet, nsec_t rtt, double loss);

/* The receiver's side: what comes in, measured from probe to probe. */
struct ccmeter {
	nsec_t at; /* 0: not begun */
	uint64_t packets, bytes;
	double rate; /* bytes a second */
};
/* A probe came; both count from the session's begin. */
void ccmeter_probe(struct ccmeter *m, nsec_t now, uint64_t packets, uint64_t bytes);

#endif
