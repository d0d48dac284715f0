/* udp_path.h - what the files of udp share; nobody else includes it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_UDP_PATH_H
#define COMMON_UDP_PATH_H

#include <sys/uio.h>

#include "common/udp_out.h"

/* A queued packet; its scatter list is two entries of an array that runs beside: see udp_run.
 */
struct udp_slot {
	struct addr to;
	size_t len; /* header and payload */
	uint8_t hdr[UDP_HDR_MAX];
};

/* Packets in order: slot[i] with the bytes in iov[2 * i] and iov[2 * i + 1]. */
struct udp_run {
	const struct udp_slot *slot;
	struct iovec *iov;
	unsigned n; /* > 0 */
};

/*
 * The two ways out: one system call that takes as many packets from the start of the run as it
 * can. How many, >= 1, or -errno of the first packet. The plain one sends packet by packet, the
 * other joins neighbours of equal size and destination.
 */
int udp_plain_send(int fd, const struct udp_run *run);
int udp_gso_send(int fd, const struct udp_run *run);
/* Whether an errno (negative) of udp_gso_send() may mean that segmentation itself is refused.
 */
bool udp_gso_refused(int error);

/* Ask for joined datagrams; whether the kernel will. */
bool udp_gro_enable(int fd);
/* Whether the kernel knows segmentation at all. */
bool udp_gso_known(int fd);

/*
 * Whether an errno (negative) may tell of an earlier packet: with IP_RECVERR an ICMP message
 * fails the next call, whichever it is. If so (0: in any case), takes all such reports off the
 * socket, which else stays "ready": the call may be tried again, once.
 */
bool udp_take_report(int fd, int error);

#endif
