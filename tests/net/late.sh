#!/usr/bin/env bash
# late.sh - a receiver that starts in the middle gets the whole file, and the others are not held up.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 3
make_file file 4000000
reap_on r1
reap_on r2
sow_from s --receivers 2 --wait 10 --rate 10M "$dir/file"
wait_for 10 has_sent s 500 || fail "nothing was sent"
reap_on r3
expect 0 sow 60
delivered file r1 r2 r3
