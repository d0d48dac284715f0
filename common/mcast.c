/* mcast.c - group membership and the way out of multicast packets, as socket options. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/mcast.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/scope.h"
#include "common/sockopt.h"

static int level_of(sa_family_t family)
{
	return family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static int set_group(int fd, int option, const struct mcast_membership *m)
{
	struct group_req req = { .gr_interface = m->ifindex };

	memcpy(&req.gr_group, &m->group, sizeof(m->group));
	return sockopt_set(fd, level_of(addr_family(&m->group)), option, &req, sizeof(req));
}

static int set_source(int fd, int option, const struct mcast_membership *m,
		      const struct addr *source)
{
	struct group_source_req req = { .gsr_interface = m->ifindex };

	memcpy(&req.gsr_group, &m->group, sizeof(m->group));
	memcpy(&req.gsr_source, source, sizeof(*source));
	return sockopt_set(fd, level_of(addr_family(&m->group)), option, &req, sizeof(req));
}

static bool list_is_valid(const struct addr *list, size_t n, sa_family_t family)
{
	for (size_t i = 0; i < n; i++)
		if (addr_family(&list[i]) != family || addr_is_multicast(&list[i]))
			return false;
	return true;
}

static int check(const struct mcast_membership *m)
{
	sa_family_t family = addr_family(&m->group);

	if (!addr_is_multicast(&m->group) || (m->n_sources && m->n_blocked) ||
	    !list_is_valid(m->sources, m->n_sources, family) ||
	    !list_is_valid(m->blocked, m->n_blocked, family))
		return -EINVAL;
	if (addr_is_ssm(&m->group) && !m->n_sources)
		return -EDESTADDRREQ;
	return 0;
}

/* The first source creates the membership, the others join it. */
static int join_sources(int fd, const struct mcast_membership *m)
{
	int r = 0;

	for (size_t i = 0; i < m->n_sources && r == 0; i++) {
		r = set_source(fd, MCAST_JOIN_SOURCE_GROUP, m, &m->sources[i]);
		if (r == -EADDRNOTAVAIL && i > 0) /* the kernel's word for "listed already" */
			r = -EADDRINUSE;
		if (r < 0 && i > 0)
			set_group(fd, MCAST_LEAVE_GROUP, m);
	}
	return r;
}

static int join_any(int fd, const struct mcast_membership *m)
{
	int r = set_group(fd, MCAST_JOIN_GROUP, m);

	if (r < 0)
		return r;
	for (size_t i = 0; i < m->n_blocked && r == 0; i++) {
		r = set_source(fd, MCAST_BLOCK_SOURCE, m, &m->blocked[i]);
		if (r == -EADDRNOTAVAIL)
			r = -EADDRINUSE;
	}
	if (r < 0)
		set_group(fd, MCAST_LEAVE_GROUP, m);
	return r;
}

int mcast_join(int fd, const struct mcast_membership *m)
{
	int r = check(m);

	if (r < 0)
		return r;
	return m->n_sources ? join_sources(fd, m) : join_any(fd, m);
}

int mcast_own_only(int fd, sa_family_t family)
{
	int name = family == AF_INET6 ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL;

	return sockopt_set_int(fd, (struct sockopt){ level_of(family), name, 0 });
}

int mcast_set_interface(int fd, sa_family_t family, unsigned ifindex, const struct addr *local)
{
	struct ip_mreqn v4 = { .imr_ifindex = (int)ifindex };
	int v6 = (int)ifindex, r;

	if (family == AF_INET6)
		return sockopt_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v6, sizeof(v6));
	if (local && addr_family(local) == AF_INET)
		v4.imr_address = local->in.sin_addr;
	r = sockopt_set(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4));
	return r == -EADDRNOTAVAIL ? -ENODEV : r; /* one word for it in both families */
}

int mcast_set_ttl(int fd, sa_family_t family, int ttl)
{
	int name = family == AF_INET6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL;

	if (ttl < 0 || ttl > 255) /* the kernel takes -1 as "the default" */
		return -EINVAL;
	return sockopt_set_int(fd, (struct sockopt){ level_of(family), name, ttl });
}

int mcast_set_loop(int fd, sa_family_t family, bool on)
{
	int name = family == AF_INET6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP;

	return sockopt_set_int(fd, (struct sockopt){ level_of(family), name, on });
}

bool mcast_ttl_exceeds_scope(const struct addr *group, int ttl, char *ret_text, size_t cap)
{
	enum scope scope = scope_of(group);
	char text[ADDR_TEXT];

	if (!addr_is_multicast(group) || ttl <= scope_ttl(scope))
		return false;
	snprintf(ret_text, cap, "TTL %d reaches beyond %s, a group of %s scope (TTL up to %d)",
		 ttl, addr_format_host(group, text), scope_name(scope), scope_ttl(scope));
	return true;
}
