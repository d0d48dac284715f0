#!/usr/bin/env bash
# resume.sh - a reap that was killed half way goes on where it was, in the same run of sow and in another one.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool
NET_LIMIT=200
lan 2
make_file image 40000000
packets=$((40000000 / 1400))
loss 1 r1 r2

half_offered()
{
	[ "$(offered r1)" -gt $((packets / 2)) ]
}

# in the same run
reap_on r1
reap_on r2
before=$(sent s)
sow_from s --receivers 2 --wait 10 --rate 60M --digest-cache none "$dir/image"
wait_for 20 half_offered || fail "half of it was not sent"
stop reap-r1 KILL
reap_on r1
expect 4 sow 60 # the first one on r1 never came back
delivered image r1 r2
cost=$(($(sent s) - before))
say "in the same run: $cost of $packets packets"

rm "$dir"/r[12]/image

# in the next run: the killed one's packets count from there on
reap_on r1
before=$(offered r1)
sow_from s --receivers 1 --wait 10 --rate 60M --digest-cache none "$dir/image"
half_more() { [ "$(offered r1)" -gt $((before + packets / 2)) ]; }
wait_for 20 half_more || fail "half of it was not sent"
stop reap-r1 KILL
stop sow
[ -e "$dir/r1/image" ] && fail "an unfinished image is in its place"
reap_on r1
before=$(sent s)
sow_from s --receivers 1 --wait 10 --rate 60M --digest-cache none "$dir/image"
expect 0 sow 60
cost=$(($(sent s) - before))
delivered image r1
say "again: $cost of $packets packets"
[ "$cost" -lt $((packets * 56 / 100)) ] || fail "$cost packets for the other half"
