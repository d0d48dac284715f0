# lib.sh - namespaces, loss, rate and programs for a network test; bash, sourced first.
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
#
#   s eth0 --- p0 [ bridge br0 in b ] p1 --- eth0 r1        lan 2: 10.77.0.1, fd77::1 and
#                                     p2 --- eth0 r2               10.77.0.11, fd77::b, ...
#
# Sourcing starts the test again in a mount and network namespace of its own (and a user
# namespace, when not root): its /run is a private tmpfs, the names of its namespaces are
# nobody else's, and when its last process ends all of it vanishes. Programs log to
# $dir/NAME.log; the directory stays when the test fails. Exit status: 0, 1, 77 for skipped.
set -u

: "${NET_LIMIT:=120}" # seconds for a whole test
: "${SOW:=$PWD/sow}" "${REAP:=$PWD/reap}"
group=239.83.87.1
port=8387
interface=eth0
status=0
dir=
declare -A pids=() plugs=()

say()
{
	printf '%s\n' "$*"
}

skip()
{
	say "skipped: $*"
	exit 77
}

fail()
{
	local log

	say "FAILED: $*"
	for log in "$dir"/*.log; do
		[ -s "$log" ] && printf -- '--- %s\n' "$log" && tail -n 15 "$log"
	done
	exit 1
}

# need nft tbf sow ...: skips unless the machine has it
need()
{
	local what

	for what in "$@"; do
		case $what in
		nft)
			{ nft add table netdev probe && nft delete table netdev probe; } \
				2>/dev/null || skip "no nft here"
			;;
		tbf)
			{ tc qdisc add dev lo root tbf rate 1mbit burst 1600 limit 9000 &&
				tc qdisc del dev lo root; } 2>/dev/null || skip "no tbf here"
			;;
		ipv6) [ -e /proc/sys/net/ipv6 ] || skip "no IPv6 here" ;;
		sow) command -v "$SOW" "$REAP" >/dev/null || skip "no $SOW and $REAP" ;;
		*) command -v "$what" >/dev/null || skip "$what is not here" ;;
		esac
	done
}

# wait_for SECONDS CONDITION...: 1 when the command has not succeeded in time
wait_for()
{
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))

	shift
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# --- networks

in_ns()
{
	ip netns exec "$@"
}

# plug HOST INTERFACE BRIDGE N: the host gets 10.77.BRIDGE.N and fd77:BRIDGE::N there
plug()
{
	local host=$1 dev=$2 bridge=$3 n=$4 peer=p${#plugs[@]} six

	six=$(printf '%x::%x' "$bridge" "$n")
	[ -e "/run/netns/$host" ] || { ip netns add "$host" && ip -n "$host" link set lo up; }
	if ! ip -n b link show "br$bridge" >/dev/null 2>&1; then
		ip -n b link add "br$bridge" type bridge mcast_snooping 0
		ip -n b link set "br$bridge" addrgenmode none up
	fi
	ip -batch - <<-END || fail "cannot plug $host into br$bridge"
		link add $peer netns b type veth peer name $dev netns $host
	END
	ip -n b -batch - <<-END || fail "cannot plug $host into br$bridge"
		link set $peer addrgenmode none
		link set $peer master br$bridge
		link set $peer up
	END
	# nothing leaves an interface but what the programs send
	in_ns "$host" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$dev/router_solicitations" 2>/dev/null
	ip -n "$host" -batch - <<-END || fail "no addresses for $host"
		link set $dev addrgenmode none
		addr add 10.77.$bridge.$n/24 brd + dev $dev
		addr add fd77:$six/64 dev $dev nodad
		addr add fe80::${six/::/:}/64 dev $dev nodad
		link set $dev up
	END
	plugs[$host/$dev]=$peer
}

# lan N: a sender and N receivers on br0
lan()
{
	local i

	plug s eth0 0 1
	ip -n s route add 224.0.0.0/4 dev eth0
	for ((i = 1; i <= $1; i++)); do
		plug "r$i" eth0 0 $((10 + i))
		ip -n "r$i" route add 224.0.0.0/4 dev eth0
	done
}

# routed: s eth0 --- west [ g, a router with smcroute ] east --- eth0 r1
routed()
{
	plug s eth0 0 1
	plug g west 0 254
	plug g east 1 254
	plug r1 eth0 1 11
	ip -n s route add default via 10.77.0.254
	ip -n r1 route add default via 10.77.1.254
	in_ns g sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' || skip "cannot make a router"
	printf 'phyint west enable\nphyint east enable\nmroute from west group %s to east\n' \
		"$group" >"$dir/smcroute.conf"
	start smcroute g smcrouted -n -N -f "$dir/smcroute.conf" -P /run/smcroute.pid \
		-u /run/smcroute.sock
	wait_for 5 in_ns g grep -q east /proc/net/ip_mr_vif || fail "smcroute did not start"
}

# The packets that cross the bridges are the packets of the wire, none larger than the MTU.
offloads_off()
{
	local plug

	for plug in "${!plugs[@]}"; do
		in_ns "${plug%/*}" ethtool -K "${plug#*/}" tso off gso off gro off \
			tx-udp-segmentation off >/dev/null
		in_ns b ethtool -K "${plugs[$plug]}" tso off gso off gro off \
			tx-udp-segmentation off >/dev/null
	done 2>/dev/null
}

