#!/usr/bin/env bash
# output_file.sh - reap --output FILE: one file under the receiver's name for it, and nothing else.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 2
make_file image 3000000
chmod 640 "$dir/image"
mkdir "$dir/tree"
cp "$dir/image" "$dir/tree/a"
mkdir "$dir"/r{1,2}

# to HOST FILE [OPTION...]: one job into a file in $dir/HOST
to()
{
	local host=$1 file=$2

	shift 2
	start "reap-$host" "$host" "$REAP" --group "$group:$port" --interface "$interface" \
		--output "$dir/$host/$file" --once "$@"
	wait_for 5 bound "$host" "$port" || fail "reap on $host does not listen"
}

# only HOST FILE: it is the image, and alone there
only()
{
	expect_same "$dir/image" "$dir/$1/$2"
	[ "$(ls -A "$dir/$1")" = "$2" ] || fail "more than $2 on $1: $(ls -A "$dir/$1")"
}

# a new name, and a file that is another one, in part
head -c 1000000 "$dir/image" >"$dir/r2/disk.img"
head -c 3000000 /dev/urandom >>"$dir/r2/disk.img"
to r1 new.img
to r2 disk.img
sow_from s --receivers 2 --wait 10 --rate 200M "$dir/image"
expect 0 sow 60
expect 0 reap-r1 20
expect 0 reap-r2 20
only r1 new.img
only r2 disk.img
[ "$(stat -c %a "$dir/r2/disk.img")" = 640 ] || fail "the mode is not the sender's"
says reap-r1 "mkdir .*new.img"

# a tree is refused before anything is written, and sow is told why
to r1 other
to r2 disk.img
sow_from s --receivers 2 --wait 10 --rate 200M "$dir/tree"
expect 4 sow 60
expect 4 reap-r1 20
expect 4 reap-r2 20
says sow "$dir/r1/other: is no directory, and the job is a tree of 2: mkdir it" \
	"$dir/r2/disk.img: is no directory"
only r1 new.img
only r2 disk.img

# a plain NORM sender's file; its second one is no more wanted
cp "$dir/image" "$dir/second"
rm "$dir/r1/new.img"
to r1 norm.img --allow-unverified
sow_from s --profile norm --receivers 1 --wait 10 --rate 100M "$dir/image" "$dir/second"
finish sow 60
expect 4 reap-r1 30
says reap-r1 "one file, and this is another"
only r1 norm.img

# what is neither a file nor a directory
for what in /dev/null "$dir/none/file" "$dir/r1/norm.img/" "$dir/none/" /dev/no-such-disk; do
	start reap r1 "$REAP" --output "$what"
	expect 1 reap 5
	says reap "--output $what: "
done
