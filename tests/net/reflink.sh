#!/usr/bin/env bash
# reflink.sh - a delta into a large file where blocks can be shared: it needs no room for a second copy, and hardly any packets.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ethtool fallocate
lan 1
offloads_off # to count packets
size=100000000
packets=$((size / 1400))
mkdir "$dir/r1"

# made_with MKFS: a file system that can share blocks is mounted
made_with()
{
	command -v "$1" >/dev/null || return
	truncate -s 400M "$dir/disk"
	"$1" -q -f "$dir/disk" >"$dir/mkfs.log" && mount -o loop "$dir/disk" "$dir/r1" || return
	head -c 100000 /dev/urandom >"$dir/r1/one"
	cp --reflink=always "$dir/r1/one" "$dir/r1/two" && rm "$dir/r1/one" "$dir/r1/two" && return
	umount "$dir/r1"
	return 1
}

left()
{
	sync -f "$dir/r1"
	df --output=avail -B1 "$dir/r1" | tail -n 1
}

made=
for mkfs in mkfs.xfs mkfs.btrfs; do
	made_with $mkfs 2>/dev/null || continue
	made=1
	head -c $size /dev/urandom >"$dir/image"
	cp "$dir/image" "$dir/r1/image"
	for i in 3 60 101 180 255 300; do
		head -c 100000 /dev/urandom |
			dd of="$dir/image" bs=262144 seek=$i conv=notrunc status=none
	done
	fallocate -l $(($(left) - 30000000)) "$dir/r1/filler"
	reap_on r1
	before=$(sent s)
	sow_from s --receivers 1 --wait 10 --rate 400M --digest-cache none "$dir/image"
	expect 0 sow 60
	expect 0 reap-r1 20
	cost=$(($(sent s) - before))
	say "$mkfs: $cost of $packets packets"
	expect_same "$dir/image" "$dir/r1/image"
	[ "$cost" -lt $((packets * 4 / 100)) ] || fail "$cost packets for 2 % of the chunks"
	[ -z "$(find "$dir/r1" -name '.sow*')" ] || fail "something is left"
	umount "$dir/r1"
done
[ -n "$made" ] || skip "no file system here that shares blocks, or none can be mounted"