# loss PERCENT HOST...: each UDP packet towards a host is lost with that chance, by itself
loss()
{
	local percent=$1 host peer

	shift
	offloads_off
	for host in "$@"; do
		peer=${plugs[$host/eth0]}
		in_ns b nft -f - <<-END || fail "cannot set the loss of $host"
			add table netdev net
			add chain netdev net $host {
				type filter hook egress device "$peer" priority 0;
			}
			flush chain netdev net $host
			add rule netdev net $host meta l4proto udp counter
			add rule netdev net $host meta l4proto udp \
				numgen random mod 1000 < $((percent * 10)) counter drop
		END
	done
}

# offered HOST, lost HOST: what the rules of loss() have counted
offered()
{
	in_ns b nft list chain netdev net "$1" | sed -n 's/.*counter packets \([0-9]*\).*/\1/p' | sed -n 1p
}

lost()
{
	in_ns b nft list chain netdev net "$1" | sed -n 's/.*counter packets \([0-9]*\).*/\1/p' | sed -n 2p
}

# count_data HOST: after loss(); from now on data() tells how many packets full of a file's bytes came through
count_data()
{
	in_ns b nft add rule netdev net "$1" meta length '>' 1400 counter
}

data()
{
	in_ns b nft list chain netdev net "$1" | sed -n 's/.*length > 1400 counter packets \([0-9]*\).*/\1/p'
}

# rate MBIT: of the sender's interface
rate()
{
	in_ns s tc qdisc replace dev eth0 root tbf rate "$1mbit" burst 32k limit 1500000 ||
		fail "cannot shape the sender"
}

# sent HOST [INTERFACE]: packets so far
sent()
{
	in_ns "$1" cat "/sys/class/net/${2:-eth0}/statistics/tx_packets"
}

# has_sent HOST COUNT
has_sent()
{
	[ "$(sent "$1")" -ge "$2" ]
}

# --- programs

# start NAME HOST COMMAND...: in the background; stdout and stderr go to NAME.log
start()
{
	local name=$1 host=$2

	shift 2
	NET_PROGRAM=$name ip netns exec "$host" "$@" >"$dir/$name.log" 2>&1 </dev/null &
	pids[$name]=$!
	wait_for 5 launched "$name" || fail "$name does not start"
}

gone()
{
	! kill -0 "${pids[$1]}" 2>/dev/null
}

# Before that it is a copy of this shell, traps and all, and must not be killed.
launched()
{
	gone "$1" || grep -qz "^NET_PROGRAM=$1\$" "/proc/${pids[$1]}/environ" 2>/dev/null
}

# finish NAME SECONDS: its exit status is in $status
finish()
{
	wait_for "$2" gone "$1" || fail "$1 has not ended within $2 s"
	wait "${pids[$1]}"
	status=$?
	unset "pids[$1]"
}

# expect STATUS NAME SECONDS
expect()
{
	finish "$2" "$3"
	[ "$status" = "$1" ] || fail "$2 ended with $status, not $1"
}

