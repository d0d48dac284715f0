#!/usr/bin/env bash
# disk_full.sh - no space, or no inodes, at any time: it is said where, nothing good is touched, others finish, and with space it goes on.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ethtool
lan 2
offloads_off # to count packets
make_file file 4000000
mkdir "$dir/r1" "$dir/small"

# disk OPTIONS: r1's output, with the file of yesterday
disk()
{
	! mountpoint -q "$dir/r1" || umount "$dir/r1"
	mount -t tmpfs -o "$1" r1 "$dir/r1" || skip "cannot mount a small tmpfs"
	echo yesterday >"$dir/r1/other"
	echo yesterday >"$dir/r1/file"
}

send()
{
	reap_on r1
	before=$(sent s)
	sow_from s --receivers 1 --wait 10 --digest-cache none "$@"
}

# ended SOW REAP: with these statuses
ended()
{
	expect "$1" sow 60
	expect "$2" reap-r1 20
	cost=$(($(sent s) - before))
}

untouched()
{
	[ "$(cat "$dir/r1/other" "$dir/r1/file" | sort -u)" = yesterday ] || fail "good data were touched"
}

# fill: whatever is left
fill()
{
	head -c 100000000 /dev/zero >"$dir/r1/filler" 2>/dev/null
}

sent_half()
{
	has_sent s $((before + 1400))
}

staged()
{
	compgen -G "$dir/r1/.sow-*/map" >/dev/null
}

# at the start; the other receiver gets it
disk size=1m
reap_on r1
reap_on r2
sow_from s --receivers 2 --wait 10 --rate 50M "$dir/file"
expect 4 sow 60
says sow "10.77.0.11.*refused.*no space in $dir/r1: 4.00 MB to come, room for 1.04 MB"
expect 2 reap-r1 20
says reap-r1 "no space in $dir/r1"
untouched
[ "$(find "$dir/r1" -type f | wc -l)" = 2 ] || fail "something was left by a job that was refused"
delivered file r2
send --rate 50M "$dir/file"
ended 4 2
[ "$cost" -lt 500 ] || fail "$cost packets for a receiver that has no space"

# another file takes it meanwhile
disk size=6m
send --rate 16M "$dir/file"
wait_for 20 sent_half || fail "half was not sent"
fill
ended 4 2
says sow "10.77.0.11.*make room in $dir/r1"
says reap-r1 "make room in $dir/r1" 'is kept in'
untouched
rm "$dir/r1/filler"
send --rate 16M "$dir/file"
ended 0 0
expect_same "$dir/file" "$dir/r1/file"
[ "$cost" -lt 2200 ] || fail "$cost packets, though half was there"
[ -z "$(find "$dir/r1" -name '.sow*')" ] || fail "a stage is left"

# what is kept of a job gives way to another one that has no room beside it
disk size=6m
rm "$dir/r1/file" # it would be changed --inplace
send --rate 16M "$dir/file"
wait_for 20 sent_half || fail "half was not sent"
fill
ended 4 2
says reap-r1 'is kept in'
rm "$dir/r1/filler"
make_file next 9000000
send --rate 100M "$dir/next"
ended 4 2
says reap-r1 'next.*no space'
staged || fail "what was kept is gone, for a job that is too large without it"
make_file next 5000000
send --rate 100M "$dir/next"
ended 0 0
says reap-r1 "removed what was kept of 1 jobs in $dir/r1"
expect_same "$dir/next" "$dir/r1/next"
rm "$dir/next"

# the content has room, a second file of the same bytes has none
mkdir "$dir/tree"
mv "$dir/file" "$dir/tree/a"
cp "$dir/tree/a" "$dir/tree/b"
disk size=9m
mkdir "$dir/r1/tree"
echo yesterday >"$dir/r1/tree/b"
send --rate 16M "$dir/tree"
wait_for 20 staged || fail "nothing came"
head -c 3500000 /dev/zero >"$dir/r1/filler"
ended 4 2
says sow "10.77.0.11.*tree/b: No space left"
says reap-r1 "tree/b.*No space left"
expect_same "$dir/tree/a" "$dir/r1/tree/a"
[ "$(cat "$dir/r1/tree/b")" = yesterday ] || fail "b is neither old nor new"
untouched
rm "$dir/r1/filler"
send --rate 16M "$dir/tree"
ended 0 0
expect_same "$dir/tree/a" "$dir/r1/tree/b"
[ "$cost" -lt 500 ] || fail "$cost packets for what is there already"
[ -z "$(find "$dir/r1" -name '.sow*')" ] || fail "a stage is left"

# no inode for the map: what is open goes on
disk size=9m,nr_inodes=100
send --rate 16M "$dir/tree/a"
wait_for 20 sent_half || fail "nothing came"
for ((i = 0; i < 100; i++)); do
	: >"$dir/r1/more$i"
done 2>/dev/null
ended 0 0
says reap-r1 'remember what came, in .sow-.*No space left'
expect_same "$dir/tree/a" "$dir/r1/a"

# no inodes for all files, known before and not
for ((i = 0; i < 300; i++)); do
	echo "$i" >"$dir/tree/$i"
done
disk size=9m,nr_inodes=200
send --rate 16M "$dir/tree"
ended 4 2
says sow "10.77.0.11.*refused.*no space in $dir/r1: 303 files to come, inodes for"
untouched
disk size=9m,nr_inodes=400
send --rate 10M "$dir/tree"
wait_for 20 staged || fail "nothing came"
for ((i = 0; i < 400; i++)); do
	: >"$dir/r1/more$i"
done 2>/dev/null
ended 4 2
says reap-r1 "make room in $dir/r1"
untouched
rm "$dir/r1/more"*
send --rate 100M "$dir/tree"
ended 0 0
diff -r "$dir/tree" "$dir/r1/tree" >/dev/null || fail "the tree is not the same"

# all came, and there is no inode for the directory of it
rm -r "$dir/r1/tree" "$dir/tree/"[0-9]*
send --rate 16M "$dir/tree"
wait_for 20 sent_half || fail "half was not sent"
for ((i = 0; i < 400; i++)); do
	: >"$dir/r1/more$i"
done 2>/dev/null
ended 4 2
says reap-r1 "make room in $dir/r1" 'is kept in'
[ -e "$dir/r1/tree" ] && fail "a directory without its files"
rm "$dir/r1/more"*
send --rate 16M "$dir/tree"
ended 0 0
diff -r "$dir/tree" "$dir/r1/tree" >/dev/null || fail "the tree is not the same"
[ "$cost" -lt 500 ] || fail "$cost packets, though all was there"

# sow's own files
mount -t tmpfs -o size=8k small "$dir/small"
head -c 100000 /dev/zero >"$dir/small/filler" 2>/dev/null
rm -r "$dir/r1/tree"
reap_on r1
sow_from s --receivers 1 --wait 10 --digest-cache "$dir/small/cache" --log "$dir/small/log" "$dir/tree/a" "$dir/tree/b"
expect 0 sow 60
says sow "write the digest cache $dir/small/cache.*No space left" 'the log file misses lines.*No space left'
expect 0 reap-r1 20
expect_same "$dir/tree/a" "$dir/r1/a"
rm "$dir/r1/a"
reap_on r1
sow_from s --receivers 1 --wait 10 --digest-cache none --report "$dir/small/report" "$dir/tree/a"
expect 2 sow 60
says sow "--report $dir/small/report: No space left"
expect 0 reap-r1 20
expect_same "$dir/tree/a" "$dir/r1/a"
umount "$dir/small" "$dir/r1"
