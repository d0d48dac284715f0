/* listener.h - the socket that hears the group, and the one that answers senders. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_LISTENER_H
#define RECEIVER_LISTENER_H

#include "common/netopt.h"
#include "common/udp_in.h"

struct listener {
	struct netplan plan;
	struct udp listen, answer;
	struct udp_in *in; /* of `listen` */
	bool no_answer;    /* said so already */
};

/*
 * All of these log what goes wrong. listener_plan() comes first: -EINVAL is the user's mistake.
 * listener_close() in every case after it.
 */
int listener_plan(struct listener *l, const struct netopt *o);
int listener_open(struct listener *l);
void listener_close(struct listener *l);

/* Sends feedback to a sender; what can not leave is as good as lost. */
void listener_answer(struct listener *l, const struct addr *to, const void *pkt, size_t len);

#endif
