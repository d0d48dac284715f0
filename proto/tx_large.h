/* tx_large.h - the sender session's part for large blocks, shared by the files tx*.c. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_TX_LARGE_H
#define PROTO_TX_LARGE_H

#include "proto/tx_internal.h"

void tx_large_prefetch(struct tx *tx, const struct tx_object *o);
int tx_large_new_output(struct tx *tx, nsec_t now, struct tx_object *o, struct tx_packet *ret);
int tx_large_repair_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
void tx_large_learn(struct tx *tx, nsec_t now);
int tx_poll_output(struct tx *tx, nsec_t now, struct tx_packet *ret);
/* A SEGMENT request. True: something is owed now. */
bool tx_large_request(struct tx *tx, nsec_t now, const struct tx_object *o,
		      const struct request *req);
/* False: no room. */
bool tx_large_again(struct tx *tx, const struct tx_object *o, uint64_t sbn);
void tx_large_want_blocks(struct tx *tx, nsec_t now, uint64_t begin, uint64_t end);
uint32_t tx_large_pending(const struct tx *tx); /* how many blocks owe something */
void tx_large_forget(struct tx *tx, uint64_t object);
bool tx_large_work(struct tx *tx, struct work *ret);
/* False: not ours. */
bool tx_large_work_done(struct tx *tx, nsec_t now, const struct work *w, int result);

#endif
