#!/usr/bin/env bash
# sow_to_norm.sh - what sow --profile norm sends, libnorm stores: every size, with loss, FEC 5 and 129.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/peers.sh"
need sow

# send FEC-ID PEER-OPTIONS NAME...: the peer lingers, so that the sender hears of it
send()
{
	local fec=$1 options

	read -ra options <<<"$2"
	shift 2
	peer_recv r1 $# "${options[@]}"
	sow_from s --profile norm --fec-id "$fec" --fec "$block,16" --rate 50M "${@/#/$dir/in/}"
	expect 0 peer-r1 30
	expect 0 sow 30
	same_as_sent r1 "$@"
}

lan 1
make_files
for fec in 5 129; do
	loss 0 r1
	send $fec "--linger 2" "${names[@]}"
	loss 5 r1
	send $fec "--linger 2" big
	send $fec "--linger 2 --unicast" big
	[ "$(lost r1)" -gt 0 ] || fail "nothing was lost"
done
