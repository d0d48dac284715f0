/* scope.h - how far a group is meant to reach, and the TTL that goes with it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_SCOPE_H
#define COMMON_SCOPE_H

#include "common/addr.h"

/* RFC 2365, RFC 7346; from near to far. */
enum scope {
	SCOPE_HOST,
	SCOPE_LINK,
	SCOPE_SITE,
	SCOPE_ORGANIZATION,
	SCOPE_GLOBAL,
	SCOPE_COUNT,
};

/* Of a group, by its address; 255.255.255.255 is LINK; any other unicast address is GLOBAL. */
enum scope scope_of(const struct addr *a);
/* "host", "link", "site", "organization", "global". */
const char *scope_name(enum scope scope);
/* The largest TTL that stays inside: 0, 1, 31, 63, 255; the TTL that --scope sets. */
int scope_ttl(enum scope scope);

#endif
