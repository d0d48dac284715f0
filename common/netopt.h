/* netopt.h - the network options of both programs, and what they come to on this host. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_NETOPT_H
#define COMMON_NETOPT_H

#include "common/mcast.h"
#include "common/netif.h"
#include "common/opt.h"
#include "common/udp.h"

#define NETOPT_PORT 8387

/*
 * What the user gave. A program embeds it in its settings, begins with NETOPT_INIT, and puts
 *the rows below into its table:
 *
 *	struct conf { struct netopt net; ... };
 *	static const struct opt opts[] = {
 *		{ .help = "Network" },
 *		NETOPT_OPTS(struct conf, net, "hear only this sender (repeat)"),
 *		NETOPT_REACH_OPTS(struct conf, net),
 *		...
 *	};
 *	struct conf conf = { .net = NETOPT_INIT };
 */
struct netopt {
	const char *group, *interface; /* NULL: not given */
	struct opt_list sources, excludes, ranges;
	uint32_t ttl; /* NETOPT_UNSET: not given */
	int scope;    /* enum scope; -1: not given */
	bool loop;
	uint32_t dscp;
	uint64_t rcvbuf, sndbuf; /* bytes; 0: what the system gives */
};

#define NETOPT_UNSET UINT32_MAX
#define NETOPT_INIT                                                                            \
	{                                                                                      \
		.ttl = NETOPT_UNSET, .scope = -1, .loop = true                                 \
	}

extern const char *const netopt_scopes[];          /* names in enum scope's order */
extern const char *const netopt_against_exclude[]; /* --source */
extern const char *const netopt_against_scope[];   /* --ttl */

/* clang-format off */
/* Rows for a program whose settings are of type T with the struct netopt in member M. */
#define NETOPT_OPTS(T, M, SOURCE_HELP)                                                         \
	{ "group", 'g', "ADDR[:PORT]", &opt_string, offsetof(T, M.group),                      \
	  .help = "multicast group or broadcast address" },                                    \
	{ "interface", 'i', "IF", &opt_string, offsetof(T, M.interface),                       \
	  .help = "network interface: name, index, address or subnet" },                       \
	{ "source", 0, "ADDR", &opt_strings, offsetof(T, M.sources), .help = SOURCE_HELP },    \
	{ "range", 0, "CIDR", &opt_strings, offsetof(T, M.ranges),                             \
	  .help = "accept packets from these addresses only (repeat)" },                       \
	{ "dscp", 0, "N", &opt_u32, offsetof(T, M.dscp), .max = 63, .dflt = "0",               \
	  .help = "differentiated services code point" },                                      \
	{ "rcvbuf", 0, "BYTES", &opt_size, offsetof(T, M.rcvbuf), .min = 4096, .max = 1 << 29, \
	  .help = "socket buffer for what arrives" },                                          \
	{ "sndbuf", 0, "BYTES", &opt_size, offsetof(T, M.sndbuf), .min = 4096, .max = 1 << 29, \
	  .help = "socket buffer for what leaves" }

/* For a program that listens to several senders. */
#define NETOPT_EXCLUDE_OPT(T, M)                                                               \
	{ "exclude", 0, "ADDR", &opt_strings, offsetof(T, M.excludes),                         \
	  .help = "refuse packets from this address (repeat)",                                 \
	  .against = netopt_against_exclude }

/* Rows for a program that sends to the group. */
#define NETOPT_REACH_OPTS(T, M)                                                                \
	{ "ttl", 0, "N", &opt_u32, offsetof(T, M.ttl), .max = 255,                             \
	  .help = "how many routers may pass a packet on, and one more [1]",                   \
	  .against = netopt_against_scope },                                                   \
	{ "scope", 0, "SCOPE", &opt_enum, offsetof(T, M.scope), .choices = netopt_scopes,      \
	  .help = "the TTL by name: host, link, site, organization, global" },                 \
	{ "loop", 0, NULL, &opt_flag, offsetof(T, M.loop), .negatable = true, .dflt = "yes",   \
	  .help = "receivers on this host hear it, too" }
/* clang-format on */

enum netopt_role {
	NETOPT_SENDER,   /* --source is this host: `self`, or one of its addresses */
	NETOPT_RECEIVER, /* --source is who may send */
};

#define NETOPT_TEXT 512

/* What the options come to. A value; nothing in it is borrowed. */
struct netplan {
	struct addr group; /* with its port; IPv6 groups of link scope with their zone */
	bool broadcast;    /* the group is a broadcast address */
	char ifname[IF_NAMESIZE];
	unsigned ifindex;
	unsigned mtu, speed; /* of the interface: bytes; Mbit/s, 0: unknown */
	struct addr local;   /* the interface's address of the group's family */
	int ttl, dscp;
	bool loop;
	int rcvbuf, sndbuf;
	struct addr sources[OPT_LIST_MAX], excludes[OPT_LIST_MAX];
	struct cidr ranges[OPT_LIST_MAX];
	unsigned n_sources, n_excludes, n_ranges;
	char note[NETOPT_TEXT];    /* for the user: which interface was taken of several, and
				      why; "": nothing to say */
	char warning[NETOPT_TEXT]; /* a TTL that contradicts the group's scope; "" */
};

/*
 * Reads the values, chooses family, group and interface. 0, or, and then `error` is one line
 * that says what to do: -EINVAL, the user's mistake (exit status 1: a bad address, no such
 * interface, a group of another family than its interface, ...), or another -errno, this host's
 * state (exit status 2: no interface that can multicast, the named one is down, ...).
 */
int netopt_resolve(const struct netopt *o, enum netopt_role role, struct netplan *ret,
		   char error[static NETOPT_TEXT]);

/* Whether a packet from there is welcome: --range and --exclude. */
bool netplan_accepts(const struct netplan *p, const struct addr *from);

/*
 * Opens a socket as the plan says, and joins the group with a listening one (not for
 * broadcast). 0, or -errno and `error`, one line that says what to do.
 */
int netplan_open(const struct netplan *p, enum udp_role role, struct udp *ret,
		 char error[static NETOPT_TEXT]);

/* Writes what to do about an error of sending or joining, with the commands that show it;
 * returns `text`. */
const char *netplan_explain(const struct netplan *p, int r, char text[static NETOPT_TEXT]);

/* Whether the kernel gave less buffer than was asked for, and then a sentence with the setting
 * to change. */
bool netplan_clamped(const struct udp *u, char text[static NETOPT_TEXT]);

#endif
