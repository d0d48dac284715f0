/* udp_out.h - a queue of datagrams that leave in as few system calls as the kernel allows. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_UDP_OUT_H
#define COMMON_UDP_OUT_H

#include "common/udp.h"

#define UDP_HDR_MAX 96 /* bytes of header that the queue copies for each packet */

/* One datagram to send: `hdr_len` bytes, then `payload_len`; what the path takes together. */
struct udp_packet {
	const struct addr *to; /* copied */
	const void *hdr;       /* copied */
	size_t hdr_len;        /* <= UDP_HDR_MAX */
	const void *payload;   /* borrowed until udp_out_flush() or _clear() has taken it */
	size_t payload_len;
};

struct udp_out_counters {
	uint64_t packets; /* that the kernel took */
	uint64_t bytes;   /* of their UDP payload */
	uint64_t calls;   /* system calls that sent */
	uint64_t full;    /* -ENOBUFS: the device's queue had no room */
	uint64_t refused; /* -EPERM: packets that this host's firewall dropped */
};

struct udp_out;

/* A queue of up to `cap` packets, 1..4096; 45 of 1400 bytes fill a segmented packet. -EINVAL,
 * -ENOMEM. */
int udp_out_new(struct udp_out **ret, unsigned cap);
void udp_out_free(struct udp_out *o);

/* Packets waiting. */
unsigned udp_out_len(const struct udp_out *o);

/*
 * Queues a packet. Neighbours with the same destination and the same size (the last may be
 * shorter) leave as one segmented packet of up to 64 datagrams. 0, -ENOSPC (no room: flush
 * first), -EMSGSIZE (hdr_len).
 */
int udp_out_add(struct udp_out *o, const struct udp_packet *p);

/*
 * Sends what waits, in order, until all is gone or the kernel takes no more. Returns how many
 * packets left the queue (0 when it was empty); the rest stays, payloads still borrowed, and
 * the next call goes on with it. When not even the first could leave:
 *
 * - -EAGAIN: the socket's buffer is full; flush again when the socket is writable.
 * - -ENOBUFS: the device's queue is full; flush again after a millisecond or so.
 * - Others: this packet can not be sent. -EMSGSIZE (larger than the MTU), -ENETUNREACH (no
 *   route), ...: give up, or udp_out_clear().
 *
 * A packet that the host's firewall drops leaves the queue, too, and is `refused`: loss. When
 * the kernel or device can not segment, sending is plain from then on (u->gso).
 */
int udp_out_flush(struct udp_out *o, struct udp *u);
/* Forgets what waits: for receivers this is loss. */
void udp_out_clear(struct udp_out *o);

const struct udp_out_counters *udp_out_counters(const struct udp_out *o);

#endif
