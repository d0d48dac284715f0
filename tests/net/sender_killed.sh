#!/usr/bin/env bash
# sender_killed.sh - the sender dies: the receivers end in bounded time with 2 and show no file.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 2
make_file file 4000000
reap_on r1
reap_on r2
sow_from s --receivers 2 --wait 10 --rate 10M "$dir/file"
wait_for 10 has_sent s 500 || fail "nothing was sent"
stop sow KILL
for host in r1 r2; do
	expect 2 reap-$host 60
	[ -e "$dir/$host/file" ] && fail "$host has a file that is not complete"
done
exit 0
