/* udp_in.c - datagrams read in large batches and handed out one by one. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/udp_in.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/udp_path.h"

#define MESSAGES 64
/* When they come joined, each up to 64 KiB: what one call reads stays in the second cache. */
#define MESSAGES_JOINED 8
#define JOINED          16384 /* bytes of a message, in the mean, that count as that */
/* Room for the largest UDP packet, and 65 cache lines more, so that the first lines of all
 * buffers do not compete for the same sets of the cache. */
#define STRIDE  (65536 + 65 * 64)
#define AGO_MAX INT64_C(60000000000) /* ns; else the clock was set */

/* Control messages: destination, drops, size of the joined datagrams, time. */
union in_ctl {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)) +
		 CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec))];
};

struct udp_in {
	const struct udp *u;
	unsigned at_once; /* messages to read in one call */
	struct mmsghdr *msg;
	struct iovec *iov;
	struct addr *from;
	union in_ctl *ctl;
	uint8_t *data;

	unsigned n, i;              /* messages read, message in hand */
	size_t at, segment;         /* in the message in hand */
	struct udp_datagram common; /* what its datagrams share */
	uint32_t dropped;           /* the kernel's count, modulo 2^32 */
	int64_t read_at, wall_at;   /* the last call, by both clocks */
	struct udp_in_counters counters;
};

static int allocate(struct udp_in *in)
{
	in->msg = calloc(MESSAGES, sizeof(*in->msg));
	in->iov = calloc(MESSAGES, sizeof(*in->iov));
	in->from = calloc(MESSAGES, sizeof(*in->from));
	in->ctl = calloc(MESSAGES, sizeof(*in->ctl));
	in->data = calloc(MESSAGES, STRIDE);
	return in->msg && in->iov && in->from && in->ctl && in->data ? 0 : -ENOMEM;
}

int udp_in_new(struct udp_in **ret, const struct udp *u)
{
	struct udp_in *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	in->u = u;
	in->at_once = u->gro ? MESSAGES_JOINED : MESSAGES;
	if (allocate(in) < 0) {
		udp_in_free(in);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < MESSAGES; i++)
		in->iov[i] = (struct iovec){ in->data + (size_t)i * STRIDE, STRIDE };
	*ret = in;
	return 0;
}

void udp_in_free(struct udp_in *in)
{
	if (!in)
		return;
	free(in->msg);
	free(in->iov);
	free(in->from);
	free(in->ctl);
	free(in->data);
	free(in);
}

static int read_messages(struct udp_in *in)
{
	int r;

	for (unsigned i = 0; i < in->at_once; i++)
		in->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &in->from[i],
			.msg_namelen = sizeof(in->from[i]),
			.msg_iov = &in->iov[i],
			.msg_iovlen = 1,
			.msg_control = in->ctl[i].buf,
			.msg_controllen = sizeof(in->ctl[i].buf),
		};
	in->counters.calls++;
	r = recvmmsg(in->u->fd, in->msg, in->at_once, MSG_DONTWAIT, NULL);
	return r < 0 ? -errno : r;
}

/* Joined datagrams come 64 KiB at a time: many such messages would leave the cache unread. */
static void choose_at_once(struct udp_in *in)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < in->n; i++)
		bytes += in->msg[i].msg_len;
	in->at_once = bytes / in->n >= JOINED ? MESSAGES_JOINED : MESSAGES;
}

int udp_in_read(struct udp_in *in)
{
	int r;

	in->n = in->i = 0;
	in->at = 0;
	r = read_messages(in);
	if (r < 0 && udp_take_report(in->u->fd, r))
		r = read_messages(in);
	if (r == -EAGAIN) {
		/* a send in between may have eaten the errno of a report and left the rest */
		if (in->u->role == UDP_SEND)
			udp_take_report(in->u->fd, 0);
		return 0;
	}
	if (r < 0)
		return r;
	in->n = (unsigned)r;
	in->read_at = clock_now();
	in->wall_at = clock_wall_ns();
	choose_at_once(in);
	return 1;
}

