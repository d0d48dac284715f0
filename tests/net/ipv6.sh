#!/usr/bin/env bash
# ipv6.sh - any-source and source-specific multicast over IPv6.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ipv6
lan 2
make_file file 1000000

# over ADDRESS OPTION-OF-REAP...
over()
{
	local address=$1

	shift
	group="[$address]"
	reap_on r1 "$@"
	reap_on r2 "$@"
	joined r1 eth0 "$address" || fail "r1 has not joined $address"
	sow_from s --receivers 2 --wait 10 "$dir/file"
	expect 0 sow 20
	delivered file r1 r2
	rm -r "$dir/r1" "$dir/r2"
}

over ff15::8387
over ff3e::8387 --source fd77::1
