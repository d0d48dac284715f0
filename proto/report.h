/* report.h - REPORT: how the sender's messages fare on their way (doc/PROTOCOL.md, "REPORT").
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROTO_REPORT_H
#define PROTO_REPORT_H

#include "proto/types.h"

/*
 * Content of ACK type ACK_REPORT. Counters run from the beginning of the session, those of 32
 * bits modulo 2^32; heard, missed and bytes as they were when the PROBE came.
 */
struct rx_report {
	bool objection;    /* unasked: the receiver cannot keep up */
	bool lossy;        /* unasked: much was lost on the way; all counters are of now */
	uint16_t sequence; /* of the PROBE heard last */
	uint32_t time_us;  /* the receiver's clock when it came; unasked: now */
	uint32_t heard;    /* messages of the sender */
	uint32_t missed;   /* messages lost, by their sequence numbers */
	uint32_t dropped;  /* datagrams that its socket had no room for */
	uint32_t backlog;  /* KiB that arrived and were not read or stored yet */
	uint64_t bytes;    /* of all messages heard */
	uint64_t complete; /* object bytes complete */
};

#define REPORT_LEN 40

/* The length, or -ENOSPC. */
int report_encode(const struct rx_report *rp, uint8_t *buf, size_t cap);
/* -EPROTONOSUPPORT: another version. -EBADMSG. */
int report_decode(struct rx_report *ret, const uint8_t *buf, size_t len);

#endif
