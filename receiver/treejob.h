/* treejob.h - the job of one session: its manifest, digests and content on their way to a tree.
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_TREEJOB_H
#define RECEIVER_TREEJOB_H

#include "proto/rx.h"
#include "receiver/finisher.h"
#include "receiver/have.h"
#include "receiver/hook.h"
#include "receiver/limits.h"
#include "receiver/output.h"
#include "receiver/sink.h"
#include "receiver/tally.h"

/* Borrowed. */
struct treejob_conf {
	struct rx *rx;
	struct worker *finisher;
	struct worker *looker;        /* another one, of one thread */
	struct worker *pourer;        /* and another; NULL unless to standard output */
	const struct have_from *from; /* where data may be already, beside the target */
	struct report *report;
	struct tally *tally;
	struct hook *hook; /* NULL: none */
	const struct limits *limits;
	const struct hook_origin *origin; /* the sender is the peer */
	const struct output *output;
	void *session; /* goes into requests and hooks */
};

struct treejob;

/* Whether INFO tells of an object with a role, and then what. */
bool treejob_info(const struct rx_event *ev, struct jobinfo *ret);

/* -ENOMEM. */
int treejob_new(struct treejob **ret, const struct treejob_conf *conf);
/* What is unfinished is left in its stage. Not while treejob_busy(), unless the threads have
 * ended. NULL is fine. */
void treejob_free(struct treejob *tj);

/* Whether it is an object of the job's. */
bool treejob_has(const struct treejob *tj, uint64_t object);

/* Events of rx.h, for objects with a role, and for those that treejob_has(). */
void treejob_on_object(struct treejob *tj, nsec_t now, const struct rx_event *ev);
void treejob_on_complete(struct treejob *tj, nsec_t now, uint64_t object);
void treejob_on_aborted(struct treejob *tj, nsec_t now, const struct rx_event *ev);

/* Where the bytes of an object go; NULL: nowhere. */
struct sink *treejob_sink(struct treejob *tj, uint64_t object);

/* The finisher, or looker, gave back a request: whether it was this job's. */
bool treejob_finished(struct treejob *tj, nsec_t now, struct finish *finish);
/* A hook of the session's has ended: whether it was this job's. */
bool treejob_hooked(struct treejob *tj, const struct hook_end *end);

/* Does what is due, and when to call it again. */
void treejob_tick(struct treejob *tj, nsec_t now);
nsec_t treejob_deadline(const struct treejob *tj);

/* Nothing more will come: what is not all here is left for another run; `at_once`: nor is what
 * is here verified to the end. */
void treejob_stop(struct treejob *tj, nsec_t now, const char *reason, bool at_once);

/* It came to its end, good or bad, and was reported. */
bool treejob_done(const struct treejob *tj);
/* ... before anything of it was stored, so that the rest of it is of no use. */
bool treejob_refused(const struct treejob *tj);
/* Whether something of it is in other hands and comes back. */
bool treejob_busy(const struct treejob *tj);

/* It goes to standard output, and the reader has not got all yet; that ends now. */
bool treejob_pouring(const struct treejob *tj);
void treejob_stop_pour(struct treejob *tj);

/* Object bytes that were here before. */
uint64_t treejob_held(const struct treejob *tj);

/* SHA-256 over the id and a status (doc/PROTOCOL.md, "Receipt"). 0, -ENOMEM, -EIO. */
int treejob_digest(const struct treejob *tj, uint8_t status, uint8_t ret[static SHA256_LEN]);

#endif
