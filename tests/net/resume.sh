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
count_data r1

half_came()
{
	[ "$(data r1)" -gt $((before + packets / 2)) ]
}

# kill_half_way HOST...: receivers begin, and r1's is killed
kill_half_way()
{
	local host

	for host in "$@"; do
		reap_on "$host"
	done
	before=$(data r1)
	sow_from s --receivers $# --wait 10 --drop-after 3 --rate 60M --digest-cache none "$dir/image"
	wait_for 20 half_came || fail "half of it was not sent"
	stop reap-r1 KILL
	before=$(data r1)
}

# costs PERCENT: what came to r1 since then is no more than that of the file
costs()
{
	local cost=$(($(data r1) - before))

	say "$cost of $packets packets"
	[ $cost -le $((packets * $1 / 100)) ] || fail "$cost packets for the other half"
}

# in the same run
kill_half_way r1 r2
reap_on r1
expect 4 sow 60 # the first one on r1 never came back
delivered image r1 r2
costs 55

rm "$dir"/r[12]/image

# in the next run
kill_half_way r1
stop sow
[ -e "$dir/r1/image" ] && fail "an unfinished image is in its place"
reap_on r1
sow_from s --receivers 1 --wait 10 --rate 60M --digest-cache none "$dir/image"
expect 0 sow 60
delivered image r1
costs 54
rm "$dir/r1/image"

# both killed: each has holes of its own
kill_half_way r1 r2
stop reap-r2 KILL
stop sow
reap_on r1
reap_on r2
sow_from s --receivers 2 --wait 10 --rate 60M --digest-cache none "$dir/image"
expect 0 sow 60
delivered image r1 r2
costs 54
