#!/usr/bin/env bash
# inplace.sh - a delta into a large file without room for a second copy: refused, and done with --inplace.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ethtool
lan 1
offloads_off
make_file image 20000000
packets=$((20000000 / 1400))
mkdir "$dir/r1"
mount -t tmpfs -o size=25m small "$dir/r1" || skip "cannot mount a small tmpfs"

to()
{
	local what=$1

	shift
	start reap r1 "$REAP" --group "$group:$port" --interface "$interface" --output "$what" \
		--once "$@"
	wait_for 5 bound r1 "$port" || fail "reap does not listen"
}

sow_it()
{
	before=$(sent s)
	sow_from s --receivers 1 --wait 10 --digest-cache none "$@" "$dir/image"
}

# yesterday's: 1 MB less, and one chunk is another
head -c 19000000 "$dir/image" >"$dir/r1/disk"
printf yesterday | dd of="$dir/r1/disk" bs=1 seek=5000000 conv=notrunc status=none
cp "$dir/r1/disk" "$dir/yesterday"

# no room: nothing happens to it, and what would help is said at both ends
to "$dir/r1/disk"
sow_it --rate 200M
expect 4 sow 60
expect 2 reap 20
says reap "--inplace"
says sow "--inplace"
expect_same "$dir/yesterday" "$dir/r1/disk"

# as large as the new one, it may be the same but for its time: that it is not turns out later
cp "$dir/image" "$dir/r1/disk"
printf yesterday | dd of="$dir/r1/disk" bs=1 seek=5000000 conv=notrunc status=none
to "$dir/r1/disk"
sow_it --rate 200M
expect 4 sow 60
expect 2 reap 20
says reap "--inplace"
says sow "--inplace"
truncate -s 19000000 "$dir/r1/disk"
expect_same "$dir/yesterday" "$dir/r1/disk"
[ "$(ls -A "$dir/r1")" = disk ] || fail "something is left: $(ls -A "$dir/r1")"

# in place: the same file, and only what changed is sent
inode=$(stat -c %i "$dir/r1/disk")
to "$dir/r1/disk" --inplace
sow_it --rate 200M
expect 0 sow 60
cost=$(($(sent s) - before))
expect 0 reap 20
expect_same "$dir/image" "$dir/r1/disk"
[ "$(stat -c %i "$dir/r1/disk")" = "$inode" ] || fail "it is another file"
[ "$(stat -c %Y "$dir/r1/disk")" = "$(stat -c %Y "$dir/image")" ] || fail "not the sender's time"
[ "$(ls -A "$dir/r1")" = disk ] || fail "something is left: $(ls -A "$dir/r1")"
[ "$cost" -lt $((packets * 15 / 100)) ] || fail "5 chunks of 77 took $cost of $packets packets"

# It becomes shorter, and has holes; in a directory, too, and small files go the safe way.
mkdir "$dir/r1/tree" "$dir/tree"
mv "$dir/r1/disk" "$dir/r1/tree/image"
echo old >"$dir/r1/tree/small"
small=$(stat -c %i "$dir/r1/tree/small")
truncate -s 15000001 "$dir/image"
dd if=/dev/zero of="$dir/image" bs=262144 seek=10 count=7 conv=notrunc status=none
cp --sparse=always "$dir/image" "$dir/tree/image"
echo new >"$dir/tree/small"
to "$dir/r1" --inplace
sow_from s --receivers 1 --wait 10 --digest-cache none --rate 200M "$dir/tree"
expect 0 sow 60
expect 0 reap 20
expect_same "$dir/image" "$dir/r1/tree/image"
expect_same "$dir/tree/small" "$dir/r1/tree/small"
[ "$(stat -c %i "$dir/r1/tree/image")" = "$inode" ] || fail "it is another file"
[ "$(stat -c %i "$dir/r1/tree/small")" = "$small" ] && fail "a small file was written in place"

# stopped in the middle: it says so, and the same job goes on from there
mv "$dir/r1/tree/image" "$dir/r1/disk"
rm -r "$dir/r1/tree"
make_file image 20000000
half_sent() { [ $(($(sent s) - before)) -gt $((packets / 2)) ]; }
to "$dir/r1/disk" --inplace
sow_it --rate 30M
wait_for 20 half_sent || fail "half of it was not sent"
kill -KILL "${pids[reap]}"
finish reap 5
stop sow INT
ls -d "$dir"/r1/.sow-* >/dev/null || fail "nothing tells that it is not complete"
to "$dir/r1/disk" --inplace
sow_it --rate 30M
quarter_sent() { [ $(($(sent s) - before)) -gt $((packets / 4)) ]; }
wait_for 20 quarter_sent || fail "a quarter of it was not sent"
stop reap INT
says reap "disk is INCOMPLETE"
expect 4 sow 20
to "$dir/r1/disk" --inplace
sow_it --rate 200M
expect 0 sow 60
cost=$(($(sent s) - before))
expect 0 reap 20
expect_same "$dir/image" "$dir/r1/disk"
say "after half and a quarter: $cost of $packets packets"
[ "$cost" -lt $((packets * 60 / 100)) ] || fail "$cost of $packets packets after half and a quarter"
[ "$(ls -A "$dir/r1")" = disk ] || fail "something is left: $(ls -A "$dir/r1")"
umount "$dir/r1"
