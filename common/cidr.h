/* cidr.h - a range of addresses: "192.0.2.0/24". */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_CIDR_H
#define COMMON_CIDR_H

#include "common/addr.h"

/* All addresses that share their first `bits` bits with `net`; the rest of `net` is of no
 * meaning. */
struct cidr {
	struct addr net;
	unsigned bits; /* 0..32 or 0..128 */
};

/* Reads "192.0.2.0/24", "2001:db8::/32", or one address: "192.0.2.7". 0 or -EINVAL. */
int cidr_parse(struct cidr *ret, const char *text);

/* Whether an address, whatever its port, is in the range; never when the family differs. */
bool cidr_has(const struct cidr *c, const struct addr *a);

/* Whether a list of ranges lets an address through: one has it, or the list is empty. */
bool cidr_allows(const struct cidr *list, size_t n, const struct addr *a);

#endif
