/* scope.c - how far a group is meant to reach, and the TTL that goes with it. */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/scope.h"

static const struct {
	const char *name;
	int ttl;
} scopes[SCOPE_COUNT] = {
	[SCOPE_HOST] = { "host", 0 },       [SCOPE_LINK] = { "link", 1 },
	[SCOPE_SITE] = { "site", 31 },      [SCOPE_ORGANIZATION] = { "organization", 63 },
	[SCOPE_GLOBAL] = { "global", 255 },
};

/* RFC 2365: 239.255/16 is local and grows downwards to 239.253; the rest of 239/8 is or may
 * become the organization's. */
static enum scope of_v4(const uint8_t *b)
{
	if (b[0] == 224 && b[1] == 0 && b[2] == 0)
		return SCOPE_LINK;
	if (b[0] == 239)
		return b[1] >= 253 ? SCOPE_SITE : SCOPE_ORGANIZATION;
	return SCOPE_GLOBAL;
}

/* RFC 7346; scopes that have no name of ours count as the next wider one that has. */
static enum scope of_v6(const uint8_t *b)
{
	unsigned nibble = b[1] & 15;

	if (nibble <= 1)
		return SCOPE_HOST;
	if (nibble == 2)
		return SCOPE_LINK;
	if (nibble <= 5)
		return SCOPE_SITE;
	return nibble <= 8 ? SCOPE_ORGANIZATION : SCOPE_GLOBAL;
}

enum scope scope_of(const struct addr *a)
{
	size_t n;
	const uint8_t *b = addr_bytes(a, &n);

	if (addr_is_broadcast(a))
		return SCOPE_LINK;
	if (!addr_is_multicast(a))
		return SCOPE_GLOBAL;
	return n == 4 ? of_v4(b) : of_v6(b);
}

const char *scope_name(enum scope scope)
{
	return scopes[scope].name;
}

int scope_ttl(enum scope scope)
{
	return scopes[scope].ttl;
}
