#!/usr/bin/env bash
# corrupt.sh - data of this host's that are not what they were: what arrives is right, or the end says that it is not.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow ethtool
lan 1
offloads_off # to count packets
make_file image 6000000
packets=$((6000000 / 1400))

# spoil FILE OFFSET: other bytes, in place
spoil()
{
	printf spoilt | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

sow_it()
{
	before=$(sent s)
	sow_from s --receivers 1 --wait 10 --rate 20M --digest-cache none "$@"
}

sent_half()
{
	has_sent s $((before + packets / 2))
}

# half of the image is in the stage, and two chunks there are not what came
leave_half()
{
	rm -rf "$dir/r1"
	reap_on r1
	echo yesterday >"$dir/r1/image"
	sow_it "$dir/image"
	wait_for 20 sent_half || fail "half was not sent"
	stop reap-r1 KILL
	stop sow
	spoil "$(echo "$dir/r1"/.sow-*/tree/image)" 300000
	spoil "$(echo "$dir/r1"/.sow-*/tree/image)" 800000
}

# between two runs
leave_half
reap_on r1
sow_it "$dir/image"
expect 0 sow 60
expect 0 reap-r1 20
expect_same "$dir/image" "$dir/r1/image"
cost=$(($(sent s) - before))
[ "$cost" -lt $((packets * 3 / 4)) ] || fail "$cost packets, though half was there"

# Two files stay as they are, and one of them changes while the third comes.
mkdir "$dir/tree"
mv "$dir/image" "$dir/tree/new"
make_file tree/kept 1000000
make_file tree/left 1000000
rm -rf "$dir/r1"
mkdir -p "$dir/r1/tree"
cp -p "$dir/tree/kept" "$dir/tree/left" "$dir/r1/tree"
reap_on r1
sow_it "$dir/tree"
wait_for 20 sent_half || fail "half was not sent"
spoil "$dir/r1/tree/kept" 500000
expect 0 sow 60
expect 0 reap-r1 20
diff -r "$dir/tree" "$dir/r1/tree" || fail "a file that changed meanwhile was left"
says reap-r1 "did not match their digests: asked for again"

# another place has all of it, and changes while it is looked at
rm -rf "$dir/r1"
cp -r "$dir/tree" "$dir/stale"
reap_on r1 --from "$dir/stale"
sow_it "$dir/tree"
while ! gone sow; do
	spoil "$dir/stale/new" $((RANDOM * 180))
	spoil "$dir/stale/kept" $((RANDOM * 30))
done
expect 0 sow 60
expect 0 reap-r1 20
diff -r "$dir/tree" "$dir/r1/tree" || fail "something stale was delivered"

# A disk that has one byte wrong whatever is written: asked for twice more, then given up, and the file is the old one.
command -v "${CC:=cc}" >/dev/null || skip "no compiler for the last part"
cat >"$dir/flip.c" <<-'END'
	#define _GNU_SOURCE
	#include <dlfcn.h>
	#include <stdio.h>
	#include <string.h>
	#include <unistd.h>

	ssize_t pread64(int fd, void *buf, size_t len, off64_t off)
	{
	        ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
	        ssize_t n = real(fd, buf, len, off);
	        char link[64], path[4096] = "";

	        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	        if (readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, "/.sow-") &&
	            strstr(path, "/tree/") && off <= 300000 && off + n > 300000)
	                ((char *)buf)[300000 - off] ^= 1;
	        return n;
	}
	ssize_t pread(int fd, void *buf, size_t len, off_t off)
	{
	        return pread64(fd, buf, len, off);
	}
END
$CC -shared -fPIC -o "$dir/flip.so" "$dir/flip.c" -ldl || fail "the wrong disk cannot be built"
mv "$dir/tree/new" "$dir/image"
leave_half
export ASAN_OPTIONS=verify_asan_link_order=0
LD_PRELOAD=$dir/flip.so reap_on r1
sow_it "$dir/image"
expect 4 sow 60
expect 4 reap-r1 20
cost=$(($(sent s) - before))
says sow '10.77.0.11.*corrupt' 
says reap-r1 'a digest does not match'
[ "$(grep -c 'asked for again' "$dir/reap-r1.log")" = 2 ] || fail "asked for again, but not twice"
[ "$cost" -lt $((packets * 3 / 4)) ] || fail "$cost packets for two chunks"
[ "$(cat "$dir/r1/image")" = yesterday ] || fail "what is not right is in its place"
