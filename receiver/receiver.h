/* receiver.h - sockets, senders and the loop between them. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_RECEIVER_H
#define RECEIVER_RECEIVER_H

#include "receiver/conf.h"

/*
 * Receives until it is told to stop, or, with --once, a sender is done. Logs what goes wrong.
 * The exit status. `conf` is borrowed.
 */
int receiver_run(const struct conf *conf);

#endif
