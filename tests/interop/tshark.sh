#!/usr/bin/env bash
# tshark.sh - Wireshark's dissector finds nothing wrong with a session of ours, FEC 129, with loss.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/../net/lib.sh"
need sow nft ethtool tcpdump tshark

capturing()
{
	logged tcpdump "listening on"
}

# count FILTER: how many packets it matches; the port of the feedback is sow's own
count()
{
	tshark -r "$dir/session.pcap" -d "udp.port==$port,norm" -d "udp.port==$feedback,norm" \
		-Y "$1" 2>>"$dir/tshark.log" | wc -l
}

lan 1
loss 5 r1
make_file file 500000
start tcpdump s tcpdump -Z root -U --immediate-mode -i eth0 -w "$dir/session.pcap" udp
wait_for 10 capturing || fail "tcpdump does not begin"
reap_on r1
sow_from s --fec-id 129 --fec 64,16 --receivers 1 --wait 10 --rate 20M "$dir/file"
expect 0 sow 30
delivered file r1
stop tcpdump INT
feedback=$(tshark -r "$dir/session.pcap" -Y "udp.dstport==$port" -T fields -e udp.srcport \
	-c 1 2>>"$dir/tshark.log")
[ "$(count norm.type==2)" -gt 350 ] || fail "tshark does not see our DATA"
[ "$(count norm.type==4)" -gt 0 ] || fail "tshark does not see our NACKs"
wrong=$(count '_ws.malformed || _ws.expert.severity >= "Warning"')
[ "$wrong" = 0 ] || fail "tshark complains of $wrong packets"
