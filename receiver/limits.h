/* limits.h - what this receiver does not take, whoever sends it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RECEIVER_LIMITS_H
#define RECEIVER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/opt.h"
#include "proto/msg.h"

/* Zeroed, it allows every file, but gives none away. */
struct limits {
	uint64_t max_size;            /* bytes of a file or of a whole job; 0: any */
	const struct opt_list *names; /* patterns, of which one must fit; NULL or empty: any */
	uint32_t job;                 /* digest_tag() of the only one; 0: any */
	bool delete;                  /* what a job wants removed is */
	bool owner; /* owners and set-uid bits of jobs are taken: meta_set() */
};

/*
 * Whether a file, or a job with all its files, may come: 0, -EMSGSIZE (too large),
 * -EKEYREJECTED (its name fits no pattern). A pattern is one of glob(7); "*" stands for
 * slashes, too.
 */
int limits_check(const struct limits *l, const char *name, uint64_t size);

/* Whether a sender that is heard for the first time, by this message, is to be heard at all: it
 * is a PROBE of the only job, or asks who is there. */
bool limits_hear(const struct limits *l, const struct msg *m);

#endif
