/* route.h - what the routing table says. */
/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COMMON_ROUTE_H
#define COMMON_ROUTE_H

#include "common/addr.h"

/*
 * The index of the interface by which packets to an address leave, > 0. -ENETUNREACH or another
 * word of the kernel's when none does; -EAFNOSUPPORT.
 */
int route_ifindex(const struct addr *to);

#endif
