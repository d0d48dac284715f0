#!/usr/bin/env bash
# loss.sh - three receivers that each lose 1, 10 and 30 % of the packets get the file.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool
lan 3
make_file file 2000000
for percent in 1 10 30; do
	loss $percent r1 r2 r3
	for host in r1 r2 r3; do
		reap_on $host
	done
	sow_from s --receivers 3 --wait 10 --rate 20M "$dir/file"
	expect 0 sow 60
	[ "$(lost r1)" -gt 0 ] || fail "nothing was lost at $percent %"
	delivered file r1 r2 r3
	rm -r "$dir"/r[123]
done
