#!/usr/bin/env bash
# receiver_killed.sh - one receiver dies: the others finish, sow names it and ends with 4.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 3
make_file file 4000000
for host in r1 r2 r3; do
	reap_on $host
done
sow_from s --receivers 3 --wait 10 --rate 10M "$dir/file"
wait_for 10 has_sent s 500 || fail "nothing was sent"
stop reap-r2 KILL
expect 4 sow 60
says sow 10.77.0.12
delivered file r1 r3
[ -e "$dir/r2/file" ] && fail "r2 has a file that is not complete"
exit 0
