/* udp_out.c - a queue of datagrams that leave in as few system calls as the kernel allows. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/udp_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/udp_path.h"

#define CAP_MAX 4096

/* Packets [head, n) wait. The room of those before is used again when all are gone. */
struct udp_out {
	unsigned head, n, cap;
	struct udp_slot *slot;
	struct iovec *iov; /* two a packet, side by side, so that a run is one scatter list */
	struct udp_out_counters counters;
};

int udp_out_new(struct udp_out **ret, unsigned cap)
{
	struct udp_out *o;

	if (cap < 1 || cap > CAP_MAX)
		return -EINVAL;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->cap = cap;
	o->slot = calloc(cap, sizeof(*o->slot));
	o->iov = calloc((size_t)cap * 2, sizeof(*o->iov));
	if (!o->slot || !o->iov) {
		udp_out_free(o);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}

void udp_out_free(struct udp_out *o)
{
	if (!o)
		return;
	free(o->slot);
	free(o->iov);
	free(o);
}

unsigned udp_out_len(const struct udp_out *o)
{
	return o->n - o->head;
}

int udp_out_add(struct udp_out *o, const struct udp_packet *p)
{
	struct iovec *iov = o->iov + (size_t)o->n * 2;
	struct udp_slot *s = &o->slot[o->n];

	if (p->hdr_len > UDP_HDR_MAX)
		return -EMSGSIZE;
	if (o->n == o->cap)
		return -ENOSPC;
	s->to = *p->to;
	s->len = p->hdr_len + p->payload_len;
	if (p->hdr_len)
		memcpy(s->hdr, p->hdr, p->hdr_len);
	iov[0] = (struct iovec){ s->hdr, p->hdr_len };
	iov[1] = (struct iovec){ (void *)p->payload, p->payload_len };
	o->n++;
	return 0;
}

/* Twice, if the first failure may have been the report of an earlier packet's. */
static int send_run(struct udp_out *o, const struct udp *u, const struct udp_run *run)
{
	int r = 0;

	for (int again = 0; again <= 1; again++) {
		o->counters.calls++;
		r = u->gso ? udp_gso_send(u->fd, run) : udp_plain_send(u->fd, run);
		if (r >= 0 || !udp_take_report(u->fd, r))
			break;
	}
	return r;
}

/* One step of a flush: how many packets left, >= 1, or -errno of the first. */
static int send_some(struct udp_out *o, struct udp *u)
{
	const struct udp_run run = { o->slot + o->head, o->iov + (size_t)o->head * 2,
				     udp_out_len(o) };
	int r = send_run(o, u, &run);

	if (u->gso && udp_gso_refused(r)) {
		/* only if it goes without is segmentation to blame */
		u->gso = false;
		r = send_run(o, u, &run);
		u->gso = r < 0;
	}
	if (r == -EPERM) {
		o->counters.refused++;
		return 1;
	}
	for (int i = 0; i < r; i++)
		o->counters.bytes += run.slot[i].len;
	if (r > 0)
		o->counters.packets += (unsigned)r;
	if (r == -ENOBUFS)
		o->counters.full++;
	return r;
}

int udp_out_flush(struct udp_out *o, struct udp *u)
{
	int sent = 0, r = 0;

	while (udp_out_len(o) && r >= 0) {
		r = send_some(o, u);
		if (r > 0) {
			o->head += (unsigned)r;
			sent += r;
		}
	}
	if (!udp_out_len(o))
		udp_out_clear(o);
	return sent ? sent : r;
}

void udp_out_clear(struct udp_out *o)
{
	o->head = o->n = 0;
}

const struct udp_out_counters *udp_out_counters(const struct udp_out *o)
{
	return &o->counters;
}
