#!/usr/bin/env bash
# delete.sh - what is not sent is removed where both sides want it, and nowhere else.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 2

tree=$dir/tree
mkdir -p "$tree/d" "$tree/skipped"
head -c 300000 /dev/urandom >"$tree/d/f"
printf x >"$tree/a"
printf x >"$tree/skipped/s"
mkdir "$dir/outside"
printf x >"$dir/outside/x"

# clutter HOST: all that is not the job's
clutter()
{
	mkdir -p "$dir/$1/tree/d/old/deep" "$dir/$1/tree/skipped" "$dir/$1/beside"
	printf x | tee "$dir/$1/"{top,beside/x,tree/old,tree/d/old/deep/x,tree/skipped/old} >/dev/null
	ln -sfn "$dir/outside" "$dir/$1/tree/d/link"
}

# cluttered HOST: all of it is there still
cluttered()
{
	[ -e "$dir/$1/tree/old" ] && [ -e "$dir/$1/tree/d/old/deep/x" ] &&
		[ -L "$dir/$1/tree/d/link" ] && untouched "$1"
}

# untouched HOST: what no job may remove
untouched()
{
	[ -e "$dir/$1/top" ] && [ -e "$dir/$1/beside/x" ] && [ -e "$dir/outside/x" ]
}

# send STATUS OPTION...: from $dir
send()
{
	local want=$1

	shift
	start sow s env -C "$dir" "$SOW" --group "$group:$port" --interface "$interface" \
		--wait 10 --rate 100M "$@"
	expect "$want" sow 60
}

# r1 allows it, r2 does not.
clutter r1
clutter r2
reap_on r1 --delete --json
reap_on r2
send 0 --receivers 2 --delete tree
expect 0 reap-r1 20
expect 0 reap-r2 20
diff -r "$tree" "$dir/r1/tree" || fail "r1 is not what was sent"
untouched r1 || fail "r1 lost what it should not"
cluttered r2 || fail "r2 removed something without --delete"
says reap-r1 '"removed": *6'
says reap-r2 'only --delete allows'
[ "$(grep -c 'only --delete allows' "$dir/reap-r2.log")" = 1 ] || fail "r2 says it more than once"

# The sender does not ask for it; what it asks for is not the output directory itself.
clutter r1
reap_on r1 --delete
send 0 --receivers 1 tree
expect 0 reap-r1 20
cluttered r1 || fail "r1 removed something that sow did not ask for"
reap_on r1 --delete
send 0 --receivers 1 --delete tree/a
expect 0 reap-r1 20
cluttered r1 || fail "r1 removed something for a file"
reap_on r1 --delete
send 0 --receivers 1 --delete --exclude skipped tree/
expect 0 reap-r1 20
[ -e "$dir/r1/tree/old" ] && untouched r1 || fail "r1 removed something beside what was sent"

# What is excluded is not sent. What is mounted stays, is told, and comes up at the next try.
mkdir "$dir/r1/tree/mounted"
mount -t tmpfs small "$dir/r1/tree/mounted" || skip "cannot mount a tmpfs"
printf x >"$dir/r1/tree/mounted/x"
reap_on r1 --delete
send 4 --receivers 1 --delete --exclude skipped --report "$dir/report" tree
expect 4 reap-r1 20
says sow 'not removed' 'tree/mounted: something is mounted'
says reap-r1 'others removed' 'tree/mounted: cannot be removed: something is mounted'
[ -e "$dir/r1/tree/mounted/x" ] || fail "what is mounted was emptied"
[ ! -e "$dir/r1/tree/skipped" ] || fail "what is excluded is there still"
[ ! -e "$dir/r1/tree/d/old" ] || fail "one thing that stays kept the others"
umount "$dir/r1/tree/mounted"
reap_on r1 --delete
send 0 --delete --exclude skipped --retry-failed "$dir/report" tree
expect 0 reap-r1 20
rm -r "$tree/skipped"
diff -r "$tree" "$dir/r1/tree" || fail "r1 is not what was sent at last"
