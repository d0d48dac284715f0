/* sim.h - real sessions on a simulated network: one clock, one queue of events, one seed. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "proto/work.h"
#include "tests/sim/heap.h"
#include "tests/sim/packet.h"
#include "tests/sim/scenario.h"

struct sender;
struct host;

enum event_kind {
	EV_DATA,         /* a sender's packet at hosts who .. end-1 */
	EV_FEEDBACK,     /* a packet at sender `who` */
	EV_OVERHEARD,    /* feedback at hosts who .. end-1 */
	EV_WAKE_SENDER,  /* the deadline of sender `who` */
	EV_WAKE_SESSION, /* the deadline of session `who` */
	EV_SENDER_WORK,  /* a request of sender `who` is served */
	EV_SESSION_WORK, /* a request of session `who` is served */
	EV_HOSTILE,      /* strangers act */
};

struct sim {
	struct scenario sc;
	uint64_t seed;
	struct rng rng; /* for the network and the strangers */
	nsec_t start, now;
	struct heap heap;

	struct sender *senders;
	struct host *hosts;
	unsigned n_senders, n_hosts;
	bool steady;            /* a packet of a sender reaches all hosts at once */
	struct packet *last;    /* latest real packet, for those who forge */
	uint64_t hash;          /* of all that was sent and reported */
	unsigned long n_events; /* of the heap */

	bool trace;
	bool failed;
	char failure[256]; /* property and detail */
	void (*tap)(struct sim *sim, bool feedback, const struct packet *p);
	void *tap_arg;
};

int sim_init(struct sim *sim, const struct scenario *sc, uint64_t seed);
void sim_fini(struct sim *sim);
/* Runs to the end, or to the first property that does not hold. */
void sim_run(struct sim *sim);

/* The first failure stays. */
void sim_fail(struct sim *sim, const char *property, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Something worth a line in the trace; part of the hash. */
void sim_note(struct sim *sim, const char *who, uint32_t id, const char *what, uint64_t value);

/* For the models. Packets are taken over. */
void sim_multicast(struct sim *sim, uint32_t sender, struct packet *p);
void sim_feedback(struct sim *sim, uint32_t session, struct packet *p);
void sim_wake(struct sim *sim, enum event_kind kind, uint32_t who, nsec_t at);
/* Serves the request now or, as the scenario wants it, later. True: now. */
bool sim_defer_work(struct sim *sim, enum event_kind kind, uint32_t who, const struct work *w);

/* Forged data was let in: objects need not be what was sown. */
static inline bool sim_is_spoiled(const struct sim *sim)
{
	return sim->sc.expect == EXPECT_ANYTHING;
}

/* Session numbers: one for each pair of host and sender. */
static inline uint32_t session_index(const struct sim *sim, uint32_t host, uint32_t sender)
{
	return host * sim->n_senders + sender;
}

#endif
