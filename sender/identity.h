/* identity.h - what tells one run of sow from all others. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SENDER_IDENTITY_H
#define SENDER_IDENTITY_H

#include "proto/tx.h"

/* Sets node_id, instance_id and seed, at random. 0, or -errno, which was logged. */
int identity_choose(struct tx_conf *conf);

#endif
