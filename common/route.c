/* route.c - what the routing table says. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

/*
 * Asking by netlink and not by the source address of a connected socket: the source may belong
 * to another interface (`ip route add 224.0.0.0/4 dev lo`), and an address to two.
 */
struct request {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr to_head;
	uint8_t to[16];
};

static int send_request(int fd, const struct addr *to)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(to, &len);
	struct request req = {
		.head = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = addr_family(to),
			   .rtm_dst_len = (unsigned char)(len * 8) },
		.to_head = { .rta_type = RTA_DST, .rta_len = (unsigned short)RTA_LENGTH(len) },
	};

	if (!bytes)
		return -EAFNOSUPPORT;
	memcpy(req.to, bytes, len);
	req.head.nlmsg_len = (uint32_t)(offsetof(struct request, to) + len);
	return send(fd, &req, req.head.nlmsg_len, 0) < 0 ? -errno : 0;
}

static int find_oif(struct nlmsghdr *head)
{
	struct rtmsg *route = NLMSG_DATA(head);
	int left = (int)RTM_PAYLOAD(head), oif;

	for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != RTA_OIF || RTA_PAYLOAD(a) < sizeof(oif))
			continue;
		memcpy(&oif, RTA_DATA(a), sizeof(oif));
		return oif;
	}
	return -ENETUNREACH;
}

static int read_answer(int fd)
{
	union {
		struct nlmsghdr head;
		char buf[4096];
	} u;
	ssize_t n = recv(fd, &u, sizeof(u), 0);

	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&u.head, (size_t)n))
		return -EBADMSG;
	if (u.head.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(&u.head))->error;
	return u.head.nlmsg_type == RTM_NEWROUTE ? find_oif(&u.head) : -EBADMSG;
}

int route_ifindex(const struct addr *to)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r;

	if (fd < 0)
		return -errno;
	r = send_request(fd, to);
	if (r == 0)
		r = read_answer(fd);
	close(fd);
	return r == 0 ? -ENETUNREACH : r;
}
