#!/usr/bin/env bash
# hook.sh - what --exec runs knows what came; its failure, and what limits refuse, reach the sender.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow

# said NAME: the hook's line on a host
said()
{
	cat "$dir/$1.said"
}

lan 2
make_file file 3000000
cat >"$dir/hook" <<-'END'
	#!/bin/sh
	cmp "$SOW_PATH" "$1/${SOW_PATH##*/}" || exit 9
	echo "$SOW_NAME $SOW_SIZE $SOW_STATUS $SOW_PEERADDR $SOW_LOCADDR $SOW_DSTADDR $SOW_IF" >>"$2"
	[ "${#SOW_DIGEST}" = 64 ] && [ "$SOW_DIGEST" = "$SOW_JOB" ] || exit 8
	[ "$SOW_NAME" != "$3" ] || exit 3
END
chmod +x "$dir/hook"

reap_on r1 --exec "'$dir/hook' '$dir' '$dir/r1.said' none"
reap_on r2 --exec "'$dir/hook' '$dir' '$dir/r2.said' file" --json
sow_from s --receivers 2 --wait 10 "$dir/file"
expect 4 sow 60
expect 0 reap-r1 10
expect 4 reap-r2 10
says sow 'file: hook: exit 3'
says reap-r2 '"event":"hook".*"name":"file","status":"failed","reason":"exit 3"' '"hooks_failed":1'
from="file 3000000 verified 10.77.0.1"
[ "$(said r1)" = "$from 10.77.0.11 $group eth0" ] || fail "the hook on r1 was told: $(said r1)"
[ "$(said r2)" = "$from 10.77.0.12 $group eth0" ] || fail "the hook on r2 was told: $(said r2)"
for host in r1 r2; do
	expect_same "$dir/file" "$dir/$host/file"
	rm -r "${dir:?}/$host"
done

# one that never ends is ended, and one that is not to come does not run it
reap_on r1 --exec 'sleep 1000' --exec-timeout 200ms
reap_on r2 --exec "'$dir/hook' '$dir' '$dir/r2.none' none" --max-size 2999999
sow_from s --receivers 2 --wait 10 "$dir/file"
expect 4 sow 60
expect 4 reap-r1 10
expect 4 reap-r2 10
says sow 'file: hook: not done within 0.2 s' 'larger than --max-size'
expect_same "$dir/file" "$dir/r1/file"
[ -z "$(ls -A "$dir/r2")" ] || fail "something is on r2"
[ ! -e "$dir/r2.none" ] || fail "the hook ran for what was refused"
rm -r "${dir:?}/r1"

# mistakes are told at the start
start reap-r1 r1 "$REAP" --group "$group:$port" --interface eth0 -o "$dir" --exec /no/such/program
expect 1 reap-r1 5
says reap-r1 'give a program that you may run'
start reap-r1 r1 "$REAP" --group "$group:$port" --interface eth0 -o "$dir" --exec "sh -c 'x"
expect 1 reap-r1 5
says reap-r1 'a quote is not closed'
