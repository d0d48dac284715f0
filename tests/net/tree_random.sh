#!/usr/bin/env bash
# tree_random.sh - random trees arrive as an independent walk sees them; again, changed, and with other files beside them.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/grow.sh"
need sow nft ethtool
lan 2
loss 1 r1 r2

transfer()
{
	reap_on r1
	reap_on r2
	sow_from s --receivers 2 --wait 10 --rate 300M --digest-cache none "$@"
	expect 0 sow 60
	expect 0 reap-r1 20
	expect 0 reap-r2 20
}

for seed in 1 2 3; do
	grow "$dir/tree$seed" $seed
	transfer "$dir/tree$seed"
	like "$dir/tree$seed" "$dir/r1/tree$seed"
	like "$dir/tree$seed" "$dir/r2/tree$seed"
done
[ -z "$(find "$dir/r1" -maxdepth 1 -name '.*')" ] || fail "something is left behind on r1"

# What is there and not named by the job stays.
echo mine >"$dir/r1/tree1/mine"
before=$(sent s)
transfer "$dir/tree1"
[ "$(cat "$dir/r1/tree1/mine")" = mine ] || fail "a file of r1's own is gone"
rm "$dir/r1/tree1/mine"
touch -r "$dir/tree1" "$dir/r1/tree1"
like "$dir/tree1" "$dir/r1/tree1"
like "$dir/tree1" "$dir/r2/tree1"
say "again: $(($(sent s) - before)) packets"

# Some of it changes, and more comes.
find "$dir/tree1" -type f -size +200k -print0 | sort -z | head -zn 1 |
	xargs -0rI{} dd if=/dev/urandom of={} bs=1000 count=1 conv=notrunc status=none
head -c 300000 /dev/urandom >"$dir/tree1/fresh"
transfer "$dir/tree1"
like "$dir/tree1" "$dir/r2/tree1"
