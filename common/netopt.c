/* netopt.c - the network options of both programs, and what they come to on this host. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/netopt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/scope.h"

const char *const netopt_scopes[] = { "host", "link", "site", "organization", "global", NULL };
const char *const netopt_against_exclude[] = { "source", NULL };
const char *const netopt_against_scope[] = { "scope", NULL };

/* The group when none is given: any-source and source-specific. */
static const char *const default_groups[2][2] = {
	{ "239.255.83.87", "232.83.87.1" },
	{ "ff15::8387", "ff3e::8387" },
};

/* One resolution under way. */
struct resolve {
	const struct netopt *o;
	enum netopt_role role;
	struct netif_list list;
	struct netplan p;
	char *error;
};

__attribute__((format(printf, 3, 4))) static int fail(struct resolve *rs, int r,
						      const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	vsnprintf(rs->error, NETOPT_TEXT, form, ap);
	va_end(ap);
	return r;
}

/* --- family and group --- */

/* Of an address, a range, or AF_UNSPEC for a name or an index. */
static sa_family_t text_family(const char *text)
{
	struct cidr c;

	return text && cidr_parse(&c, text) == 0 ? addr_family(&c.net) : AF_UNSPEC;
}

/* A named interface that has addresses of one family only decides, too. */
static sa_family_t interface_family(const struct resolve *rs)
{
	sa_family_t family = text_family(rs->o->interface);
	const struct netif *i;

	if (family != AF_UNSPEC || !rs->o->interface ||
	    netif_find(&rs->list, rs->o->interface, &i) < 0)
		return family;
	return !netif_addr(i, AF_INET) && netif_addr(i, AF_INET6) ? AF_INET6 : AF_UNSPEC;
}

static sa_family_t choose_family(const struct resolve *rs)
{
	sa_family_t family = interface_family(rs);

	if (family == AF_UNSPEC && rs->o->sources.n)
		family = text_family(rs->o->sources.items[0]);
	return family == AF_UNSPEC ? AF_INET : family;
}

static bool some_interface_broadcasts(const struct resolve *rs)
{
	for (size_t i = 0; i < rs->list.n; i++)
		if (netif_broadcasts(&rs->list.ifs[i], &rs->p.group))
			return true;
	return false;
}

static int choose_group(struct resolve *rs)
{
	const char *text = rs->o->group;
	bool v6;

	if (!text) {
		v6 = choose_family(rs) == AF_INET6;
		return addr_parse(&rs->p.group, default_groups[v6][rs->o->sources.n > 0],
				  NETOPT_PORT);
	}
	if (addr_parse(&rs->p.group, text, NETOPT_PORT) < 0)
		return fail(rs, -EINVAL,
			    "--group %s: not an address; give ADDR or ADDR:PORT, an IPv6 "
			    "address with a port in brackets: [ff15::8387]:8387",
			    text);
	if (addr_is_multicast(&rs->p.group) || some_interface_broadcasts(rs))
		return 0;
	return fail(rs, -EINVAL,
		    "--group %s: neither a multicast group (224.0.0.0 to 239.255.255.255, "
		    "ff00::/8) nor a broadcast address of this host; try %s",
		    text, default_groups[addr_family(&rs->p.group) == AF_INET6][0]);
}

/* --- the interface --- */

static const char *family_name(const struct resolve *rs)
{
	return addr_family(&rs->p.group) == AF_INET6 ? "IPv6" : "IPv4";
}

static int no_interface(struct resolve *rs, int r)
{
	const char *name = rs->o->interface;
	char list[NETOPT_TEXT - 128];

	netif_list_format(&rs->list, list, sizeof(list));
	if (name && r == -ENETDOWN)
		return fail(rs, r, "--interface %s: is down; try `ip link set %s up`", name,
			    name);
	if (name)
		return fail(rs, -EINVAL, "--interface %s: %s; there are: %s", name,
			    r == -ENOTUNIQ ? "several have this address" : "no such interface",
			    list);
	return fail(rs, r,
		    "no interface is up, can multicast and has an %s address: see `ip -br "
		    "addr`, or name one with --interface (lo: this host only); there are: %s",
		    family_name(rs), list[0] ? list : "none");
}

