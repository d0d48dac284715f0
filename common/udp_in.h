/* udp_in.h - datagrams read in large batches and handed out one by one. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_UDP_IN_H
#define COMMON_UDP_IN_H

#include "common/udp.h"

struct udp_datagram {
	const uint8_t *data; /* borrowed until the next udp_in_read() */
	size_t len;          /* 0 is a valid datagram */
	struct addr from;
	struct addr to;   /* the address in the IP header, with our port */
	unsigned ifindex; /* where it came in */
	int64_t at;       /* and when, as clock_now(), however late it was read */
};

struct udp_in_counters {
	uint64_t datagrams; /* handed out */
	uint64_t bytes;     /* of their UDP payload */
	uint64_t calls;     /* system calls that read */
	uint64_t dropped;   /* by the kernel, because our buffer was full, as far as later
			       datagrams or udp_in_waiting() told; a joined run counts once,
			       so this is a lower bound */
	uint64_t foreign;   /* refused: LISTEN, to another address or by another interface; a
			       joined run counts once */
	uint64_t damaged;   /* refused: truncated or without the data above */
};

struct udp_in;

/*
 * A reader of one socket, which must outlive it. About 1 MiB of address space with GRO, 4
 * without, of which only what datagrams fill is ever touched. -ENOMEM.
 */
int udp_in_new(struct udp_in **ret, const struct udp *u);
void udp_in_free(struct udp_in *in);

/*
 * One system call: reads what has arrived. 1: datagrams may wait, take all with udp_in_next();
 * there may be more to read. 0: nothing has arrived. Else -errno of the socket (never one about
 * an earlier packet of ours). What was not taken before is lost.
 */
int udp_in_read(struct udp_in *in);

/* The next datagram; false: taken all. */
bool udp_in_next(struct udp_in *in, struct udp_datagram *ret);

/* Bytes of the socket's buffer that what has not been read takes now; the count of drops is
 * brought up to date. 0 where the kernel does not tell. */
size_t udp_in_waiting(struct udp_in *in);

const struct udp_in_counters *udp_in_counters(const struct udp_in *in);

#endif
