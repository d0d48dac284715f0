#!/usr/bin/env bash
# no_route.sh - no interface for multicast: the error shows how to see it; no route needed where one is named.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
ip netns add bare
make_file file 1000
start sow bare "$SOW" --wait 2 "$dir/file"
expect 2 sow 10
says sow "ip "
start reap bare "$REAP" --output "$dir" --once
expect 2 reap 10
says reap "ip "

plug s eth0 0 1
plug r1 eth0 0 11
reap_on r1
sow_from s --receivers 1 --wait 10 "$dir/file"
expect 0 sow 20
delivered file r1
