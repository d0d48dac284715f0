#!/usr/bin/env bash
# trees.sh - trees of all kinds of files, as another walk through both sees them.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow nft ethtool sha256sum
lan 2
loss 2 r1 r2

# field NAME: a number of the event that ends a job
field()
{
	sed -n "s/.*\"event\": *\"done\".*\"$1\": *\([0-9.]*\).*/\1/p" "$dir/events"
}

# send HOST... -- OPTION...: sow to all of these, which end well
send()
{
	local hosts=() host

	while [ "$1" != -- ]; do
		hosts+=("$1")
		shift
	done
	shift
	for host in "${hosts[@]}"; do
		reap_on "$host"
	done
	in_ns s "$SOW" --group "$group:$port" --interface eth0 --receivers ${#hosts[@]} --wait 10 \
		--rate 100M --json "$@" >"$dir/events" 2>"$dir/sow.log" || fail "sow ended with $?"
	for host in "${hosts[@]}"; do
		expect 0 "reap-$host" 20
	done
}

tree=$dir/tree
mkdir -p "$tree/empty" "$tree/a b/c" "$tree/many"
head -c 3000000 /dev/urandom >"$tree/large"
head -c 700000 "$tree/large" >"$tree/a b/begins like large"
printf x >"$tree/$(printf 'new\nline')"
: >"$tree/none"
ln "$tree/large" "$tree/a b/c/hard"
ln -s ../large "$tree/a b/soft"
ln -s nowhere "$tree/dangling"
truncate -s 20M "$tree/sparse"
printf data | dd of="$tree/sparse" bs=1 seek=5000000 conv=notrunc status=none
for ((i = 0; i < 2000; i++)); do
	printf 'file %d' $i >"$tree/many/$i"
done
head -c 50000000 /dev/urandom >"$tree/image"
chmod 750 "$tree/a b"
chmod 400 "$tree/none"
find "$tree" -exec touch -h -d '2020-02-02 02:02:02.123456789' {} +

send r1 r2 -- "$tree"
for host in r1 r2; do
	same_tree "$tree" "$dir/$host/tree"
	[ "$(du -k "$dir/$host/tree/sparse" | cut -f 1)" -lt 2000 ] || fail "sparse is full on $host"
	[ "$(ls -A "$dir/$host")" = tree ] || fail "more than the tree on $host"
done
[ "$(field bytes_sent)" -lt 60000000 ] || fail "what is equal was sent twice"

# The same again: hardly more than the manifest, and nothing is read for digests.
send r1 r2 -- "$tree"
same_tree "$tree" "$dir/r1/tree"
[ "$(field bytes_sent)" -lt 400000 ] || fail "unchanged: $(field bytes_sent) bytes were sent"

# 2 % of the chunks of one file changed.
for ((i = 0; i < 4; i++)); do
	head -c 1000 /dev/urandom |
		dd of="$tree/image" bs=262144 seek=$((i * 50)) conv=notrunc status=none
done
send r1 r2 -- "$tree"
same_tree "$tree" "$dir/r1/tree"
same_tree "$tree" "$dir/r2/tree"
[ "$(field bytes_sent)" -lt 2000000 ] || fail "2 % changed: $(field bytes_sent) bytes were sent"
rm -r "$dir/r1" "$dir/r2"

# Without the leading part, and without what is excluded.
send r1 -- --exclude image --exclude 'man?' --exclude 'a b/c' "$tree/"
[ "$(ls "$dir/r1")" = "$(ls -I image -I many "$tree")" ] || fail "not all, or too much came"
[ ! -e "$dir/r1/a b/c" ] || fail "what is excluded came"
expect_same "$tree/large" "$dir/r1/large"
[ "$(stat -c %a "$dir/r1/a b")" = 750 ] || fail "a mode is another"

# What cannot be sent is named, and all else arrives.
mkfifo "$tree/fifo"
rm -r "$dir/r1"
reap_on r1
sow_from s --receivers 1 --wait 10 --rate 100M --exclude image "$tree"
expect 4 sow 60
expect 0 reap-r1 20
says sow 'fifo: is a FIFO'
rm "$tree/fifo" "$tree/image" "$dir/r1/tree/fifo" 2>/dev/null
same_tree "$tree/many" "$dir/r1/tree/many"
