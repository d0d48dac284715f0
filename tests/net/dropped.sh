#!/usr/bin/env bash
# dropped.sh - one of four receivers dies: sow ends within --drop-after of the others, and names it.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 4
make_file file 10000000
for host in r1 r2 r3 r4; do
	reap_on $host
done
sow_from s --receivers 4 --wait 10 --rate 20M --drop-after 3 "$dir/file"
wait_for 10 has_sent s 1000 || fail "nothing was sent"
stop reap-r3 KILL

all_stored()
{
	[ -e "$dir/r1/file" ] && [ -e "$dir/r2/file" ] && [ -e "$dir/r4/file" ]
}

wait_for 30 all_stored || fail "the others do not get it"
stored=${EPOCHREALTIME/[.,]/}
expect 4 sow 10
took=$((${EPOCHREALTIME/[.,]/} - stored))
[ "$took" -lt 4000000 ] || fail "sow ends $took us after the others, not within 3 s"
say "sow ended $took us after the others were complete"
says sow "10.77.0.13): silent, given up after 3 s" "3 of 4 receivers complete"
delivered file r1 r2 r4
