#!/usr/bin/env bash
# sow_cc_to_norm.sh - sow --rate norm-cc finds the rate of a path to libnorm, and to reap.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/peers.sh"
need sow tbf

mbit=20

# field NAME: of the last line of sow's events; numbers without their fraction
field()
{
	sed -n '/"event":"done"/s/.*"'"$1"'":"\{0,1\}\([^.,"}]*\).*/\1/p' "$dir/sow.log"
}

# The highest rate that sow told of.
highest()
{
	sed -n 's/.*"event":"rate".*"rate_bps":\([0-9]*\).*/\1/p' "$dir/sow.log" | sort -n |
		tail -n 1
}

# rose WHOM: the rate went up from where it began, and not far beyond the path's
rose()
{
	local top

	top=$(highest)
	say "$1: at most ${top:-nothing} bit/s, at last $(field rate_bps): $(field rate_reason);" \
		"goodput $(field goodput_bps), $(field packets) packets"
	[ "${top:-0}" -gt 2000000 ] || fail "the rate did not rise"
	[ "${top:-0}" -lt $((mbit * 5000000)) ] || fail "the rate went through the roof"
}

lan 1
make_file in/big 10000000
offloads_off
in_ns b tc qdisc replace dev "${plugs[r1/eth0]}" root tbf rate ${mbit}mbit burst 16k \
	limit $((mbit * 6250)) || fail "cannot shape the way"

peer_recv r1 1 --linger 2
sow_from s --profile norm --fec $block,16 --rate norm-cc --json "$dir/in/big"
expect 0 peer-r1 60
expect 0 sow 60
same_as_sent r1 big
rose libnorm
[ "$(field rate_bps)" -gt 100000 ] || fail "the rate broke down at the end"

reap_on r1
sow_from s --receivers 1 --wait 10 --rate norm-cc --json "$dir/in/big"
expect 0 sow 60
expect_same "$dir/in/big" "$dir/r1/big"
rose reap
