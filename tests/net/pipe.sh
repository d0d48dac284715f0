#!/usr/bin/env bash
# pipe.sh - what a command writes arrives as a file, whatever its length and pace, or not at all.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft
lan 3

# pipe_from COMMAND OPTION...: its output to sow -
pipe_from()
{
	local command=$1

	shift
	start sow s bash -c "exec \"\$@\" < <($command)" pipe "$SOW" --group "$group:$port" \
		--interface "$interface" "$@" -
}

# taken OPTION...: what pipe_from() sends is on all three
taken()
{
	reap_on r1
	reap_on r2
	reap_on r3
	pipe_from "$@" --receivers 3 --wait 10
	expect 0 sow 60
}

say "an empty one, one byte, and a name of its own"
taken true
: >"$dir/stdin"
delivered stdin r1 r2 r3
rm -r "$dir"/r?
taken "printf x" --name file
printf x >"$dir/file"
delivered file r1 r2 r3

say "more than three parts, with loss"
rm -r "$dir"/r?
make_file file 220000000
loss 1 r1 r2
taken "cat $dir/file" --name file --rate 400M
delivered file r1 r2 r3
loss 0 r1 r2

say "a writer that pauses for longer than anybody is waited for"
rm -r "$dir"/r?
taken "printf one; sleep 2.5; printf two" --name file --drop-after 1
printf onetwo >"$dir/file"
delivered file r1 r2 r3

say "a tree in a tape archive"
rm -r "$dir"/r?
mkdir -p "$dir/tree/sub"
make_file tree/one 300000
make_file tree/sub/two 70000
loss 2 r1 r2 r3
taken "tar c -C $dir tree" --name tree.tar
for host in r1 r2 r3; do
	expect 0 "reap-$host" 20
	mkdir "$dir/$host/out"
	tar x -C "$dir/$host/out" -f "$dir/$host/tree.tar" || fail "no archive on $host"
	diff -r "$dir/tree" "$dir/$host/out/tree" || fail "another tree on $host"
done
loss 0 r1 r2 r3

# has HOST TEXT: in its stage
has()
{
	grep -rq -- "$2" "$dir/$1" 2>/dev/null
}

# go: the command goes on
go()
{
	echo >"$dir/go"
}

say "one comes while the first part is kept, one when it is not"
rm -r "$dir"/r?
mkfifo "$dir/go"
pause="timeout 60 head -n 1 $dir/go >/dev/null; true" # until go()
reap_on r1
pipe_from "printf one; $pause; printf two; $pause; printf end" --wait 10 --name file
wait_for 10 has r1 one || fail "nothing came before the pause"
reap_on r2
wait_for 10 has r2 one || fail "r2 did not get what was kept"
go
wait_for 10 has r1 onetwo || fail "the second part did not come"
reap_begins_on r3
expect 4 reap-r3 10
says reap-r3 "be there from the beginning"
go
expect 4 sow 20
says sow "10.77.0.13.*be there from the beginning"
printf onetwoend >"$dir/file"
delivered file r1 r2
[ -z "$(ls -A "$dir/r3")" ] || fail "r3 has left something"

say "a receiver that is killed holds nobody up"
rm -r "$dir"/r?
make_file file 80000000
reap_on r1
reap_on r3
pipe_from "cat $dir/file; $pause" --receivers 2 --name file --drop-after 1 --rate 400M
wait_for 20 has_sent s $(($(sent s) + 5000)) || fail "nothing was sent"
stop reap-r3 KILL
go
expect 4 sow 30
says sow "10.77.0.13"
delivered file r1

say "nor does one that loses a quarter"
rm -r "$dir"/r?
make_file file 3000000
loss 25 r3
reap_on r1
reap_on r2
reap_on r3
pipe_from "cat $dir/file; $pause; printf end" --receivers 3 --name file --rate 50M
wait_for 20 grep -q "10.77.0.13.*cannot keep up.*standard input is not kept" "$dir/sow.log" ||
	fail "it is waited for"
go
expect 4 sow 20
expect 4 reap-r3 10
printf end >>"$dir/file"
delivered file r1 r2
loss 0 r3

say "what was not read to its end is no file"
rm -r "$dir"/r?
reap_on r1
pipe_from "printf one; $pause" --name file
wait_for 10 has r1 one || fail "nothing came before the pause"
kill -INT "${pids[sow]}"
expect 130 sow 10
expect 4 reap-r1 10
[ -z "$(ls -A "$dir/r1")" ] || fail "r1 has left something"
go
for input in "<$dir" "<&-"; do
	reap_on r1
	start sow s bash -c "exec \"\$@\" $input" pipe "$SOW" --group "$group:$port" --interface "$interface" -
	expect 4 sow 10
	says sow "read standard input"
	expect 4 reap-r1 10
	[ -z "$(ls -A "$dir/r1")" ] || fail "r1 has a file of $input"
done

say "a disk that fills up on the way"
make_file file 4000000
rm -r "$dir"/r?
mkdir "$dir/r1"
mount -t tmpfs -o size=1m small "$dir/r1" || skip "cannot mount a small tmpfs"
echo old >"$dir/r1/file"
reap_on r1
reap_on r2
pipe_from "cat $dir/file" --receivers 2 --name file
expect 4 sow 20
says sow "10.77.0.11.*[Ss]pace"
expect 2 reap-r1 10
[ "$(ls -A "$dir/r1")" = file ] && [ "$(cat "$dir/r1/file")" = old ] || fail "r1 has lost what it had"
umount "$dir/r1"
delivered file r2

say "what goes not together"
for words in "- $dir/file" "--exclude x -" "--name x $dir/file" "--name a/../b -" "--profile norm -"; do
	# shellcheck disable=SC2086
	in_ns s "$SOW" --interface "$interface" $words </dev/null 2>"$dir/usage.log"
	[ $? = 1 ] || fail "sow $words is taken"
done
