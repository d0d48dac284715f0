#!/usr/bin/env bash
# disk_full.sh - a receiver without space says so and shows no file; the others finish.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 2
make_file file 4000000
mkdir "$dir/r1"
mount -t tmpfs -o size=1m small "$dir/r1" || skip "cannot mount a small tmpfs"
reap_on r1
reap_on r2
sow_from s --receivers 2 --wait 10 --rate 50M "$dir/file"
expect 4 sow 60
says sow 10.77.0.11
expect 2 reap-r1 20
says reap-r1 "[Ss]pace"
[ -e "$dir/r1/file" ] && fail "r1 has a file that is not complete"
umount "$dir/r1"
delivered file r2