static void note_choice(struct resolve *rs, const struct netif_choice *c)
{
	char addr[ADDR_TEXT];

	if (c->n_candidates > 1)
		snprintf(rs->p.note, sizeof(rs->p.note),
			 "using %s (%s), %s of %u interfaces; --interface takes another",
			 rs->p.ifname, addr_format_host(&rs->p.local, addr),
			 c->why == NETIF_ROUTE ? "where the group is routed," : "the first",
			 c->n_candidates);
}

static int choose_interface(struct resolve *rs)
{
	struct netplan *p = &rs->p;
	struct netif_choice c;
	const struct addr *local;
	int r = netif_choose(&rs->list, rs->o->interface, &p->group, &c);

	if (r < 0)
		return no_interface(rs, r);
	memcpy(p->ifname, c.netif->name, sizeof(p->ifname));
	p->ifindex = c.netif->index;
	p->mtu = c.netif->mtu;
	p->speed = c.netif->speed;
	p->broadcast = !addr_is_multicast(&p->group);
	if (p->broadcast && !netif_broadcasts(c.netif, &p->group))
		return fail(
			rs, -EINVAL,
			"--group %s: not a broadcast address of %s: see `ip -br addr show %s`",
			rs->o->group, p->ifname, p->ifname);
	local = netif_addr(c.netif, addr_family(&p->group));
	if (!local)
		return fail(rs, -EADDRNOTAVAIL,
			    "%s has no %s address: see `ip -br addr show %s`, and add one or "
			    "take a group of the other family",
			    p->ifname, family_name(rs), p->ifname);
	p->local = *local;
	if (addr_family(&p->group) == AF_INET6 && scope_of(&p->group) <= SCOPE_LINK)
		p->group.in6.sin6_scope_id = p->ifindex;
	note_choice(rs, &c);
	return 0;
}

/* --- lists of addresses --- */

static int read_addrs(struct resolve *rs, const char *option, const struct opt_list *list,
		      struct addr *ret)
{
	for (unsigned i = 0; i < list->n; i++) {
		const char *text = list->items[i];

		if (addr_parse(&ret[i], text, 0) < 0 || addr_port(&ret[i]) ||
		    addr_is_multicast(&ret[i]))
			return fail(rs, -EINVAL,
				    "--%s %s: not the address of a host; give one such as "
				    "192.0.2.1 or 2001:db8::1",
				    option, text);
		if (addr_family(&ret[i]) != addr_family(&rs->p.group))
			return fail(rs, -EINVAL, "--%s %s: the group is an %s group", option,
				    text, family_name(rs));
	}
	return 0;
}

/* A sender's only source is this host: as `self`, or by an address of the interface. */
static int read_own_source(struct resolve *rs)
{
	struct opt_list list = { .n = 0 };
	char local[ADDR_TEXT];
	struct addr a;
	int r;

	for (unsigned i = 0; i < rs->o->sources.n; i++) {
		list.items[0] = rs->o->sources.items[i];
		list.n = strcmp(list.items[0], "self") != 0;
		r = read_addrs(rs, "source", &list, &a);
		if (r < 0)
			return r;
		if (list.n && !addr_same_host(&a, &rs->p.local))
			return fail(rs, -EINVAL,
				    "--source %s: we would send from %s (%s); give self",
				    list.items[0], addr_format_host(&rs->p.local, local),
				    rs->p.ifname);
	}
	if (rs->o->sources.n)
		rs->p.sources[rs->p.n_sources++] = rs->p.local;
	return 0;
}

static int read_sources(struct resolve *rs)
{
	int r;

	if (rs->role == NETOPT_SENDER)
		return read_own_source(rs);
	r = read_addrs(rs, "source", &rs->o->sources, rs->p.sources);
	if (r < 0)
		return r;
	rs->p.n_sources = rs->o->sources.n;
	if (addr_is_ssm(&rs->p.group) && !rs->p.n_sources)
		return fail(rs, -EINVAL,
			    "--group %s: a source-specific group; name the sender with "
			    "--source ADDR",
			    rs->o->group);
	return 0;
}

