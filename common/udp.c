/* udp.c - the sockets of a session: one listens to the group, one sends, one answers. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/udp.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "common/mcast.h"
#include "common/sockopt.h"
#include "common/udp_path.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* What both directions of receiving need: destination, interface, drops, time of arrival. */
static int set_receiving(int fd, sa_family_t family)
{
	const struct sockopt v4[] = {
		{ SOL_SOCKET, SO_RXQ_OVFL, 1 },
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1 },
		{ IPPROTO_IP, IP_PKTINFO, 1 },
	};
	const struct sockopt v6[] = {
		{ SOL_SOCKET, SO_RXQ_OVFL, 1 },
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1 },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
	};

	return family == AF_INET6 ? sockopt_set_all(fd, v6, LEN(v6))
				  : sockopt_set_all(fd, v4, LEN(v4));
}

/* A packet larger than the path takes shall fail here, not arrive in pieces; and a packet that
 * the queue of the device drops shall be heard of: without RECVERR it is not. */
static int set_sender_errors(int fd, sa_family_t family)
{
	const struct sockopt v4[] = {
		{ IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO },
		{ IPPROTO_IP, IP_RECVERR, 1 },
	};
	const struct sockopt v6[] = {
		{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO },
		{ IPPROTO_IPV6, IPV6_DONTFRAG, 1 },
		{ IPPROTO_IPV6, IPV6_RECVERR, 1 },
	};

	return family == AF_INET6 ? sockopt_set_all(fd, v6, LEN(v6))
				  : sockopt_set_all(fd, v4, LEN(v4));
}

/* Broadcasts know nothing of IP_MULTICAST_IF. */
static int set_broadcast(int fd, unsigned ifindex)
{
	const struct sockopt o[] = {
		{ SOL_SOCKET, SO_BROADCAST, 1 },
		{ IPPROTO_IP, IP_UNICAST_IF, (int)htonl(ifindex) },
	};

	return sockopt_set_all(fd, o, LEN(o));
}

static int set_sending(int fd, const struct udp_conf *c)
{
	sa_family_t family = addr_family(&c->group);
	struct sockopt class = { IPPROTO_IP, IP_TOS, c->dscp << 2 };
	int r;

	if (family == AF_INET6)
		class = (struct sockopt){ IPPROTO_IPV6, IPV6_TCLASS, c->dscp << 2 };
	r = sockopt_set_int(fd, class);
	if (r == 0)
		r = mcast_set_interface(fd, family, c->ifindex,
					c->role == UDP_SEND ? &c->local : NULL);
	if (r == 0)
		r = mcast_set_ttl(fd, family, c->ttl);
	if (r == 0)
		r = mcast_set_loop(fd, family, !c->no_loop);
	if (r == 0 && c->broadcast)
		r = set_broadcast(fd, c->ifindex);
	return r;
}

static int set_role(int fd, const struct udp_conf *c)
{
	sa_family_t family = addr_family(&c->group);
	int r = mcast_own_only(fd, family);

	if (r == 0 && family == AF_INET6)
		r = sockopt_set_int(fd, (struct sockopt){ IPPROTO_IPV6, IPV6_V6ONLY, 1 });
	if (r == 0 && c->role == UDP_LISTEN)
		r = sockopt_set_int(fd, (struct sockopt){ SOL_SOCKET, SO_REUSEADDR, 1 });
	if (r == 0 && c->role != UDP_LISTEN)
		r = set_sending(fd, c);
	if (r == 0 && c->role == UDP_SEND)
		r = set_sender_errors(fd, family);
	if (r == 0 && c->role != UDP_ANSWER)
		r = set_receiving(fd, family);
	return r;
}

static struct udp_buffer set_buffer(int fd, int wanted, int force, int name, const char *sysctl)
{
	struct udp_buffer b = { .wanted = wanted, .sysctl = sysctl };
	socklen_t len = sizeof(b.got);

	if (wanted && sockopt_set_int(fd, (struct sockopt){ SOL_SOCKET, force, wanted }) < 0)
		sockopt_set_int(fd, (struct sockopt){ SOL_SOCKET, name, wanted });
	getsockopt(fd, SOL_SOCKET, name, &b.got, &len);
	b.got /= 2; /* the kernel doubles what it is asked for, and says so doubled */
	return b;
}

static int bind_local(struct udp *u, const struct udp_conf *c)
{
	sa_family_t family = addr_family(&c->group);
	socklen_t len = sizeof(u->local);
	struct addr a = addr_any(family, 0);

	if (c->role == UDP_LISTEN)
		a = c->broadcast ? addr_any(family, addr_port(&c->group)) : c->group;
	if (family == AF_INET6) /* groups of link scope need it, others do not mind */
		a.in6.sin6_scope_id = c->ifindex;
	if (bind(u->fd, &a.sa, addr_len(&a)) < 0 || getsockname(u->fd, &u->local.sa, &len) < 0)
		return -errno;
	return 0;
}

static int open_socket(struct udp *u, const struct udp_conf *c)
{
	int r;

	u->fd = socket(addr_family(&c->group), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return -errno;
	r = set_role(u->fd, c);
	if (r == 0)
		r = bind_local(u, c);
	if (r < 0)
		return r;
	u->rcvbuf =
		set_buffer(u->fd, c->rcvbuf, SO_RCVBUFFORCE, SO_RCVBUF, "net.core.rmem_max");
	u->sndbuf =
		set_buffer(u->fd, c->sndbuf, SO_SNDBUFFORCE, SO_SNDBUF, "net.core.wmem_max");
	u->gso = !c->plain && udp_gso_known(u->fd);
	u->gro = !c->plain && udp_gro_enable(u->fd);
	return 0;
}

static bool conf_is_valid(const struct udp_conf *c)
{
	return addr_port(&c->group) && (c->broadcast || addr_is_multicast(&c->group)) &&
	       (!c->broadcast || addr_family(&c->group) == AF_INET) && c->ttl >= 0 &&
	       c->ttl <= 255 && c->dscp >= 0 && c->dscp <= 63 && c->rcvbuf >= 0 &&
	       c->sndbuf >= 0 && c->rcvbuf <= INT_MAX / 2 && c->sndbuf <= INT_MAX / 2;
}

int udp_open(struct udp *ret, const struct udp_conf *conf)
{
	struct udp u = { .fd = -1 };
	int r;

	if (!conf_is_valid(conf))
		return -EINVAL;
	u.role = conf->role;
	u.group = conf->group;
	u.ifindex = conf->ifindex;
	r = open_socket(&u, conf);
	if (r < 0)
		udp_close(&u);
	else
		*ret = u;
	return r;
}

void udp_close(struct udp *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

bool udp_buffer_clamped(const struct udp_buffer *b)
{
	return b->got < b->wanted;
}

bool udp_take_report(int fd, int error)
{
	struct msghdr nothing = { 0 };

	if (error == -EAGAIN || error == -ENOBUFS || error == -EPERM)
		return false;
	while (recvmsg(fd, &nothing, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		;
	return true;
}

int udp_send(const struct udp *u, const struct addr *to, const void *pkt, size_t len)
{
	int r = 0;

	/* twice, if the first failure may have been the report of an earlier packet's */
	for (int again = 0; again <= 1; again++) {
		if (sendto(u->fd, pkt, len, MSG_DONTWAIT, &to->sa, addr_len(to)) >= 0)
			return 0;
		r = -errno;
		if (!udp_take_report(u->fd, r))
			break;
	}
	return r;
}
