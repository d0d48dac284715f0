#!/usr/bin/env bash
# device.sh - reap --output DEVICE: an image straight onto a block device, and what is refused.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow losetup
lan 1
offloads_off
size=12582912
truncate -s $size "$dir/disk"
disk=$(losetup --find --show "$dir/disk" 2>/dev/null) || skip "no loop device can be had here"
detach()
{
	local end=$?

	umount "$dir/mnt" 2>/dev/null
	delpart "$disk" 1 2>/dev/null
	losetup --detach "$disk"
	return $end
}
trap 'detach; cleanup' EXIT
[ -b "$disk" ] || skip "there is no $disk"

to_disk()
{
	start reap r1 "$REAP" --group "$group:$port" --interface "$interface" --output "$disk" \
		--once "$@"
	wait_for 5 bound r1 "$port" || fail "reap does not listen"
}

# image BYTES: content, zeros, a hole, equal chunks, an odd end
image()
{
	rm -f "$dir/image"
	truncate -s "$1" "$dir/image"
	head -c 3000000 /dev/urandom | dd of="$dir/image" bs=1M conv=notrunc status=none
	dd if="$dir/image" of="$dir/image" bs=262144 count=2 skip=1 seek=20 conv=notrunc status=none
	head -c 1000 /dev/urandom |
		dd of="$dir/image" bs=1000 oflag=seek_bytes seek=$(($1 - 1000)) conv=notrunc status=none
}

# The device begins with the image, and is what it was behind it.
on_disk()
{
	local bytes=$1

	cmp -n "$bytes" "$dir/image" "$disk" || fail "$disk is not the image"
	cmp -i "$bytes" "$dir/old" "$disk" || fail "something behind the image changed"
}

head -c $size /dev/urandom >"$dir/old"
cp "$dir/old" "$dir/disk.old"
dd if="$dir/old" of="$disk" bs=1M status=none

# over other data
image 9000123
to_disk
sow_from s --receivers 1 --wait 10 --rate 200M --digest-cache none "$dir/image"
expect 0 sow 60
expect 0 reap 20
says reap "verified"
on_disk 9000123

# what is in its place is not sent again
printf changed | dd of="$dir/image" bs=1 seek=600000 conv=notrunc status=none
to_disk
before=$(sent s)
sow_from s --receivers 1 --wait 10 --rate 200M --digest-cache none "$dir/image"
expect 0 sow 60
expect 0 reap 20
on_disk 9000123
cost=$(($(sent s) - before))
[ "$cost" -lt 600 ] || fail "one chunk of 35 took $cost packets"

# refused, and the sender is told: what is too large, a tree
truncate -s $((size + 1)) "$dir/large"
to_disk
sow_from s --receivers 1 --wait 10 --rate 200M "$dir/large"
expect 4 sow 60
expect 2 reap 20
says sow "$disk: is too small: it has $size bytes, the image $((size + 1))"
mkdir "$dir/tree"
echo 1 >"$dir/tree/a"
to_disk
sow_from s --receivers 1 --wait 10 --rate 200M "$dir/tree"
expect 4 sow 60
expect 4 reap 20
says sow "$disk: " "tree of 2"
to_disk
sow_from s --profile norm --receivers 1 --wait 10 --rate 200M "$dir/image"
finish sow 60
expect 4 reap 20
says reap "output is a device, or standard output, and takes jobs of sow's only"
on_disk 9000123

# interrupted: it says what the device is; the next run finds what is there
image 9000123
packets=$((9000123 / 1400))
started=$(sent s)
half_sent() { has_sent s $((started + packets / 12)); }
to_disk
sow_from s --receivers 1 --wait 10 --rate 10M --digest-cache none "$dir/image"
wait_for 20 half_sent || fail "nothing is sent"
kill -INT "${pids[reap]}"
expect 130 reap 10
says reap "$disk is INCOMPLETE"
expect 4 sow 20
to_disk
sow_from s --receivers 1 --wait 10 --rate 200M --digest-cache none "$dir/image"
expect 0 sow 60
expect 0 reap 20
on_disk 9000123

# what a command writes, of a size that turns out to be too large, and of one that fits
head -c $((size + 1)) /dev/urandom >"$dir/large"
for input in large image; do
	to_disk
	start sow s sh -c "exec \"$SOW\" --group $group:$port --interface $interface --receivers 1 \
		--wait 10 --rate 200M --name disk - <\"$dir/$input\""
	[ $input = image ] || { expect 4 sow 60; expect 2 reap 20; }
done
expect 0 sow 60
expect 0 reap 20
cmp -n 9000123 "$dir/image" "$disk" || fail "$disk is not what was piped"

# The hook has it for itself: mkfs does not touch what others have open. Then it is in use.
command -v mkfs.ext4 >/dev/null || skip "all but a mounted device: no mkfs.ext4"
to_disk --exec "sh -c 'mkfs.ext4 -q \"\$SOW_PATH\"'"
sow_from s --receivers 1 --wait 10 --rate 200M "$dir/image"
expect 0 sow 60
expect 0 reap 20
mkdir "$dir/mnt"
mount "$disk" "$dir/mnt" 2>/dev/null || skip "all but a mounted device, which cannot be had here"
start reap r1 "$REAP" --output "$disk"
expect 1 reap 5
says reap "--output $disk: is in use: mounted at $dir/mnt"

# a partition of it is
umount "$dir/mnt"
{ addpart "$disk" 1 2048 20000 && mkfs.ext4 -q "${disk}p1" && mount "${disk}p1" "$dir/mnt"; } 2>/dev/null ||
	skip "all but a mounted partition, which cannot be had here"
start reap r1 "$REAP" --output "$disk"
expect 1 reap 5
says reap "--output $disk: is in use: mounted at $dir/mnt"
