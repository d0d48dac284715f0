#!/usr/bin/env bash
# choice.sh - reap --job takes one job, and is not there for the senders of others.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow
lan 2
mkdir "$dir/alpha" "$dir/beta"
make_file alpha/one 300000
make_file beta/two 300000
reap_on r1 --job alpha
reap_on r2 --job beta
sow_from s --wait 10 "$dir/alpha"
expect 0 sow 60
expect 0 reap-r1 10
sow_from s --wait 1 "$dir/alpha"
expect 5 sow 60
gone reap-r2 && fail "reap on r2 took what it was not to take"
sow_from s --wait 10 "$dir/beta"
expect 0 sow 60
expect 0 reap-r2 10
expect_same "$dir/alpha/one" "$dir/r1/alpha/one"
expect_same "$dir/beta/two" "$dir/r2/beta/two"
[ "$(ls -A "$dir/r1" "$dir/r2" | sort | tr -d '\n')" = "$dir/r1:$dir/r2:alphabeta" ] ||
	fail "there is more: $(ls -A "$dir/r1" "$dir/r2")"
