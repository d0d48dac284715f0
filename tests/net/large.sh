#!/usr/bin/env bash
# large.sh - files in the large-block code: loss, a burst, a late receiver, little memory, by the way they come.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool
lan 4
make_file file 12000000
make_file small 50000
packets=8572 # of file

# Six per cent of loss cost little more than the worst of three receivers lost.
loss 6 r1 r2 r3
reap_on r1
reap_on r2 --memory 3M
reap_on r3
sow_from s --fec large,3000 --receivers 3 --wait 10 --rate 100M "$dir/file"
expect 0 sow 60
delivered file r1 r2 r3
[ "$(lost r1)" -gt 300 ] || fail "too little was lost: $(lost r1)"
[ "$(offered r1)" -lt $((packets * 118 / 100)) ] ||
	fail "$(offered r1) packets for $packets source symbols"
rm -r "$dir"/r[123]

# One that comes late gets all, and the others are not held up by it.
loss 1 r1 r2 r3 r4
reap_on r1
reap_on r2
sow_from s --fec large,1000 --interleave 2 --receivers 2 --wait 10 --rate 50M \
	"$dir/small" "$dir/file"
wait_for 10 has_sent s 3000 || fail "nothing was sent"
reap_on r4
expect 0 sow 60
for host in r1 r2 r4; do
	expect 0 "reap-$host" 20
	expect_same "$dir/file" "$dir/$host/file"
	expect_same "$dir/small" "$dir/$host/small"
done
