#!/usr/bin/env bash
# reflink.sh - a delta into a large file without room for a second copy, where files can share blocks.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ethtool losetup mkfs.btrfs
lan 1
offloads_off
truncate -s 256M "$dir/disk"
disk=$(losetup --find --show "$dir/disk" 2>/dev/null) || skip "no loop device can be had here"
detach()
{
	local end=$?

	umount "$dir/r1" 2>/dev/null
	losetup --detach "$disk"
	return $end
}
trap 'detach; cleanup' EXIT
mkdir "$dir/r1"
{ mkfs.btrfs --quiet "$disk" && mount "$disk" "$dir/r1"; } || skip "no btrfs can be had here"

make_file image 120000000
head -c 110000000 "$dir/image" >"$dir/r1/image"
printf yesterday | dd of="$dir/r1/image" bs=1 seek=5000000 conv=notrunc status=none
sync -f "$dir/r1"
for ((i = 0; i < 10; i++)); do # until half of it is left
	[ "$(df --output=avail "$dir/r1" | tail -n 1)" -lt 60000 ] && break
	head -c 10000000 /dev/urandom >"$dir/r1/full$i"
	sync -f "$dir/r1"
done
reap_on r1
before=$(sent s)
sow_from s --receivers 1 --wait 10 --rate 400M --digest-cache none "$dir/image"
expect 0 sow 60
cost=$(($(sent s) - before))
expect 0 reap-r1 20
expect_same "$dir/image" "$dir/r1/image"
[ "$cost" -lt 12000 ] || fail "10 of 120 MB took $cost packets"
