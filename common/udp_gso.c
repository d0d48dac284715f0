/* udp_gso.c - neighbours of one size leave and arrive as one large packet (UDP_SEGMENT,
 * UDP_GRO).
 */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "common/sockopt.h"
#include "common/udp_path.h"

#define MESSAGES  16
#define SEGMENTS  64    /* the limit of kernels before 6.8; later 128 */
#define BYTES_MAX 65487 /* 65507 in IPv4; in IPv6 the header counts as well in some kernels */

union segment_ctl {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(uint16_t))];
};

/*
 * How many packets from the i-th on can leave as one: same destination, same size, the last
 * may be shorter. Destinations are copies of the caller's: the same bytes, or not the same.
 */
static unsigned run_length(const struct udp_run *run, unsigned i)
{
	const struct udp_slot *first = &run->slot[i];
	size_t bytes = first->len;
	unsigned k = 1;

	for (; i + k < run->n && k < SEGMENTS; k++) {
		const struct udp_slot *s = first + k;

		bytes += s->len;
		if (first[k - 1].len != first->len || s->len > first->len || s->len == 0 ||
		    bytes > BYTES_MAX || memcmp(&s->to, &first->to, sizeof(s->to)) != 0)
			break;
	}
	return k;
}

static void fill(struct mmsghdr *msg, union segment_ctl *ctl, const struct udp_run *run,
		 unsigned i, unsigned k)
{
	const struct udp_slot *s = &run->slot[i];
	uint16_t size = (uint16_t)s->len;
	struct cmsghdr *c;

	*msg = (struct mmsghdr){ .msg_hdr = {
					 .msg_name = (void *)&s->to,
					 .msg_namelen = addr_len(&s->to),
					 .msg_iov = run->iov + (size_t)2 * i,
					 .msg_iovlen = (size_t)2 * k,
				 } };
	if (k == 1)
		return;
	msg->msg_hdr.msg_control = ctl->buf;
	msg->msg_hdr.msg_controllen = sizeof(ctl->buf);
	c = CMSG_FIRSTHDR(&msg->msg_hdr);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

int udp_gso_send(int fd, const struct udp_run *run)
{
	struct mmsghdr msg[MESSAGES];
	union segment_ctl ctl[MESSAGES] = { 0 };
	unsigned end[MESSAGES]; /* packets up to and with the i-th message */
	unsigned n = 0;
	int r;

	for (unsigned at = 0; n < MESSAGES && at < run->n; n++) {
		unsigned k = run_length(run, at);

		fill(&msg[n], &ctl[n], run, at, k);
		end[n] = at += k;
	}
	r = sendmmsg(fd, msg, n, MSG_DONTWAIT);
	if (r < 0)
		return -errno;
	return r > 0 ? (int)end[r - 1] : 0;
}

/* EIO: the device can not checksum; EINVAL: too many segments for it; the others: unknown. */
bool udp_gso_refused(int error)
{
	return error == -EIO || error == -EINVAL || error == -ENOPROTOOPT ||
	       error == -EOPNOTSUPP;
}

bool udp_gso_known(int fd)
{
	int size;
	socklen_t len = sizeof(size);

	return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &len) == 0;
}

bool udp_gro_enable(int fd)
{
	return sockopt_set_int(fd, (struct sockopt){ IPPROTO_UDP, UDP_GRO, 1 }) == 0;
}
