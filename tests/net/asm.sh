#!/usr/bin/env bash
# asm.sh - any-source multicast: two receivers get the file, and nobody else is disturbed.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 3
make_file file 1000000
reap_on r1
reap_on r2
wait_for 5 joined r1 eth0 "$group" || fail "r1 has not joined $group"
sow_from s --receivers 2 --wait 10 "$dir/file"
expect 0 sow 20
delivered file r1 r2
joined r1 eth0 "$group" && fail "r1 has not left $group"
joined r3 eth0 "$group" && fail "r3 has joined $group"
exit 0