# stop NAME [SIGNAL]: and wait for its end
stop()
{
	kill "-${2:-TERM}" "${pids[$1]}"
	finish "$1" 10
}

logged()
{
	grep -q -- "$2" "$dir/$1.log" 2>/dev/null
}

# bound HOST PORT: a UDP socket has it
bound()
{
	in_ns "$1" ss -Hlun "sport = :$2" | grep -q .
}

# joined HOST INTERFACE GROUP
joined()
{
	ip -n "$1" maddr show dev "$2" | grep -qw -- "$3"
}

# --- sow and reap

# reap_on HOST OPTION...: one job into $dir/HOST
reap_on()
{
	reap_begins_on "$@"
	wait_for 5 bound "$1" "$port" || fail "reap on $1 does not listen"
}

# ... that may end before anybody looks whether it listens
reap_begins_on()
{
	local host=$1

	shift
	mkdir -p "$dir/$host"
	start "reap-$host" "$host" "$REAP" --group "$group:$port" --interface "$interface" \
		--output "$dir/$host" --once "$@"
}

# sow_from HOST [OPTION...] FILE
sow_from()
{
	local host=$1

	shift
	start sow "$host" "$SOW" --group "$group:$port" --interface "$interface" "$@"
}

# delivered FILE HOST...: the reaps there end well, and with nothing but the file, and perhaps the
# hidden stage of a job that was not finished
delivered()
{
	local file=$1 host

	shift
	for host in "$@"; do
		expect 0 "reap-$host" 20
		expect_same "$dir/$file" "$dir/$host/$file"
		[ "$(ls "$dir/$host")" = "$file" ] || fail "more than $file on $host"
	done
}

# says NAME TEXT...: all of it in the log
says()
{
	local name=$1 text

	shift
	for text in "$@"; do
		logged "$name" "$text" || fail "$name does not say '$text'"
	done
}

# --- files

# make_file NAME BYTES: random, in $dir
make_file()
{
	head -c "$2" /dev/urandom >"$dir/$1"
}

same()
{
	cmp -s "$1" "$2"
}

expect_same()
{
	same "$1" "$2" || fail "$2 is not $1"
}

# walk DIRECTORY: all that a job tells of it
walk()
{
	(cd "$1" && find . -mindepth 1 -printf '%P %y %m %l ' \( -type d -printf '%T@\n' -o \
		-printf '%T@ %s %n\n' \) | LC_ALL=C sort && find . -type f -exec sha256sum {} + |
		LC_ALL=C sort)
}

# same_tree A B
same_tree()
{
	walk "$1" >"$dir/a.walk"
	walk "$2" >"$dir/b.walk"
	cmp -s "$dir/a.walk" "$dir/b.walk" || {
		diff "$dir/a.walk" "$dir/b.walk" | head -20
		fail "$2 is not $1"
	}
}

# --- here the test begins

cleanup()
{
	local end=$? name

	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null
	done
	for name in "${!pids[@]}"; do
		wait_for 2 gone "$name" || kill -KILL "${pids[$name]}"
	done
	wait
	if [ "$end" = 0 ] || [ "$end" = 77 ]; then
		rm -rf "$dir"
	else
		say "logs: $dir"
	fi
}

enter()
{
	local private=(unshare --mount --net)

	if [ "$(id -u)" != 0 ] || ! "${private[@]}" true 2>/dev/null; then
		private=(unshare --map-root-user --mount --net)
		"${private[@]}" true 2>/dev/null || skip "no namespaces: '${private[*]}' fails"
	fi
	NET_PRIVATE=1 exec timeout --foreground --kill-after=10 "$NET_LIMIT" "${private[@]}" bash "$0" "$@"
}

[ -n "${NET_PRIVATE:-}" ] || enter "$@"
unset NET_PRIVATE
dir=$(mktemp -d "${TMPDIR:-/tmp}/sow-$(basename "$0" .sh).XXXXXX") || exit 1
trap cleanup EXIT
trap 'exit 1' INT TERM
need ip ss mount
mount -t tmpfs net /run && mount -t tmpfs net /var/cache || skip "cannot mount a tmpfs"
ip netns add b || skip "cannot add a namespace"
