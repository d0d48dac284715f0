#!/usr/bin/env bash
# sow_to_norm.sh - what sow --profile norm sends, libnorm stores: every size, with loss, FEC 5 and 129.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/peers.sh"
need sow

# send FEC-ID NAME [OPTION-OF-THE-PEER]
send()
{
	peer_recv r1 1 "${@:3}"
	sow_from s --profile norm --fec "$1:$block,16" --rate 50M --wait 1 "$dir/in/$2"
	expect 0 peer-r1 30
	expect 0 sow 30
	same_as_sent r1 "$2"
}

lan 1
make_files
for fec in 5 129; do
	loss 0 r1
	for name in "${names[@]}"; do
		send $fec "$name"
	done
	loss 5 r1
	send $fec big
	send $fec big --unicast
	[ "$(lost r1)" -gt 0 ] || fail "nothing was lost"
done
