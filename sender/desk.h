/* desk.h - where the user's orders come in: the control socket, and keys on the terminal. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_DESK_H
#define SENDER_DESK_H

#include "sender/conf.h"
#include "sender/control.h"
#include "sender/keys.h"
#include "sender/orders.h"

/* Zeroed, nothing is open. */
struct desk {
	struct control *control; /* NULL: none */
	struct keys *keys;       /* NULL: none */
	struct orders orders;
};

/* Signals that it wants to hear of, beside the usual ones; none without a terminal. */
unsigned desk_signals(const struct conf *conf, const int **ret);
/* Opens what the user wants. 0, or -errno, which was logged. */
int desk_open(struct desk *d, const struct conf *conf, struct loop *loop, uint32_t first_tag);
void desk_close(struct desk *d);

void desk_event(struct desk *d, const struct loop_event *ev);
/* False: the signal means the end. */
bool desk_signal(struct desk *d, int signo);
/* Carries out what came. */
void desk_serve(struct desk *d, nsec_t now);

#endif
