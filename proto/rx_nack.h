/* rx_nack.h - what a receiver asks for again, shared by the files rx*.c. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_RX_NACK_H
#define PROTO_RX_NACK_H

#include "proto/request.h"
#include "proto/rx_internal.h"

/* rx_nack.c: what is missing and when to say so */
void rx_nack_trigger(struct rx *rx, nsec_t now);        /* something may be missing */
void rx_nack_heard(struct rx *rx, const struct msg *m); /* another receiver's requests */
/* Something of this block came that was asked for. */
void rx_nack_arriving(struct rx *rx, nsec_t now, uint64_t key);
int rx_nack_output(struct rx *rx, nsec_t now, uint8_t *buf, size_t cap);
/* End of the run of keys from `key` on, below `end`, of which no packet was kept. */
uint64_t rx_missing_run(const struct rx *rx, uint64_t key, uint64_t end);

/* ... and what both kinds of requests have in common */
/* New data flows, and this is not urgent. */
bool rx_waits(const struct rx *rx, uint64_t key);
/* What a block lacks was perhaps not sent yet in this catch-up pass. */
bool rx_unserved(const struct rx *rx, uint64_t key, bool late, uint32_t deficit, uint32_t k);
size_t rx_body_cap(const struct rx *rx, size_t cap);
/* The n missing source symbols with the highest numbers, by name. */
int rx_put_sources(struct request_writer *w, uint64_t key, const struct bitmap *have,
		   uint32_t k, uint32_t n);
int rx_nack_message(struct rx *rx, nsec_t now, const struct request_writer *w, uint8_t *buf,
		    size_t cap);

#endif
