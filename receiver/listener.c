/* listener.c - the socket that hears the group, and the one that answers senders. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/listener.h"

#include <errno.h>

#include "common/log.h"

#define RCVBUF (32 << 20) /* to ask for: 27 ms at 10 Gbit/s */

int listener_plan(struct listener *l, const struct netopt *o)
{
	char error[NETOPT_TEXT];
	int r;

	*l = (struct listener){ .listen.fd = -1, .answer.fd = -1 };
	r = netopt_resolve(o, NETOPT_RECEIVER, &l->plan, error);
	if (r < 0)
		return log_err(0, "%s", error), r;
	if (l->plan.note[0])
		log_info("%s", l->plan.note);
	if (!l->plan.rcvbuf)
		l->plan.rcvbuf = RCVBUF;
	return 0;
}

int listener_open(struct listener *l)
{
	char error[NETOPT_TEXT];
	int r = netplan_open(&l->plan, UDP_LISTEN, &l->listen, error);

	if (r == 0)
		r = netplan_open(&l->plan, UDP_ANSWER, &l->answer, error);
	if (r < 0)
		return log_err(0, "%s", error), r;
	if (netplan_clamped(&l->listen, error))
		log_warn(0, "%s", error);
	r = udp_in_new(&l->in, &l->listen);
	return r < 0 ? log_err(r, "open the sockets") : 0;
}

void listener_close(struct listener *l)
{
	udp_in_free(l->in);
	udp_close(&l->listen);
	udp_close(&l->answer);
}

/* One warning is enough: what the sender never hears of, it reports as missing in the end. */
void listener_answer(struct listener *l, const struct addr *to, const void *pkt, size_t len)
{
	char text[NETOPT_TEXT], host[ADDR_TEXT];
	int r = udp_send(&l->answer, to, pkt, len);

	if (r == 0 || r == -EAGAIN || r == -ENOBUFS || l->no_answer)
		return;
	l->no_answer = true;
	log_warn(0, "cannot answer the sender at %s: %s", addr_format(to, host),
		 netplan_explain(&l->plan, r, text));
}
