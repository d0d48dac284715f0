#!/usr/bin/env bash
# ttl.sh - across a routed hop: TTL 1 does not cross, TTL 2 does.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow smcrouted
routed
offloads_off # the kernel forwards no multicast packet larger than the MTU, not even a segmented one
make_file file 1000000
reap_on r1
sow_from s --ttl 1 --receivers 1 --wait 2 "$dir/file"
expect 5 sow 20
sow_from s --ttl 2 --receivers 1 --wait 10 "$dir/file"
expect 0 sow 20
delivered file r1
