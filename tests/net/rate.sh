#!/usr/bin/env bash
# rate.sh - --rate auto fills a link of 100 Mbit/s, and four, and loses little.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool tbf

# narrow MBIT HOST...: the way from the bridge to each of them, with 60 ms of queue
narrow()
{
	local mbit=$1 host

	shift
	offloads_off
	for host in "$@"; do
		in_ns b tc qdisc replace dev "${plugs[$host/eth0]}" root tbf rate "$mbit"mbit \
			burst 16k limit $((mbit * 7500)) || fail "cannot shape the way to $host"
	done
}

# shaped_away HOST: packets that found no room in that queue
shaped_away()
{
	in_ns b tc -s qdisc show dev "${plugs[$1/eth0]}" | sed -n 's/.*dropped \([0-9]*\).*/\1/p' |
		head -n 1
}

# field NAME: of the last line of sow's events; numbers without their fraction
field()
{
	sed -n '/"event":"done"/s/.*"'"$1"'":"\{0,1\}\([^.,"}]*\).*/\1/p' "$dir/sow.log"
}

# send RATE HOST...: the file gets to all of them; its bits a second are in $goodput
send()
{
	local rate=$1 host

	shift
	for host in "$@"; do
		rm -rf "$dir/$host"
		reap_on "$host"
	done
	sow_from s --receivers $# --wait 10 --rate "$rate" --json "$dir/file"
	expect 0 sow 60
	delivered file "$@"
	goodput=$(field goodput_bps)
}

# filled MBIT HOST...: as fast as with the best fixed rate, or nearly so
filled()
{
	local mbit=$1 before fixed sent

	shift
	# 1424 of 1466 bytes of a frame are the NORM message
	send "$((mbit * 95 / 100))M" "$@"
	fixed=$goodput before=$(shaped_away "$1")
	send auto "$@"
	sent=$(field packets)
	say "$# x $mbit Mbit/s: auto $((goodput / 10000))/100 Mbit/s, fixed $((fixed / 10000))/100;" \
		"$sent packets for $(field source_packets), dropped: $(($(shaped_away "$1") - before));" \
		"at last $(field rate_bps) bit/s: $(field rate_reason)"
	[ "$goodput" -ge $((fixed * 7 / 10)) ] || fail "the link was not filled"
	[ $((($(shaped_away "$1") - before) * 20)) -lt "$sent" ] || fail "5 % were lost"
	[ "$(field rate_changes)" -ge 3 ] || fail "the rate did not change"
	says sow '"event":"rate"' '"reason":"starting"'
}

lan 4
make_file file 30000000
narrow 100 r1
filled 100 r1
narrow 100 r1 r2 r3 r4
filled 100 r1 r2 r3 r4

# Loss that was always there is no reason to be slow.
loss 5 r1 r2
send 95M r1 r2
fixed=$goodput
send auto r1 r2
say "5 % loss: auto $((goodput / 10000))/100 Mbit/s, fixed $((fixed / 10000))/100"
[ "$goodput" -ge $((fixed * 7 / 10)) ] || fail "loss slowed it down"
