#!/usr/bin/env bash
# compress.sh - what becomes shorter is sent shorter and arrives as it was; a killed reap goes on.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool awk sha256sum
NET_LIMIT=200
lan 3
loss 1 r1 r2

# words BYTES SEED: text that another program would make half as long
words()
{
	awk -v seed="$2" 'BEGIN {
		srand(seed)
		for (i = 0; i < 3000; i++)
			word[i] = sprintf("%c%x%c", 97 + rand() * 26, rand() * 65536, 97 + rand() * 26)
		while (1)
			print word[int(rand() * 3000)], word[int(rand() * 3000)], int(rand() * 1000)
	}' 2>/dev/null | head -c "$1"
}

field()
{
	sed -n "s/.*\"event\": *\"done\".*\"$1\": *\([0-9.]*\).*/\1/p" "$dir/events"
}

# send NUMBER OPTION...: sow to r1, and r2, which end well
send()
{
	local n=$1 host

	shift
	for host in r1 r2; do
		[ "$host" = r2 ] && [ "$n" = 1 ] || reap_on "$host"
	done
	in_ns s "$SOW" --group "$group:$port" --interface eth0 --receivers "$n" --wait 10 \
		--rate 100M --json "$@" >"$dir/events" 2>"$dir/sow.log" || fail "sow ended with $?"
	for host in r1 r2; do
		[ "$host" = r2 ] && [ "$n" = 1 ] || expect 0 "reap-$host" 20
	done
}

tree=$dir/tree
mkdir -p "$tree/text" "$tree/tiny"
words 12000000 1 >"$tree/text/one"
words 300000 2 >"$tree/text/two"
head -c 3000000 /dev/urandom >"$tree/noise"
cat "$tree/text/two" "$tree/noise" "$tree/text/two" >"$tree/mixed"
cp "$tree/text/one" "$tree/same"
head -c 5000000 /dev/zero >"$tree/zeros"
truncate -s 20M "$tree/sparse"
printf data | dd of="$tree/sparse" bs=1 seek=5000000 conv=notrunc status=none
for ((i = 0; i < 500; i++)); do
	printf 'file %d of some more' $i >"$tree/tiny/$i"
done
: >"$tree/none"

send 2 --compress "$tree"
for host in r1 r2; do
	same_tree "$tree" "$dir/$host/tree"
	[ "$(ls -A "$dir/$host")" = tree ] || fail "more than the tree on $host"
done
shorter=$(field bytes_sent)
says sow 'compressed .* to '
rm -r "$dir/r1" "$dir/r2"
send 2 "$tree"
same_tree "$tree" "$dir/r1/tree"
say "$shorter bytes compressed, $(field bytes_sent) as they are"
[ "$shorter" -lt $(($(field bytes_sent) * 7 / 10)) ] || fail "it did not become shorter"

# The same again: who has all of it needs nothing.
send 2 --compress "$tree"
same_tree "$tree" "$dir/r1/tree"
[ "$(field bytes_sent)" -lt 400000 ] || fail "unchanged: $(field bytes_sent) bytes were sent"

# A part changed, one receiver has nothing.
printf changed | dd of="$tree/text/one" bs=1 seek=6000000 conv=notrunc status=none
rm -r "$dir/r2"
send 2 --compress "$tree"
same_tree "$tree" "$dir/r1/tree"
same_tree "$tree" "$dir/r2/tree"
rm -r "$dir/r1" "$dir/r2"

# Killed half way, it goes on with what it kept in the next run.
head -c 20000000 /dev/urandom >"$tree/noise"
reap_on r1
before=$(offered r1)
sow_from s --receivers 1 --wait 10 --rate 60M --compress "$tree"
half() { [ "$(offered r1)" -gt $((before + 10000)) ]; }
wait_for 20 half || fail "half of it was not sent"
stop reap-r1 KILL
stop sow
[ -e "$dir/r1/tree" ] && fail "an unfinished tree is in its place"
before=$(sent s)
send 1 --compress "$tree"
same_tree "$tree" "$dir/r1/tree"
cost=$(($(sent s) - before))
say "again: $cost packets"
[ "$cost" -gt 5000 ] || fail "$cost packets: it was not killed half way"
[ "$cost" -lt $(($(field bytes) / 1400)) ] || fail "$cost packets for the other half"

# No room for both of it: nothing is written.
mkdir "$dir/r3"
mount -t tmpfs -o size=60M net "$dir/r3" || skip "cannot mount a tmpfs"
reap_on r3
sow_from s --receivers 1 --wait 10 --compress "$tree"
expect 4 sow 20
expect 2 reap-r3 20
says reap-r3 'to come, .* of it compressed'
[ -z "$(ls -A "$dir/r3")" ] || fail "something was written"

# No room at the sender.
mkdir "$dir/small"
mount -t tmpfs -o size=2M net "$dir/small"
TMPDIR=$dir/small start sow s "$SOW" --group "$group:$port" --interface eth0 --compress "$tree"
expect 2 sow 20
says sow 'no room in .*/small' TMPDIR
umount "$dir/r3" "$dir/small"
