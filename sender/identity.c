/* identity.c - what tells one run of sow from all others. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender/identity.h"

#include <errno.h>
#include <sys/random.h>

#include "common/log.h"
#include "proto/wire.h"

int identity_choose(struct tx_conf *conf)
{
	conf->node_id = NORM_NODE_NONE;
	while (conf->node_id == NORM_NODE_NONE || conf->node_id == NORM_NODE_ANY)
		if (getrandom(&conf->node_id, sizeof(conf->node_id), 0) < 0)
			return log_err(-errno, "getrandom");
	if (getrandom(&conf->instance_id, sizeof(conf->instance_id), 0) < 0 ||
	    getrandom(&conf->seed, sizeof(conf->seed), 0) < 0)
		return log_err(-errno, "getrandom");
	return 0;
}
