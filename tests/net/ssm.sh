#!/usr/bin/env bash
# ssm.sh - source-specific multicast: the wanted source is received, another one is not; on one host, too.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
group=232.83.87.1
lan 2
plug x eth0 0 2
make_file file 1000000
make_file unwanted 1000000
reap_on r1 --source 10.77.0.1
reap_on r2 --source 10.77.0.1
wait_for 5 in_ns r1 grep -qi 0x0a4d0001 /proc/net/mcfilter || fail "r1 has no source filter"
sow_from x --receivers 1 --wait 2 "$dir/unwanted"
expect 5 sow 20
sow_from s --receivers 2 --wait 10 "$dir/file"
expect 0 sow 20
delivered file r1 r2

# on one host, where the kernel by itself would send from 0.0.0.0
in_ns s ip link set lo up
interface=lo
reap_on s --source 127.0.0.1
sow_from s --receivers 1 --wait 10 "$dir/file"
expect 0 sow 20
delivered file s
