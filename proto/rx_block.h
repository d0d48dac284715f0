/* rx_block.h - the receiver session's part for small blocks, shared by the files rx*.c. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_BLOCK_H
#define PROTO_RX_BLOCK_H

#include "proto/rx_internal.h"

int rx_block_room(struct rx *rx, const struct fti *fti);
bool rx_block_valid(const struct rx_object *o, const struct msg *m);
void rx_block_data(struct rx *rx, nsec_t now, struct rx_object *o, const struct msg *m);
void rx_block_drop(struct rx *rx, uint64_t number);

/* These segments were in the store all the time; symbols `run` of a block are not, after all.
 */
void rx_block_hold(struct rx *rx, struct rx_object *o, struct range s);
void rx_block_discard(struct rx *rx, struct rx_object *o, uint64_t sbn, struct range run);
/* Those that came or are in the store, and those that are in it; NULL: no such block is in
 * progress. */
const struct bitmap *rx_block_have(const struct rx *rx, uint64_t key);
const struct bitmap *rx_block_stored(const struct rx *rx, uint64_t key);

#endif
