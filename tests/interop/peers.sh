# peers.sh - files of every interesting size, and what the interop tests do with them.
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"

: "${NORM_PEER:=$PWD/tests/interop/norm_peer}"
segment=1400
block=64
names=(empty one segment block-1 block block+1)
peer_options=(--group "$group" --port "$port" --interface eth0)
need nft ethtool "$NORM_PEER"
mkdir "$dir/in"

make_files()
{
	make_file in/empty 0
	make_file in/one 1
	make_file in/segment $segment
	make_file in/block-1 $((block * segment - 1))
	make_file in/block $((block * segment))
	make_file in/block+1 $((block * segment + 1))
	make_file in/big 10000000
}

# peer_recv HOST NUMBER-OF-FILES OPTION...: into $dir/HOST
peer_recv()
{
	local host=$1 count=$2

	shift 2
	mkdir -p "$dir/$host"
	start "peer-$host" "$host" "$NORM_PEER" recv "${peer_options[@]}" --id $((RANDOM + 2)) \
		--count "$count" --idle 20 --linger 0 "$@" "$dir/$host"
	wait_for 5 bound "$host" "$port" || fail "the peer on $host does not listen"
}

# peer_send FEC-ID OPTION... FILE...
peer_send()
{
	local fec=$1

	shift
	start peer-s s "$NORM_PEER" send "${peer_options[@]}" --fec "$fec" --segment $segment \
		--block $block --parity 16 --linger 0.5 "$@"
}

# same_as_sent HOST NAME...
same_as_sent()
{
	local host=$1 name

	shift
	for name in "$@"; do
		expect_same "$dir/in/$name" "$dir/$host/$name"
	done
	rm -r "${dir:?}/$host"
}
