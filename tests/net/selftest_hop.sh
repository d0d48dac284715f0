#!/usr/bin/env bash
# selftest_hop.sh - the router of the network tests: TTL 1 stays, TTL 2 crosses.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
BURST=${BURST:-$PWD/tests/net/burst}
need smcrouted

arrived()
{
	[ "$(in_ns r1 cat /sys/class/net/eth0/statistics/rx_packets)" -ge "$1" ]
}

routed
in_ns s ping -c 1 -W 2 10.77.1.11 >"$dir/ping.log" 2>&1 || fail "no way across the hop"
before=$(in_ns r1 cat /sys/class/net/eth0/statistics/rx_packets)
start burst s "$BURST" "$group" "$port" 1 20 1
expect 0 burst 5
arrived $((before + 20)) && fail "TTL 1 crossed"
start burst s "$BURST" "$group" "$port" 2 20 1
expect 0 burst 5
wait_for 5 arrived $((before + 20)) || fail "TTL 2 did not cross"
