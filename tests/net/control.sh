#!/usr/bin/env bash
# control.sh - sow --control: start, wait, drop, pause, resume, status and quit while it runs.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
TELL=${TELL:-$PWD/tests/net/tell}
lan 4
make_file file 8000000
socket=$dir/control

# tell TEXT LINE...: every answer has the text
tell()
{
	local text=$1

	shift
	"$TELL" "$socket" "$@" >"$dir/answer" || fail "no answer to $*"
	[ "$(grep -c -- "$text" "$dir/answer")" = $# ] || fail "$*: $(cat "$dir/answer")"
}

# is TEXT: what the status says now
is()
{
	"$TELL" "$socket" status >"$dir/answer" 2>/dev/null && grep -q -- "$1" "$dir/answer"
}

for host in r1 r2 r3 r4; do
	reap_on $host
done
sow_from s --receivers 5 --wait 60 --rate 20M --control "$socket" "$dir/file"
wait_for 5 test -S "$socket" || fail "there is no socket"
wait_for 10 is '"receivers":4' || fail "there are not four receivers: $(cat "$dir/answer")"
[ "$(stat -c %a "$socket")" = 600 ] || fail "others may give orders: $(stat -c %a "$socket")"
tell '"phase":"waiting","paused":false,"wait_left":' status
tell '"ok":false,"error":"give start' nonsense
tell '"ok":false,"error":"nothing follows' 'start now'
tell '"ok":false,"error":"that line is too long"' "$(head -c 1025 /dev/zero | tr '\0' x)"
tell '"ok":true,"wait_left":[67]' 'wait +20'
tell '"ok":false,"error":"no such receiver is there"' 'drop nobody' 'drop 10.77.0.99'
tell '"command":"drop","ok":false,"error":"several receivers.*"receivers":4' "drop $(hostname)"
kill -STOP "${pids[reap-r4]}" # else it might get all of it without any repair
tell '"command":"drop","ok":true,"node":"[0-9a-f]*","host":.*"address":"10.77.0.14"' 'drop 10.77.0.14'
is '"receivers":3,.*"dropped":1' || fail "it is still there: $(cat "$dir/answer")"
tell '"command":"pause","ok":true' pause
tell '"command":"start","ok":true' start
is '"phase":"sending","paused":true' || fail "it does not start: $(cat "$dir/answer")"
tell '"ok":false,"error":"it has begun"' start 'wait +1'
is '"sent":0' || fail "it sends while it is paused: $(cat "$dir/answer")"
tell '"command":"resume","ok":true' resume
for host in r1 r2 r3; do
	expect 0 reap-$host 30
	expect_same "$dir/file" "$dir/$host/file"
done
expect 4 sow 10
says sow "10.77.0.14): dropped" "3 of 5 receivers complete"
[ -e "$socket" ] && fail "the socket is still there"
kill -CONT "${pids[reap-r4]}"
finish reap-r4 20

# a socket that nobody listens at is replaced; a file, or a socket in use, is not; quit
touch "$dir/precious"
sow_from s --control "$dir/precious" "$dir/file"
expect 2 sow 5
says sow precious "is no socket"
[ -e "$dir/precious" ] || fail "a file was removed"
for host in r1 r2; do
	rm -f "$dir/$host/file"
	reap_on $host
done
sow_from s --receivers 9 --wait 60 --control "$socket" "$dir/file"
wait_for 10 is '"receivers":2' || fail "there are not two receivers"
stop sow KILL
[ -S "$socket" ] || fail "no socket is left of the one that was killed"
sow_from s --receivers 2 --wait 60 --rate 5M --control "$socket" "$dir/file"
wait_for 10 is '"phase":"sending"' || fail "it does not start"
start other s "$SOW" --group "$group:$port" --interface eth0 --control "$socket" "$dir/file"
expect 2 other 5
says other "another process listens there"
tell '"command":"quit","ok":true' quit
expect 4 sow 5
says sow "finished early; 0 of 2 receivers complete" "10.77.0.11): partial" "10.77.0.12): partial"
[ -e "$socket" ] && fail "the socket is still there"
finish reap-r1 20 # when the one that was killed is given up, too
finish reap-r2 20
