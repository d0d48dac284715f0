#!/usr/bin/env bash
# norm_to_reap.sh - what libnorm sends, reap stores: every size, with loss, FEC 5 and 129.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/peers.sh"
need sow

# receive FEC-ID NAME: libnorm gives no digest, and reap says so
receive()
{
	reap_on r1 --allow-unverified
	peer_send "$1" "$dir/in/$2"
	expect 0 reap-r1 30
	expect 0 peer-s 30
	says reap-r1 unverified
	same_as_sent r1 "$2"
}

lan 1
make_files
for fec in 5 129; do
	loss 0 r1
	for name in "${names[@]}"; do
		receive $fec "$name"
	done
	loss 5 r1
	receive $fec big
	[ "$(lost r1)" -gt 0 ] || fail "nothing was lost"
done

# without the permission the file is stored and the status is 4
loss 0 r1
reap_on r1
peer_send 5 "$dir/in/block"
expect 4 reap-r1 30
expect 0 peer-s 30
same_as_sent r1 block
