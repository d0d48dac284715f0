#!/usr/bin/env bash
# keys.sh - sow on a terminal: single keys are orders, and the terminal is afterwards what it was.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow script stty mkfifo
lan 3
make_file file 8000000

# terminal COMMAND...: a shell with job control runs it on a terminal of its own, whose keys are
# what comes out of the fifo; the terminal's mode before and after it is in $dir/before and after
terminal()
{
	printf 'stty -g >%s/before\nPS1=; set -m\n%s\necho $? >%s/status\nstty -g >%s/after\n' \
		"$dir" "$*" "$dir" "$dir" >"$dir/commands"
	rm -f "$dir/fifo" "$dir/before" "$dir/after" "$dir/terminal.log"
	mkfifo "$dir/fifo"
	NET_PROGRAM=terminal ip netns exec s script -q -e -f -c "bash $dir/commands" "$dir/terminal.log" \
		<"$dir/fifo" >/dev/null 2>&1 &
	pids[terminal]=$!
	exec 5>"$dir/fifo"
}

sow="$SOW --group $group:$port --interface eth0 --receivers 9 --wait 60 --rate 20M $dir/file"

keys()
{
	printf '%s' "$1" >&5
}

# restored STATUS: sow ended with it, and the terminal is as it was
restored()
{
	wait_for 20 test -s "$dir/after" || fail "sow does not end"
	exec 5>&-
	finish terminal 10
	same "$dir/before" "$dir/after" || fail "the terminal was $(cat "$dir/before"), and is $(cat "$dir/after")"
	[ "$(cat "$dir/status")" = "$1" ] || fail "sow ended with $(cat "$dir/status"), not $1"
}

for host in r1 r2 r3; do
	reap_on $host
done
terminal "$sow"
wait_for 10 logged terminal "waiting, 3 receivers" || fail "three receivers do not come"
kill -STOP "${pids[reap-r3]}"
keys d
wait_for 5 logged terminal "drop which receiver" || fail "it does not ask whom to drop"
keys '10.77.0.19'$'\177''3'$'\r'
wait_for 5 logged terminal "drop 10.77.0.13: done" || fail "r3 is not dropped"
keys p
wait_for 5 logged terminal "pause: done" || fail "it does not pause"
keys s
wait_for 5 logged terminal "sending to 2 receivers" || fail "it does not start"
keys x # means nothing
keys p
wait_for 5 logged terminal "resume: done" || fail "it does not go on"
restored 4
delivered file r1 r2
kill -CONT "${pids[reap-r3]}"
stop reap-r3

# Ctrl-Z gives the terminal back, fg takes it again; q ends it
reap_on r1
rm -f "$dir/r1/file"
terminal "$sow; stty -g >$dir/stopped; fg"
wait_for 10 logged terminal "waiting, 1 receiver" || fail "no receiver comes"
keys $'\032'
wait_for 5 test -s "$dir/stopped" || fail "Ctrl-Z does not stop it"
same "$dir/before" "$dir/stopped" || fail "it keeps the terminal while it is stopped"
keys q
wait_for 10 logged terminal "quit: done" || fail "it does not read keys after fg"
restored 4
stop reap-r1

# Ctrl-C and a signal that nothing can be done about
for end in "$(printf '\003')" SEGV; do
	terminal "$sow"
	wait_for 10 logged terminal "waiting, 0 receivers" || fail "sow does not wait"
	if [ "$end" = SEGV ]; then
		kill -SEGV "$(pgrep -f -- "--receivers 9 --wait 60 --rate 20M $dir/file" | tail -n 1)"
		restored 139
	else
		keys "$end"
		restored 130
	fi
done
