#!/usr/bin/env bash
# interrupt.sh - sow ends at once when it is interrupted, and gives a file up that changes; reap keeps neither.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 1
make_file file 20000000

started()
{
	logged sow "sending to"
}

sow_from s --receivers 1 --wait 60 "$dir/file"
wait_for 5 logged sow "waiting up to" || fail "sow does not wait"
kill -INT "${pids[sow]}"
expect 130 sow 1

reap_on r1
sow_from s --receivers 1 --wait 10 --rate 20M "$dir/file"
wait_for 10 started || fail "sow does not start"
kill -TERM "${pids[sow]}"
expect 130 sow 1
expect 4 reap-r1 5
[ -z "$(ls "$dir/r1")" ] || fail "something is left of what was not complete"

reap_on r1
sow_from s --receivers 1 --wait 10 --rate 20M "$dir/file"
wait_for 10 started || fail "sow does not start"
truncate -s 19999999 "$dir/file"
expect 4 sow 10
logged sow "changed while it was sent" || fail "sow does not say what happened"
expect 4 reap-r1 5
[ -z "$(ls "$dir/r1")" ] || fail "a file that changed was stored"

reap_on r1
sow_from s --receivers 1 --wait 10 --rate 20M "$dir/file"
wait_for 10 started || fail "sow does not start"
kill -HUP "${pids[reap-r1]}"
expect 130 reap-r1 2
[ -z "$(ls "$dir/r1")" ] || fail "reap leaves a part of a file when its terminal goes"
expect 4 sow 2 # nobody is left who wants the rest
