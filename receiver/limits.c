/* limits.c - what this receiver does not take, whoever sends it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver/limits.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>

#include "proto/census.h"
#include "proto/wire.h"

static bool fits(const struct opt_list *patterns, const char *name)
{
	for (unsigned i = 0; i < patterns->n; i++)
		if (fnmatch(patterns->items[i], name, 0) == 0)
			return true;
	return false;
}

int limits_check(const struct limits *l, const char *name, uint64_t size)
{
	if (l->names && l->names->n && !fits(l->names, name))
		return -EKEYREJECTED;
	return l->max_size && size > l->max_size ? -EMSGSIZE : 0;
}

bool limits_hear(const struct limits *l, const struct msg *m)
{
	struct probe p;

	if (!l->job)
		return true;
	return m->type == NORM_CMD && m->cmd == CMD_APPLICATION &&
	       probe_decode(&p, m->payload, m->payload_len) == 0 &&
	       (p.census || p.job == l->job);
}