static int read_ranges(struct resolve *rs)
{
	const struct opt_list *list = &rs->o->ranges;

	for (unsigned i = 0; i < list->n; i++) {
		if (cidr_parse(&rs->p.ranges[i], list->items[i]) < 0)
			return fail(rs, -EINVAL,
				    "--range %s: not a range of addresses; give one such as "
				    "192.0.2.0/24 or 2001:db8::/32",
				    list->items[i]);
		if (addr_family(&rs->p.ranges[i].net) != addr_family(&rs->p.group))
			return fail(rs, -EINVAL, "--range %s: the group is an %s group",
				    list->items[i], family_name(rs));
	}
	rs->p.n_ranges = list->n;
	return 0;
}

static int read_lists(struct resolve *rs)
{
	int r = read_sources(rs);

	if (r == 0)
		r = read_addrs(rs, "exclude", &rs->o->excludes, rs->p.excludes);
	if (r == 0)
		rs->p.n_excludes = rs->o->excludes.n;
	return r < 0 ? r : read_ranges(rs);
}

/* --- the rest --- */

static void choose_reach(struct resolve *rs)
{
	struct netplan *p = &rs->p;

	p->ttl = 1;
	if (rs->o->scope >= 0)
		p->ttl = scope_ttl((enum scope)rs->o->scope);
	else if (rs->o->ttl != NETOPT_UNSET)
		p->ttl = (int)rs->o->ttl;
	mcast_ttl_exceeds_scope(&p->group, p->ttl, p->warning, sizeof(p->warning));
	p->loop = rs->o->loop;
	p->dscp = (int)rs->o->dscp;
	p->rcvbuf = (int)rs->o->rcvbuf;
	p->sndbuf = (int)rs->o->sndbuf;
}

int netopt_resolve(const struct netopt *o, enum netopt_role role, struct netplan *ret,
		   char error[static NETOPT_TEXT])
{
	struct resolve rs = { .o = o, .role = role, .error = error };
	int r = netif_list_read(&rs.list);

	if (r < 0)
		return fail(&rs, r, "cannot list the network interfaces: %s", strerror(-r));
	r = choose_group(&rs);
	if (r == 0)
		r = choose_interface(&rs);
	if (r == 0)
		r = read_lists(&rs);
	if (r == 0) {
		choose_reach(&rs);
		*ret = rs.p;
	}
	netif_list_free(&rs.list);
	return r;
}

bool netplan_accepts(const struct netplan *p, const struct addr *from)
{
	for (unsigned i = 0; i < p->n_excludes; i++)
		if (addr_same_host(&p->excludes[i], from))
			return false;
	return cidr_allows(p->ranges, p->n_ranges, from);
}

/*
 * A multicast router that is a Linux kernel drops segmented packets (ip_mr.c compares their
 * whole length with the MTU), and those cross veth and virtio as they are. So what may meet a
 * router leaves packet by packet: slower, some Gbit/s at most, but it arrives.
 */
static bool may_be_routed(const struct netplan *p)
{
	return p->ttl > 1;
}

static struct udp_conf udp_conf_of(const struct netplan *p, enum udp_role role)
{
	return (struct udp_conf){
		.role = role,
		.group = p->group,
		.ifindex = p->ifindex,
		.local = p->local,
		.broadcast = p->broadcast,
		.no_loop = !p->loop,
		.plain = role == UDP_SEND && may_be_routed(p),
		.ttl = p->ttl,
		.dscp = p->dscp,
		.rcvbuf = p->rcvbuf,
		.sndbuf = p->sndbuf,
	};
}

static int join(const struct netplan *p, int fd)
{
	struct mcast_membership m = {
		.group = p->group,
		.ifindex = p->ifindex,
		.sources = p->sources,
		.n_sources = p->n_sources,
		.blocked = p->excludes,
		.n_blocked = p->n_excludes,
	};

	return mcast_join(fd, &m);
}

