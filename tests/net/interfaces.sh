#!/usr/bin/env bash
# interfaces.sh - of two interfaces the named one is joined and used for sending, however it is named.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft
lan 1
plug s eth1 1 1
plug r1 eth1 1 11
make_file file 300000

# what leaves by eth0, without the kernel's own messages about IPv6
in_ns s nft -f - <<-END || fail "cannot count what leaves by eth0"
	table ip strays {
		chain out {
			type filter hook output priority 0
			oifname "eth0" udp dport $port counter
		}
	}
END

strays()
{
	in_ns s nft list chain ip strays out | grep -q "packets [1-9]"
}

# by RECEIVER-NAMES-IT SENDER-NAMES-IT
by()
{
	interface=$1
	reap_on r1
	wait_for 5 joined r1 eth1 "$group" || fail "eth1 has not joined by $1"
	joined r1 eth0 "$group" && fail "eth0 has joined by $1"
	interface=$2
	sow_from s --receivers 1 --wait 10 "$dir/file"
	expect 0 sow 20
	delivered file r1
	strays && fail "eth0 has sent by $2"
	rm -r "$dir/r1"
}

by eth1 eth1
by 10.77.1.11 10.77.1.1
by 10.77.1.0/24 10.77.1.0/24
by "$(in_ns r1 cat /sys/class/net/eth1/ifindex)" "$(in_ns s cat /sys/class/net/eth1/ifindex)"
