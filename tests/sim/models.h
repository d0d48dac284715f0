/* models.h - the programs around the sessions: a sender, and hosts that receive. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_MODELS_H
#define TESTS_SIM_MODELS_H

#include "proto/msg.h"
#include "proto/ranges.h"
#include "proto/rx.h"
#include "proto/tx.h"
#include "tests/sim/check.h"
#include "tests/sim/sim.h"

#define INFO_MAX 40

/* An object as its sender knows it. */
struct object {
	uint64_t size, key;
	uint64_t number; /* tx_add()'s */
	bool withdrawn;
};

struct sender {
	struct sim *sim;
	uint32_t index;
	struct tx_conf conf;
	struct tx *tx;
	struct object *objects;
	unsigned n_objects, n_added;
	size_t info_len;
	bool started, finished, has_digests, early_finish;
	bool settling; /* the first objects are to be confirmed */
	nsec_t started_at, settled_at;
	uint64_t bytes_before; /* sent until then */
	uint64_t n_lacking;    /* segments of the others that some host lacks */
	bool acted; /* withdrew, aborted or changed the rate, as the scenario wants */
	bool dead;
	nsec_t died_at, done_at;
	unsigned n_expected, n_announced;
	unsigned n_working; /* requests not served yet */
	nsec_t armed_at;    /* of the wake-up that counts */
	struct sender_check check;
};

int sender_init(struct sender *s, struct sim *sim, uint32_t index);
void sender_fini(struct sender *s);
/* Does everything that can be done now, and arms the next wake-up. */
void sender_pump(struct sender *s);
void sender_wake(struct sender *s, nsec_t at);
void sender_hear(struct sender *s, const struct packet *p);
void sender_served(struct sender *s, const struct work *w);
/* Fraction of all object bytes that were sent once. */
double sender_progress(const struct sender *s);
/* The INFO of an object, info_len bytes. */
void object_info(const struct object *o, bool digest, uint8_t *buf, size_t len);

/* What a host stores of one object. */
struct sink {
	uint64_t object, size, key;
	struct ranges written;
	uint64_t n_written;
	bool refused, complete, aborted, wants_info, released;
};

/* A host's session with one sender. */
struct session {
	struct host *host;
	struct sender *sender;
	uint32_t index;
	struct rx *rx; /* NULL: not begun, or over */
	struct sink *sinks;
	unsigned n_sinks, cap_sinks;
	bool joined, finished, receipted, ended, gone, has_receipt, over;
	uint8_t status; /* of the receipt */
	nsec_t heard_at, over_at, complete_at, finished_at;
	nsec_t busy_until; /* 0: not busy */
	double first_at;   /* how far the sender was when the settled objects were here */
	unsigned n_wrong;  /* ranges that have proved wrong */
	unsigned n_working;
	nsec_t armed_at, deadline;
	struct rx_counters counters; /* copied at the end */
	struct session_check check;
};

struct host {
	struct sim *sim;
	uint32_t index, node_id;
	struct link down, up;
	struct session *sessions; /* one for each sender */
	bool late, dying, refusing, slow, dead;
};

int host_init(struct host *h, struct sim *sim, uint32_t index);
void host_fini(struct host *h);
void host_hear(struct host *h, const struct packet *p, bool from_sender);
void session_wake(struct session *s, nsec_t at);
void session_served(struct session *s, const struct work *w);
/* The one with this number. */
struct session *session_at(struct sim *sim, uint32_t index);

struct sink *sink_find(struct session *s, uint64_t object);
struct sink *sink_add(struct session *s, uint64_t object, uint64_t size);
void sink_forget(struct sink *k);
void sink_write(struct session *s, struct sink *k, const struct work *w);
void sink_read(struct session *s, struct sink *k, const struct work *w);
/* These bytes are there. */
void sink_mark(struct sink *k, uint64_t first, uint64_t end);
void sink_discard(struct session *s, struct sink *k, uint64_t offset, uint64_t len);
/* held.c: what the host has of it before it comes, and what nobody needs to send. */
void sink_hold(struct session *s, struct sink *k);
uint64_t held_lacking(const struct sim *sim, const struct object *o, size_t segment);
/* What the program does about an event. */
void program_event(struct session *s, const struct rx_event *ev);

#endif
