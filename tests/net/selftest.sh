#!/usr/bin/env bash
# selftest.sh - the library of the network tests does what it says.
# SPDX-License-Identifier: BSD-2-Clause

# A test that fails with a program running that ignores TERM; $1 is where it writes the pid.
if [ "${1:-}" = victim ]; then
	. "$(dirname "$0")/lib.sh"
	lan 1
	start stubborn r1 bash -c 'trap "" TERM; echo ready; while :; do sleep 1; done'
	wait_for 5 logged stubborn ready || exit 0
	echo "${pids[stubborn]} $dir" >"$2"
	fail "as it should"
fi

. "$(dirname "$0")/lib.sh"
BURST=${BURST:-$PWD/tests/net/burst}
need nft tbf ethtool

conditions()
{
	local begin=${EPOCHREALTIME/[.,]/} took

	wait_for 1 false && fail "wait_for calls a failure success"
	took=$((${EPOCHREALTIME/[.,]/} - begin))
	((took >= 1000000 && took < 3000000)) || fail "wait_for 1 took $took us"
	wait_for 1 true || fail "wait_for calls success a failure"
}

programs()
{
	start three r1 sh -c 'echo text; exit 3'
	expect 3 three 5
	logged three text || fail "no log"
	start long r1 sleep 100
	stop long
	[ "$status" = 143 ] || fail "stop left status $status"
}

addresses()
{
	in_ns s ping -c 1 -W 2 10.77.0.12 >"$dir/ping.log" 2>&1 || fail "r2 does not answer"
	in_ns s ping -c 1 -W 2 fd77:0::b >"$dir/ping.log" 2>&1 || fail "r1 has no IPv6"
}

# near VALUE EXPECTED TOLERANCE
near()
{
	(($1 >= $2 - $3 && $1 <= $2 + $3)) || fail "$4: $1, not $2 +- $3"
}

# 250 super-packets of 40: with loss per super-packet the first figure would be 250. Five
# standard deviations of 10 000 draws at 10 % are 150.
loss_per_packet()
{
	loss 10 r1
	loss 0 r2
	start burst s "$BURST" "$group" "$port" 1 250 40
	expect 0 burst 20
	near "$(offered r1)" 10000 0 "packets towards r1"
	near "$(lost r1)" 1000 150 "lost at 10 %"
	near "$(lost r2)" 0 0 "lost at 0 %"
}

# 1.2 MB at 40 Mbit/s take 0.24 s.
shaped()
{
	local before after took

	rate 40
	before=$(cat /proc/uptime)
	before=${before%% *}
	start burst s "$BURST" "$group" "$port" 1 25 40
	expect 0 burst 20
	wait_for 5 drained || fail "the shaper's queue does not drain"
	after=$(cat /proc/uptime)
	after=${after%% *}
	took=$((${after/./} - ${before/./}))
	((took >= 18 && took <= 200)) || fail "1.2 MB at 40 Mbit/s took $took/100 s"
}

drained()
{
	in_ns s tc -s qdisc show dev eth0 | grep -q 'backlog 0b 0p'
}

nothing_left()
{
	local pid left

	bash "$0" victim "$dir/victim" >"$dir/victim.log" && fail "the victim passed"
	read -r pid left <"$dir/victim" || fail "the victim did not begin"
	kill -0 "$pid" 2>/dev/null && fail "its program still runs"
	[ -e /run/netns/r9 ] && fail "its namespaces are ours"
	[ -s "$left/stubborn.log" ] || [ -d "$left" ] || fail "its logs are gone"
	rm -rf "$left"
}

lan 2
conditions
addresses
programs
loss_per_packet
shaped
nothing_left
