/* netif.h - the network interfaces of this host, and which of them to use. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_NETIF_H
#define COMMON_NETIF_H

#include <net/if.h>

#include "common/cidr.h"

struct netif {
	char name[IF_NAMESIZE];
	unsigned index;           /* > 0 */
	unsigned flags;           /* IFF_UP, IFF_MULTICAST, ... of <net/if.h> */
	unsigned mtu;             /* bytes of IP packet */
	unsigned speed;           /* Mbit/s; 0: unknown */
	const struct cidr *addrs; /* with prefix lengths, ports 0; owned by the list */
	size_t n_addrs;
};

/* What getifaddrs() and the drivers said at one moment, in the kernel's order. */
struct netif_list {
	struct netif *ifs;
	size_t n;
	struct cidr *addrs; /* those of all interfaces */
};

/* Fills *ret, which netif_list_free() gives back. 0, -ENOMEM, or what getifaddrs() says. */
int netif_list_read(struct netif_list *ret);
/* An all-zero list is fine; leaves one. */
void netif_list_free(struct netif_list *l);

/*
 * The interface meant by `text`: its name, its index, one of its addresses, or a subnet
 * ("192.0.2.0/24") that one of its addresses is in. *ret is borrowed from the list. 0, -ENODEV
 * (none), -ENOTUNIQ (an address or subnet of several).
 */
int netif_find(const struct netif_list *l, const char *text, const struct netif **ret);
/* By index; NULL when there is none. */
const struct netif *netif_by_index(const struct netif_list *l, unsigned index);

/* The interface's first address of a family, IPv6 link-local ones last; NULL: has none. */
const struct addr *netif_addr(const struct netif *i, sa_family_t family);
/* Whether `a` is 255.255.255.255 or the broadcast address of one of the interface's subnets. */
bool netif_broadcasts(const struct netif *i, const struct addr *a);

enum netif_why {
	NETIF_NAMED, /* as the user said */
	NETIF_ONLY,  /* no other is up, can multicast and has an address of the family */
	NETIF_ROUTE, /* several are, or none; the routing table sends the group there */
	NETIF_FIRST, /* several are, and no route decides */
};

struct netif_choice {
	const struct netif *netif; /* borrowed from the list */
	enum netif_why why;
	unsigned n_candidates; /* 0 when named */
};

/*
 * The interface for a group (multicast, or a broadcast address): the one that `name` means, or,
 * when it is NULL, one chosen as enum netif_why tells; loopback only when named or when the
 * group is routed there. 0, -ENODEV (no such interface; nothing to choose from), -ENOTUNIQ,
 * -ENETDOWN (the named one is down).
 */
int netif_choose(const struct netif_list *l, const char *name, const struct addr *group,
		 struct netif_choice *ret);

/* "lo (127.0.0.1/8, ::1/128), eth0 (192.0.2.1/24)": what the user may choose from; cut at
 * `cap`. Returns buf. */
const char *netif_list_format(const struct netif_list *l, char *buf, size_t cap);

#endif
