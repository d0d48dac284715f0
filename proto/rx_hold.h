/* rx_hold.h - what of an object lies in the store, shared by the files rx*.c. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_HOLD_H
#define PROTO_RX_HOLD_H

#include "proto/rx_internal.h"

/* Which of the segments `s` block sbn has, counted from the block's first. */
struct range rx_part_of_block(const struct layout *l, uint64_t sbn, struct range s);
/* Some symbols of this block are held. */
bool rx_holds(const struct rx_object *o, uint64_t sbn);
bool rx_holds_symbol(const struct rx_object *o, const struct fpi *fpi);
/* The block's next run of held symbols from run->end on; begin with { 0 }. False: none. */
bool rx_held_run(const struct rx_object *o, uint64_t sbn, struct range *run);
/* A block has its first packet: whether that was a repair. */
bool rx_block_opened(struct rx *rx, const struct rx_object *o, const struct msg *m);
/* From now on those of the bitmap are held, too. */
void rx_hold_bitmap(struct rx_object *o, uint64_t sbn, const struct bitmap *stored);
/* The first segment of those from `at` on that is held; n_segments: none. */
uint64_t rx_next_held(const struct rx_object *o, uint64_t at);
/* The first symbol of a block from `i` on that is lacking, or is not; k: none. */
uint32_t rx_next_lacking(const struct rx *rx, const struct rx_object *o, uint64_t key,
			 uint32_t i, bool lacking);
/* Symbols of this block are held, and the others were not asked for yet. */
bool rx_to_be_named(const struct rx *rx, const struct rx_object *o, uint64_t key);
/* Bytes of segments first .. end-1 that are neither held nor in a finished block. */
uint64_t rx_lacking_bytes(const struct rx *rx, const struct rx_object *o, uint64_t first,
			  uint64_t end);

#endif
