/* netif.c - the network interfaces of this host, and which of them to use. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/netif.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/route.h"

/* Not /sys/class/net/X/speed: that shows the namespace where /sys was mounted, not ours. */
static unsigned read_speed(int fd, const char *name)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ifreq req = { .ifr_data = (void *)&cmd };
	uint32_t speed;

	memcpy(req.ifr_name, name, IF_NAMESIZE);
	if (ioctl(fd, SIOCETHTOOL, &req) < 0)
		return 0;
	speed = ethtool_cmd_speed(&cmd);
	return speed > INT32_MAX ? 0 : speed; /* SPEED_UNKNOWN is -1 */
}

static unsigned read_mtu(int fd, const char *name)
{
	struct ifreq req = { 0 };

	memcpy(req.ifr_name, name, IF_NAMESIZE);
	return ioctl(fd, SIOCGIFMTU, &req) < 0 ? 0 : (unsigned)req.ifr_mtu;
}

static unsigned mask_bits(const struct sockaddr *mask)
{
	struct addr m = { 0 };
	const uint8_t *b;
	unsigned bits = 0;
	size_t n;

	if (!mask)
		return 0;
	memcpy(&m, mask, mask->sa_family == AF_INET ? sizeof(m.in) : sizeof(m.in6));
	b = addr_bytes(&m, &n);
	for (size_t i = 0; i < n; i++)
		bits += (unsigned)__builtin_popcount(b[i]);
	return bits;
}

static bool is_ip(const struct ifaddrs *a)
{
	return a->ifa_addr &&
	       (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6);
}

static bool is_link(const struct ifaddrs *a)
{
	return a->ifa_addr && a->ifa_addr->sa_family == AF_PACKET;
}

/* An IPv4 address may carry a label "eth0:1" instead of its interface's name. */
static bool belongs(const struct ifaddrs *a, const struct netif *i)
{
	size_t n = strcspn(a->ifa_name, ":");

	return strncmp(a->ifa_name, i->name, n) == 0 && i->name[n] == 0;
}

/* Appends the interface and its addresses; both arrays have room for all of `all`. */
static void add_link(struct netif_list *l, const struct ifaddrs *all,
		     const struct ifaddrs *link, int fd)
{
	struct netif *i = &l->ifs[l->n];
	struct cidr *c = l->n ? l->addrs + (i[-1].addrs - l->addrs) + i[-1].n_addrs : l->addrs;

	l->n++;
	i->addrs = c;
	snprintf(i->name, sizeof(i->name), "%s", link->ifa_name);
	i->index = (unsigned)((const struct sockaddr_ll *)link->ifa_addr)->sll_ifindex;
	i->flags = link->ifa_flags;
	i->mtu = read_mtu(fd, i->name);
	i->speed = read_speed(fd, i->name);
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!is_ip(a) || !belongs(a, i))
			continue;
		memcpy(&c->net, a->ifa_addr,
		       a->ifa_addr->sa_family == AF_INET ? sizeof(c->net.in)
							 : sizeof(c->net.in6));
		c->bits = mask_bits(a->ifa_netmask);
		c++;
		i->n_addrs++;
	}
}

static int read_list(struct netif_list *l, const struct ifaddrs *all, int fd)
{
	size_t n_links = 0, n_addrs = 0;

	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		n_links += is_link(a);
		n_addrs += is_ip(a);
	}
	l->ifs = calloc(n_links + 1, sizeof(*l->ifs));
	l->addrs = calloc(n_addrs + 1, sizeof(*l->addrs));
	if (!l->ifs || !l->addrs)
		return -ENOMEM;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		if (is_link(a))
			add_link(l, all, a, fd);
	return 0;
}

int netif_list_read(struct netif_list *ret)
{
	struct netif_list l = { 0 };
	struct ifaddrs *all = NULL;
	int fd, r = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getifaddrs(&all) < 0)
		r = -errno;
	else
		r = read_list(&l, all, fd);
	if (all)
		freeifaddrs(all);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		netif_list_free(&l);
	else
		*ret = l;
	return r;
}

void netif_list_free(struct netif_list *l)
{
	free(l->ifs);
	free(l->addrs);
	*l = (struct netif_list){ 0 };
}

const struct netif *netif_by_index(const struct netif_list *l, unsigned index)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->ifs[i].index == index)
			return &l->ifs[i];
	return NULL;
}

/* By name or index: these come before addresses, and an interface may be called "7". */
static const struct netif *by_name(const struct netif_list *l, const char *text)
{
	char *end;
	unsigned long v;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->ifs[i].name, text) == 0)
			return &l->ifs[i];
	if (text[0] < '0' || text[0] > '9')
		return NULL;
	v = strtoul(text, &end, 10);
	return *end || v > UINT32_MAX ? NULL : netif_by_index(l, (unsigned)v);
}

