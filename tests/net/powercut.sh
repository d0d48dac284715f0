#!/usr/bin/env bash
# powercut.sh - reap and sow killed at random moments, and started again: each file is the old or the new one, and in the end all is new.
# SPDX-License-Identifier: BSD-2-Clause
#
# SEED=n ROUNDS=n powercut.sh; without ROUNDS as many as fit into 30 s. A round: one or two kills, and a run to the end.
: "${ROUNDS:=0}" "${SEED:=$RANDOM}" "${NET_LIMIT:=$((ROUNDS * 10 + 120))}"
export ROUNDS SEED NET_LIMIT
. "$(dirname "$0")/lib.sh"
need sow nft ethtool sha256sum
say "SEED=$SEED"
RANDOM=$SEED
lan 1
loss 1 r1
mkfifo "$dir/never"
exec {never}<>"$dir/never"
mkdir "$dir/r1"
mount -t tmpfs target "$dir/r1" # no time goes into waiting for a disk that others use
out=$dir/r1/out
mkdir "$out"

# version N: a tree in $dir/N/tree of which everything differs from that of the other one
version()
{
	local top=$dir/$1/tree i

	mkdir -p "$top/many" "$top/sub/only $1"
	{
		head -c 1000000 /dev/urandom
		seq "$1" 7 1000000
	} >"$top/large"
	head -c 600000 /dev/urandom >"$top/sub/some"
	cp "$top/sub/some" "$top/sub/only $1/copy"
	truncate -s 900000 "$top/holes"
	printf 'data of %s' "$1" | dd of="$top/holes" bs=1 seek=500000 conv=notrunc status=none
	for ((i = 0; i < 300; i++)); do
		printf 'file %d of %s' $i "$1" >"$top/many/$i"
	done
	printf 'name of %s' "$1" >"$top/one name"
	ln "$top/one name" "$top/another name"
	ln -s "to $1" "$top/soft"
	touch "$top/none"
	find "$top" -depth -exec touch -h -d "@$((1500000000 + $1)).5" {} +
	sums "$top" >"$dir/sums.$1"
}

sums()
{
	(
		cd "$1" && find . -type f -print0 | xargs -0 sha256sum -- &&
			find . -type l -printf 'link to %l  %p\n'
	)
}

# What is there is of one version or the other, nothing is half of each, and nothing is gone.
check_whole()
{
	local n=("" 0 0) v

	[ -e "$out/tree" ] || return
	sums "$out/tree" >"$dir/sums.out"
	grep -vxFf "$dir/sums.1" "$dir/sums.out" | grep -vxFf "$dir/sums.2" >"$dir/strange" &&
		fail "round $round: neither old nor new: $(head -n 3 "$dir/strange")"
	[ "$round" = 1 ] || [ "$(grep -vc "only" "$dir/sums.out")" = "$n_common" ] ||
		fail "round $round: $(grep -vc "only" "$dir/sums.out") files of $n_common are there"
	for v in 1 2; do
		n[v]=$(grep -v "only" "$dir/sums.out" | grep -cxFf "$dir/sums.$v")
	done
	[ "${n[1]}" -lt $((n_same + 1)) ] || [ "${n[2]}" -lt $((n_same + 1)) ] || mixed=$((mixed + 1))
}

# All of version $new is there, and no stage; of the other what the new one does not name.
check_new()
{
	local left

	sums "$out/tree" | LC_ALL=C sort >"$dir/sums.out"
	left=$(LC_ALL=C sort "$dir/sums.$new" | LC_ALL=C comm -23 - "$dir/sums.out" | head -n 3)
	[ -z "$left" ] || fail "round $round: $1 ended with 0, but this is not there: $left"
	left=$(find "$dir/r1" -name '.sow*')
	[ -z "$left" ] || fail "round $round: $left is left"
}

# --- moments

# pause MS: at most; the moment is what is tested
pause()
{
	read -rt "$(printf '0.%03d' $((RANDOM * $1 / 32768)))" -u "$never"
}

