#!/usr/bin/env bash
# norm_to_norm.sh - the peer is sound: libnorm sends to libnorm what the other tests send.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/peers.sh"

lan 1
make_files
for fec in 5 129; do
	loss 0 r1
	peer_recv r1 ${#names[@]}
	peer_send $fec "${names[@]/#/$dir/in/}"
	expect 0 peer-r1 20
	expect 0 peer-s 20
	same_as_sent r1 "${names[@]}"

	loss 5 r1
	peer_recv r1 1 --unicast
	peer_send $fec "$dir/in/big"
	expect 0 peer-r1 30
	expect 0 peer-s 20
	[ "$(lost r1)" -gt 0 ] || fail "nothing was lost"
	same_as_sent r1 big
done