/* The counter comes with every datagram once something was dropped: as it was when that one
 * arrived, and the socket itself may have told more since. */
static void note_drops(struct udp_in *in, uint32_t dropped)
{
	if ((int32_t)(dropped - in->dropped) <= 0)
		return;
	in->counters.dropped += dropped - in->dropped;
	in->dropped = dropped;
}

size_t udp_in_waiting(struct udp_in *in)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(in->u->fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return 0;
	if (len >= (SK_MEMINFO_DROPS + 1) * sizeof(info[0]))
		note_drops(in, info[SK_MEMINFO_DROPS]);
	return info[SK_MEMINFO_RMEM_ALLOC];
}

static void note_v4(struct udp_datagram *d, const struct cmsghdr *c)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	d->ifindex = (unsigned)info.ipi_ifindex;
	d->to.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = info.ipi_addr };
}

static void note_v6(struct udp_datagram *d, const struct cmsghdr *c)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	d->ifindex = info.ipi6_ifindex;
	d->to.in6 =
		(struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = info.ipi6_addr };
}

static bool is_kind(const struct cmsghdr *c, int level, int type, size_t size)
{
	return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= CMSG_LEN(size);
}

static uint32_t value(const struct cmsghdr *c)
{
	uint32_t v;

	memcpy(&v, CMSG_DATA(c), sizeof(v));
	return v;
}

/* The kernel's stamp is by the wall clock, which may be set meanwhile. */
static void note_time(struct udp_in *in, const struct cmsghdr *c)
{
	struct timespec ts;
	int64_t ago;

	memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	ago = in->wall_at - ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
	if (ago > 0 && ago < AGO_MAX)
		in->common.at -= ago;
}

static void note_control(struct udp_in *in, struct msghdr *h)
{
	struct udp_datagram *d = &in->common;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (is_kind(c, SOL_SOCKET, SO_RXQ_OVFL, sizeof(uint32_t)))
			note_drops(in, value(c));
		else if (is_kind(c, IPPROTO_UDP, UDP_GRO, sizeof(uint32_t)) && value(c))
			in->segment = value(c);
		else if (is_kind(c, SOL_SOCKET, SCM_TIMESTAMPNS, sizeof(struct timespec)))
			note_time(in, c);
		else if (is_kind(c, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo)))
			note_v4(d, c);
		else if (is_kind(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo)))
			note_v6(d, c);
	}
}

static bool is_foreign(const struct udp *u, const struct udp_datagram *d)
{
	return u->role == UDP_LISTEN &&
	       (!addr_same_host(&d->to, &u->group) || (u->ifindex && d->ifindex != u->ifindex));
}

/* Takes the next message in hand; false: it is refused. */
static bool open_message(struct udp_in *in)
{
	struct msghdr *h = &in->msg[in->i].msg_hdr;

	in->segment = in->msg[in->i].msg_len;
	in->common = (struct udp_datagram){ .data = in->iov[in->i].iov_base,
					    .from = in->from[in->i],
					    .at = in->read_at };
	note_control(in, h);
	addr_set_port(&in->common.to, addr_port(&in->u->local));
	if ((h->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !addr_len(&in->common.to)) {
		in->counters.damaged++;
		return false;
	}
	if (is_foreign(in->u, &in->common)) {
		in->counters.foreign++;
		return false;
	}
	return true;
}

static void hand_out(struct udp_in *in, struct udp_datagram *ret)
{
	size_t left = in->msg[in->i].msg_len - in->at;

	*ret = in->common;
	ret->data += in->at;
	ret->len = left < in->segment ? left : in->segment;
	in->counters.datagrams++;
	in->counters.bytes += ret->len;
	in->at += ret->len;
	if (ret->len < left)
		return;
	in->at = 0;
	in->i++;
}

bool udp_in_next(struct udp_in *in, struct udp_datagram *ret)
{
	for (; in->i < in->n; in->i++) {
		if (in->at == 0 && !open_message(in))
			continue;
		hand_out(in, ret);
		return true;
	}
	return false;
}

const struct udp_in_counters *udp_in_counters(const struct udp_in *in)
{
	return &in->counters;
}
