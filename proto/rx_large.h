/* rx_large.h - the receiver session's part for large blocks, shared by the files rx*.c. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_LARGE_H
#define PROTO_RX_LARGE_H

#include "proto/poll.h"
#include "proto/rx_internal.h"

/* rx_large.c: data in, work out */
bool rx_large_fti(uint8_t fec_id, const struct fti *fti); /* is it one? */
bool rx_large_supported(const struct fti *fti);
int rx_large_room(struct rx *rx, const struct fti *fti);
bool rx_large_valid(const struct rx_object *o, const struct msg *m);
void rx_large_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m);
void rx_large_drop(struct rx *rx, uint64_t number);
/* These segments were in the store all the time; symbols `run` of a block are not, after all.
 */
void rx_large_hold(struct rx *rx, nsec_t now, struct rx_object *o, struct range s);
void rx_large_discard(struct rx *rx, struct rx_object *o, uint64_t sbn, struct range run);
/* Those that came or are in the store, and those that are in it; NULL: no such block is in
 * progress. */
const struct bitmap *rx_large_have(const struct rx *rx, uint64_t key);
const struct bitmap *rx_large_stored(const struct rx *rx, uint64_t key);
bool rx_large_work(struct rx *rx, struct work *ret);
/* Whether it is ours. */
bool rx_large_work_done(struct rx *rx, nsec_t now, const struct work *w, int result);

/* rx_large_nack.c: their timers and requests */
void rx_large_heard(struct rx *rx, nsec_t now, struct rxlarge *b, const struct msg *m);
void rx_large_polled(struct rx *rx, nsec_t now, const struct rx_object *o,
		     const struct poll *p);
void rx_large_trigger(struct rx *rx, nsec_t now);             /* the position may have moved */
void rx_large_named(struct rx *rx, nsec_t now, uint64_t key); /* it was asked for by name */
void rx_large_quiet(struct rx *rx, struct rxlarge *b);        /* it lacks nothing any more */
void rx_large_hasten(struct rx *rx, nsec_t now, double part); /* GRTT fell to this part */
int rx_large_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap);
nsec_t rx_large_deadline(const struct rx *rx);

#endif
