#!/usr/bin/env bash
# demo.sh - sows a real file to four reaps that lose 2 % of the packets, and shows what it cost.
# SPDX-License-Identifier: BSD-2-Clause
NET_LIMIT=${NET_LIMIT:-300}
. "$(dirname "$0")/lib.sh"
need sow nft ethtool tar sha256sum
n=4
size=128000000

# field NAME: a number of the event that ends a job
field()
{
	sed -n "s/.*\"event\": *\"done\".*\"$1\": *\([0-9.]*\).*/\1/p" "$dir/events"
}

say "a sender and $n receivers, each in a network namespace, 2 % of the packets lost on the way to each"
lan $n
loss 2 r1 r2 r3 r4
tar -C / -cf - usr/lib usr/share 2>/dev/null | head -c $size >"$dir/usr.tar"
say "usr.tar: $(stat -c %s "$dir/usr.tar") bytes of this system's /usr"
for host in r1 r2 r3 r4; do
	reap_on $host
done
say "sow --receivers $n --rate 200M usr.tar"
begin=${EPOCHREALTIME/[.,]/}
in_ns s "$SOW" --group "$group:$port" --interface eth0 --receivers $n --wait 10 --rate 200M --json \
	"$dir/usr.tar" >"$dir/events" || fail "sow ended with $?"
took=$((${EPOCHREALTIME/[.,]/} - begin))
for host in r1 r2 r3 r4; do
	expect 0 reap-$host 20
done
(cd "$dir" && sha256sum usr.tar r?/usr.tar) | tee "$dir/sums"
[ "$(cut -d ' ' -f 1 "$dir/sums" | sort -u | wc -l)" = 1 ] || fail "the copies differ"
awk -v bytes="$(stat -c %s "$dir/usr.tar")" -v us=$took -v packets="$(field packets)" \
	-v source="$(field source_packets)" -v lost="$(($(lost r1) + $(lost r2) + $(lost r3) + $(lost r4)))" 'BEGIN {
	printf "%d copies in %.1f s: goodput %.0f Mbit/s to each; %d packets were lost\n", '$n', us / 1e6, bytes * 8 / us, lost
	printf "%.3f packets sent for each packet of the file\n", packets / source
}'
