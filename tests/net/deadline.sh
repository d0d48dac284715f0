#!/usr/bin/env bash
# deadline.sh - sow --deadline: good-bye to all when the time is over, exit status 6.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 1
make_file file 20000000
reap_on r1
begin=${EPOCHREALTIME/[.,]/}
sow_from s --receivers 1 --rate 10M --deadline 2 "$dir/file"
expect 6 sow 10
took=$((${EPOCHREALTIME/[.,]/} - begin))
[ "$took" -lt 4000000 ] || fail "it took $took us, not 2 s"
says sow "the deadline has passed" "deadline passed; 0 of 1 receiver complete" "10.77.0.11): partial"
expect 4 reap-r1 5
[ -e "$dir/r1/file" ] && fail "r1 has a file that is not complete"

# nobody comes before it
sow_from s --receivers 1 --deadline 500ms "$dir/file"
expect 6 sow 5

# in time
head -c 1000 "$dir/file" >"$dir/small"
reap_on r1
sow_from s --receivers 1 --deadline 60 "$dir/small"
expect 0 sow 20
delivered small r1
