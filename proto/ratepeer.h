/* ratepeer.h - one receiver's path, as its reports show it: what it loses, and what it can do.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RATEPEER_H
#define PROTO_RATEPEER_H

#include "proto/report.h"
#include "proto/types.h"

/* The sender's side of the time between two PROBEs. */
struct rate_sent {
	nsec_t time;
	uint64_t packets, bytes;
	double rate; /* that held, bytes a second: a burst may be more */
	bool idle;   /* less may have been sent than could be */
};

#define RATEPEER_QUEUES 4

/* Signs that a receiver gets all that it can; the weakest first. */
enum rate_sign {
	SIGN_NONE,
	SIGN_QUEUE,   /* what is sent comes later and later */
	SIGN_LOSS,    /* more is lost than has nothing to do with the rate */
	SIGN_BACKLOG, /* what comes is not read or stored in time */
	SIGN_DROPS,   /* its socket had no room */
};

/* What a report says of the time since the one before. Rates are bytes a second. */
struct rate_sample {
	nsec_t time;      /* that it took to send */
	double packets;   /* sent */
	double loss;      /* share of them, 0 .. 1 */
	double noise;     /* of that share, one standard deviation */
	double sent;      /* rate */
	double delivered; /* rate by the receiver's own clock, less what piled up there */
	nsec_t late;      /* how much longer it took to arrive than to be sent */
	bool dropped;     /* by the receiver's socket */
	bool piling;      /* it falls behind */
	bool idle;        /* less may have been sent than could be */
};

struct ratepeer {
	uint32_t node_id;
	bool used;
	bool behind;           /* the others outran it; until it gets all that is sent */
	struct rx_report last; /* what the next report is compared with */
	uint32_t mark;         /* of `last`, as the owner counts them */
	nsec_t heard_at;

	double groups; /* losses come in groups: how much larger that makes their variance */
	double base;   /* loss that does not depend on the rate, as far as we know */
	double cap;    /* sent at more than this, it gets no more; INFINITY: not known */
	double limit;  /* where it showed a sign; 0: nowhere, or it has got much more since */
	double best;   /* the most that it was seen to get for a while */
	double fine;   /* ... without a sign, be it for a moment */
	nsec_t queue;  /* how late packets are, beyond the least that was seen */
	nsec_t queues[RATEPEER_QUEUES]; /* the same in the last reports, the newest first */
	nsec_t drained;                 /* where ratepeer_drains() looked last */
	nsec_t jitter;                  /* how much of that is chance */
	unsigned n_jitter;
	nsec_t late_before;

	struct rate_sample is;
	bool fresh;   /* `is` belongs to the rate that holds, and was not looked at yet */
	bool well;    /* the last sample that was looked at showed no sign */
	bool suspect; /* it showed SIGN_LOSS; test_loss is what it lost then */
	double test_loss, test_noise, test_delivered;
};

void ratepeer_init(struct ratepeer *p, uint32_t node_id, nsec_t now);

/*
 * A report, and what was sent since p->last: fills p->is, whatever lies in the report, within
 * what was sent.
 */
void ratepeer_sample(struct ratepeer *p, const struct rx_report *rp,
		     const struct rate_sent *sent);

/* What the sample shows. `strict`: of queues, only what is plain to see. */
enum rate_sign ratepeer_sign(const struct ratepeer *p, bool strict);
/* The rate is the same as in the sample before, and nothing is tried. */
void ratepeer_calm(struct ratepeer *p);
/* The time for which its packets surely wait somewhere. */
nsec_t ratepeer_queue(const struct ratepeer *p);
/* Its packets wait somewhere, or so it seems. */
bool ratepeer_queues(const struct ratepeer *p);
/* What waits has become less since the last call. */
bool ratepeer_drains(struct ratepeer *p);
/* Nothing is known of its queue any more. */
void ratepeer_lose_sight(struct ratepeer *p);
/* No sign: it can do what was sent, and this loss is its normal one. */
void ratepeer_fine(struct ratepeer *p);
/* The sign was right: this is what it can do. */
void ratepeer_limit(struct ratepeer *p, double cap);

/* The test of SIGN_LOSS: this sample, then one at a lower rate. */
void ratepeer_suspect(struct ratepeer *p);
/* True: it loses less at the lower rate, so the rate was to blame. Either way its normal loss
 * is known now. */
bool ratepeer_convict(struct ratepeer *p);
/* Nothing was heard of the test: who lost that much cannot be heard, and got what it can. True:
 * so it was. */
bool ratepeer_escape(struct ratepeer *p);

#endif
