#!/usr/bin/env bash
# pipe_out.sh - reap --output - gives a command one file, in order, while it comes, and says what it could not.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft
lan 3
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
mkfifo "$dir/go"
pause="timeout 60 head -n 1 $dir/go >/dev/null; true" # until go()

# pour HOST COMMAND OPTION...: what reap there writes to a command; its status is reap's
pour()
{
	local host=$1 command=$2

	shift 2
	start "reap-$host" "$host" bash -c "\"\$@\" | { $command; }; exit \${PIPESTATUS[0]}" pour "$REAP" \
		--group "$group:$port" --interface "$interface" --output - "$@"
	wait_for 5 bound "$host" "$port" || fail "reap on $host does not listen"
}

# pipe_from COMMAND OPTION...: its output to sow -
pipe_from()
{
	local command=$1

	shift
	start sow s bash -c "exec \"\$@\" < <($command)" pipe "$SOW" --group "$group:$port" \
		--interface "$interface" "$@" -
}

go()
{
	echo >"$dir/go"
}

no_spool_is_left()
{
	[ -z "$(ls -A "$TMPDIR")" ] || fail "something is left in $TMPDIR"
}

say "from tar to tar, with loss"
mkdir -p "$dir/tree/sub"
make_file tree/one 3000000
make_file tree/sub/two 70000
loss 1 r1 r2 r3
for host in r1 r2 r3; do
	mkdir "$dir/$host"
	pour "$host" "tar x -C $dir/$host"
done
pipe_from "tar c -C $dir tree" --receivers 3 --wait 10
expect 0 sow 60
for host in r1 r2 r3; do
	expect 0 "reap-$host" 20
	diff -r "$dir/tree" "$dir/$host/tree" || fail "another tree on $host"
done
loss 0 r1 r2 r3

say "an image with holes and equal pieces, digests before and behind"
make_file piece 1000000
truncate -s 5000000 "$dir/image"
for i in 1 3; do
	dd if="$dir/piece" of="$dir/image" bs=1048576 seek=$i conv=notrunc status=none
done
make_file large 150000000
truncate -s 151000000 "$dir/large"
loss 1 r1
for file in image large; do
	pour r1 "cat >$dir/r1/out"
	pour r2 "cat >$dir/r2/out"
	sow_from s --receivers 2 --wait 10 --rate 400M --digest-cache none "$dir/$file"
	expect 0 sow 60
	for host in r1 r2; do
		expect 0 "reap-$host" 20
		expect_same "$dir/$file" "$dir/$host/out"
	done
done
says reap-r1 "large: 151000000 bytes, verified"
loss 0 r1

say "a reader that takes its time holds up nobody"
make_file file 20000000
pour r1 "$pause; cat >$dir/r1/out"
pour r2 "cat >$dir/r2/out"
sow_from s --receivers 2 --wait 10 --rate 400M "$dir/file"
expect 0 sow 60
expect 0 reap-r2 20
gone reap-r1 && fail "reap did not wait for its reader"
go
expect 0 reap-r1 20
expect_same "$dir/file" "$dir/r1/out"

say "a reader that goes away"
pour r1 "head -c 100000 >/dev/null"
sow_from s --wait 10 --rate 100M "$dir/file"
expect 4 reap-r1 20
says reap-r1 "who reads standard output has closed it" "bytes of file went to standard output"
expect 4 sow 20
says sow "who reads standard output has closed it"
pour r1 "head -c 100000 >/dev/null"
pipe_from "cat $dir/file; $pause" --wait 10
expect 4 reap-r1 20
go
expect 4 sow 20

say "what does not end well"
start reap-r1 r1 bash -c "exec \"\$@\" >&-" pour "$REAP" --group "$group:$port" \
	--interface "$interface" --output -
wait_for 5 bound r1 "$port" || fail "reap does not listen"
sow_from s --wait 10 --rate 100M "$dir/file"
expect 4 sow 20
expect 2 reap-r1 20
says reap-r1 "failed: Bad file descriptor"
pour r1 "cat >$dir/r1/out"
pipe_from "printf one; $pause" --wait 10
wait_for 10 [ -s "$dir/r1/out" ] || fail "nothing came out"
kill -INT "${pids[sow]}"
expect 130 sow 10
expect 4 reap-r1 20
says reap-r1 "3 bytes of stdin went to standard output"
go

say "a tree is refused, to both"
pour r1 "cat >$dir/r1/out"
sow_from s --wait 10 "$dir/tree"
expect 4 sow 20
says sow "takes one file"
expect 4 reap-r1 20
[ -s "$dir/r1/out" ] && fail "some of a tree came out"
no_spool_is_left

say "no room for what the reader does not take"
mount -t tmpfs -o size=1m small "$TMPDIR" || skip "cannot mount a small tmpfs"
pour r1 "$pause; cat >$dir/r1/out"
sow_from s --wait 10 --rate 400M "$dir/file"
expect 4 sow 20
says sow "[Ss]pace"
go
expect 2 reap-r1 20
says reap-r1 "[Ss]pace"
umount "$TMPDIR"

say "what goes not together"
for words in --json "--exec true" "--from $dir" --inplace --delete; do
	# shellcheck disable=SC2086
	in_ns r1 "$REAP" --interface "$interface" --output - $words >/dev/null 2>"$dir/usage.log"
	[ $? = 1 ] || fail "reap --output - $words is taken"
done
