/* udp.h - the sockets of a session: one listens to the group, one sends, one answers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_UDP_H
#define COMMON_UDP_H

#include "common/addr.h"

enum udp_role {
	/*
	 * A receiver's ear: bound to the group's address and port (to the wildcard address for
	 * a broadcast one), shared with other processes (SO_REUSEADDR), not yet a member:
	 * mcast_join(). Datagrams to another address or by another interface are refused.
	 */
	UDP_LISTEN,
	/* A sender's: an ephemeral port, multicast out unfragmented, unicast feedback in. */
	UDP_SEND,
	/* A receiver's feedback: an ephemeral port; multicast leaves through the interface,
	   unicast by the routing table. */
	UDP_ANSWER,
};

struct udp_conf {
	enum udp_role role;
	struct addr group; /* multicast or broadcast, with the session's port (not 0) */
	unsigned ifindex;  /* of the interface to use; 0: the routing table's choice */
	struct addr local; /* SEND: what IPv4 multicast comes from; none: the kernel's choice */
	bool broadcast;    /* the group is a broadcast address: netif_broadcasts() */
	bool no_loop;      /* SEND, ANSWER: members on this host shall not hear us */
	bool plain;        /* neither GSO nor GRO: what an old kernel does */
	int ttl;           /* SEND, ANSWER: of multicast, 0..255; mcast_ttl_exceeds_scope() */
	int dscp;          /* SEND, ANSWER: 0..63 */
	int rcvbuf;        /* bytes of socket buffer; 0: what the system gives */
	int sndbuf;
};

/* What was asked for and what the kernel gave: it clamps silently. Bytes. */
struct udp_buffer {
	int wanted; /* 0: nothing in particular */
	int got;
	const char *sysctl; /* the setting that clamps; a string constant */
};

struct udp {
	int fd; /* non-blocking, close-on-exec; -1: closed */
	enum udp_role role;
	struct addr group; /* LISTEN: the only destination to accept */
	unsigned ifindex;  /* LISTEN: the only interface to accept; 0: any */
	struct addr local; /* as bound, with the port the kernel chose */
	struct udp_buffer rcvbuf, sndbuf;
	bool gso; /* runs leave as one segmented packet; udp_out_flush() clears it when a
		     device or kernel refuses */
	bool gro; /* runs arrive joined */
};

/*
 * Opens a socket; udp_close() gives it back. 0, or what the kernel said, and nothing is open:
 * -EINVAL (ttl, dscp, a buffer < 0, port 0, no group), -EADDRINUSE (the port belongs to a
 * program that does not share), -ENODEV (ifindex), -EAFNOSUPPORT (no IPv6 here), -EMFILE, ...
 *
 * Buffers: with the right to (CAP_NET_ADMIN) over the system's limit, else clamped to it, which
 * is no error: udp_buffer_clamped().
 */
int udp_open(struct udp *ret, const struct udp_conf *conf);
/* Closes; fine when closed. A zeroed struct is not: its fd is 0. */
void udp_close(struct udp *u);

/* Whether less was given than was asked for. */
bool udp_buffer_clamped(const struct udp_buffer *b);

/*
 * Sends one datagram. 0; -EAGAIN (the socket's buffer is full: wait until writable), -ENOBUFS
 * (the device's queue is full: wait a little), -EMSGSIZE (larger than the path takes), -EPERM
 * (a firewall), -ENETUNREACH (no route), ... Errors that an earlier datagram caused are not
 * reported.
 */
int udp_send(const struct udp *u, const struct addr *to, const void *pkt, size_t len);

#endif