static void explain_port(const struct netplan *p, char text[static NETOPT_TEXT])
{
	char host[ADDR_TEXT];

	snprintf(text, NETOPT_TEXT,
		 "port %u is for root only: %s; take another with --group %s:PORT, or see "
		 "`sysctl net.ipv4.ip_unprivileged_port_start`",
		 addr_port(&p->group), strerror(EACCES), addr_format_host(&p->group, host));
}

int netplan_open(const struct netplan *p, enum udp_role role, struct udp *ret,
		 char error[static NETOPT_TEXT])
{
	struct udp_conf c = udp_conf_of(p, role);
	struct udp u;
	int r = udp_open(&u, &c);

	if (r == 0 && role == UDP_LISTEN && !p->broadcast) {
		r = join(p, u.fd);
		if (r < 0)
			udp_close(&u);
	}
	if (r == -EACCES && role == UDP_LISTEN)
		explain_port(p, error);
	else if (r < 0)
		netplan_explain(p, r, error);
	else
		*ret = u;
	return r;
}

const char *netplan_explain(const struct netplan *p, int r, char text[static NETOPT_TEXT])
{
	char group[ADDR_TEXT], host[ADDR_TEXT];
	const char *v6 = addr_family(&p->group) == AF_INET6 ? "-6 " : "";

	addr_format(&p->group, group);
	addr_format_host(&p->group, host);
	switch (r) {
	case -EADDRINUSE:
		snprintf(text, NETOPT_TEXT,
			 "port %u is in use by a program that does not share it: see `ss "
			 "-lunp 'sport = :%u'`, or take another with --group %s:PORT",
			 addr_port(&p->group), addr_port(&p->group), host);
		break;
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EADDRNOTAVAIL:
		snprintf(text, NETOPT_TEXT,
			 "%s is down, or there is no route to %s by it: see `ip -br addr show "
			 "%s` and `ip %sroute get %s oif %s`; try `ip %sroute add %s dev %s`, "
			 "or --interface",
			 p->ifname, host, p->ifname, v6, host, p->ifname, v6,
			 v6[0] ? "ff00::/8 table local" : "224.0.0.0/4", p->ifname);
		break;
	case -ENODEV:
	case -ENXIO:
	case -ENETDOWN:
		snprintf(text, NETOPT_TEXT,
			 "%s is down or gone: see `ip -br addr` and `ip link show %s`",
			 p->ifname, p->ifname);
		break;
	case -EMSGSIZE:
		snprintf(text, NETOPT_TEXT,
			 "packets are too large for %s (MTU %u): see `ip link show %s`; try "
			 "a smaller --segment",
			 p->ifname, p->mtu, p->ifname);
		break;
	case -EPERM:
	case -EACCES:
		snprintf(text, NETOPT_TEXT,
			 "sending to %s by %s is refused (%s) by a firewall, a sandbox or for "
			 "lack of rights: see `nft list ruleset`",
			 group, p->ifname, strerror(-r));
		break;
	case -ENOBUFS:
		snprintf(text, NETOPT_TEXT,
			 "too many sources or groups: see `sysctl net.ipv4.igmp_max_msf "
			 "net.ipv4.igmp_max_memberships net.ipv6.mld_max_msf`");
		break;
	default:
		snprintf(text, NETOPT_TEXT, "%s by %s: %s", group, p->ifname, strerror(-r));
	}
	return text;
}

bool netplan_clamped(const struct udp *u, char text[static NETOPT_TEXT])
{
	const struct udp_buffer *b = udp_buffer_clamped(&u->rcvbuf) ? &u->rcvbuf : &u->sndbuf;

	if (!udp_buffer_clamped(b))
		return false;
	snprintf(text, NETOPT_TEXT, "%s %d: the kernel gave %d bytes; try `sysctl -w %s=%d`",
		 b == &u->rcvbuf ? "--rcvbuf" : "--sndbuf", b->wanted, b->got, b->sysctl,
		 b->wanted);
	return true;
}
