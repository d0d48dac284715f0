#!/usr/bin/env bash
# usage.sh - wrong interface, group or port: one line with option, value and what would do; exit 1.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 1
make_file file 1000

# refused NAME OPTION VALUE TEXT...: by both programs
refused()
{
	local option=$1 value=$2

	shift 2
	start sow s "$SOW" "$option" "$value" "$dir/file"
	expect 1 sow 5
	says sow "$option" "$value" "$@"
	start reap r1 "$REAP" "$option" "$value" --output "$dir"
	expect 1 reap 5
	says reap "$option" "$value" "$@"
}

refused --interface nope0 eth0
refused --interface 192.0.2.1 eth0
refused --group 10.77.0.1
refused --group 239.1.2.3:99999
refused --group nonsense
start sow s "$SOW" --ttl 256 "$dir/file"
expect 1 sow 5
says sow --ttl 256
start sow s "$SOW" --interface eth0 "$dir/absent"
expect 1 sow 5
says sow "$dir/absent"