/* A whole IPv6 address may come with a zone, and then the zone counts. */
static bool has_addr_in(const struct netif *i, const struct cidr *range)
{
	for (size_t k = 0; k < i->n_addrs; k++) {
		const struct addr *a = &i->addrs[k].net;

		if (cidr_has(range, a) && (range->bits < 128 || addr_same_host(&range->net, a)))
			return true;
	}
	return false;
}

int netif_find(const struct netif_list *l, const char *text, const struct netif **ret)
{
	const struct netif *found = by_name(l, text);
	struct cidr range;

	if (!found && cidr_parse(&range, text) == 0)
		for (size_t i = 0; i < l->n; i++) {
			if (!has_addr_in(&l->ifs[i], &range))
				continue;
			if (found)
				return -ENOTUNIQ;
			found = &l->ifs[i];
		}
	if (!found)
		return -ENODEV;
	*ret = found;
	return 0;
}

static bool is_linklocal(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
}

const struct addr *netif_addr(const struct netif *i, sa_family_t family)
{
	const struct addr *last = NULL;

	for (size_t k = 0; k < i->n_addrs; k++) {
		const struct addr *a = &i->addrs[k].net;

		if (addr_family(a) != family)
			continue;
		if (!is_linklocal(a))
			return a;
		if (!last)
			last = a;
	}
	return last;
}

bool netif_broadcasts(const struct netif *i, const struct addr *a)
{
	if (addr_is_broadcast(a))
		return true;
	for (size_t k = 0; k < i->n_addrs; k++) {
		const struct cidr *c = &i->addrs[k];
		uint32_t hosts;

		if (!cidr_has(c, a) || addr_family(a) != AF_INET || c->bits > 30)
			continue;
		hosts = c->bits ? UINT32_MAX >> c->bits : UINT32_MAX;
		if ((ntohl(a->in.sin_addr.s_addr) & hosts) == hosts)
			return true;
	}
	return false;
}

/* Up, with an address of the family, and able: a broadcast address must be one of its own. */
static bool is_candidate(const struct netif *i, const struct addr *group)
{
	if (!(i->flags & IFF_UP) || (i->flags & IFF_LOOPBACK) ||
	    !netif_addr(i, addr_family(group)))
		return false;
	if (addr_is_multicast(group))
		return i->flags & IFF_MULTICAST;
	return (i->flags & IFF_BROADCAST) && netif_broadcasts(i, group);
}

static int choose_unnamed(const struct netif_list *l, const struct addr *group,
			  struct netif_choice *ret)
{
	struct netif_choice c = { 0 };
	const struct netif *via;
	int oif;

	for (size_t i = 0; i < l->n; i++) {
		if (!is_candidate(&l->ifs[i], group))
			continue;
		if (!c.netif)
			c.netif = &l->ifs[i];
		c.n_candidates++;
	}
	c.why = c.n_candidates == 1 ? NETIF_ONLY : NETIF_FIRST;
	oif = c.n_candidates == 1 ? 0 : route_ifindex(group);
	via = oif > 0 ? netif_by_index(l, (unsigned)oif) : NULL;
	if (via && (is_candidate(via, group) || (via->flags & IFF_LOOPBACK))) {
		c.netif = via;
		c.why = NETIF_ROUTE;
	}
	if (!c.netif)
		return -ENODEV;
	*ret = c;
	return 0;
}

int netif_choose(const struct netif_list *l, const char *name, const struct addr *group,
		 struct netif_choice *ret)
{
	const struct netif *i;
	int r;

	if (!name)
		return choose_unnamed(l, group, ret);
	r = netif_find(l, name, &i);
	if (r < 0)
		return r;
	if (!(i->flags & IFF_UP))
		return -ENETDOWN;
	*ret = (struct netif_choice){ .netif = i, .why = NETIF_NAMED };
	return 0;
}

/* Appends at *at, which stays below cap - 1 however much is said. */
__attribute__((format(printf, 4, 5))) static void append(char *buf, size_t cap, size_t *at,
							 const char *form, ...)
{
	va_list ap;
	int n;

	va_start(ap, form);
	n = vsnprintf(buf + *at, cap - *at, form, ap);
	va_end(ap);
	if (n > 0)
		*at = (size_t)n < cap - *at ? *at + (size_t)n : cap - 1;
}

const char *netif_list_format(const struct netif_list *l, char *buf, size_t cap)
{
	char text[ADDR_TEXT];
	size_t at = 0;

	if (cap)
		buf[0] = 0;
	for (size_t i = 0; cap && i < l->n; i++) {
		const struct netif *f = &l->ifs[i];

		append(buf, cap, &at, "%s%s", i ? ", " : "", f->name);
		for (size_t k = 0; k < f->n_addrs; k++)
			append(buf, cap, &at, "%s%s/%u", k ? ", " : " (",
			       addr_format_host(&f->addrs[k].net, text), f->addrs[k].bits);
		append(buf, cap, &at, "%s", f->n_addrs ? ")" : "");
	}
	return buf;
}
