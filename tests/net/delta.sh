#!/usr/bin/env bash
# delta.sh - receivers with yesterday's copy get what changed and no more; a lying copy does no harm.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ethtool
NET_LIMIT=200
lan 4
offloads_off
make_file image 67108864 # 256 chunks
packets=$((67108864 / 1400))
hosts="r1 r2 r3 r4"

transfer()
{
	local host

	for host in $hosts; do
		reap_on "$host"
	done
	before=$(sent s)
	sow_from s --receivers 4 --wait 10 --rate 400M --digest-cache none "$@" "$dir/image"
	expect 0 sow 60
	cost=$(($(sent s) - before))
	for host in $hosts; do
		expect 0 "reap-$host" 20
		expect_same "$dir/image" "$dir/$host/image"
	done
	say "$cost packets, the image has $packets"
}

transfer
[ "$cost" -ge "$packets" ] || fail "less was sent than there is"

# nothing changed: only the manifest and the digests
transfer
[ "$cost" -lt 400 ] || fail "an unchanged image took $cost packets"

# 2 % of the chunks, scattered
for i in 3 60 101 180 255; do
	dd if=/dev/urandom of="$dir/image" bs=100000 count=1 seek=$((i * 262144 + 4096)) \
		oflag=seek_bytes conv=notrunc status=none
done
transfer
[ "$cost" -lt $((packets * 4 / 100)) ] || fail "2 % of the chunks took $cost packets"

# One has another copy, one none at all, two are up to date but for a flipped bit that time and size do not show.
head -c 67108864 /dev/urandom >"$dir/r1/image"
rm "$dir/r2/image"
for host in r3 r4; do
	touch -r "$dir/$host/image" "$dir/time"
	printf X | dd of="$dir/$host/image" bs=1 seek=30000000 conv=notrunc status=none
	touch -r "$dir/time" "$dir/$host/image"
done
transfer
