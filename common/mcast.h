/* mcast.h - group membership and the way out of multicast packets, as socket options. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_MCAST_H
#define COMMON_MCAST_H

#include "common/addr.h"

/*
 * What a socket wants to hear on one interface: everybody (any-source), everybody but
 * `blocked`, or nobody but `sources` (RFC 3678; on the wire IGMPv3 and MLDv2 source lists).
 * Ports are of no meaning. The lists are borrowed for the call.
 */
struct mcast_membership {
	struct addr group;
	unsigned ifindex; /* 0: the kernel's choice */
	const struct addr *sources;
	size_t n_sources; /* > 0 for a group of the SSM range */
	const struct addr *blocked;
	size_t n_blocked; /* 0 when there are sources */
};

/*
 * Joins, once for a group and socket, until that is closed. 0; else the socket is not in the
 * group:
 *
 * - -EINVAL: not a multicast group; both lists; a list entry of another family or multicast.
 * - -EDESTADDRREQ: an SSM group without sources.
 * - -EADDRINUSE: the socket is in the group already; a source is listed twice.
 * - -ENOBUFS: more sources than net.ipv4.igmp_max_msf (10) or net.ipv6.mld_max_msf (64), more
 *   groups than net.ipv4.igmp_max_memberships (20).
 * - -ENODEV: no such interface, or no route to the group when ifindex is 0.
 */
int mcast_join(int fd, const struct mcast_membership *m);

/* Hears only what this socket joined, not what others on this host did (IP_MULTICAST_ALL=0). */
int mcast_own_only(int fd, sa_family_t family);
/* Multicast leaves through this interface; -ENODEV. 0 goes back to the routing table. With IPv4
 * it comes from `local`; NULL or none: from an address that the kernel chooses. */
int mcast_set_interface(int fd, sa_family_t family, unsigned ifindex, const struct addr *local);
/* TTL or hop limit of multicast packets: 0 (this host) .. 255; -EINVAL. */
int mcast_set_ttl(int fd, sa_family_t family, int ttl);
/* Whether members on this host hear what the socket sends. */
int mcast_set_loop(int fd, sa_family_t family, bool on);

/*
 * Whether a TTL reaches beyond the group's scope, and then a sentence about it for the user,
 * cut at `cap`: "TTL 64 reaches beyond 239.255.83.87, a group of site scope (TTL up to 31)".
 */
bool mcast_ttl_exceeds_scope(const struct addr *group, int ttl, char *ret_text, size_t cap);

#endif
