/* who.h - sow --who: which receivers listen to the group. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_WHO_H
#define SENDER_WHO_H

#include "sender/conf.h"

/* Asks for the time of --wait, or until --receivers are there, and tells; the exit status. */
int who_run(const struct conf *conf, const struct netplan *plan);

#endif
