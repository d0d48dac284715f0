#!/usr/bin/env bash
# straggler.sh - one slow link, or one with much loss, among four does not slow the other three.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool tbf

# narrow MBIT HOST: the way from the bridge to it, with 60 ms of queue
narrow()
{
	in_ns b tc qdisc replace dev "${plugs[$2/eth0]}" root tbf rate "$1mbit" burst 16k \
		limit $(($1 * 7500)) || fail "cannot shape the way to $2"
}

# milliseconds HOST: from the first data until everything was stored
milliseconds()
{
	sed -n '/"event":"session"/s/.*"seconds":\([0-9.]*\).*/\1/p' "$dir/reap-$1.log" |
		awk '{ printf "%d", $1 * 1000 }'
}

# send RATE: to four; the longest of r2, r3 and r4 is in $others
send()
{
	local host ms

	for host in r1 r2 r3 r4; do
		rm -rf "${dir:?}/$host"
		reap_on "$host" --json
	done
	sow_from s --receivers 4 --wait 10 --rate "$1" --json "$dir/file"
	expect 0 sow 100
	delivered file r1 r2 r3 r4
	others=0
	for host in r2 r3 r4; do
		ms=$(milliseconds "$host")
		others=$((ms > others ? ms : others))
	done
}

# straggled HOST VALUE: what sow's last line says of it
straggled()
{
	grep '"event":"receiver"' "$dir/sow.log" | grep "\"address\":\"$1\"" |
		grep -q "\"straggler\":$2" || fail "$1 is not called straggler: $2"
}

# not_slowed WHAT: half a second and a fifth is what a busy machine may take
not_slowed()
{
	say "$1: r2, r3, r4 $others ms, r1 $(milliseconds r1) ms; without: $alone ms"
	[ "$others" -le $((alone * 12 / 10 + 500)) ] || fail "$1 slowed the others"
}

lan 4
make_file file 32000000
offloads_off
send 100M
alone=$others
straggled 10.77.0.11 false

narrow 20 r1
send 100M
not_slowed "a fifth of the rate"
straggled 10.77.0.11 true
straggled 10.77.0.12 false
says sow 'cannot keep up: it gets the rest when the others are done' '"event":"straggler"'
in_ns b tc qdisc del dev "${plugs[r1/eth0]}" root

loss 25 r1
send 100M
not_slowed "a loss of a quarter"
straggled 10.77.0.11 true
