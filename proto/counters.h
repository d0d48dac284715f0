/* counters.h - what the sessions count; they never log. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_COUNTERS_H
#define PROTO_COUNTERS_H

#include <stdint.h>

struct tx_counters {
	uint64_t packets, bytes;        /* messages sent, NORM bytes (no UDP/IP header) */
	uint64_t source, parity, again; /* DATA: first time, parity, source symbols again */
	uint64_t info, cmds;
	uint64_t nacks, acks, announces, receipts, reports; /* heard */
	uint64_t rate_changes;       /* with tx_conf.rate_auto, rate_cc */
	uint64_t malformed, foreign; /* dropped: bad bytes, another session's */
	uint64_t refused; /* requests that made no sense, or did not fit; receivers too many */
};

struct rx_counters {
	uint64_t packets, bytes;
	uint64_t source, parity, duplicate; /* DATA symbols that helped, or did not */
	uint64_t recovered;                 /* source symbols from decoding */
	uint64_t no_room,
		not_wanted; /* DATA dropped: memory bound, unknown or finished object */
	uint64_t missed;    /* by sequence number */
	uint64_t malformed, foreign;
	uint64_t nacks, acks, suppressed; /* sent; NACK cycles that stayed silent */
};

#endif