# come_to CONDITION...: returns also when a program has ended
come_to()
{
	until "$@" || gone reap-r1 || gone sow; do
		:
	done
}

staged()
{
	compgen -G "$out/.sow-*$1" >/dev/null
}

# What lies here from before is not what it was: it is being switched in.
switching()
{
	[ ! "$out/tree/many/$pick" -ef "$dir/r1/pin" ]
}

hooked()
{
	[ -e "$dir/hooked" ]
}

moment()
{
	kind=$((RANDOM % 8))
	case $kind in
	0) pause 500 ;; # any time
	1) # manifest
		come_to staged ""
		pause 5
		;;
	2) # content
		come_to staged /map
		pause 200
		;;
	3) # verification
		come_to staged /map
		come_to sent_all
		pause 10
		;;
	4) # hook
		come_to hooked
		pause 20
		;;
	*)
		come_to switching
		pause 2
		;;
	esac
	moments[kind]=$((moments[kind] + 1))
}

sent_all()
{
	[ "$(data r1)" -ge $((begun + bytes / 1400)) ]
}

# --- programs

reap_again()
{
	start reap-r1 r1 "$REAP" --group "$group:$port" --interface eth0 --output "$out" --once --wait "$wait" --inactivity "$patience" \
		--exec "sh -c 'touch $dir/hooked; exec sleep 0.02'"
	wait_for 5 bound r1 "$port" || fail "reap does not listen"
}

sow_again()
{
	sow_from s --receivers 1 --wait 10 --drop-after "$patience" --rate 300M --digest-cache "$dir/cache" "${options[@]}" "$dir/$new/tree"
}

# run PATIENCE WAIT: little for peers that were killed, so that a round is short
run()
{
	patience=$1 wait=$2
	pick=$((RANDOM % 300))
	[ ! -e "$out/tree/many/$pick" ] || ln -f "$out/tree/many/$pick" "$dir/r1/pin"
	rm -f "$dir/hooked"
	begun=$(data r1)
	reap_again
	sow_again
}

# ended NAME: an end that was not ours, and a good one only if all is there
ended()
{
	finish "$1" 20
	case $status in
	0) check_new "$1" ;;
	137) ;;
	2 | 4 | 5) ;; # its peer was killed
	*) fail "round $round: $1 ended with $status" ;;
	esac
}

cut()
{
	kill -KILL "${pids[$1]}" 2>/dev/null
}

# The victims die, others go on; then whoever is not there is started again.
kill_some()
{
	local victim=$((RANDOM % (kind < 4 ? 4 : 3)))

	case $victim in
	0) # the plug is pulled
		cut sow
		cut reap-r1
		;;
	1) # reap, and it comes back in the same run
		cut reap-r1
		finish reap-r1 20
		check_whole
		reap_again
		;;
	2) cut reap-r1 ;;
	3) cut sow ;;
	esac 2>/dev/null
	victims[victim]=$((victims[victim] + 1))
	ended sow
	ended reap-r1
	check_whole
}

version 1
version 2
bytes=$(find "$dir/1" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
count_data r1
n_common=$(grep -vc "only" "$dir/sums.1") n_same=$(grep -cxFf "$dir/sums.1" "$dir/sums.2")
options=() moments=(0 0 0 0 0 0 0 0) kind=0 victims=(0 0 0 0) mixed=0
new=1
for ((round = 1; ROUNDS ? round <= ROUNDS : SECONDS < 30; round++)); do
	options=()
	[ $((RANDOM % 3)) != 0 ] || options=(--compress) # the parts of "large" that are text
	run 500ms 2
	moment
	kill_some
	if [ $((RANDOM % 4)) = 0 ]; then
		run 500ms 2
		moment
		kill_some
	fi
	run 10 10
	expect 0 sow 30
	expect 0 reap-r1 30
	check_new both
	new=$((3 - new))
done
umount "$dir/r1"
say "$((round - 1)) rounds; moments: ${moments[*]}, victims: ${victims[*]}; $mixed times some files were new and some old"
